"""budget_match: the team beside a single agent that is given the same tokens, which is the fair baseline."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from workbench.errors import UsageError, unknown
from workbench.resampling import scores_at, spent
from workbench.stats import Estimate, Paired, Votes, accuracy, clustered, paired, votes

BY = ("tokens", "cost_usd")


@dataclass(frozen=True)
class BudgetMatch:
    """`samples` of the single agent (often no whole number) cost what one attempt of the team costs (`team_cost`).

    `difference` is team minus single on the same tasks. `capped`: fewer samples were recorded than the budget buys, so the single
    agent had only `single_cost`.
    """

    by: str
    samples: float
    team_cost: float
    single_cost: float
    capped: bool
    team: Estimate
    single: Estimate
    difference: Paired

    def __str__(self) -> str:
        what = "tokens" if self.by == "tokens" else "dollars"
        alone = f"single agent with {self.samples:.1f} samples {self.single.value:.3f}"
        said = f"team {self.team.value:.3f}, {alone}: {self.difference}"
        short = f" (only {self.single_cost:,.4g} {what} of single samples are recorded)" if self.capped else ""
        return f"{said} at {self.team_cost:,.4g} {what} a task{short}"


def budget_match(
    team: Any, single: Any, *, by: str = "tokens", synthesis: Any = "majority", level: float = 0.95
) -> BudgetMatch:
    """Give the single agent what the team spent, as more samples under `synthesis`.

    `team`: a Run of any strategy or an `answers` frame. `single`: a run of N independent samples of the single agent (a Parallel
    run, a Single run with repeats, a `threads` frame or Votes). Where the budget buys k + f samples, k are taken, and k + 1 in
    the share f of cases: its expected cost is the team's. More thinking instead of more samples needs a run of its own.

    >>> wb.budget_match(single, run).difference
    """
    if by not in BY:
        raise unknown("budget", by, BY)
    frame = _answers(team)
    pool = _pool(single)
    budget = _spent_by_team(frame, by)
    each = float(spent(pool, [1])[by][0])
    if not budget > 0 or not each > 0:
        raise UsageError(f"{'the team' if not budget > 0 else 'the single agent'} has no recorded {by}")
    bought = max(1.0, budget / each)
    samples = min(bought, float(pool.size))
    whole = min(math.floor(samples), pool.size - 1) or 1
    share = samples - whole
    scores = scores_at(pool, whole, synthesis)
    if share > 1e-9:
        scores = (1 - share) * scores + share * scores_at(pool, whole + 1, synthesis)
    return BudgetMatch(
        by=by,
        samples=samples,
        team_cost=budget,
        single_cost=samples * each,
        capped=bought > pool.size + 1e-9,
        team=accuracy(frame, level=level),
        single=clustered(np.asarray(scores, np.float64), scores.index.to_numpy(object), level),
        difference=paired(scores, frame, level=level),
    )


def _answers(source: Any) -> pd.DataFrame:
    if isinstance(source, pd.DataFrame):
        return source
    from workbench import frames

    return frames.answers(source)


def _pool(source: Any) -> Votes:
    """The single agent's samples as voters: threads of one attempt, or the attempts of a run with repeats."""
    if isinstance(source, Votes):
        return source
    pool = votes(source)
    return votes(source, voter="repeat") if pool.size == 1 and len(pool) > len(set(pool.task)) else pool


def _spent_by_team(frame: pd.DataFrame, by: str) -> float:
    names = ["input_tokens", "output_tokens"] if by == "tokens" else ["cost_usd"]
    missing = [name for name in names if name not in frame]
    if missing:
        raise UsageError(f"the team's answers lack the column {missing[0]!r}")
    return float(frame[names].astype(float).sum(axis=1).mean())
