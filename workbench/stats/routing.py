"""Routing: a table fitted on earlier runs that sends each kind of task to what answered it best, or best for its tokens."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from workbench.errors import UsageError, unknown
from workbench.stats.arrays import Floats


@dataclass(frozen=True)
class Routes:
    """`table`: category, choice, expected (shrunk accuracy), accuracy (as seen), tasks; `default`: for every other category.

    Where routes were fitted with a cost, `table` also has cost: what the choice costs in that category.
    """

    table: pd.DataFrame
    default: str

    def __getitem__(self, category: object) -> str:
        found = self.table.loc[self.table["category"] == category, "choice"]
        return str(found.iloc[0]) if len(found) else self.default

    def scores(self, scores: pd.DataFrame, category: pd.Series[Any]) -> pd.Series[float]:
        """What the routed choice scored on each of these tasks (held-out ones, to be fair); works for costs as well."""
        column = scores.columns.get_indexer(pd.Index([self[c] for c in category.loc[scores.index]]))
        return pd.Series(scores.to_numpy(float)[np.arange(len(scores)), column], index=scores.index)

    def rules(self, strategies: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The table as `Route(rules=…)`: `strategies` says what stands behind each choice, {"strategy": {…}, "model": …}.

        Numbers are taken as difficulties (a rule from min to max), texts as categories. The last rule, without a condition,
        is the default.
        """
        missing = ({*self.table["choice"], self.default}) - set(strategies)
        if missing:
            raise unknown("choice (no strategy is named for it)", sorted(missing)[0], strategies)
        found = []
        for category, choice in zip(self.table["category"], self.table["choice"], strict=True):
            number = isinstance(category, (int, float, np.number))
            where = {"min": float(category), "max": float(category)} if number else {"category": str(category)}
            found.append({**where, **strategies[choice]})
        return [*found, dict(strategies[self.default])]


def fit_routes(
    scores: pd.DataFrame,
    category: pd.Series[Any],
    *,
    strength: float | None = None,
    cost: pd.Series[float] | pd.DataFrame | None = None,
    budget: float | None = None,
) -> Routes:
    """For every category the choice with the highest expected accuracy; `scores` [tasks, choices], NaN where not attempted.

    A category's accuracies are shrunk to each choice's overall accuracy by `strength` pseudo-tasks, so that a few lucky tasks do
    not decide (empirical Bayes; by default the strength is estimated from how far categories differ beyond chance). Between
    equals the cheaper by `cost` stands (per choice, or [tasks, choices]).

    `budget`: the mean cost of a task that the routes may reach on these tasks. Every category then takes what maximises
    expected accuracy minus a price times its cost, the price being the lowest that keeps within the budget (Lagrange; Everett
    1963). Raises UsageError where even the cheapest choices cost more.
    """
    if scores.empty or len(category.loc[scores.index].dropna()) == 0:
        raise UsageError("fitting routes needs scored tasks that have a category")
    if budget is not None and cost is None:
        raise UsageError("a budget needs cost: what each choice costs")
    known = category.loc[scores.index].notna()
    overall = scores.mean()
    if cost is not None:
        by_choice = cost.mean() if isinstance(cost, pd.DataFrame) else cost
        overall = overall[by_choice.loc[overall.index].sort_values(kind="stable").index]
    kinds = category.loc[scores.index][known]
    groups = scores.loc[known, list(overall.index)].groupby(kinds)
    means, counts = groups.mean(), groups.count()
    ease = means.sub(overall).mean(axis=1)
    if strength is None:
        strength = _strength(means, counts, means.sub(overall).sub(ease, axis=0))
    seen, many = means.fillna(0.0).to_numpy(float), counts.to_numpy(float)
    prior = overall.to_numpy(float) + ease.to_numpy(float)[:, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        expected = prior if math.isinf(strength) else (seen * many + strength * prior) / (many + strength)
    expected = np.where(np.isnan(expected), -np.inf, expected)
    paid = None if cost is None else _costs(cost, means, kinds)
    weight = groups.size().to_numpy(float) / known.sum()
    best = expected.argmax(axis=1) if budget is None or paid is None else _within(expected, paid, weight, budget)
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
    if paid is not None:
        table["cost"] = paid[rows, best]
    return Routes(table, str(overall.idxmax() if budget is None else overall.index[best[weight.argmax()]]))


def _costs(cost: pd.Series[float] | pd.DataFrame, means: pd.DataFrame, kinds: pd.Series[Any]) -> Floats:
    """[categories, choices] mean cost."""
    if isinstance(cost, pd.DataFrame):
        found: Floats = cost.loc[kinds.index, list(means.columns)].groupby(kinds).mean().to_numpy(float)
        return found
    return np.tile(cost.loc[list(means.columns)].to_numpy(float), (len(means), 1))


def _within(expected: Floats, paid: Floats, weight: Floats, budget: float) -> Any:
    """[categories] the choices at the lowest price of cost that keeps their mean within the budget, by bisection."""

    def at(price: float) -> Any:
        return (expected - price * paid).argmax(axis=1)

    def spends(picked: Any) -> float:
        return float(weight @ paid[np.arange(len(paid)), picked])

    least = float(weight @ paid.min(axis=1))
    if least > budget * (1 + 1e-9):
        raise UsageError(f"even the cheapest choices cost {least:.6g} a task on average, more than budget={budget!r}")
    low, high = 0.0, 1.0
    if spends(at(0.0)) <= budget:
        return at(0.0)
    while spends(at(high)) > budget:
        high *= 4
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if spends(at(middle)) > budget else (low, middle)
    return at(high)


def _strength(means: pd.DataFrame, counts: pd.DataFrame, gains: pd.DataFrame) -> float:
    """Pseudo-tasks by the method of moments, on what a choice gains in a category beyond the category's own ease.

    Chance alone gives gains the variance p(1-p)/n; what is seen beyond it is real. The strength is p(1-p) over the real part.
    """
    p = means.clip(0.02, 0.98)
    real = float(np.nanmean(gains**2) - np.nanmean(p * (1 - p) / counts))
    return float(np.nanmean(p * (1 - p))) / real if real > 1e-9 else math.inf
