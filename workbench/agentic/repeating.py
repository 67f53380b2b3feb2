"""Reliability: does it work every time, and not only once?"""

from __future__ import annotations

from collections.abc import Iterable
from math import comb
from typing import Any

import numpy as np
import pandas as pd

from workbench.agentic.estimates import missing, table
from workbench.errors import UsageError
from workbench.stats.intervals import clustered, scored


def pass_hat_k(
    source: Any, k: Iterable[int] | None = None, *, level: float = 0.95, failed: str = "wrong"
) -> pd.DataFrame:
    """pass^k: the chance that k tries at a task are all right, without bias: mean over tasks of C(c, k) / C(n, k).

    c of a task's n trials were right (tau-bench, Yao et al., arXiv 2406.12045). Scores between 0 and 1 count by the expected
    lowest of k trials drawn without replacement, which is the same for 0 and 1. `source` is a Run, a list of Runs or an
    `answers` frame; tasks with fewer than k trials are left out of that k. Columns k, value, low, high, tasks.

    >>> wb.pass_hat_k(episodes, [1, 2])
    """
    frame = scored(source, failed)[0]
    tasks = frame["task_id"].fillna(frame["trace_id"]) if "trace_id" in frame else frame["task_id"]
    trials = [np.sort(part.to_numpy(float)) for _, part in frame["score"].groupby(tasks, sort=True, dropna=False)]
    most = max(len(t) for t in trials)
    sizes = list(range(1, most + 1)) if k is None else [int(size) for size in k]
    if wrong := [size for size in sizes if not 1 <= size <= most]:
        raise UsageError(f"k must be between 1 and the {most} trials recorded per task, got {wrong}")
    rows = []
    for size in sizes:
        lowest = np.array([_lowest(t, size) for t in trials if len(t) >= size])
        got = clustered(lowest, np.arange(len(lowest)).astype(object), level)
        rows.append((size, got.value, got.low, got.high, got.tasks))
    return pd.DataFrame(rows, columns=["k", "value", "low", "high", "tasks"])


def reliability(source: Any, *, level: float = 0.95, failed: str = "wrong") -> pd.DataFrame:
    """pass^k for every recorded k as a table of measures (`pass_hat_k`); says so where there is no score or only one trial."""
    try:
        found = pass_hat_k(source, level=level, failed=failed)
    except UsageError as error:
        return table([missing("pass^1", str(error))])
    note = "only one trial per task was recorded" if len(found) == 1 else ""
    rows = []
    for row in found.itertuples(index=False):
        rows.append({"measure": f"pass^{row.k}", "value": row.value, "low": row.low, "high": row.high, "n": row.tasks,
                     "tasks": row.tasks, "note": note})  # fmt: skip
    return table(rows)


def _lowest(scores: Any, k: int) -> float:
    """The expected lowest of k of these sorted scores: the i-th is lowest in C(n - i - 1, k - 1) of C(n, k) draws."""
    n = len(scores)
    chance = np.array([comb(n - i - 1, k - 1) for i in range(n)], dtype=float) / comb(n, k)
    return float(chance @ scores)
