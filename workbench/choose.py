"""Choices: which of several runs is worth its cost, and whether the data can tell them apart."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats as distributions

from workbench.errors import UsageError, unknown
from workbench.stats import accuracy, paired
from workbench.stats.arrays import Flags, Floats, Ints
from workbench.stats.intervals import quantile
from workbench.stats.pairing import by_task

PREFER = ("accuracy", "cost", "latency")
_DRAWS = 2000


@dataclass(frozen=True)
class Recommendation:
    """One choice (None where none qualifies), why, and the rivals that the data cannot separate from it.

    `rivals`: choice, difference (rival minus choice), low, high, cost_ratio, more_tasks (that would show such a difference at
    80 % power). `chance` is the probability that it is the best by the rule that was asked for, over resamples of the tasks.
    """

    choice: str | None
    reason: str
    chance: float
    rivals: pd.DataFrame

    def __bool__(self) -> bool:
        return self.choice is not None

    def __str__(self) -> str:
        return self.reason


@dataclass(frozen=True)
class Choices:
    """Runs to choose from, one row each in `frame`: choice, accuracy, low, high, tasks, and per attempt cost_usd, tokens, p95_s.

    `scores` [tasks, choices] holds the mean score per task (NaN: not attempted), so that choices are compared task by task; where
    it is empty, they are compared by their intervals as if made on different tasks, which sees less.
    """

    frame: pd.DataFrame
    scores: pd.DataFrame = field(default_factory=pd.DataFrame)
    level: float = 0.95
    seed: int = 0

    def __post_init__(self) -> None:
        missing = {"choice", "accuracy", "low", "high"} - set(self.frame)
        if missing:
            raise UsageError(f"the frame of choices lacks {', '.join(sorted(missing))}")
        if self.frame.empty:
            raise UsageError("there is nothing to choose from")
        if self.frame["choice"].duplicated().any():
            twice = self.frame["choice"][self.frame["choice"].duplicated()].iloc[0]
            raise UsageError(f"choice {twice!r} stands twice; give each run its own name")
        if len(self.scores.columns) and list(self.scores.columns) != list(self.frame["choice"]):
            raise UsageError("the columns of scores must be the choices, in their order")

    @cached_property
    def drawn(self) -> Floats:
        """[draws, choices] accuracies in resamples of the tasks (the same tasks for all), or from the intervals alone."""
        rng = np.random.default_rng(self.seed)
        if self.scores.empty:
            spread = (self.frame["high"] - self.frame["low"]).to_numpy(float) / (2 * quantile(self.level))
            return np.clip(rng.normal(self.frame["accuracy"], spread, (_DRAWS, len(self.frame))), 0.0, 1.0)
        table = self.scores.to_numpy(float)
        known = ~np.isnan(table)
        out = np.empty((_DRAWS, table.shape[1]))
        for i in range(0, _DRAWS, 100):
            weight = rng.multinomial(len(table), np.full(len(table), 1 / len(table)), 100).astype(float)
            with np.errstate(invalid="ignore"):
                out[i : i + 100] = (weight @ np.where(known, table, 0.0)) / (weight @ known)
        return np.nan_to_num(out)

    def pareto(self, objectives: Sequence[str] = ("cost_usd", "p95_s")) -> pd.DataFrame:
        """The frame, best accuracy first, with `front` (no other is as good in all and better in one) and `front_chance`.

        `objectives` are columns of which less is better; those nowhere recorded are left out. `front_chance` is the share of
        resamples of the tasks in which the choice is on the front: how sure its place is.
        """
        wrong = [name for name in objectives if name not in self.frame]
        if wrong:
            raise unknown("objective", wrong[0], self.frame.select_dtypes("number").columns)
        used = [name for name in objectives if self.frame[name].notna().any()]
        less = self.frame[used].fillna(math.inf).to_numpy(float)
        front = _front(self.frame["accuracy"].to_numpy(float), less)
        chance = np.mean([_front(row, less) for row in self.drawn], axis=0)
        out = self.frame.assign(front=front, front_chance=chance)
        return out.sort_values("accuracy", ascending=False, ignore_index=True)

    def recommend(
        self,
        max_cost_usd: float | None = None,
        max_p95_s: float | None = None,
        min_accuracy: float | None = None,
        *,
        prefer: str | None = None,
    ) -> Recommendation:
        """The best choice within the limits, the reason, and what is uncertain. Costs are dollars per attempt at a task.

        `prefer`: "accuracy" (the default), "cost" (the default where `min_accuracy` is given: the cheapest that reaches it) or
        "latency". Between equals the cheaper, then the faster one stands.
        """
        prefer = prefer or ("accuracy" if min_accuracy is None else "cost")
        if prefer not in PREFER:
            raise unknown("preference", prefer, PREFER)
        limits = {"cost_usd": max_cost_usd, "p95_s": max_p95_s}
        for name, limit in limits.items():
            if limit is not None and (name not in self.frame or self.frame[name].isna().all()):
                raise UsageError(f"no choice has a recorded {name}, so it cannot be limited")
        within = np.ones(len(self.frame), bool)
        for name, limit in limits.items():
            if limit is not None:
                within &= (self.frame[name] <= limit).to_numpy(bool)
        reached = within & (self.frame["accuracy"] >= (min_accuracy or 0.0)).to_numpy(bool)
        if not reached.any():
            return self._none(limits, min_accuracy)
        best = int(self._first(prefer, self.frame["accuracy"].to_numpy(float)[None], reached[None])[0])
        floor = min_accuracy or 0.0
        chance = float((self._first(prefer, self.drawn, within & (self.drawn >= floor)) == best).mean())
        rivals = self._rivals(best, within)
        return Recommendation(
            self._name(best), self._reason(best, prefer, rivals, chance, min_accuracy), chance, rivals
        )

    def difference(self, a: str, b: str) -> tuple[float, float, float, float]:
        """Accuracy of b minus a, its interval, and how many tasks in all would show it (paired where the tasks are known)."""
        for name in (a, b):
            if name not in set(self.frame["choice"]):
                raise unknown("choice", name, self.frame["choice"])
        if len(self.scores):
            got = paired(self.scores[a], self.scores[b], level=self.level)
            return got.difference, got.low, got.high, got.tasks_needed()
        rows = self.frame.set_index("choice").loc[[a, b]]
        gap = float(rows["accuracy"].iloc[1] - rows["accuracy"].iloc[0])
        half = float(np.hypot(*((rows["high"] - rows["low"]) / 2)))
        if not gap or "tasks" not in rows:
            return gap, gap - half, gap + half, math.inf
        z = quantile(self.level)
        spread = half / z * math.sqrt(float(rows["tasks"].mean()))
        return gap, gap - half, gap + half, math.ceil(((z + float(distributions.norm.ppf(0.8))) * spread / gap) ** 2)

    def _first(self, prefer: str, score: Floats, allowed: Flags) -> Ints:
        """[D] the row number of the best allowed choice by each row of `score` [D, choices]; -1 where none is allowed."""
        cost, latency = (np.broadcast_to(self._column(name), score.shape) for name in ("cost_usd", "p95_s"))
        keys = {"accuracy": (latency, cost, -score), "cost": (latency, -score, cost), "latency": (cost, -score, latency)}
        best = np.lexsort((*keys[prefer], ~allowed), axis=-1)[:, 0]
        return np.where(allowed.any(axis=1), best, -1)

    def _column(self, name: str) -> Floats:
        if name not in self.frame:
            return np.zeros(len(self.frame))
        found: Floats = self.frame[name].fillna(math.inf).to_numpy(float)
        return found

    def _name(self, row: int) -> str:
        return str(self.frame["choice"].iloc[row])

    def _rivals(self, best: int, within: Flags) -> pd.DataFrame:
        """Choices within the limits whose difference from `best` has an interval that holds zero, the nearest first."""
        rows = []
        cost = self._column("cost_usd")
        for other in np.flatnonzero(within).tolist():
            if other == best:
                continue
            gap, low, high, needed = self.difference(self._name(best), self._name(other))
            if low <= 0 <= high:
                ratio = cost[other] / cost[best] if cost[best] > 0 and math.isfinite(cost[best]) else math.nan
                have = self.frame["tasks"].iloc[best] if "tasks" in self.frame else 0
                rows.append((self._name(other), gap, low, high, ratio, max(0.0, needed - have)))
        table = pd.DataFrame(rows, columns=["choice", "difference", "low", "high", "cost_ratio", "more_tasks"])
        return table.sort_values("difference", ascending=False, ignore_index=True)

    def _reason(self, best: int, prefer: str, rivals: pd.DataFrame, chance: float, floor: float | None) -> str:
        row = self.frame.iloc[best]
        what = {"accuracy": "the most accurate", "cost": "the cheapest", "latency": "the fastest"}[prefer]
        span = f"{row['accuracy']:.3f} ({row['low']:.3f} to {row['high']:.3f})"
        said = f"{self._name(best)}: {what} within the limits, accuracy {span}"
        if floor is not None:
            reached = float((self.drawn[:, best] >= floor).mean())
            said += f"; at least {floor:g} in {reached:.0%} of resamples of the tasks"
        said += f"; it comes out first in {chance:.0%} of {'them' if floor is not None else 'resamples of the tasks'}."
        if rivals.empty:
            return said + " Every other choice within the limits is separated from it."
        others = ", ".join(rivals["choice"].head(4)) + (f" and {len(rivals) - 4} more" if len(rivals) > 4 else "")
        near = rivals.iloc[0]
        gap = f"{near['choice']}: {near['difference']:+.3f}, {near['low']:+.3f} to {near['high']:+.3f}"
        more = near["more_tasks"]
        show = (
            f"about {more:,.0f} more tasks would show such a difference"
            if math.isfinite(more)
            else "no difference was seen"
        )
        said += f" The data cannot separate it from {others} ({gap}; {show})."
        cheaper = rivals[rivals["cost_ratio"] < 0.999].sort_values("cost_ratio")
        if len(cheaper):
            said += f" Of these {cheaper['choice'].iloc[0]} costs {1 - cheaper['cost_ratio'].iloc[0]:.0%} less."
        return said

    def _none(self, limits: Mapping[str, float | None], floor: float | None) -> Recommendation:
        """No choice qualifies: say for each limit which choice comes nearest."""
        parts = []
        for name, limit in limits.items():
            if limit is not None:
                near = self.frame.iloc[int(np.nanargmin(self._column(name)))]
                parts.append(f"{name} <= {limit:g} (lowest: {near['choice']} with {near[name]:g})")
        if floor is not None:
            near = self.frame.iloc[int(self.frame["accuracy"].to_numpy(float).argmax())]
            parts.append(
                f"accuracy >= {floor:g} (highest: {near['choice']} with {near['accuracy']:.3f}, up to {near['high']:.3f})"
            )
        return Recommendation(None, "no choice meets " + " and ".join(parts) + ".", 0.0, pd.DataFrame())


def choices(runs: Mapping[str, Any], *, level: float = 0.95, failed: str = "wrong", seed: int = 0) -> Choices:
    """Choices from {name: Run or `answers` frame}; a failed attempt counts as wrong unless `failed="drop"`.

    >>> wb.choices({"single": single, "three": run}).frame
    """
    if not runs:
        raise UsageError("there is nothing to choose from")
    rows, scores = [], {}
    for name, source in runs.items():
        frame = source if isinstance(source, pd.DataFrame) else _answers(source)
        got = accuracy(frame, level=level, failed=failed)
        scores[name] = by_task(frame, failed)
        rows.append(
            {"choice": name, "accuracy": got.value, "low": got.low, "high": got.high, "tasks": got.tasks}
            | {"cost_usd": _mean(frame, "cost_usd"), "tokens": _tokens(frame)}
            | {"p50_s": _at(frame, 0.5), "p95_s": _at(frame, 0.95)}
        )
    return Choices(pd.DataFrame(rows), pd.DataFrame(scores)[list(runs)], level, seed)


def recommend(runs: Mapping[str, Any], **limits: Any) -> Recommendation:
    """`choices(runs).recommend(…)`: the best of {name: Run or answers frame} within the limits.

    >>> wb.recommend({"single": single, "three": run}, max_p95_s=60).reason
    """
    return choices(runs).recommend(**limits)


def _answers(source: Any) -> pd.DataFrame:
    from workbench import frames

    return frames.answers(source)


def _mean(frame: pd.DataFrame, name: str) -> float:
    return float(frame[name].astype(float).mean()) if name in frame else math.nan


def _tokens(frame: pd.DataFrame) -> float:
    counted = [name for name in ("input_tokens", "output_tokens") if name in frame]
    return float(frame[counted].sum(axis=1).mean()) if counted else math.nan


def _at(frame: pd.DataFrame, share: float) -> float:
    return float(frame["wall_s"].quantile(share)) if "wall_s" in frame else math.nan


def _front(score: Floats, less: Floats) -> Flags:
    """Which rows no other row dominates: at least as good in all, better in one."""
    more = np.column_stack([score, -less])
    at_least = (more[:, None, :] >= more[None, :, :]).all(axis=2)
    better = (more[:, None, :] > more[None, :, :]).any(axis=2)
    out: Flags = np.logical_not((at_least & better).any(axis=0))
    return out
