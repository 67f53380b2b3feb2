"""Adaptive: threads start in waves until the vote is decided; stragglers are cancelled (arXiv 2305.11860, 2401.10480)."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from workbench import stopping
from workbench.engine import Engine, Thread
from workbench.strategies.base import Threads, at_least
from workbench.synthesis import Synthesis, conclude
from workbench.tasks import Task
from workbench.team import Team


@dataclass(frozen=True)
class Adaptive(Threads):
    """At most `agents` threads, `wave` at a time; after each answer the stopping `rule` is asked whether that is enough.

    Rules: beta, dirichlet (adaptive-consistency, with `threshold`), window (ESC: `window` answers in a row agree), outlook
    and certain; see `workbench.stopping`. What a cancelled thread had used by then is recorded and counted.
    """

    name: ClassVar[str] = "adaptive"
    agents: int = 10
    rule: str = "beta"
    threshold: float = 0.95
    wave: int = 2
    window: int = 4
    minimum: int = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least(self, 1, "wave", "window", "minimum")
        stopping.rule(self.rule, threshold=self.threshold, window=self.window, minimum=self.minimum)

    async def solve(self, task: Task, team: Team, engine: Engine) -> Synthesis:
        decide = stopping.rule(self.rule, threshold=self.threshold, window=self.window, minimum=self.minimum)
        agents = [a.as_(self.role) for a in team.agents(self.agents)]
        threads: list[Thread] = []
        reason: str | None = None
        for start in range(0, self.agents, self.wave):
            before = list(threads)

            def enough(ended: list[Thread], before: list[Thread] = before) -> bool:
                return decide(self._answers([*before, *ended], engine), self.agents) is not None

            works = [
                engine.work(
                    agent,
                    team.prompt(agent.role, agent, task=task.prompt),
                    index=start + i,
                    round=start // self.wave,
                    reasoning=self.reasoning,
                    max_tokens=self.max_tokens,
                )
                for i, agent in enumerate(agents[start : start + self.wave])
            ]
            threads += await engine.race(works, enough)
            reason = decide(self._answers(threads, engine), self.agents)
            if reason is not None:
                break
        used = len(threads)
        engine.decide("stop", reason or f"all {self.agents} threads have spoken", threads=used, most=self.agents)
        return await conclude(threads, self.synthesizer, min(self.min_threads, used), task, team, engine)

    def _answers(self, threads: Sequence[Thread], engine: Engine) -> list[Hashable | None]:
        return [None if t.answer is None else engine.core.grader.key(t.answer) for t in threads]
