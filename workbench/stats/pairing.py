"""Two runs on the same tasks: the difference, its interval, and whether it could be chance."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from workbench.errors import UsageError
from workbench.stats.arrays import Floats
from workbench.stats.intervals import quantile, scored

_EXACT_SIGNS = 2**16
_DRAWS = 20_000


@dataclass(frozen=True)
class Paired:
    """Accuracy of b minus accuracy of a, task by task. `left_out` tasks stand in only one of the two.

    `b_only` and `a_only`: tasks where only one is right (or is better). `mcnemar_p` is NaN where a task's score is not 0 or 1.
    """

    difference: float
    low: float
    high: float
    level: float
    tasks: int
    left_out: int
    a: float
    b: float
    a_only: int
    b_only: int
    mcnemar_p: float
    permutation_p: float
    spread: float

    @property
    def separated(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.low > 0 or self.high < 0

    def tasks_needed(self, power: float = 0.8) -> float:
        """How many tasks in all would show a true difference of this size with that probability (inf where it is 0)."""
        z = quantile(self.level) + float(stats.norm.ppf(power))
        return math.ceil((z * self.spread / self.difference) ** 2) if self.difference else math.inf

    def __str__(self) -> str:
        return (
            f"{self.difference:+.3f} ({self.low:+.3f} to {self.high:+.3f}; {self.b_only} up, {self.a_only} down of"
            f" {self.tasks} tasks; permutation p = {self.permutation_p:.2g})"
        )


def paired(a: Any, b: Any, *, level: float = 0.95, failed: str = "wrong", seed: int = 0) -> Paired:
    """Compare two runs (Runs, `answers` frames, or Series of scores by task) on the tasks both have.

    Attempts are averaged within a task; tasks weigh the same. The interval is Bonett and Price's adjusted Wald (2012):
    one pseudo-task in favour of each side, which holds its coverage at small n and where no task differs; it is kept for
    scores between 0 and 1. McNemar's test is the exact binomial one on the tasks that differ. The permutation test flips
    the sign of tasks' differences: all of them where there are few, else 20,000 seeded draws with (r + 1)/(m + 1).

    >>> found = wb.paired(single, run)
    >>> found.difference, found.low, found.high, found.permutation_p
    """
    one, other = by_task(a, failed), by_task(b, failed)
    both = one.index.intersection(other.index, sort=False)
    if len(both) == 0:
        raise UsageError(f"the two runs have no scored task in common ({len(one)} and {len(other)} tasks)")
    x, y = one.loc[both].to_numpy(float), other.loc[both].to_numpy(float)
    d = y - x
    low, high, spread = _interval(d, level)
    up, down = int((d > 1e-12).sum()), int((d < -1e-12).sum())
    return Paired(
        difference=float(d.mean()),
        low=low,
        high=high,
        level=level,
        tasks=len(both),
        left_out=len(one) + len(other) - 2 * len(both),
        a=float(x.mean()),
        b=float(y.mean()),
        a_only=down,
        b_only=up,
        mcnemar_p=mcnemar(up, down) if set(np.unique(d)) <= {-1.0, 0.0, 1.0} else math.nan,
        permutation_p=sign_flip(d, seed=seed),
        spread=spread,
    )


def paired_table(
    runs: Mapping[str, Any], baseline: str | None = None, *, level: float = 0.95, failed: str = "wrong", seed: int = 0
) -> pd.DataFrame:
    """Every run against `baseline` (default: all pairs), with Holm's correction over the rows.

    Columns a, b, a_accuracy, b_accuracy, difference, low, high, a_only, b_only, tasks, p (permutation), p_holm, mcnemar_p.
    """
    names = list(runs)
    if baseline is not None and baseline not in runs:
        raise UsageError(f"baseline {baseline!r} is none of the runs {names}")
    pairs = [(baseline, n) for n in names if n != baseline] if baseline is not None else [
        (a, b) for i, a in enumerate(names) for b in names[i + 1 :]
    ]  # fmt: skip
    rows = []
    for a, b in pairs:
        got = paired(runs[a], runs[b], level=level, failed=failed, seed=seed)
        rows.append([a, b, got.a, got.b, got.difference, got.low, got.high, got.a_only, got.b_only, got.tasks,
                     got.permutation_p, got.mcnemar_p])  # fmt: skip
    columns = [
        "a",
        "b",
        "a_accuracy",
        "b_accuracy",
        "difference",
        "low",
        "high",
        "a_only",
        "b_only",
        "tasks",
        "p",
        "mcnemar_p",
    ]
    table = pd.DataFrame(rows, columns=columns)
    table.insert(columns.index("p") + 1, "p_holm", holm(table["p"].to_numpy(float)))
    return table


def by_task(source: Any, failed: str = "wrong") -> pd.Series[float]:
    """Mean score per task; a Series is taken as it is."""
    if isinstance(source, pd.Series):
        if source.index.has_duplicates:
            source = source.groupby(level=0).mean()
        known: pd.Series[float] = source.dropna().astype(float)
        return known
    means: pd.Series[float] = scored(source, failed)[0].groupby("task_id", sort=False)["score"].mean()
    return means


def _interval(d: Floats, level: float) -> tuple[float, float, float]:
    """Bonett-Price interval of a mean of differences in -1..1, and the spread of one task's difference.

    The pseudo-tasks are as large as the largest difference seen: 1 for yes/no scores, and where nothing differs.
    """
    n = len(d) + 2
    largest = float(np.abs(d).max())
    pseudo = largest if largest > 1e-9 else 1.0
    mean = float(d.sum()) / n
    spread = math.sqrt(max(0.0, (float((d**2).sum()) + 2 * pseudo**2) / n - mean**2))
    half = quantile(level, n - 1) * spread / math.sqrt(n)
    value = float(d.mean())
    return max(-1.0, min(value, mean - half)), min(1.0, max(value, mean + half)), spread


def mcnemar(up: int, down: int) -> float:
    """Exact two-sided McNemar test: the tasks that differ are fair coins."""
    return float(stats.binomtest(up, up + down).pvalue) if up + down else 1.0


def sign_flip(d: Floats, *, draws: int = _DRAWS, seed: int = 0) -> float:
    """Two-sided sign-flip permutation test that the mean of `d` [n] is zero."""
    sizes, counts = np.unique(np.round(np.abs(d[np.abs(d) > 1e-12]), 12), return_counts=True)
    if len(sizes) == 0:
        return 1.0
    seen = abs(float(d.sum())) - 1e-9
    if math.prod(int(c) + 1 for c in counts[:17]) <= _EXACT_SIGNS and len(sizes) <= 17:
        # all outcomes: per distinct size the number of plus signs is binomial
        total, chance = np.zeros(1), np.ones(1)
        for size, count in zip(sizes, counts, strict=True):
            plus = np.arange(count + 1)
            total = (total[:, None] + size * (2 * plus - count)).ravel()
            chance = (chance[:, None] * stats.binom.pmf(plus, count, 0.5)).ravel()
        return float(min(1.0, chance[np.abs(total) >= seen].sum()))
    rng = np.random.default_rng(seed)
    sums = np.zeros(draws)
    for size, count in zip(sizes, counts, strict=True):
        sums += size * (2 * rng.binomial(int(count), 0.5, draws) - count)
    return (int((np.abs(sums) >= seen).sum()) + 1) / (draws + 1)


def holm(p: Floats) -> Floats:
    """Holm's step-down adjusted p-values (1979)."""
    order = np.argsort(p)
    scaled = np.maximum.accumulate(p[order] * (len(p) - np.arange(len(p))))
    out = np.empty(len(p))
    out[order] = np.minimum(1.0, scaled)
    return out
