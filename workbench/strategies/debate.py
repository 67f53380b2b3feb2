"""Debate: rounds in which every agent reads the others and answers again (Du et al., arXiv 2305.14325)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from workbench.engine import Engine
from workbench.engine.thread import Thread
from workbench.strategies.base import Threads, at_least
from workbench.strategies.parallel import solved
from workbench.synthesis import Synthesis, conclude, groups, written
from workbench.tasks import Task
from workbench.team import Team


@dataclass(frozen=True)
class Debate(Threads):
    """`rounds` counts the first, silent one; then each agent reads the others' last texts and answers again.

    With `stop_on_agreement` the debate ends when all threads that said something say the same.
    """

    name: ClassVar[str] = "debate"
    agents: int = 3
    rounds: int = 2
    stop_on_agreement: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least(self, 1, "rounds")

    async def solve(self, task: Task, team: Team, engine: Engine) -> Synthesis:
        threads = await solved(self, task, team, engine)
        for number in range(1, self.rounds):
            if self.stop_on_agreement and agreed(threads, engine):
                engine.decide("stop", f"all agree after round {number}", rounds=number)
                break
            threads = await revised(self, threads, number, task, team, engine)
        return await conclude(threads, self.synthesizer, self.min_threads, task, team, engine)


def agreed(threads: Sequence[Thread], engine: Engine) -> bool:
    """Whether all threads that are left said the same."""
    alive = [t for t in threads if not t.lost]
    return len(alive) > 1 and all(t.answer is not None for t in alive) and len(groups(alive, engine)) == 1


async def revised(
    settings: Threads,
    threads: Sequence[Thread],
    number: int,
    task: Task,
    team: Team,
    engine: Engine,
    *,
    own: bool = False,
) -> list[Thread]:
    """The next round: each agent reads the others (`own`: only itself) and answers again; a lost one starts from the others."""
    alive = [t for t in threads if not t.lost]
    if not alive:
        return list(threads)
    works = []
    for thread in threads:
        others = [t for t in alive if t.agent.name != thread.agent.name]
        read = [thread] if own and not thread.lost else others or alive
        agent = thread.agent.as_("revise")
        asked = team.prompt("revise", agent, task=task.prompt, threads=written(read))
        after = read if thread.lost or thread in read else [thread, *read]
        works.append(
            engine.work(
                agent,
                asked,
                round=number,
                after=after,
                reasoning=settings.reasoning,
                max_tokens=settings.max_tokens,
            )
        )
    return await engine.together(works)
