"""Cascade: cheap threads first; where they disagree, are unsure, or the checker doubts them, a stronger model is asked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from workbench.engine import Engine
from workbench.engine.thread import Thread
from workbench.strategies.base import Threads, at_least, one_of, share
from workbench.strategies.parallel import solved
from workbench.synthesis import Synthesis, conclude, groups
from workbench.synthesis.verify import verdicts
from workbench.tasks import Task
from workbench.team import Team

BY = ("agreement", "verifier", "logprob")


@dataclass(frozen=True)
class Cascade(Threads):
    """`agents` threads on the `cheap` model; below `threshold` the task goes to `strong_agents` threads on the `strong` one.

    By `agreement` (support of the best answer), by `verifier` (the checker's probability of the best answer) or by `logprob`:
    the support, each thread counting exp(its mean log-probability), 0 where the provider gave none ("Chow-Average", arXiv
    2404.10136). `cheap` and `strong` default to the mix's first and last model. Agreement needs at least two cheap threads.
    """

    name: ClassVar[str] = "cascade"
    agents: int = 3
    by: str = "agreement"
    threshold: float = 1.0
    strong_agents: int = 1
    cheap: str | None = None
    strong: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least(self, 1, "strong_agents")
        at_least(self, 2 if self.by == "agreement" else 1, "agents")
        one_of(self, BY, "by")
        share(self, "threshold")

    async def solve(self, task: Task, team: Team, engine: Engine) -> Synthesis:
        models = list(team.mix.agents)
        threads = await solved(self, task, team.only(self.cheap or models[0]), engine)
        sure = await self._sureness(task, threads, team, engine)
        if sure >= self.threshold:
            engine.decide("stop", f"{self.by} {sure:.2f} is at least {self.threshold}", sureness=sure)
            return await conclude(threads, self.synthesizer, self.min_threads, task, team, engine)
        strong = self.strong or models[-1]
        engine.decide("escalate", f"{self.by} {sure:.2f} is under {self.threshold}: {strong} is asked", sureness=sure)
        agents = [a.as_(self.role) for a in team.only(strong).agents(self.strong_agents)]
        stronger = await engine.together(
            engine.work(
                agent,
                team.prompt(agent.role, agent, task=task.prompt),
                round=1,
                after=[t for t in threads if not t.lost],
                reasoning=self.reasoning,
                max_tokens=self.max_tokens,
            )
            for agent in agents
        )
        if all(t.lost for t in stronger):
            engine.decide("lost", f"{strong} failed: the cheap threads' answer stands")
            return await conclude(threads, self.synthesizer, self.min_threads, task, team, engine)
        return await conclude(stronger, self.synthesizer, 1, task, team, engine)

    async def _sureness(self, task: Task, threads: Sequence[Thread], team: Team, engine: Engine) -> float:
        alive = [t for t in threads if not t.lost]
        best = max(groups(alive, engine), key=lambda g: len(g.threads), default=None)
        if best is None:
            return 0.0
        if self.by == "agreement":
            return len(best.threads) / len(threads)
        if self.by == "logprob":
            return sum(math.exp(t.logprob) for t in best.threads if t.logprob is not None) / len(threads)
        first = best.threads[0]
        return (await verdicts(task, [first], team, engine))[first.index] or 0.0
