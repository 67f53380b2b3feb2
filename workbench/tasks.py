"""Task: one question put to the agents, with what a right answer is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from workbench.errors import UsageError


@dataclass(frozen=True, slots=True)
class Task:
    """One question. `target` None means that it cannot be scored; `choices` are the options of a multiple-choice task.

    `samples` are answers that were recorded elsewhere ({model: (texts …)}), so that a task file can be replayed.

    >>> wb.Task("q1", "What is 6 times 7?", "42")
    """

    id: str
    prompt: str
    target: str | None = None
    category: str | None = None
    difficulty: float | None = None
    choices: tuple[str, ...] = ()
    samples: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("id", "prompt"):
            value = getattr(self, name)
            if not isinstance(value, str) or not value.strip():
                raise UsageError(f"Task.{name} must be a text that is not empty, got {value!r}")
        if self.target is not None and not isinstance(self.target, str):
            raise UsageError(f"Task.target must be a text or None, got {self.target!r}")
