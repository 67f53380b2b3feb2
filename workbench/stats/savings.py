"""What a stopping rule would have saved, and lost, on recorded votes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from workbench.stats.arrays import Floats
from workbench.stats.ballots import Key, Votes, votes
from workbench.stats.consensus import vote_score
from workbench.stats.intervals import quantile
from workbench.stats.pairing import paired
from workbench.stopping import Rule


def savings(
    source: Any,
    rules: Mapping[str, Rule],
    *,
    wave: int = 1,
    orders: int = 20,
    seed: int = 0,
    level: float = 0.95,
    key: Key | None = None,
) -> pd.DataFrame:
    """One row per rule: the vote of the threads it let start against the vote of all n, over `orders` random orders per attempt.

    Threads start in waves of `wave`; the rule is asked between waves; ties are worth their expected value. Columns: rule,
    accuracy, full (accuracy of all), lost, lost_low, lost_high (paired over tasks), threads (mean started), threads_low,
    threads_high, factor (n / threads), most (the largest factor of one attempt).
    """
    pool = votes(source, key=key)
    full = pd.Series(vote_score(pool), index=pd.Index(pool.task)).groupby(level=0, sort=False).mean()
    rng = np.random.default_rng(seed)
    shuffled = [np.argsort(rng.random(pool.group.shape), axis=1) for _ in range(orders)]
    rows = []
    for name, decide in rules.items():
        score, used = np.zeros((2, len(pool)))
        for order in shuffled:
            got, started = stopped(pool, order, decide, wave)
            score += got / orders
            used += started / orders
        means = pd.Series(score, index=pd.Index(pool.task)).groupby(level=0, sort=False).mean()
        loss = paired(means, full, level=level)
        error = quantile(level, len(pool) - 1) * used.std() / np.sqrt(len(pool))
        rows.append(
            {"rule": name, "accuracy": loss.a, "full": loss.b, "lost": loss.difference}
            | {"lost_low": loss.low, "lost_high": loss.high, "threads": used.mean()}
            | {"threads_low": used.mean() - error, "threads_high": used.mean() + error}
            | {"factor": pool.size / used.mean(), "most": pool.size / used.min()}
        )
    return pd.DataFrame(rows)


def stopped(pool: Votes, order: Any, decide: Rule, wave: int = 1) -> tuple[Floats, Floats]:
    """[A] the score of the vote when the rule stopped, and [A] how many threads had started; `order` [A, V] column numbers."""
    n, worth = pool.size, pool.group_score
    score, used = np.zeros(len(pool)), np.zeros(len(pool))
    for row in range(len(pool)):
        said = [g if g >= 0 else None for g in pool.group[row, order[row]].tolist()]
        end = next((k for k in range(wave, n, wave) if decide(said[:k], n)), n)
        counts = np.bincount([g for g in said[:end] if g is not None], minlength=1)
        if counts.max():
            score[row] = worth[row, : len(counts)][counts == counts.max()].mean()
        used[row] = end
    return score, used
