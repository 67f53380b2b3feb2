"""What the policies share: the actor, one step decided by one agent, and how an episode ends."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.agents import Agent
from workbench.engine.thread import Thread
from workbench.episodes.table import Table
from workbench.errors import ModelError
from workbench.synthesis import Synthesis
from workbench.team import Team


def actor(team: Team) -> Agent:
    """The agent that acts where only one does."""
    return team.agents(1)[0].as_("act")


async def alone(table: Table, agent: Agent) -> None:
    """One step, decided by one agent."""
    try:
        reply = await table.ask(agent, acts=True)
    except ModelError as e:
        table.lost(e)
    else:
        table.act(reply)


def ended(table: Table, threads: Sequence[Thread], kind: str, support: float = 1.0) -> Synthesis:
    """The whole episode's outcome: how many requests were handled right. Raises what ended it early."""
    for thread in threads:
        if thread.error is not None:
            raise thread.error
    return Synthesis(table.episode.points, support, support, tuple(t.index for t in threads), kind)
