"""Which kernel a notebook runs on, by a rule that can be seen and overridden."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from workbench.errors import unknown

KINDS = ("cold", "fork", "bare")


@dataclass(frozen=True, slots=True)
class Choice:
    """A kind of kernel and why it was chosen."""

    kind: str
    reason: str


def choose(kind: str, notebook: Path) -> Choice:
    """The kernel for a notebook: what was asked for, or what the rule says where that was `auto`."""
    if kind not in (*KINDS, "auto"):
        raise unknown("kernel", kind, (*KINDS, "auto"))
    if kind == "auto":
        return Choice("cold", "the only kind there is yet")
    return Choice(kind, "asked for")
