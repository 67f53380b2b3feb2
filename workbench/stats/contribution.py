"""Contribution: what each thread adds to the vote, by leaving it out and by its Shapley value."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from workbench.stats.arrays import Floats, Ints
from workbench.stats.ballots import Key, Votes, votes
from workbench.stats.consensus import vote_score
from workbench.stats.drawing import grow
from workbench.stats.intervals import quantile

EXACT_VOTERS = 11
_CELLS = 4_000_000


def contribution(
    source: Any, *, key: Key | None = None, level: float = 0.95, draws: int = 200, seed: int = 0, voter: str = "thread"
) -> pd.DataFrame:
    """One row per thread: accuracy (alone), leave_one_out, shapley, low, high, unique (the tasks it alone gets right).

    The worth of a set of threads is the expected score of their plurality vote (ties by expected value, the empty set 0), so
    the Shapley values (1953) sum to the accuracy of all. Exact over all subsets up to 11 threads, else the mean over `draws`
    seeded orders per attempt and their reverses (exact says which). The intervals are over tasks.

    >>> wb.contribution(run)[["thread", "accuracy", "leave_one_out", "shapley"]]
    """
    pool = votes(source, key=key, voter=voter)
    exact = pool.size <= EXACT_VOTERS
    values = shapley(pool) if exact else sampled_shapley(pool, draws, seed)
    low, high = _interval(values, pool, level)
    right = pool.score > 0.5
    alone = right & (right.sum(axis=1) == 1)[:, None]
    full = vote_score(pool)
    others = [np.delete(np.arange(pool.size), i) for i in range(pool.size)]
    out = [float(np.mean(full - (vote_score(pool.only(o)) if len(o) else 0.0))) for o in others]
    return pd.DataFrame(
        {
            "thread": np.arange(pool.size),
            "agent": pool.voters,
            "model": pool.model or None,
            "accuracy": pool.score.mean(axis=0),
            "leave_one_out": out,
            "shapley": values.mean(axis=0),
            "low": low,
            "high": high,
            "unique": alone.mean(axis=0),
            "exact": exact,
        }
    )


def shapley(pool: Votes) -> Floats:
    """[A, V] exact Shapley values per attempt: the votes of all 2^V subsets as bitmasks, then one product with the weights."""
    n, groups = pool.size, pool.group_score
    members = ((np.arange(2**n)[:, None] >> np.arange(n)) & 1).astype(np.float32)  # [2^V, V]
    weights = _weights(members)
    out = np.empty((len(pool), n))
    # attempts in which the threads stand alike (the same groups, the same scores) have the same values
    alike, inverse = np.unique(np.column_stack([pool.group, groups]), axis=0, return_inverse=True)
    found = np.empty((len(alike), n))
    step = max(1, _CELLS // (2**n * groups.shape[1]))
    for start in range(0, len(alike), step):
        part = alike[start : start + step]
        found[start : start + step] = _worth(part[:, :n].astype(np.int64), part[:, n:], members).T @ weights
    out[:] = found[inverse.ravel()]
    return out


def _worth(group: Ints, groups: Floats, members: Any) -> Floats:
    """[2^V, A] the expected score of the vote of each subset."""
    onehot = (group[:, None, :] == np.arange(groups.shape[1])[:, None]).astype(np.float32)  # [A, M, V]
    count = (members @ onehot.reshape(-1, members.shape[1]).T).reshape(len(members), len(group), -1)
    top = count.max(axis=2)
    tied = count == top[:, :, None]
    worth: Floats = np.einsum("sam,am->sa", tied, groups) / tied.sum(axis=2)
    worth[top == 0] = 0.0
    return worth


def _weights(members: Any) -> Floats:
    """[2^V, V]: how a subset's worth enters each voter's value: (s-1)!(n-s)!/n! where it is in, -s!(n-s-1)!/n! where not."""
    n = members.shape[1]
    size = members.sum(axis=1).astype(int)
    joined = [0.0] + [1 / (n * math.comb(n - 1, s - 1)) for s in range(1, n + 1)]
    before = [1 / (n * math.comb(n - 1, s)) for s in range(n)] + [0.0]
    inside = members > 0.5
    return np.where(inside, np.array(joined)[size, None], -np.array(before)[size, None])


def sampled_shapley(pool: Votes, draws: int, seed: int) -> Floats:
    """[A, V] mean gain of each voter over `draws` random orders per attempt, each also walked back (Mitchell 2022)."""
    n, groups, rng = pool.size, pool.group_score, np.random.default_rng(seed)
    most = groups.shape[1]
    padded = np.where(pool.group < 0, most, pool.group)
    out = np.zeros((len(pool), n))
    at_once = max(1, _CELLS // (len(pool) * 2 * (n + most)))
    for start in range(0, draws, at_once):
        row = np.tile(np.arange(len(pool)), min(at_once, draws - start))
        order = rng.permuted(np.tile(np.arange(n), (len(row), 1)), axis=1).T
        for walked in (order, order[::-1]):
            score = grow(padded[row, walked], np.ones((n, len(row))), groups[row], range(1, n + 1))
            gain = np.diff(score, axis=0, prepend=0.0)
            out += np.bincount((row * n + walked).ravel(), gain.ravel(), out.size).reshape(out.shape)
    return out / (2 * draws)


def _interval(values: Floats, pool: Votes, level: float) -> tuple[Floats, Floats]:
    """Means over attempts, give or take t times the standard error over tasks."""
    codes = pd.factorize(pool.task)[0]
    tasks = int(codes.max()) + 1
    mean = values.mean(axis=0)
    off = np.stack([np.bincount(codes, column) for column in (values - mean).T], axis=1)
    error = np.sqrt(tasks / max(1, tasks - 1) * (off**2).sum(axis=0)) / len(values)
    half = quantile(level, tasks - 1) * error if tasks > 1 else np.full(len(mean), math.inf)
    return mean - half, mean + half
