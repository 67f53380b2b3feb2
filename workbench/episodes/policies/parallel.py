"""Voting: a parallel team proposes every action, and a synthesis picks one of the proposals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from opentelemetry import trace

from workbench import semconv
from workbench.agents import Agent, Reply
from workbench.engine import Engine
from workbench.engine.thread import Thread
from workbench.episodes.policies.base import ended
from workbench.episodes.table import Table, described
from workbench.errors import ModelError, Stopped, UsageError
from workbench.recording import fail
from workbench.strategies.base import at_least
from workbench.synthesis import Synthesis, Synthesizer, conclude, synthesizer
from workbench.tasks import Task
from workbench.team import Team


@dataclass(frozen=True)
class Voting:
    """At every step each agent says what it would do, not hearing of the others; proposals are the same by tools and arguments.

    Replies are the same where they name the same numbers and codes; of those the wording given most often is said.
    `synthesis` is any that picks (merge writes anew, and cannot).
    """

    name: ClassVar[str] = "parallel"
    agents: int = 5
    synthesis: str | dict[str, Any] | Synthesizer = "majority"
    max_tokens: int | None = None

    def __post_init__(self) -> None:
        at_least(self, 1, "agents", "max_tokens")
        if synthesizer(self.synthesis).name == "merge":
            raise UsageError(
                "Voting.synthesis must pick one of the proposals: majority, weighted, judge or verify, got merge"
            )

    async def solve(self, task: Task, team: Team, engine: Engine) -> Synthesis:
        table = Table(task, team, engine, self.max_tokens)
        actors = [a.as_("act") for a in team.agents(self.agents)]
        threads: list[Thread] = []
        supports: list[float] = []
        while table.going():
            threads = await engine.together(_proposed(table, a, i, threads[i : i + 1]) for i, a in enumerate(actors))
            chosen: list[Reply] = []

            def tell(made: Synthesis, told: Sequence[Thread] = threads, chosen: list[Reply] = chosen) -> None:
                chosen.append(_wording(made, told, engine))
                supports.append(made.support)
                table.tell(chosen[0])

            try:
                await conclude(threads, synthesizer(self.synthesis), 1, table.situation(), team, engine, tell)
            except ModelError as e:
                table.lost(e)
            else:
                table.act(chosen[0])
        return ended(table, [], self.name, sum(supports) / max(1, len(supports)))


async def _proposed(table: Table, agent: Agent, index: int, after: Sequence[Thread]) -> Thread:
    """One agent's proposal for this step. Its score is whether a perfect actor could have done it."""
    with table.engine.thread(agent, index=index, round=table.step, after=after) as thread:
        span = trace.get_current_span()
        try:
            reply = await table.ask(agent)
        except Stopped as e:  # the others' calls are paid for: they end, then `together` raises
            thread.error = e
            fail(span, e)
        else:
            thread.answer = described(reply)
            span.set_attribute(semconv.SCORE, float(table.episode.fits(reply)))
    return thread


def _wording(made: Synthesis, threads: Sequence[Thread], engine: Engine) -> Reply:
    """The proposal that was picked, in the wording given most often."""
    same = [t for t in threads if engine.core.grader.same(made.answer, t.answer)]
    most = Counter(t.answer for t in same).most_common(1)[0][0]
    return next(t.replies[-1] for t in same if t.answer == most)
