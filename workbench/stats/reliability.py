"""Calibration: whether support or confidence says how often an answer is right."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from workbench.errors import UsageError
from workbench.stats.arrays import Floats, Names
from workbench.stats.ballots import Key, Votes
from workbench.stats.consensus import agreement
from workbench.stats.intervals import Estimate, clustered, quantile, scored, wilson


@dataclass(frozen=True)
class Calibration:
    """How confidence goes with being right. `curve`, by bin: low, high, confidence, accuracy, accuracy_low, accuracy_high, n.

    `ece_chance` is the ECE that a perfectly calibrated confidence would show on as few tasks; `auroc` is the chance that a right
    answer has more confidence than a wrong one (0.5: uninformative), NaN where all are right or all are wrong.
    """

    ece: float
    ece_chance: float
    brier: float
    auroc: Estimate
    curve: pd.DataFrame


def calibration(
    source: Any,
    confidence: str = "support",
    *,
    bins: int = 10,
    level: float = 0.95,
    key: Key | None = None,
    seed: int = 0,
) -> Calibration:
    """Calibration of a column of the `answers` frame; of Votes or a `threads` frame, of the support of their vote.

    ECE: mean distance of accuracy and confidence over equal-width bins, weighted by answers (Naeini et al. 2015). Brier: mean
    squared difference. The AUROC's interval is DeLong's, clustered by task (Obuchowski 1997), on the logit scale.

    >>> wb.calibration(run).ece
    """
    if bins < 1:
        raise UsageError(f"bins must be at least 1, got {bins!r}")
    if isinstance(source, Votes) or (isinstance(source, pd.DataFrame) and "thread" in source):
        frame = agreement(source, key=key)
    else:
        frame = scored(source)[0]
    if confidence not in frame:
        raise UsageError(
            f"no column {confidence!r} to take as confidence; there is {', '.join(map(str, frame.columns))}"
        )
    known = frame[frame[confidence].notna() & frame["score"].notna()]
    if known.empty:
        raise UsageError(f"no scored answer has a {confidence}")
    sure, score = known[confidence].to_numpy(float), known["score"].to_numpy(float)
    if sure.min() < 0 or sure.max() > 1:
        raise UsageError(
            f"confidence must be 0..1 to be calibrated, {confidence!r} reaches {sure.min():g} to {sure.max():g}"
        )
    task = known["task_id"].to_numpy(object)
    place = np.minimum((sure * bins).astype(int), bins - 1)
    rng = np.random.default_rng(seed)
    chance = [_ece(sure, (rng.random(len(sure)) < sure).astype(float), place) for _ in range(200)]
    return Calibration(
        ece=_ece(sure, score, place),
        ece_chance=float(np.mean(chance)),
        brier=float(((sure - score) ** 2).mean()),
        auroc=auroc(sure, score, task, level=level),
        curve=_curve(sure, score, task, place, bins, level),
    )


def _ece(sure: Floats, score: Floats, place: Any) -> float:
    return float(np.abs(np.bincount(place, sure - score)).sum() / len(sure))


def _curve(sure: Floats, score: Floats, task: Names, place: Any, bins: int, level: float) -> pd.DataFrame:
    rows = []
    for number in np.unique(place).tolist():
        here = place == number
        got = clustered(score[here], task[here], level)
        rows.append(
            (number / bins, (number + 1) / bins, sure[here].mean(), got.value, got.low, got.high, int(here.sum()))
        )
    return pd.DataFrame(rows, columns=["low", "high", "confidence", "accuracy", "accuracy_low", "accuracy_high", "n"])


def auroc(sure: Floats, score: Floats, task: Names | None = None, *, level: float = 0.95) -> Estimate:
    """Area under the ROC curve of `sure` [n] against `score` [n] (0..1; 0.5 counts half right, half wrong), clustered by `task`.

    Equal confidences count half.
    """
    task = np.arange(len(sure)) if task is None else task
    codes = pd.factorize(task)[0]
    tasks = int(codes.max()) + 1
    right = np.asarray(score, np.float64)
    wrong = 1 - right
    m, n = float(right.sum()), float(wrong.sum())
    if m <= 0 or n <= 0:
        return Estimate(math.nan, math.nan, math.nan, level, tasks, len(sure))
    above_wrong = _below(sure, wrong) / n  # how much of the wrong a right answer here would beat
    under_right = 1 - _below(sure, right) / m
    area = float(right @ above_wrong / m)
    off_right = np.bincount(codes, right * (above_wrong - area))
    off_wrong = np.bincount(codes, wrong * (under_right - area))
    variance = _spread(off_right, codes, right) / m**2 + _spread(off_wrong, codes, wrong) / n**2
    variance += 2 * tasks / max(1, tasks - 1) * float(off_right @ off_wrong) / (m * n)
    if min(area, 1 - area) < 1e-9 or variance <= 0:
        low, high = wilson(area, max(1.0, min(m, n)), level)
    else:
        half = quantile(level) * math.sqrt(variance) / (area * (1 - area))
        odds = math.log(area / (1 - area))
        low, high = (1 / (1 + math.exp(-(odds + sign * half))) for sign in (-1, 1))
    return Estimate(area, low, high, level, tasks, len(sure))


def _spread(off: Any, codes: Any, weight: Floats) -> float:
    """Sum of squares over clusters with the correction for their number."""
    clusters = int((np.bincount(codes, weight) > 0).sum())
    return clusters / max(1, clusters - 1) * float((off**2).sum())


def _below(value: Floats, weight: Floats) -> Floats:
    """[n] the weight at values below each one, plus half the weight at the same value."""
    levels, inverse = np.unique(value, return_inverse=True)
    at = np.bincount(inverse, weight, len(levels))
    out: Floats = (np.cumsum(at) - at / 2)[inverse]
    return out
