"""OneAgent: one agent decides on every action: the baseline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from workbench.engine import Engine
from workbench.episodes.policies.base import actor, alone, ended
from workbench.episodes.table import Table
from workbench.strategies.base import at_least
from workbench.synthesis import Synthesis
from workbench.tasks import Task
from workbench.team import Team


@dataclass(frozen=True)
class OneAgent:
    """One thread from the first request to the last."""

    name: ClassVar[str] = "single"
    max_tokens: int | None = None

    def __post_init__(self) -> None:
        at_least(self, 1, "max_tokens")

    async def solve(self, task: Task, team: Team, engine: Engine) -> Synthesis:
        table = Table(task, team, engine, self.max_tokens)
        with engine.thread(actor(team)) as thread:
            while table.going():
                await alone(table, thread.agent)
            thread.answer = table.episode.points
        return ended(table, [thread], self.name)
