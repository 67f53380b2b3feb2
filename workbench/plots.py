"""Plots: a tidy frame in, matplotlib Axes out, one function per picture.

Every function takes `ax` (made where it is None) and returns it, so that pictures can be put together. Colours are safe for
colour-blind readers, lines are named at their ends, and a band or bar is always the interval that came with the numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.ticker import FuncFormatter, MaxNLocator

from workbench.choose import Choices
from workbench.errors import UsageError
from workbench.housestyle import ACCENT, INK, PALETTE, PERCENT, SOFT, styled, title
from workbench.stats import Calibration, Cascade, disagreement, error_correlation, votes


def agents(
    frame: pd.DataFrame, y: str = "accuracy", *, x: str = "agents", by: str = "synthesis", ax: Axes | None = None
) -> Axes:
    """A measure over the number of agents, one line per value of `by`: what `resample` or a sweep returns.

    `accuracy` is drawn with its interval (columns low and high).
    """
    _need(frame, x, y)
    ax = _axes(ax)
    groups = list(frame.groupby(by, sort=False)) if by in frame else [("", frame)]
    if y != "accuracy" and not frame.groupby(x)[y].apply(lambda v: v.max() - v.min() > 1e-9 * abs(v.max())).any():
        groups = [("", groups[0][1])]  # what a synthesis of recorded threads cannot change is drawn once
    ends: list[tuple[float, float, str, str]] = []
    for (name, part), colour in zip(groups, _colours(len(groups)), strict=True):
        part = part.sort_values(x)
        ax.plot(part[x], part[y], color=colour, lw=1.8, marker="o", ms=4, mec="white", mew=0.8, clip_on=False, zorder=3)
        if y == "accuracy" and {"low", "high"} <= set(part):
            ax.fill_between(part[x], part["low"], part["high"], color=colour, alpha=0.12, lw=0)
        ends.append((float(part[x].iloc[-1]), float(part[y].iloc[-1]), str(name), colour))
    _format(ax, y)
    ax.set(xlabel=x)
    title(ax, _TITLES.get(y, y))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=10))
    _label_ends(ax, ends)
    return ax


def sweep(
    frame: pd.DataFrame,
    *,
    x: str = "agents",
    by: str = "synthesis",
    measures: Sequence[str] = ("accuracy", "tokens", "seconds"),
) -> Any:
    """The figure of a sweep: accuracy, tokens and latency over agents side by side. Returns the Figure."""
    used = [m for m in measures if m in frame and frame[m].notna().any()]
    if not used:
        raise UsageError(f"the frame has none of {', '.join(measures)}; it has {', '.join(map(str, frame.columns))}")
    with styled():
        figure, axes = plt.subplots(1, len(used), figsize=(4.1 * len(used), 3.3), layout="constrained", squeeze=False)
        for ax, measure in zip(axes[0], used, strict=True):
            agents(frame, measure, x=x, by=by, ax=ax)
    return figure


def reliability(found: Calibration, *, ax: Axes | None = None) -> Axes:
    """How often answers are right over how sure they are, with intervals, against the diagonal; dots grow with their count."""
    ax = _axes(ax)
    curve = found.curve
    ax.plot([0, 1], [0, 1], color=SOFT, lw=1, ls=(0, (2, 3)))
    ax.vlines(curve["confidence"], curve["accuracy_low"], curve["accuracy_high"], color=ACCENT, alpha=0.35, lw=2)
    sizes = 18 + 160 * curve["n"] / curve["n"].max()
    ax.scatter(curve["confidence"], curve["accuracy"], s=sizes, color=ACCENT, edgecolor="white", lw=0.8, zorder=3)
    ax.set(xlim=(0, 1.02), ylim=(0, 1.02), xlabel="support or confidence", ylabel="right")
    title(ax, "calibration")
    ax.xaxis.set_major_formatter(PERCENT)
    ax.yaxis.set_major_formatter(PERCENT)
    said = f"ECE {found.ece:.3f} (calibrated: {found.ece_chance:.3f})\nBrier {found.brier:.3f}\nAUROC {found.auroc.value:.2f}"
    said += f" ({found.auroc.low:.2f} to {found.auroc.high:.2f})"
    ax.text(0.98, 0.04, said, transform=ax.transAxes, ha="right", color=SOFT, fontsize=9, linespacing=1.5)
    return ax


def pareto(found: Choices, cost: str = "cost_usd", *, ax: Axes | None = None) -> Axes:
    """Accuracy over what it costs; the front is joined, the rest is faint, and a pale name is an unsure place on the front."""
    ax = _axes(ax)
    frame = found.pareto([cost]).dropna(subset=[cost]).sort_values(cost)
    if frame.empty:
        raise UsageError(f"no choice has a recorded {cost}")
    front = frame[frame["front"]]
    for part, colour, alpha in ((frame[~frame["front"]], SOFT, 0.55), (front, ACCENT, 1.0)):
        ax.vlines(part[cost], part["low"], part["high"], color=colour, alpha=0.3 * alpha, lw=2)
        ax.scatter(part[cost], part["accuracy"], color=colour, alpha=alpha, s=34, edgecolor="white", lw=0.8, zorder=3)
    ax.step(front[cost], front["accuracy"], where="post", color=ACCENT, lw=1.2, alpha=0.7)
    for row in front.itertuples():
        place = (float(getattr(row, cost)), float(row.accuracy))  # type: ignore[arg-type]
        sure = 0.45 + 0.55 * float(row.front_chance)  # type: ignore[arg-type]
        ax.annotate(str(row.choice), place, (6, 6), textcoords="offset points", fontsize=9, color=INK, alpha=sure)
    for row in frame[~frame["front"]].itertuples():
        place = (float(getattr(row, cost)), float(row.accuracy))  # type: ignore[arg-type]
        ax.annotate(str(row.choice), place, (6, -11), textcoords="offset points", fontsize=8, color=SOFT)
    if frame[cost].max() > 30 * max(frame[cost].min(), 1e-12) > 0:
        ax.set_xscale("log")
    _format(ax, "accuracy")
    ax.set(xlabel=_TITLES.get(cost, cost))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:,.0f}" if abs(v) >= 10 else f"{v:.3g}"))
    title(ax, "what accuracy costs")
    ax.margins(x=0.12)
    return ax


def cascade(found: Cascade, *, ax: Axes | None = None) -> Axes:
    """Accuracy over the share of tasks escalated, between escalating by lot and the best possible order."""
    ax = _axes(ax)
    curve = found.curve
    ax.fill_between(curve["share"], curve["low"], curve["high"], color=ACCENT, alpha=0.12, lw=0)
    ax.plot(curve["share"], curve["oracle"], color=SOFT, lw=1, ls=(0, (1, 2)))
    ax.plot(curve["share"], curve["random"], color=SOFT, lw=1)
    ax.plot(curve["share"], curve["accuracy"], color=ACCENT, lw=2)
    _format(ax, "accuracy")
    ax.xaxis.set_major_formatter(PERCENT)
    ax.set(xlim=(0, 1), xlabel="share of tasks escalated")
    title(ax, "accuracy of a cascade")
    gap = (curve["accuracy"] - curve["random"]).abs().to_numpy(float)[: len(curve) * 2 // 3]
    middle = curve.iloc[int(gap.argmax())]  # most room for names
    for name, colour, nudge in (("random", SOFT, -14), ("accuracy", ACCENT, -14), ("oracle", SOFT, -13)):
        label = {"random": "by lot", "accuracy": "by trust", "oracle": "best order"}[name]
        ax.annotate(
            label, (middle["share"], middle[name]), (4, nudge), textcoords="offset points", color=colour, fontsize=9
        )
    gain = f"{found.gain.value:+.3f} above lot on average ({found.gain.low:+.3f} to {found.gain.high:+.3f})"
    ax.text(0.99, 0.03, gain, transform=ax.transAxes, ha="right", color=SOFT, fontsize=9)
    return ax


def disagreements(source: Any, *, most: int = 40, ax: Axes | None = None) -> Axes:
    """Which threads were right on which tasks, the tasks most worth a look on top (`stats.disagreement`).

    Filled: right. Pale: wrong, with the leading wrong answer darker. White: silent. At most `most` rows, taken evenly.
    """
    pool = votes(source)
    order = disagreement(pool)
    rows = pd.Series(np.arange(len(pool)), pool.task)
    names = order["task_id"].to_numpy()
    at = rows.groupby(level=0).first().loc[names].to_numpy()
    if len(at) > most:
        kept = np.unique(np.linspace(0, len(at) - 1, most).round().astype(int))
        at, order = at[kept], order.iloc[kept]
    ax = _axes(ax, (0.32 * pool.size + 2.6, 0.17 * len(at) + 1.2))
    lead = pool.group[at] == pool.counts[at].argmax(axis=1)[:, None]
    shade = np.where(pool.score[at] > 0.5, 3, np.where(pool.group[at] < 0, 0, np.where(lead, 2, 1)))
    colours = LinearSegmentedColormap.from_list("map", ["#ffffff", "#fbe3d6", "#e8895a", ACCENT], N=4)
    ax.pcolormesh(shade, cmap=colours, vmin=0, vmax=3, edgecolor="white", lw=0.6)
    ax.set_xticks(
        np.arange(pool.size) + 0.5,
        [name.replace("thread ", "") for name in pool.voters],
        rotation=90 if max(map(len, pool.voters)) > 3 else 0,
    )
    kinds = order["look"].astype(str).to_numpy()
    bounds = [i for i in range(len(kinds)) if i == 0 or kinds[i] != kinds[i - 1]]
    ax.set_yticks(
        [np.mean([b, e]) for b, e in zip(bounds, [*bounds[1:], len(kinds)], strict=True)], [kinds[b] for b in bounds]
    )
    ax.hlines(bounds[1:], 0, pool.size, color=INK, lw=0.8)
    ax.invert_yaxis()
    ax.grid(False)
    ax.set(xlabel="thread")
    title(ax, "right (teal), wrong (orange: the leading answer), silent (white)")
    return ax


def correlations(source: Any, *, ax: Axes | None = None) -> Axes:
    """Which threads make their errors together: the correlation matrix of being wrong (`stats.error_correlation`)."""
    import seaborn as sns

    table = error_correlation(source)
    ax = _axes(ax, (0.42 * len(table) + 2.2, 0.36 * len(table) + 1.4))
    colours = LinearSegmentedColormap.from_list("both", ["#d9480f", "#ffffff", ACCENT])
    small = len(table) <= 12
    sns.heatmap(
        table, ax=ax, cmap=colours, vmin=-1, vmax=1, annot=small, fmt=".2f", linewidths=0.6, square=True, cbar=not small,
        mask=np.eye(len(table), dtype=bool), annot_kws={"fontsize": 8},
    )  # fmt: skip
    ax.grid(False)
    title(ax, "errors that go together")
    return ax


def contributions(frame: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Each thread's Shapley value with its interval (`stats.contribution`), the largest on top; a tick marks leaving it out."""
    _need(frame, "agent", "shapley", "low", "high", "leave_one_out")
    part = frame.sort_values("shapley").reset_index(drop=True)
    ax = _axes(ax, (5.2, 0.26 * len(part) + 1.1))
    ax.hlines(part.index, part["low"], part["high"], color=ACCENT, alpha=0.3, lw=4)
    ax.scatter(part["shapley"], part.index, color=ACCENT, s=30, edgecolor="white", lw=0.8, zorder=3)
    ax.scatter(part["leave_one_out"], part.index, marker="|", color="#d9480f", s=70, zorder=3)
    ax.axvline(0, color=SOFT, lw=0.8)
    ax.set_yticks(part.index, part["agent"].astype(str))
    ax.grid(axis="y", visible=False)
    ax.set(xlabel="accuracy it adds: Shapley value (dot), when left out (tick)")
    title(ax, "contribution")
    return ax


_TITLES = {
    "accuracy": "accuracy",
    "tokens": "tokens per task",
    "seconds": "seconds (longest thread)",
    "cost_usd": "dollars per task",
    "p95_s": "seconds (95th percentile)",
}


def _axes(ax: Axes | None, size: tuple[float, float] = (5.2, 3.5)) -> Axes:
    if ax is not None:
        return ax
    with styled():
        return plt.subplots(figsize=size, layout="constrained")[1]


def _colours(n: int) -> list[str]:
    return [PALETTE[i % len(PALETTE)] for i in range(n)]


def _format(ax: Axes, y: str) -> None:
    if y == "accuracy":
        ax.yaxis.set_major_formatter(PERCENT)
    else:
        ax.set_ylim(bottom=0)
        ax.yaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:,.0f}" if abs(v) >= 10 or v == 0 else f"{v:.3g}"))


def _label_ends(ax: Axes, ends: Sequence[tuple[float, float, str, str]]) -> None:
    """Name lines at their right end, pushed apart where they would overlap."""
    low, high = ax.get_ylim()
    gap, last = 0.065 * (high - low), -np.inf
    for x, y, name, colour in sorted(ends, key=lambda end: end[1]):
        last = max(y, last + gap)
        ax.annotate(
            name,
            (x, last),
            (7, 0),
            textcoords="offset points",
            va="center",
            color=colour,
            fontsize=9,
            annotation_clip=False,
        )


def _need(frame: pd.DataFrame, *names: str) -> None:
    missing = [name for name in names if name not in frame]
    if missing:
        raise UsageError(f"the frame lacks {', '.join(missing)}; it has {', '.join(map(str, frame.columns))}")


__all__ = [
    "agents",
    "cascade",
    "contributions",
    "correlations",
    "disagreements",
    "pareto",
    "reliability",
    "styled",
    "sweep",
    "title",
]
