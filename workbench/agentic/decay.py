"""Decay: how fast a chance falls with distance, as a half-life in steps."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtr, stdtrit

from workbench.agentic.estimates import numbers
from workbench.errors import UsageError
from workbench.stats.arrays import Floats

LEVELS = 48
DRAWS = 200


@dataclass(frozen=True)
class HalfLife:
    """A fit of p(d) = start * 2^(-d / steps): `steps` is where the chance has halved; infinite where nothing falls.

    [low, high] is its interval, `start` the fitted chance at distance 0, `n` what was looked at in `tasks` tasks.
    """

    steps: float
    low: float
    high: float
    start: float
    level: float
    n: int
    tasks: int

    def at(self, distance: Any) -> Any:
        """The fitted chance at a distance in steps."""
        return self.start * np.exp2(-np.asarray(distance, float) / self.steps)

    def as_dict(self) -> dict[str, Any]:
        """Plain values; an infinite half-life is None."""
        return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in asdict(self).items()}


def half_life(
    held: Any, distance: Any, cluster: Any, *, level: float = 0.95, draws: int = DRAWS, seed: int = 0
) -> HalfLife:
    """Fit p(d) = p0 * 2^(-d / h), 0 < p0 <= 1, 0 < h <= inf, to yes/no outcomes by maximum likelihood.

    `held` [n] 0..1 or missing, `distance` [n] >= 0 in steps, `cluster` [n] the task. The likelihood of (p0, h) is
    prod p^held (1 - p)^(1 - held). For every h of a fine grid p0 solves its own equation (the derivative falls in p0, so that
    bisection finds it); the best h wins. The interval takes tasks again by lot (`draws` times) and fits each anew, its
    percentiles set wider for few tasks (Hesterberg, arXiv 1411.5279, 4.5.1); it may reach infinity, which says that these
    data could come from something that does not fall. More than 48 different
    distances are put in 48 groups of equal size, each at its mean.

    Raises:
        UsageError: no known outcome, or a negative distance.
    """
    y, d = numbers(held), numbers(distance)
    known = ~(np.isnan(y) | np.isnan(d))
    if not known.any():
        raise UsageError("no outcome with a known distance to fit a half-life to")
    y, d = y[known], d[known]
    codes, names = pd.factorize(np.asarray(cluster)[known])
    if d.min() < 0:
        raise UsageError(f"distances must be at least 0 steps, got {d.min():g}")
    held_sum, all_sum, at = _grouped(y, d, codes, len(names))
    grid = _grid(at)
    start, best = _fit(held_sum.sum(axis=0)[None], all_sum.sum(axis=0)[None], at, grid)
    rng = np.random.default_rng(seed)
    weight = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=draws).astype(float)
    _, others = _fit(weight @ held_sum, weight @ all_sum, at, grid)
    low, high = 0.0, math.inf
    if len(names) > 1:
        tail = _tail(level, len(names))
        low, high = np.quantile(others, [tail, 1 - tail], method="nearest")
    value = float(best[0])
    return HalfLife(value, min(value, float(low)), max(value, float(high)), float(start[0]), level, len(y), len(names))


def _tail(level: float, tasks: int) -> float:
    """The share cut off at each end: a little less than (1 - level) / 2, as a bootstrap of few tasks is too narrow."""
    student = stdtrit(tasks - 1, (1 + level) / 2)
    return float(ndtr(-math.sqrt(tasks / (tasks - 1)) * student))


def _grouped(y: Floats, d: Floats, codes: Any, tasks: int) -> tuple[Floats, Floats, Floats]:
    """[tasks, levels] sums of outcomes and counts, [levels] the distances."""
    values, place = np.unique(d, return_inverse=True)
    if len(values) > LEVELS:
        edges = np.unique(np.quantile(d, np.linspace(0, 1, LEVELS + 1)[:-1]))
        place = np.searchsorted(edges, d, side="right") - 1
        count = np.bincount(place, minlength=len(edges))
        values = np.bincount(place, d, len(edges)) / np.maximum(count, 1)
    size = len(values)
    cell = codes * size + place
    shape = (tasks, size)
    held = np.bincount(cell, y, tasks * size).reshape(shape).astype(np.float64)
    total: Floats = np.bincount(cell, minlength=tasks * size).reshape(shape).astype(np.float64)
    return held, total, np.asarray(values, np.float64)


def _grid(at: Floats) -> Floats:
    far = max(1.0, float(at.max()))
    return np.append(np.geomspace(far / 200, far * 200, 240), math.inf)


def _fit(held: Floats, total: Floats, at: Floats, grid: Floats) -> tuple[Floats, Floats]:
    """The best start and half-life of each row of `held` and `total` [b, levels]."""
    fall = np.exp2(-at[None, :] / grid[:, None])  # [h, levels]
    score = np.empty((len(held), len(grid)))
    starts = np.empty_like(score)
    for i in range(0, len(held), 32):
        k, miss = held[i : i + 32, None, :], (total - held)[i : i + 32, None, :]
        low, high = np.full((k.shape[0], len(grid)), 1e-9), np.ones((k.shape[0], len(grid)))
        for _ in range(30):
            p = (low + high) / 2
            up = k.sum(axis=2) / p > (miss * fall / (1 - p[:, :, None] * fall)).sum(axis=2)
            low, high = np.where(up, p, low), np.where(up, high, p)
        p = np.where(high > 1 - 1e-8, 1 - 1e-12, low)
        chance = np.clip(p[:, :, None] * fall, 1e-300, 1 - 1e-12)
        score[i : i + 32] = (k * np.log(chance) + miss * np.log1p(-chance)).sum(axis=2)
        starts[i : i + 32] = p
    # where two fit equally well the longer half-life is the plainer claim
    best = len(grid) - 1 - np.argmax(score[:, ::-1] >= score.max(axis=1, keepdims=True) - 1e-9, axis=1)
    return starts[np.arange(len(held)), best], grid[best]
