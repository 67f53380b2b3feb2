"""divergence: do good single answers foretell good agentic work? Rank correlation of the two, with an interval."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from workbench.errors import UsageError
from workbench.stats.arrays import Floats

_NEED = ("name", "single", "agentic")


@dataclass(frozen=True)
class Correlation:
    """A rank correlation in -1..1 with its bootstrap interval, and the chance `p` of one as far from 0 if ranks were by lot."""

    value: float
    low: float
    high: float
    p: float


@dataclass(frozen=True)
class Divergence:
    """How far agentic scores part from single-answer scores over `n` models or strategies.

    `table`, best single answer first: name, single, agentic (means), rank_single, rank_agentic, moved (places gained in agentic
    work), gap (single - agentic); `by` first where it was asked for. `curve`: one row per value of `by` with both correlations.
    `divergence` is (1 - Spearman's rho) / 2: 0 same order, 1/2 no relation, 1 the reverse.
    """

    spearman: Correlation
    kendall: Correlation
    n: int
    level: float
    table: pd.DataFrame
    curve: pd.DataFrame

    @property
    def divergence(self) -> float:
        """(1 - rho) / 2."""
        return (1 - self.spearman.value) / 2

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values; what is unknown is None."""
        both = {k: vars(getattr(self, k)) for k in ("spearman", "kendall")}
        found = {"n": self.n, "divergence": self.divergence, **both, "table": self.table.to_dict("records"),
                 "curve": self.curve.to_dict("records")}  # fmt: skip
        return {k: _plain(v) for k, v in found.items()}

    def __str__(self) -> str:
        rho, tau = self.spearman, self.kendall
        return (
            f"Spearman {rho.value:+.2f} ({rho.low:+.2f} to {rho.high:+.2f}), Kendall {tau.value:+.2f} ({tau.low:+.2f} to"
            f" {tau.high:+.2f}), {self.n} names, p = {rho.p:.2g}"
        )


def divergence(
    scores: Any, *, by: str | None = None, level: float = 0.95, draws: int = 2000, seed: int = 0
) -> Divergence:
    """Single-answer accuracy against agentic score per model or strategy: Spearman's rho and Kendall's tau-b.

    `scores` is a mapping name -> (single, agentic), or a frame with the columns name, single, agentic: one row per name, or
    one per name and task (either score may be missing in a row; a name's scores are its means). `by` names a further column
    (steps, date, difficulty …): the correlations are then given for each of its values too, in order, so that a growing
    divergence shows.

    The interval draws the names again by lot (a percentile bootstrap), and within each name its rows, so that few tasks widen
    it as well; draws in which all ranks are equal say nothing and are left out. `p` is exact over all orders for up to 8
    names, else by scipy's t approximation.

    Raises:
        UsageError: fewer than 3 names with both scores, or a column that is missing or not a number.

    >>> wb.divergence({"small": (0.9, 0.4), "large": (0.8, 0.5), "other": (0.7, 0.2)}).table
    """
    frame = _frame(scores, by)
    rng = np.random.default_rng(seed)
    parts = [(None, frame)] if by is None else [(value, part) for value, part in frame.groupby(by, sort=True)]
    tables, rows = [], []
    for value, part in parts:
        means = _means(part)
        tables.append(_table(means) if by is None else _table(means).assign(**{str(by): value}))
        if by is not None:
            rho, tau = _both(part, means, level, draws, rng)
            rows.append((value, rho.value, rho.low, rho.high, tau.value, tau.low, tau.high, len(means)))
    means = _means(frame)
    rho, tau = _both(frame, means, level, draws, rng)
    columns = [by or "by", "spearman", "spearman_low", "spearman_high", "kendall", "kendall_low", "kendall_high", "n"]
    return Divergence(
        rho, tau, len(means), level, pd.concat(tables, ignore_index=True), pd.DataFrame(rows, columns=columns)
    )


def _frame(scores: Any, by: str | None) -> pd.DataFrame:
    if isinstance(scores, Mapping):
        try:
            rows = [(name, float(single), float(agentic)) for name, (single, agentic) in scores.items()]
        except (TypeError, ValueError) as error:
            raise UsageError(f"scores must map each name to (single, agentic), two numbers: {error}") from error
        scores = pd.DataFrame(rows, columns=list(_NEED))
    if not isinstance(scores, pd.DataFrame):
        raise UsageError(f"scores must be a mapping or a frame, got {type(scores).__name__}")
    if lost := [name for name in (*_NEED, *([by] if by else [])) if name not in scores]:
        raise UsageError(f"scores lack the column(s) {', '.join(lost)}; there is {', '.join(map(str, scores.columns))}")
    try:
        return scores.assign(single=scores["single"].astype(float), agentic=scores["agentic"].astype(float))
    except (TypeError, ValueError) as error:
        raise UsageError(f"scores must be numbers: {error}") from error


def _means(part: pd.DataFrame) -> pd.DataFrame:
    means = part.groupby("name", sort=False)[["single", "agentic"]].mean().dropna()
    if len(means) < 3:
        raise UsageError(f"a rank correlation needs at least 3 names with both scores, got {len(means)}")
    return means


def _table(means: pd.DataFrame) -> pd.DataFrame:
    ranks = means.rank(ascending=False, method="average")
    out = means.assign(
        rank_single=ranks["single"],
        rank_agentic=ranks["agentic"],
        moved=ranks["single"] - ranks["agentic"],
        gap=means["single"] - means["agentic"],
    )
    return out.sort_values(["rank_single", "rank_agentic"]).reset_index()


def _both(
    part: pd.DataFrame, means: pd.DataFrame, level: float, draws: int, rng: Any
) -> tuple[Correlation, Correlation]:
    x, y = means["single"].to_numpy(float), means["agentic"].to_numpy(float)
    columns = [_resampled(part, means.index, column, draws, rng) for column in ("single", "agentic")]
    picked = rng.integers(0, len(x), (draws, len(x)))
    a, b = (np.take_along_axis(column, picked, axis=1) for column in columns)
    found = []
    for measure, value in ((spearman, spearman(x, y)), (kendall, kendall(x, y))):
        again = np.array([measure(p, q) for p, q in zip(a, b, strict=True)])
        again = again[~np.isnan(again)]
        low, high = np.quantile(again, [(1 - level) / 2, (1 + level) / 2]) if len(again) else (-1.0, 1.0)
        found.append(Correlation(value, min(value, float(low)), max(value, float(high)), _chance(measure, x, y)))
    return found[0], found[1]


def _resampled(part: pd.DataFrame, names: Any, column: str, draws: int, rng: Any) -> Floats:
    """[draws, names] each name's mean over rows drawn again by lot."""
    out = np.empty((draws, len(names)))
    for i, name in enumerate(names):
        values = part.loc[part["name"] == name, column].dropna().to_numpy(float)
        out[:, i] = (
            values.mean()
            if len(values) == 1
            else values[rng.integers(0, len(values), (draws, len(values)))].mean(axis=1)
        )
    return out


def spearman(x: Floats, y: Floats) -> float:
    """Pearson's correlation of the mean ranks; NaN where one side is all equal."""
    a, b = stats.rankdata(x), stats.rankdata(y)
    a, b = a - a.mean(), b - b.mean()
    scale = math.sqrt(float((a**2).sum()) * float((b**2).sum()))
    return float((a * b).sum()) / scale if scale > 0 else math.nan


def kendall(x: Floats, y: Floats) -> float:
    """tau-b: (concordant - discordant pairs) / sqrt(pairs untied in x * pairs untied in y); NaN where one side is all equal."""
    upper = np.triu_indices(len(x), 1)
    a, b = np.sign(x[upper[0]] - x[upper[1]]), np.sign(y[upper[0]] - y[upper[1]])
    scale = math.sqrt(float((a != 0).sum()) * float((b != 0).sum()))
    return float((a * b).sum()) / scale if scale > 0 else math.nan


def _chance(measure: Any, x: Floats, y: Floats) -> float:
    """Two-sided p of the permutation test."""
    value = measure(x, y)
    if math.isnan(value):
        return math.nan
    if len(x) <= 8:
        all_ = np.array([measure(x, y[list(order)]) for order in permutations(range(len(y)))])
        return float((np.abs(all_) >= abs(value) - 1e-9).mean())
    test = stats.spearmanr if measure is spearman else stats.kendalltau
    return float(test(x, y).pvalue)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_plain(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
