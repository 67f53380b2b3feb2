"""Routing by category: a table fitted on earlier runs that sends each kind of task to what answered it best."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from workbench.errors import UsageError


@dataclass(frozen=True)
class Routes:
    """`table`: category, choice, expected (shrunk accuracy), accuracy (as seen), tasks; `default`: for every other category."""

    table: pd.DataFrame
    default: str

    def __getitem__(self, category: object) -> str:
        found = self.table.loc[self.table["category"] == category, "choice"]
        return str(found.iloc[0]) if len(found) else self.default

    def scores(self, scores: pd.DataFrame, category: pd.Series[str]) -> pd.Series[float]:
        """What the routed choice scored on each of these tasks (held-out ones, to be fair)."""
        column = scores.columns.get_indexer(pd.Index([self[c] for c in category.loc[scores.index]]))
        return pd.Series(scores.to_numpy(float)[np.arange(len(scores)), column], index=scores.index)


def fit_routes(
    scores: pd.DataFrame,
    category: pd.Series[str],
    *,
    strength: float | None = None,
    cost: pd.Series[float] | None = None,
) -> Routes:
    """For every category the choice with the highest expected accuracy; `scores` [tasks, choices], NaN where not attempted.

    A category's accuracies are shrunk to each choice's overall accuracy by `strength` pseudo-tasks, so that a few lucky tasks do
    not decide (empirical Bayes; by default the strength is estimated from how far categories differ beyond chance). Between
    equals the cheaper by `cost` (per choice) stands.
    """
    if scores.empty or len(category.loc[scores.index].dropna()) == 0:
        raise UsageError("fitting routes needs scored tasks that have a category")
    known = category.loc[scores.index].notna()
    overall = scores.mean()
    if cost is not None:
        overall = overall[cost.loc[overall.index].sort_values(kind="stable").index]
    groups = scores.loc[known, list(overall.index)].groupby(category.loc[scores.index][known])
    means, counts = groups.mean(), groups.count()
    ease = means.sub(overall).mean(axis=1)
    if strength is None:
        strength = _strength(means, counts, means.sub(overall).sub(ease, axis=0))
    seen, many = means.fillna(0.0).to_numpy(float), counts.to_numpy(float)
    prior = overall.to_numpy(float) + ease.to_numpy(float)[:, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        expected = prior if math.isinf(strength) else (seen * many + strength * prior) / (many + strength)
    best = np.where(np.isnan(expected), -np.inf, expected).argmax(axis=1)
    rows = np.arange(len(best))
    table = pd.DataFrame(
        {
            "category": means.index,
            "choice": overall.index.to_numpy()[best],
            "expected": expected[rows, best],
            "accuracy": means.to_numpy(float)[rows, best],
            "tasks": many[rows, best].astype(int),
        }
    )
    return Routes(table, str(overall.idxmax()))


def _strength(means: pd.DataFrame, counts: pd.DataFrame, gains: pd.DataFrame) -> float:
    """Pseudo-tasks by the method of moments, on what a choice gains in a category beyond the category's own ease.

    Chance alone gives gains the variance p(1-p)/n; what is seen beyond it is real. The strength is p(1-p) over the real part.
    """
    p = means.clip(0.02, 0.98)
    real = float(np.nanmean(gains**2) - np.nanmean(p * (1 - p) / counts))
    return float(np.nanmean(p * (1 - p))) / real if real > 1e-9 else math.inf
