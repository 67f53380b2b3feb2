"""pass@k and majority@k: what k tries reach, without bias, from n recorded ones."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from workbench.errors import UsageError
from workbench.stats import voting
from workbench.stats.arrays import Floats
from workbench.stats.ballots import Key, Votes, votes
from workbench.stats.intervals import clustered


def pass_at_k(
    source: Any, k: Iterable[int] | None = None, *, level: float = 0.95, key: Key | None = None
) -> pd.DataFrame:
    """The chance that at least one of k threads is right: 1 - C(n - c, k) / C(n, k) (Chen et al., arXiv 2107.03374).

    Scores between 0 and 1 count by the expected best of k. Columns k, accuracy, low, high, tasks.

    >>> wb.pass_at_k(run, [1, 3])
    """
    pool = votes(source, key=key)
    sizes = _sizes(k, pool)
    return _frame(pool, sizes, voting.highest(pool.score, sizes), level)


def majority_at_k(
    source: Any, k: Iterable[int] | None = None, *, level: float = 0.95, key: Key | None = None
) -> pd.DataFrame:
    """The expected score of the plurality vote of k threads over all C(n, k) subsets, ties by expected value (see `voting`)."""
    pool = votes(source, key=key)
    sizes = _sizes(k, pool)
    return _frame(pool, sizes, voting.majority(pool.counts, pool.group_score, pool.silent, sizes), level)


def _sizes(k: Iterable[int] | None, pool: Votes) -> list[int]:
    sizes = list(range(1, pool.size + 1)) if k is None else [int(size) for size in k]
    if wrong := [size for size in sizes if not 1 <= size <= pool.size]:
        raise UsageError(f"k must be between 1 and the {pool.size} threads recorded per task, got {wrong}")
    return sizes


def _frame(pool: Votes, sizes: list[int], score: Floats, level: float) -> pd.DataFrame:
    rows = []
    for size, column in zip(sizes, score.T, strict=True):
        known = column == column
        got = clustered(column[known], pool.task[known], level)
        rows.append((size, got.value, got.low, got.high, got.tasks))
    return pd.DataFrame(rows, columns=["k", "accuracy", "low", "high", "tasks"])
