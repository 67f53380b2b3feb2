"""Survival: the share of trajectories in which something has not happened yet, over steps (Kaplan and Meier 1958)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from workbench.stats.arrays import Floats, Ints
from workbench.stats.intervals import wilson

POINTS = 200


def survival(steps: Any, happened: Any, cluster: Any, *, level: float = 0.95) -> pd.DataFrame:
    """S(t) = prod over steps u <= t of (1 - d_u / n_u): d_u it happened to at step u, n_u were still under watch then.

    `steps` [n] counts the steps until it happened (from 1), or until the watch ended where `happened` is false. Trajectories
    of one `cluster` (task) are not independent: the variance sums each one's influence -S(t) * (its own 1/n at its event,
    less the sum of d_u / n_u^2 while watched) by task, and enters Wilson's interval as an effective sample size. Columns step,
    survival, low, high, at_risk; the first row is step 0. At most 200 steps are listed, evenly over those with an event.
    """
    time: Ints = np.asarray(steps, np.int64)
    event = np.asarray(happened, bool)
    codes = pd.factorize(np.asarray(cluster))[0]
    if not len(time):
        return pd.DataFrame(columns=["step", "survival", "low", "high", "at_risk"], dtype=float)
    when = np.unique(time[event])
    sorted_time = np.sort(time)
    at_risk = len(time) - np.searchsorted(sorted_time, when, side="left")
    deaths = np.bincount(np.searchsorted(when, time[event]), minlength=len(when)) if len(when) else np.zeros(0)
    left = np.cumprod(1 - deaths / at_risk)
    drained = np.cumsum(deaths / at_risk.astype(float) ** 2)
    shown = np.unique(np.linspace(0, len(when) - 1, min(POINTS, len(when))).round().astype(int)).tolist()
    last = int(time.max())
    rows: list[tuple[float, float, float, float, int]] = [(0.0, 1.0, *_interval(1.0, 0.0, codes, level), len(time))]
    for i in shown:
        influence = np.where(
            event & (time <= when[i]), 1 / at_risk[np.minimum(np.searchsorted(when, time), len(when) - 1)], 0.0
        )
        until = np.searchsorted(when[: i + 1], time, side="right")
        influence -= np.r_[0.0, drained][until]
        sums = np.bincount(codes, influence)
        tasks = len(sums)
        variance = float(left[i]) ** 2 * float((sums**2).sum()) * tasks / max(1, tasks - 1)
        rows.append(
            (float(when[i]), float(left[i]), *_interval(float(left[i]), variance, codes, level), int(at_risk[i]))
        )
    if rows[-1][0] < last:
        rows.append((float(last), *rows[-1][1:4], int((time >= last).sum())))
    return pd.DataFrame(rows, columns=["step", "survival", "low", "high", "at_risk"])


def median(curve: pd.DataFrame) -> tuple[float, float, float]:
    """The first step at which at most half survive, and where the interval's edges cross one half; infinite where they do not."""

    def crossed(column: str) -> float:
        below = curve["step"][curve[column] <= 0.5]
        return float(below.iloc[0]) if len(below) else math.inf

    return crossed("survival"), crossed("low"), crossed("high")


def _interval(value: float, variance: float, codes: Any, level: float) -> tuple[float, float]:
    tasks = int(codes.max()) + 1
    spread = value * (1 - value)
    n = spread / variance if variance > 0 and spread > 1e-12 else float(tasks)
    n = min(n, float(len(codes)))
    return wilson(value, max(n, 1.0), level, tasks - 1)


def first(step: Floats, violated: Any, trace: Any) -> pd.DataFrame:
    """Per trajectory, the 1-based step at which it first happened or the watch ended: trace, steps, happened."""
    frame = pd.DataFrame({"trace": np.asarray(trace), "step": np.asarray(step) + 1, "bad": np.asarray(violated, bool)})
    ends = frame.groupby("trace", sort=False)["step"].max()
    firsts = frame[frame["bad"]].groupby("trace", sort=False)["step"].min().reindex(ends.index)
    return pd.DataFrame({"steps": firsts.fillna(ends).astype("int64"), "happened": firsts.notna()}).reset_index()
