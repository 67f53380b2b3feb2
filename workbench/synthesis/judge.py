"""Judge: a model picks one of the candidate answers; it sees them in several orders, so that position does not decide."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from workbench.engine import Engine
from workbench.engine.thread import Thread
from workbench.errors import ModelError, UsageError
from workbench.synthesis.base import Group, Synthesis, groups, outcome
from workbench.synthesis.majority import Majority
from workbench.tasks import Task
from workbench.team import Team

_BEST = re.compile(r"best\s*:?\s*\**\s*(?:candidate|answer)?\s*#?\s*(\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class Judge:
    """Asks the judge `orders` times, each time in another order; the candidate named most wins (position bias: 2306.05685).

    Where the judge names no candidate in any order, the majority stands, and that is recorded.
    """

    name: ClassVar[str] = "judge"
    orders: int = 2

    def __post_init__(self) -> None:
        if self.orders < 1:
            raise UsageError(f"Judge.orders must be at least 1, got {self.orders!r}")

    async def merge(self, task: Task, threads: Sequence[Thread], team: Team, engine: Engine) -> Synthesis:
        found = groups(threads, engine)
        if len(found) < 2:
            engine.decide("vote", "all threads agree: there is nothing to judge", answers=len(found))
            return outcome(found[0] if found else None, threads, self.name, 1.0 if found else 0.0)
        shuffled = [_shuffled(found, task.id, k) for k in range(self.orders)]
        named = await engine.together(self._ask(task, order, team, engine) for order in shuffled)
        votes = Counter(found.index(g) for g in named if g is not None)
        if not votes:
            engine.decide("vote", "the judge named no candidate: the majority stands", answers=len(found))
            by_vote = await Majority().merge(task, threads, team, engine)
            return Synthesis(
                by_vote.answer, by_vote.confidence, by_vote.support, by_vote.threads, self.name, by_vote.tie
            )
        # among candidates named equally often the one with more threads behind it
        best = max(votes, key=lambda i: (votes[i], len(found[i].threads)))
        share = votes[best] / self.orders
        tie = sum(v == votes[best] for v in votes.values()) > 1
        engine.decide(
            "vote", f"the judge named it in {votes[best]} of {self.orders} orders", answers=len(found), tie=tie
        )
        return outcome(found[best], threads, self.name, share, tie=tie)

    async def _ask(self, task: Task, order: list[Group], team: Team, engine: Engine) -> Group | None:
        judge = team.one("judge")
        shown = "\n\n".join(
            f"Candidate {i + 1} (answer {g.answer}):\n{g.threads[0].text.strip()}" for i, g in enumerate(order)
        )
        try:
            reply = await engine.ask(judge, team.prompt("judge", judge, task=task.prompt, candidates=shown))
        except ModelError as e:
            engine.decide("lost", f"the judge failed: {e}")
            return None
        said = _BEST.findall(reply.text)
        number = int(said[-1]) if said and len(said[-1]) < 6 else 0
        return order[number - 1] if 1 <= number <= len(order) else None


def _shuffled(found: list[Group], task_id: str, k: int) -> list[Group]:
    """The k-th order: a seeded one, and every second the reverse of the one before, so that each stands early and late."""
    order = list(found)
    random.Random(f"{task_id}/{k // 2}").shuffle(order)
    return order[::-1] if k % 2 else order
