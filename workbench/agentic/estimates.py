"""Estimates: shares, means and slopes over steps, each with an interval clustered by task."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from workbench.errors import UsageError
from workbench.stats.arrays import Floats
from workbench.stats.intervals import clustered, quantile

COLUMNS = ("measure", "value", "low", "high", "n", "tasks", "note")
"""The columns of every table of measures: n counts what was looked at, tasks the clusters; `note` says what was missing."""

BINS = 12


def clusters(frame: pd.DataFrame) -> Any:
    """A number per task."""
    return pd.factorize(frame["task_id"])[0]


def need(frame: pd.DataFrame, *names: str) -> None:
    """Raise UsageError where a column is missing."""
    missing = [name for name in names if name not in frame]
    if missing:
        raise UsageError(
            f"the frame lacks {', '.join(missing)}; it has {', '.join(map(str, frame.columns))}. Make it with wb.steps(run)"
        )


def numbers(column: Any) -> Floats:
    """A nullable column as floats, NaN where missing."""
    found: Floats = np.asarray(pd.Series(column).astype("Float64").to_numpy(np.float64, na_value=np.nan), np.float64)
    return found


def share(name: str, flags: Any, cluster: Any, why: str, level: float = 0.95) -> dict[str, Any]:
    """A row for the share of true among the known `flags`, with the clustered Wilson interval of `stats.accuracy`."""
    value = numbers(flags)
    known = ~np.isnan(value)
    if not known.any():
        return missing(name, why)
    got = clustered(value[known], cluster[known], level)
    return dict(zip(COLUMNS, (name, got.value, got.low, got.high, got.attempts, got.tasks, ""), strict=True))


def mean(name: str, values: Any, cluster: Any, why: str, level: float = 0.95) -> dict[str, Any]:
    """A row for a mean of any scale: mean ± t * sqrt(G/(G-1) * sum over tasks of (sum of deviations)^2) / n, G tasks."""
    value = numbers(values)
    known = ~np.isnan(value)
    if not known.any():
        return missing(name, why)
    middle = float(value[known].mean())
    codes = pd.factorize(cluster[known])[0]
    sums = np.bincount(codes, value[known] - middle)
    half = _half(sums, float(known.sum()), level)
    return dict(
        zip(COLUMNS, (name, middle, middle - half, middle + half, int(known.sum()), len(sums), ""), strict=True)
    )


def slope(
    name: str, x: Any, y: Any, cluster: Any, why: str, *, per: float = 10.0, level: float = 0.95
) -> dict[str, Any]:
    """A row for the change of `y` over `per` units of `x`: the least-squares slope, its variance robust and clustered by task.

    b = sum (x - mx)(y - my) / sum (x - mx)^2; var b = G/(G-1) * sum over tasks of (sum (x - mx) e)^2 / (sum (x - mx)^2)^2.
    """
    a, b = numbers(x), numbers(y)
    known = ~(np.isnan(a) | np.isnan(b))
    spread = float(((a[known] - a[known].mean()) ** 2).sum()) if known.any() else 0.0
    if spread <= 0:
        return missing(name, why)
    off = a[known] - a[known].mean()
    rise = float((off * (b[known] - b[known].mean())).sum()) / spread
    rest = b[known] - b[known].mean() - rise * off
    sums = np.bincount(pd.factorize(cluster[known])[0], off * rest)
    half = _half(sums, spread, level)
    found = (name, per * rise, per * (rise - half), per * (rise + half), int(known.sum()), len(sums), "")
    return dict(zip(COLUMNS, found, strict=True))


def missing(name: str, why: str) -> dict[str, Any]:
    """A row that says why there is no number."""
    return dict(zip(COLUMNS, (name, math.nan, math.nan, math.nan, 0, 0, why), strict=True))


def table(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Rows of measures as a frame with `COLUMNS`."""
    return pd.DataFrame(rows, columns=list(COLUMNS))


def curve(
    x: Any, flags: Any, cluster: Any, *, name: str = "step", bins: int = BINS, level: float = 0.95
) -> pd.DataFrame:
    """The share of true flags over `x`: one row per value, or per bin of about as many where there are more than `bins` values.

    Columns `name` (the mean of x), from, to, value, low, high, n, tasks.
    """
    a, b = numbers(x), numbers(flags)
    known = ~(np.isnan(a) | np.isnan(b))
    a, b, c = a[known], b[known], np.asarray(cluster)[known]
    columns = [name, "from", "to", "value", "low", "high", "n", "tasks"]
    if not len(a):
        return pd.DataFrame(columns=columns, dtype=float)
    values = np.unique(a)
    edges = values if len(values) <= bins else np.unique(np.quantile(a, np.linspace(0, 1, bins + 1)[:-1]))
    place = np.searchsorted(edges, a, side="right") - 1
    rows = []
    for number in range(len(edges)):
        here = place == number
        if here.any():
            got = clustered(b[here], c[here], level)
            x_here = a[here]
            rows.append(
                (x_here.mean(), x_here.min(), x_here.max(), got.value, got.low, got.high, got.attempts, got.tasks)
            )
    return pd.DataFrame(rows, columns=columns)


def _half(sums: Any, scale: float, level: float) -> float:
    """Half the interval from sums per task; infinite for a single task, which says nothing about others."""
    tasks = len(sums)
    if tasks < 2:
        return math.inf
    return quantile(level, tasks - 1) * math.sqrt(tasks / (tasks - 1) * float((sums**2).sum())) / scale
