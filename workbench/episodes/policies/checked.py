"""Checked: a checker beside the actor looks at every action before it is taken, and may ask for a second thought."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from workbench.agents import Message, Reply
from workbench.engine import Engine
from workbench.engine.thread import Thread
from workbench.episodes.policies.base import actor, ended
from workbench.episodes.table import Table, described
from workbench.errors import ModelError, Stopped
from workbench.strategies.base import at_least, one_of, share
from workbench.synthesis import Synthesis
from workbench.synthesis.verify import probability_right
from workbench.tasks import Task
from workbench.team import Team


@dataclass(frozen=True)
class Checked:
    """Where the checker holds an action wrong, the actor is told why and acts once more; that action is taken.

    `by`: "model" asks the mix's judge, which holds an action wrong under a probability of `threshold`; "rules" is a program that
    knows the rules in force and nothing else, at no call. `tells` False lets the actor draw anew without a word.
    """

    name: ClassVar[str] = "checked"
    by: str = "model"
    threshold: float = 0.5
    tells: bool = True
    max_tokens: int | None = None

    def __post_init__(self) -> None:
        at_least(self, 1, "max_tokens")
        one_of(self, ("model", "rules"), "by")
        share(self, "threshold")

    async def solve(self, task: Task, team: Team, engine: Engine) -> Synthesis:
        table = Table(task, team, engine, self.max_tokens)
        threads: list[Thread] = []
        while table.going():
            first = await _acted(table, team, threads[-1:])
            if isinstance(first.error, ModelError):
                table.lost(first.error)
                continue
            reply, threads = first.replies[-1], [first]
            objection = await self._objection(table, team, threads)
            if objection:
                threads.append(await _acted(table, team, threads, self._words(reply, objection, team)))
                reply = threads[-1].replies[-1] if threads[-1].replies else reply
            async with engine.synthesis("check", threads):
                engine.decide("refine" if objection else "vote", objection[:500] or "the checker lets it pass")
                table.tell(reply)
            table.act(reply)
        return ended(table, [], self.name)

    async def _objection(self, table: Table, team: Team, threads: list[Thread]) -> str:
        """What speaks against the action of the last thread, nothing where the checker lets it pass or cannot say."""
        reply = threads[-1].replies[-1]
        if self.by == "rules":
            broken = {name for name, violated in table.episode.judge(reply).broken if violated}
            return "\n".join(f"It breaks a rule: {r.text}" for r in table.episode.rules if r.name in broken)
        checker = team.one("check")
        asked = team.prompt("check", checker, task=table.situation().prompt, solution=described(reply))
        threads.append(await table.engine.work(checker, asked, index=1, round=table.step, after=threads[:1]))
        if isinstance(threads[-1].error, Stopped):
            raise threads[-1].error
        probability = probability_right(threads[-1].text)
        return threads[-1].text.strip() if probability is not None and probability < self.threshold else ""

    def _words(self, reply: Reply, objection: str, team: Team) -> Sequence[Message]:
        if not self.tells:
            return ()
        return team.prompt("objection", actor(team), action=described(reply), objection=objection)[1:]


async def _acted(table: Table, team: Team, after: Sequence[Thread], more: Sequence[Message] = ()) -> Thread:
    """The actor's next action, in a thread of one call."""
    with table.engine.thread(actor(team), index=0, round=table.step, after=after) as thread:
        thread.answer = described(await table.ask(thread.agent, more))
    return thread
