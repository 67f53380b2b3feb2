"""Faults: what goes wrong with tools on purpose, fixed by the seed, the call and how often it was made."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workbench.episodes.tools import Tool
from workbench.errors import UsageError, unknown

TIMEOUT, ERROR, WRONG_TYPE, STALE, DOWN = "timeout", "error", "wrong_type", "stale", "down"
KINDS = (TIMEOUT, ERROR, WRONG_TYPE, STALE, DOWN)
LOUD: Mapping[str, str] = {
    TIMEOUT: "error: timeout after 30 s, nothing was done",
    ERROR: "error: busy, try again",
    DOWN: "error: {tool} is out of service today; use {instead}",
}
"""Faults that tell of themselves; the other two look like results."""


@dataclass(frozen=True)
class Faults:
    """At every call, with probability `rate`, one fault of those `kinds` that its tool can have.

    Timeouts and errors pass: the next try is drawn anew. A tool that is down stays so for the request, and there is another way.
    A wrong type or stale data come only from tools that read; stale only where the world knows an older state.
    """

    rate: float = 0.15
    kinds: tuple[str, ...] = KINDS

    def __post_init__(self) -> None:
        if isinstance(self.rate, bool) or not isinstance(self.rate, (int, float)) or not 0 <= self.rate < 1:
            raise UsageError(f"the fault rate must be at least 0 and less than 1, got {self.rate!r}")
        for kind in self.kinds:
            if kind not in KINDS:
                raise unknown("fault", kind, KINDS)
        object.__setattr__(self, "kinds", tuple(self.kinds))

    def draw(self, place: str, tool: Tool, around: bool, attempt: int) -> str | None:
        """The fault of one call: `place` names it within the episode, `around` says that there is another way to do it."""
        rng = random.Random(f"fault/{place}/{attempt}")
        if rng.random() >= self.rate:
            return None
        possible = [k for k in self.kinds if _can_have(k, tool, around, attempt)]
        return rng.choice(possible) if possible else None


def _can_have(kind: str, tool: Tool, around: bool, attempt: int) -> bool:
    if kind == DOWN:
        return around and attempt == 0
    if kind == WRONG_TYPE:
        return tool.reads
    return tool.stale is not None if kind == STALE else True


def mangled(result: Any) -> Any:
    """A result whose values have the wrong types: numbers become words, words numbers, lists empty texts."""
    if isinstance(result, Mapping):
        return {k: mangled(v) for k, v in result.items()}
    if isinstance(result, (list, tuple)):
        return [mangled(v) for v in result] if result else ""
    if isinstance(result, str):
        return 0
    return None if isinstance(result, bool) else "n/a"
