"""Thread: one agent's line of work on a task, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from opentelemetry.trace import SpanContext

from workbench.agents import Agent, Reply
from workbench.errors import WorkbenchError


@dataclass(slots=True)
class Thread:
    """One line of work. `path` is its place among its siblings, whatever else runs (`2/0`: the first inside the third).

    `answer` is None while it runs, where it was lost, and where it said nothing that counts.
    """

    agent: Agent
    index: int
    path: str = ""
    round: int = 0
    children: int = 0
    span: SpanContext | None = None
    replies: list[Reply] = field(default_factory=list)
    answer: str | None = None
    score: float | None = None
    error: WorkbenchError | None = None
    cancelled: bool = False

    @property
    def text(self) -> str:
        """The last thing it said."""
        return self.replies[-1].text if self.replies else ""

    @property
    def lost(self) -> bool:
        """Whether it failed or was stopped; one that ended but said nothing that counts is not lost, only silent."""
        return self.error is not None or self.cancelled

    @property
    def logprob(self) -> float | None:
        """Mean log-probability of its last reply's tokens."""
        return self.replies[-1].logprob if self.replies else None
