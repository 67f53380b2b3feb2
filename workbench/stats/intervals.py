"""Accuracy with an interval that knows that attempts at one task are not independent."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from workbench.errors import UsageError
from workbench.stats.arrays import Floats, Names

FAILED = ("wrong", "drop")


@dataclass(frozen=True)
class Estimate:
    """A mean with its interval [low, high] at `level`, over `attempts` in `tasks` (the clusters).

    `failed` attempts ended in an error; `unscored` ones have no score and no error, and are left out.
    """

    value: float
    low: float
    high: float
    level: float
    tasks: int
    attempts: int
    failed: int = 0
    unscored: int = 0

    @property
    def half(self) -> float:
        """Half the interval's width."""
        return (self.high - self.low) / 2

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f}, {self.tasks} tasks)"


def accuracy(source: Any, *, level: float = 0.95, failed: str = "wrong") -> Estimate:
    """Mean score over attempts, with a Wilson interval at the effective number of tasks.

    `source` is a Run, a list of Runs or an `answers` frame. Attempts that ended in an error and carry no score count as wrong
    (`failed="drop"` leaves them out); attempts without score and error are left out and counted in `unscored`.

    The variance is cluster-robust by task (Miller, arXiv 2411.00640); it enters Wilson's score interval through the
    effective sample size p(1-p)/variance with a t quantile on tasks - 1 degrees of freedom, which keeps its coverage near
    0 and 1 where the normal interval fails (Franco et al., J. Survey Statistics and Methodology 7, 2019).

    >>> found = wb.accuracy(run)
    >>> found.value, found.low, found.high
    """
    frame, lost, unscored = scored(source, failed)
    return clustered(frame["score"].to_numpy(float), frame["task_id"].to_numpy(object), level, lost, unscored)


def accuracy_by(source: Any, by: str | Sequence[str], *, level: float = 0.95, failed: str = "wrong") -> pd.DataFrame:
    """`accuracy` per value of the column(s) `by`, one tidy row each: by, accuracy, low, high, tasks, attempts, failed."""
    names = [by] if isinstance(by, str) else list(by)
    frame = _answers(source)
    for name in names:
        if name not in frame:
            raise UsageError(
                f"the answers' frame lacks the column {name!r}; it has {', '.join(map(str, frame.columns))}"
            )
    rows = []
    for values, part in frame.groupby(names, sort=True, dropna=False):
        found = accuracy(part, level=level, failed=failed)
        rows.append(
            dict(zip(names, values if isinstance(values, tuple) else (values,), strict=True))
            | {"accuracy": found.value, "low": found.low, "high": found.high}
            | {"tasks": found.tasks, "attempts": found.attempts, "failed": found.failed}
        )
    return pd.DataFrame(rows, columns=[*names, "accuracy", "low", "high", "tasks", "attempts", "failed"])


def scored(source: Any, failed: str = "wrong") -> tuple[pd.DataFrame, int, int]:
    """The answers that count, how many failed and how many are unscored. Raises UsageError where none is left."""
    if failed not in FAILED:
        raise UsageError(f"failed must be 'wrong' or 'drop', got {failed!r}")
    frame = _answers(source)
    lost = frame["error"].notna() & frame["score"].isna() if "error" in frame else pd.Series(False, frame.index)
    unscored = frame["score"].isna() & ~lost
    if failed == "wrong":
        frame = frame.assign(score=frame["score"].where(~lost, 0.0))
    kept = frame[frame["score"].notna()]
    if kept.empty:
        raise UsageError(f"no scored answer: {int(lost.sum())} failed, {int(unscored.sum())} have no score")
    outside = kept["score"][(kept["score"] < 0) | (kept["score"] > 1)]
    if len(outside):
        raise UsageError(f"scores must be 0..1, found {outside.iloc[0]!r}")
    return kept, int(lost.sum()), int(unscored.sum())


def _answers(source: Any) -> pd.DataFrame:
    if isinstance(source, pd.DataFrame):
        missing = {"task_id", "score"} - set(source)
        if missing:
            raise UsageError(f"the answers' frame lacks the column(s) {', '.join(sorted(missing))}")
        return source
    from workbench import frames

    return frames.answers(source)


def clustered(score: Floats, cluster: Names, level: float = 0.95, failed: int = 0, unscored: int = 0) -> Estimate:
    """The mean of scores in 0..1 with its clustered Wilson interval (see `accuracy`)."""
    if not 0 < level < 1:
        raise UsageError(f"level must lie between 0 and 1, got {level!r}")
    codes = pd.factorize(cluster)[0]
    tasks = int(codes.max()) + 1
    sizes = np.bincount(codes).astype(float)
    mean = float(np.clip(score.mean(), 0.0, 1.0))
    low, high = wilson(mean, _effective(score, codes, sizes, mean), level, tasks - 1)
    return Estimate(mean, low, high, level, tasks, len(score), failed, unscored)


def _effective(score: Floats, codes: Any, sizes: Floats, mean: float) -> float:
    """How many independent yes/no answers would be as uncertain as these.

    The design effect is learnt from the tasks that hold the rarer outcome; where these are few it is unsure and usually too
    small, so one task of the worst kind (its attempts always agree) is counted in. No handful of tasks claims certainty.
    """
    tasks, n = len(sizes), len(score)
    spread = mean * (1 - mean)
    worst = float((sizes**2).sum()) / n
    if spread < 1e-12 or tasks < 2:
        return n / worst
    off = np.bincount(codes, score - mean)
    variance = float((off**2).sum()) / n**2 * tasks / (tasks - 1)
    right, wrong = np.bincount(codes, score > 0) > 0, np.bincount(codes, score < 1) > 0
    telling = min(int(right.sum()), int(wrong.sum()))
    effect = (telling * variance / (spread / n) + worst) / (telling + 1)
    return n / effect


def wilson(mean: float, n: float, level: float = 0.95, freedom: float = math.inf) -> tuple[float, float]:
    """Wilson's score interval (1927) for a share `mean` of `n` answers; with `freedom` a t quantile takes z's place."""
    z = quantile(level, freedom)
    centre = (mean + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * math.sqrt(mean * (1 - mean) / n + z**2 / (4 * n**2))
    return max(0.0, min(mean, centre - half)), min(1.0, max(mean, centre + half))


def quantile(level: float, freedom: float = math.inf) -> float:
    """The two-sided quantile of Student's t (normal where `freedom` is infinite; at least one degree is taken)."""
    return float(stats.t.ppf((1 + level) / 2, max(1.0, freedom)))
