"""Single: one agent, one pass: the baseline everything else is measured against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from workbench.engine import Engine
from workbench.strategies.base import REASONING, at_least, one_of
from workbench.synthesis import Synthesis, TooFewThreads
from workbench.tasks import Task
from workbench.team import Team


@dataclass(frozen=True)
class Single:
    """One call. `reasoning`: none (answer at once), chain (step by step), extended (the provider's own thinking mode).

    `effort` (low, medium, high) and `thinking_tokens` steer the extended mode through LiteLLM where the model knows them.
    """

    name: ClassVar[str] = "single"
    reasoning: str = "chain"
    effort: str | None = None
    thinking_tokens: int | None = None
    max_tokens: int | None = None

    def __post_init__(self) -> None:
        one_of(self, REASONING, "reasoning")
        at_least(self, 1, "thinking_tokens", "max_tokens")

    async def solve(self, task: Task, team: Team, engine: Engine) -> Synthesis:
        agent = team.agents(1)[0].as_("direct" if self.reasoning == "none" else "solve")
        asked = team.prompt(agent.role, agent, task=task.prompt)
        thread = await engine.work(
            agent, asked, reasoning=self.reasoning, max_tokens=self.max_tokens, options=self._thinking()
        )
        if thread.error is not None:
            raise thread.error
        if thread.lost:
            raise TooFewThreads("the only thread was lost")
        said = 0.0 if thread.answer is None else 1.0
        return Synthesis(thread.answer, said, said, (thread.index,), self.name)

    def _thinking(self) -> dict[str, Any]:
        if self.reasoning != "extended":
            return {}
        if self.thinking_tokens:
            return {"thinking": {"type": "enabled", "budget_tokens": self.thinking_tokens}}
        return {"reasoning_effort": self.effort or "high"}
