"""Vote rules: syntheses that need no new call, as functions of recorded votes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from workbench.errors import UsageError, unknown
from workbench.stats.arrays import Floats
from workbench.stats.ballots import Votes

RULES = ("majority", "weighted", "best", "any")
BY_HAND = ("judge", "merge", "verify")


@dataclass(frozen=True, slots=True)
class Subset:
    """Some threads of one attempt: `threads` are column numbers of the votes, `attempt` the row."""

    attempt: int
    task_id: str
    threads: tuple[int, ...]


Scorer = Callable[[Sequence[Subset]], Sequence[float]]
"""The score of the synthesis of each subset; it gets all of them at once, so that calls can be made side by side."""


@dataclass(frozen=True)
class Rule:
    """How threads become one answer. `by` names the number per thread that weighs (weighted) or ranks (best)."""

    name: str
    by: str = ""
    record: Mapping[str, float] = field(default_factory=dict)
    scorer: Scorer | None = None

    @property
    def label(self) -> str:
        return f"{self.name} by {self.by}" if self.by and self.by != "logprob" else self.name

    def weights(self, votes: Votes) -> Floats:
        """[A, V] what each vote weighs: exp(mean log-probability), log(p / (1-p)) of a model's record, or the number itself.

        A thread without the number weighs as the mean of the attempt's others (1 where none has it).
        """
        if self.by == "record":
            found = np.tile([self._odds(m) for m in votes.model or ("",) * votes.size], (len(votes), 1))
        else:
            found = np.exp(votes.number(self.by)) if self.by == "logprob" else votes.number(self.by).copy()
        known = ~np.isnan(found)
        means = np.where(known, found, 0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
        means[~known.any(axis=1)] = 1.0
        out: Floats = np.where(known, found, means[:, None])
        return out

    def _odds(self, model: str) -> float:
        if model not in self.record:
            return math.nan
        p = min(max(self.record[model], 0.01), 0.99)
        return math.log(p / (1 - p))


def rule(spec: Any, name: str | None = None) -> Rule:
    """A rule from "majority", "weighted", "best:reward", {"name": "weighted", "by": "record", "record": {…}} or a Scorer.

    weighted: votes weigh exp(logprob), or as `by` says · best: the thread with the highest `by` · any: right where any thread is
    (pass@k, what a perfect verifier reaches) · a callable: see `Scorer`.
    """
    if isinstance(spec, Rule):
        return spec
    if callable(spec):
        return Rule(name or str(getattr(spec, "__name__", "custom")), scorer=spec)
    settings = dict(spec) if isinstance(spec, Mapping) else {"name": spec}
    kind = settings.pop("name", None)
    if isinstance(kind, str) and ":" in kind:
        kind, settings["by"] = kind.split(":", 1)
    if not isinstance(kind, str):
        raise UsageError(f"a synthesis is a name, {{'name': …}} or a callable, got {spec!r}")
    if kind in BY_HAND:
        raise UsageError(
            f"synthesis {kind!r} needs new calls: await wb.resynthesize(run, synthesis={kind!r}, mix=…) makes only those;"
            f" or pass a callable, synthesis={{{kind!r}: scorer}}"
        )
    if kind not in RULES:
        raise unknown("synthesis", kind, RULES)
    by, record = settings.pop("by", "logprob" if kind == "weighted" else ""), settings.pop("record", {})
    if settings:
        raise unknown(f"setting of {kind}", next(iter(settings)), ("by", "record"))
    if kind == "best" and not by:
        raise UsageError("best needs to know by what, such as 'best:reward'")
    if by == "record" and not record:
        raise UsageError("weighted by record needs record={model: accuracy}")
    return Rule(kind, str(by), dict(record))


def rules(spec: Any) -> list[Rule]:
    """A list of rules from one spec, a list of specs, or a mapping {label: callable}."""
    if isinstance(spec, Mapping) and "name" not in spec:
        return [rule(value, name) for name, value in spec.items()]
    if isinstance(spec, (str, Mapping, Rule)) or callable(spec):
        return [rule(spec)]
    found = [part for one in spec for part in rules(one)]
    if not found:
        raise UsageError("synthesis names none; try 'majority'")
    return found
