"""Majority: the answer most threads give (self-consistency, Wang et al., arXiv 2203.11171)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from workbench.engine import Engine
from workbench.engine.thread import Thread
from workbench.synthesis.base import Synthesis, groups, outcome
from workbench.tasks import Task
from workbench.team import Team


@dataclass(frozen=True)
class Majority:
    """One thread, one vote. On a tie the answer that a thread gave first stands, and the tie is recorded."""

    name: ClassVar[str] = "majority"

    async def merge(self, task: Task, threads: Sequence[Thread], team: Team, engine: Engine) -> Synthesis:
        found = groups(threads, engine)
        best = max(found, key=lambda g: len(g.threads), default=None)
        if best is None:
            engine.decide("vote", "no thread gave an answer", answers=0)
            return outcome(None, threads, self.name, 0.0)
        most = len(best.threads)
        tied = [g for g in found if len(g.threads) == most]
        reason = f"{most} of {len(threads)} threads agree"
        if len(tied) > 1:
            reason += f"; a tie of {len(tied)} answers, the first given stands"
        engine.decide("vote", reason, answers=len(found), votes=most, tie=len(tied) > 1)
        return outcome(best, threads, self.name, most / len(threads), tie=len(tied) > 1)
