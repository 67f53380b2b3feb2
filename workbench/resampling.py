"""resample: one recorded run of N independent threads gives every smaller team and every synthesis, at no new call."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from workbench.errors import UsageError
from workbench.stats import drawing, voting
from workbench.stats.arrays import Floats
from workbench.stats.ballots import Key, Votes, votes
from workbench.stats.intervals import clustered
from workbench.stats.rules import Rule, rules

TOKENS = ("input_tokens", "output_tokens")
"""A provider counts reasoning tokens within the output, so these two are all that is paid for."""


def resample(
    source: Any,
    agents: Iterable[int] | None = None,
    synthesis: Any = "majority",
    *,
    draws: int | None = None,
    seed: int = 0,
    level: float = 0.95,
    key: Key | None = None,
    calls: int = 1,
) -> pd.DataFrame:
    """The agent-count curve of one recorded run: what k of its n threads would have reached, for every k and synthesis.

    `source`: a Run, a `threads` frame or Votes. `agents`: team sizes (default 1..n). `synthesis`: see `rules.rule`; one that
    needs calls is a callable (`{"judge": scorer}`) and is asked for `calls` subsets per attempt and size.

    majority, best and any are exact (closed forms over all C(n, k) subsets, ties by expected value); weighted is exact where
    C(n, k) <= `draws`, else the mean of `draws` seeded orders per attempt (default: as many as hold the error of drawing
    under 0.001). Every value is an unbiased estimate per task, so the interval over tasks (see `stats.accuracy`) also
    covers the chance in which threads were recorded.

    Columns: agents, synthesis, accuracy, low, high, tokens, cost_usd, seconds (mean over attempts; seconds is the expected
    longest thread), subsets (how many per attempt are behind the number), exact, tasks, unscored.

    >>> wb.resample(run, agents=[1, 2, 3], synthesis=["majority", "any"])
    """
    pool = votes(source, key=key)
    sizes = team_sizes(agents, pool.size)
    asked = rules(synthesis)
    if draws is not None and draws < 1:
        raise UsageError(f"draws must be at least 1, got {draws!r}")
    draws = draws or drawing.default_draws(len(pool))
    paid = spent(pool, sizes)
    rows = []
    for one in asked:
        scores, counted, exact = _scores(pool, one, sizes, draws, seed, calls)
        for i, k in enumerate(sizes):
            known = ~np.isnan(scores[:, i])
            if not known.any():
                raise UsageError(
                    "no attempt has a score for each of its answers; a task without a target cannot be resampled"
                )
            got = clustered(scores[known, i], pool.task[known], level)
            rows.append(
                {"agents": k, "synthesis": one.label, "accuracy": got.value, "low": got.low, "high": got.high}
                | {name: values[i] for name, values in paid.items()}
                | {"subsets": counted[i], "exact": exact[i], "tasks": got.tasks, "unscored": int((~known).sum())}
            )
    return pd.DataFrame(rows)


def scores_at(
    source: Any, k: int, synthesis: Any = "majority", *, draws: int | None = None, seed: int = 0, key: Key | None = None
) -> pd.Series[float]:
    """The expected score per task of a team of k, to compare: `stats.paired(scores_at(run, 1), scores_at(run, 5))`."""
    pool = votes(source, key=key)
    asked = rules(synthesis)
    if len(asked) != 1:
        raise UsageError(f"scores_at takes one synthesis, got {len(asked)}")
    found, _, _ = _scores(
        pool, asked[0], team_sizes([k], pool.size), draws or drawing.default_draws(len(pool)), seed, 1
    )
    return (
        pd.Series(found[:, 0], index=pd.Index(pool.task, name="task_id"), name="score")
        .groupby(level=0, sort=False)
        .mean()
    )


def team_sizes(agents: Iterable[int] | None, n: int) -> list[int]:
    """Team sizes to look at, checked against the n threads there are."""
    sizes = list(range(1, n + 1)) if agents is None else [int(k) for k in agents]
    wrong = [k for k in sizes if not 1 <= k <= n]
    if wrong or not sizes:
        raise UsageError(f"agents must be between 1 and the {n} threads recorded per task, got {wrong or 'none'}")
    return sizes


def _scores(
    pool: Votes, one: Rule, sizes: Sequence[int], draws: int, seed: int, calls: int
) -> tuple[Floats, list[int], list[bool]]:
    """Expected scores [A, K], the number of subsets behind each size, and whether these are all."""
    n = pool.size
    every = [math.comb(n, k) for k in sizes]
    all_exact = [True] * len(sizes)
    if one.scorer is not None:
        got = np.column_stack([drawing.called(pool, one.scorer, k, calls, seed) for k in sizes])
        return got, [min(calls, c) for c in every], [c <= calls for c in every]
    if one.name == "majority":
        return voting.majority(pool.counts, pool.group_score, pool.silent, sizes), every, all_exact
    if one.name == "best":
        rank = np.where(pool.group < 0, np.nan, pool.number(one.by))
        return voting.best(pool.score, rank, sizes), every, all_exact
    if one.name == "any":
        return voting.highest(pool.score, sizes), every, all_exact
    weights = one.weights(pool)
    small = [c <= draws for c in every]
    out = np.empty((len(pool), len(sizes)))
    for i, k in enumerate(sizes):
        if small[i]:
            out[:, i] = drawing.enumerated(pool, weights, k)
    if not all(small):
        large = [i for i, s in enumerate(small) if not s]
        out[:, large] = drawing.drawn(pool, weights, [sizes[i] for i in large], draws, seed)
    return out, [c if s else draws for c, s in zip(every, small, strict=True)], small


def spent(pool: Votes, sizes: Sequence[int]) -> dict[str, Floats]:
    """Mean tokens, dollars and seconds of a team of each size (NaN where it was not recorded)."""
    k = np.array(sizes, float)
    none = np.full(len(k), np.nan)
    counted = [pool.numbers[name] for name in TOKENS if name in pool.numbers]
    tokens = k * float(np.nansum(counted, axis=0).mean()) if counted else none
    cost = pool.numbers.get("cost_usd")
    seconds = pool.numbers.get("seconds")
    return {
        "tokens": tokens,
        "cost_usd": none
        if cost is None or np.isnan(cost).all()
        else k * float(np.nansum(cost, axis=1).mean() / pool.size),
        "seconds": none if seconds is None else voting.highest(np.nan_to_num(seconds), sizes).mean(axis=0),
    }
