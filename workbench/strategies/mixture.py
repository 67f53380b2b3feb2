"""Mixture: layers of proposers over possibly different models, each reading the layer before (arXiv 2406.04692)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from workbench.engine import Engine
from workbench.strategies.base import Threads, at_least
from workbench.strategies.parallel import solved
from workbench.synthesis import Synthesis, Synthesizer, conclude, written
from workbench.tasks import Task
from workbench.team import Team


@dataclass(frozen=True)
class Mixture(Threads):
    """`layers` layers of `agents` each; every agent of a layer reads all of the layer before; a synthesis ends it."""

    name: ClassVar[str] = "mixture"
    agents: int = 3
    layers: int = 2
    synthesis: str | dict[str, Any] | Synthesizer = "merge"

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least(self, 1, "layers")

    async def solve(self, task: Task, team: Team, engine: Engine) -> Synthesis:
        threads = await solved(self, task, team, engine)
        for layer in range(1, self.layers):
            before = [t for t in threads if not t.lost]
            if not before:
                break
            agents = [a.as_("revise") for a in team.agents(self.agents)]
            threads = await engine.together(
                engine.work(
                    agent,
                    team.prompt("revise", agent, task=task.prompt, threads=written(before)),
                    round=layer,
                    after=before,
                    reasoning=self.reasoning,
                    max_tokens=self.max_tokens,
                )
                for agent in agents
            )
        return await conclude(threads, self.synthesizer, self.min_threads, task, team, engine)
