"""Parallel: N independent threads, then any synthesis (self-consistency, arXiv 2203.11171; best-of-N)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from workbench.engine import Engine
from workbench.engine.thread import Thread
from workbench.strategies.base import Threads
from workbench.synthesis import Synthesis, conclude
from workbench.tasks import Task
from workbench.team import Team


@dataclass(frozen=True)
class Parallel(Threads):
    """All agents get the task at once and do not hear of each other. Styles, roles and models come from the mix."""

    name: ClassVar[str] = "parallel"

    async def solve(self, task: Task, team: Team, engine: Engine) -> Synthesis:
        threads = await solved(self, task, team, engine)
        return await conclude(threads, self.synthesizer, self.min_threads, task, team, engine)


async def solved(settings: Threads, task: Task, team: Team, engine: Engine) -> list[Thread]:
    """Every agent's own solution, all at once; lost ones are among them."""
    agents = [a.as_(settings.role) for a in team.agents(settings.agents)]
    return await engine.together(
        engine.work(
            agent,
            team.prompt(agent.role, agent, task=task.prompt),
            index=i,
            reasoning=settings.reasoning,
            max_tokens=settings.max_tokens,
        )
        for i, agent in enumerate(agents)
    )
