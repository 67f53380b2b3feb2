"""Digest: every so many steps a parallel team notes what still matters, and the actor goes on from the synthesis of that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from opentelemetry import trace

from workbench.agents import Agent, Message
from workbench.engine import Engine
from workbench.engine.thread import Thread
from workbench.episodes.policies.base import actor, alone, ended
from workbench.episodes.table import Table
from workbench.errors import ModelError, Stopped
from workbench.recording import fail
from workbench.strategies.base import at_least
from workbench.synthesis import Synthesis, Synthesizer, conclude, synthesizer
from workbench.tasks import Task
from workbench.team import Team


@dataclass(frozen=True)
class Digest:
    """Between requests, after at least `every` steps: the chat is forked to `agents`, their notes are merged by any synthesis.

    From there the actor knows the system's text and the digest only; where none could be had, it goes on with the whole chat.
    """

    name: ClassVar[str] = "synthesis"
    every: int = 12
    agents: int = 3
    synthesis: str | dict[str, Any] | Synthesizer = "merge"
    max_tokens: int | None = None

    def __post_init__(self) -> None:
        at_least(self, 1, "every", "agents", "max_tokens")
        synthesizer(self.synthesis)

    async def solve(self, task: Task, team: Team, engine: Engine) -> Synthesis:
        table = Table(task, team, engine, self.max_tokens)
        threads: list[Thread] = []
        part = 0
        while table.going():
            with engine.thread(actor(team), index=0, round=2 * part, after=threads) as thread:
                await self._worked(table, thread)
                thread.answer = table.episode.points
            if thread.error is not None or not table.more:
                return ended(table, [thread], self.name)
            threads = await self._digested(table, thread, 2 * part + 1, team, engine)
            part += 1
        return ended(table, [], self.name)

    async def _worked(self, table: Table, thread: Thread) -> None:
        """Steps until the next digest is due; the first one is already begun."""
        begun = table.step
        await alone(table, thread.agent)
        while not table.between or table.step - begun + 1 < self.every:
            if not table.going():
                return
            await alone(table, thread.agent)

    async def _digested(self, table: Table, after: Thread, number: int, team: Team, engine: Engine) -> list[Thread]:
        """The chat becomes what the team noted of it. Returns the threads that noted."""
        table.pause()
        asked = table.episode.world.digest_requests(table.episode.requests[: table.episode.number])
        threads = await engine.together(
            _noted(table, a.as_("act"), asked, index=i, number=number, after=after)
            for i, a in enumerate(team.agents(self.agents))
        )
        try:
            made = await conclude(threads, synthesizer(self.synthesis), 1, table.noting("\n".join(asked)), team, engine)
        except ModelError:
            return [after]  # recorded by its synthesis: nobody could be asked
        if made.answer is not None:
            table.restart(made.answer)
        return [t for t in threads if not t.lost]


async def _noted(table: Table, agent: Agent, asked: Sequence[str], *, index: int, number: int, after: Thread) -> Thread:
    """One agent's notes: its answers to all that is asked, in a fork of the chat."""
    with table.engine.thread(agent, index=index, round=number, after=[after]) as thread:
        chat: list[Message] = []
        for question in asked:
            chat.append(Message("user", question))
            try:
                chat.append(Message("assistant", (await table.ask(agent, chat, tools=False)).text))
            except Stopped as e:  # the others' calls are paid for: they end, then `together` raises
                thread.error = e
                fail(trace.get_current_span(), e)
                return thread
        thread.answer = "\n".join(m.content for m in chat if m.role == "assistant").strip() or None
    return thread
