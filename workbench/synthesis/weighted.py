"""Weighted: votes count by how much each thread is trusted."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from workbench.engine import Engine
from workbench.engine.thread import Thread
from workbench.errors import UsageError, unknown
from workbench.synthesis.base import Synthesis, groups, outcome
from workbench.synthesis.verify import verdicts
from workbench.tasks import Task
from workbench.team import Team

BY = ("logprob", "verifier", "record")


@dataclass(frozen=True)
class Weighted:
    """A vote weighs exp(mean log-probability), the checker's probability of being right, or the model's `record`.

    `record` maps a model to its accuracy p; its vote weighs log(p / (1 - p)), the optimal weight of independent voters
    (Nitzan and Paroush 1982). A thread without the wanted number weighs as the mean of the others.
    """

    name: ClassVar[str] = "weighted"
    by: str = "logprob"
    record: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.by not in BY:
            raise unknown("weight", self.by, BY)
        if self.by == "record" and not self.record:
            raise UsageError("Weighted(by='record') needs record={model: accuracy}")
        for model, p in self.record.items():
            if not 0 <= p <= 1:
                raise UsageError(f"Weighted.record[{model!r}] must be an accuracy between 0 and 1, got {p!r}")

    async def merge(self, task: Task, threads: Sequence[Thread], team: Team, engine: Engine) -> Synthesis:
        weights = await self._weights(task, threads, team, engine)
        known = [w for w in weights.values() if w is not None]
        mean = sum(known) / len(known) if known else 1.0
        found = groups(threads, engine)
        for group in found:
            group.weight = sum(mean if (w := weights[t.index]) is None else w for t in group.threads)
        best = max(found, key=lambda g: g.weight, default=None)
        total = sum(max(0.0, g.weight) for g in found)
        share = max(0.0, best.weight) / total if best and total else 0.0
        tie = best is not None and sum(math.isclose(g.weight, best.weight) for g in found) > 1
        engine.decide("vote", f"weight {share:.2f} of 1 by {self.by}", answers=len(found), weight=share, tie=tie)
        return outcome(best, threads, self.name, share, tie=tie)

    async def _weights(
        self, task: Task, threads: Sequence[Thread], team: Team, engine: Engine
    ) -> dict[int, float | None]:
        if self.by == "logprob":
            return {t.index: None if t.logprob is None else math.exp(t.logprob) for t in threads}
        if self.by == "verifier":
            return await verdicts(task, threads, team, engine)
        clipped = {m: min(max(p, 0.01), 0.99) for m, p in self.record.items()}
        return {
            t.index: math.log(clipped[t.agent.model] / (1 - clipped[t.agent.model]))
            if t.agent.model in clipped
            else None
            for t in threads
        }
