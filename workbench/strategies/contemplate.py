"""Contemplate: solve in parallel, refine, aggregate; another round only where the threads disagree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from workbench.engine import Engine
from workbench.engine.thread import Thread
from workbench.strategies.base import Threads, at_least, one_of, share
from workbench.strategies.debate import revised
from workbench.strategies.parallel import solved
from workbench.synthesis import Synthesis, conclude, groups
from workbench.tasks import Task
from workbench.team import Team


@dataclass(frozen=True)
class Contemplate(Threads):
    """After the first answers come up to `rounds` of refinement, each agent reading its `own` text or the `others`'.

    They go on only while the best supported answer has less than `enough` of the threads behind it (Muse Spark's
    Contemplating mode and Gemini Deep Think are the pattern).
    """

    name: ClassVar[str] = "contemplate"
    rounds: int = 2
    reads: str = "others"
    enough: float = 0.8

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least(self, 0, "rounds")
        one_of(self, ("own", "others"), "reads")
        share(self, "enough")

    async def solve(self, task: Task, team: Team, engine: Engine) -> Synthesis:
        threads = await solved(self, task, team, engine)
        for number in range(1, self.rounds + 1):
            support = best_support(threads, engine)
            if support >= self.enough:
                engine.decide(
                    "stop", f"{support:.0%} of the threads agree: deep enough", support=support, rounds=number - 1
                )
                break
            engine.decide("refine", f"only {support:.0%} of the threads agree", support=support, rounds=number)
            threads = await revised(self, threads, number, task, team, engine, own=self.reads == "own")
        return await conclude(threads, self.synthesizer, self.min_threads, task, team, engine)


def best_support(threads: list[Thread], engine: Engine) -> float:
    """Share of the threads (lost ones included) behind the most common answer."""
    found = groups([t for t in threads if not t.lost], engine)
    return max((len(g.threads) for g in found), default=0) / len(threads)
