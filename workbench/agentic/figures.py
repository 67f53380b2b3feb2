"""Figures of the agentic qualities, each a frame in and matplotlib Axes out; a band or bar is the interval of its numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from workbench.agentic import failing, forgetting, keeping
from workbench.agentic.correlation import Divergence
from workbench.housestyle import ACCENT, INK, PALETTE, PERCENT, SOFT, STYLE

if TYPE_CHECKING:
    from workbench.agentic.summary import Qualities


def over(
    curve: pd.DataFrame,
    x: str = "step",
    *,
    label: str = "",
    colour: str = ACCENT,
    fit: Any = None,
    title: str = "",
    ax: Any = None,
) -> Any:
    """A share over steps or distance with its band (`over_steps`, `recall`, `violations_over_steps`), and a fitted half-life."""
    ax = _axes(ax)
    if x not in curve or curve.empty:
        return _nothing(ax, title)
    ax.plot(
        curve[x],
        curve["value"],
        color=colour,
        lw=1.8,
        marker="o",
        ms=4,
        mec="white",
        mew=0.8,
        zorder=3,
        label=label or None,
    )
    ax.fill_between(curve[x], curve["low"], curve["high"], color=colour, alpha=0.13, lw=0)
    if fit is not None:
        at = np.linspace(0, float(curve[x].max()), 100)
        ax.plot(at, fit.at(at), color=SOFT, lw=1, ls=(0, (3, 2)))
        ax.text(0.98, 0.95, _half(fit), transform=ax.transAxes, ha="right", va="top", color=SOFT, fontsize=9)
    ax.yaxis.set_major_formatter(PERCENT)
    ax.set(xlabel={"distance": "steps since the fact was planted"}.get(x, x), ylim=(-0.02, 1.02))
    return _title(ax, title)


def outcomes(steps: pd.DataFrame, *, within: int = failing.WITHIN, ax: Any = None) -> Any:
    """What came of each failure (`incidents`): the share of each outcome with its interval."""
    ax = _axes(ax)
    found = failing.recovery(steps, within=within).set_index("measure").loc[list(failing.OUTCOMES)]
    if found["value"].isna().all():
        return _nothing(ax, "after a failure")
    at = np.arange(len(found))[::-1]
    ax.hlines(at, found["low"], found["high"], color=ACCENT, alpha=0.3, lw=4)
    ax.scatter(found["value"], at, color=ACCENT, s=34, edgecolor="white", lw=0.8, zorder=3)
    ax.set_yticks(at, found.index)
    ax.grid(axis="y", visible=False)
    ax.xaxis.set_major_formatter(PERCENT)
    ax.set(xlim=(-0.03, 1.03), ylim=(-0.6, len(found) - 0.4), xlabel=f"of {int(found['n'].iloc[0]):,} incidents")
    return _title(ax, "after a failure")


def survival(checks: pd.DataFrame, *, ax: Any = None) -> Any:
    """The share of trajectories that broke no rule yet, over steps (`survival_of_rules`)."""
    ax = _axes(ax)
    if checks.empty:
        return _nothing(ax, "no rule broken yet")
    curve = keeping.survival_of_rules(checks)
    ax.step(curve["step"], curve["survival"], where="post", color=ACCENT, lw=1.8)
    ax.fill_between(curve["step"], curve["low"], curve["high"], step="post", color=ACCENT, alpha=0.13, lw=0)
    ax.yaxis.set_major_formatter(PERCENT)
    ax.set(xlabel="steps", ylim=(-0.02, 1.02), xlim=(0, None))
    return _title(ax, "no rule broken yet")


def figure(found: Qualities) -> Any:
    """The four curves of a run: recall over distance, accuracy over steps, what came of failures, rules kept over steps."""
    import matplotlib.pyplot as plt

    steps = found.steps
    with plt.rc_context(STYLE):
        drawn, axes = plt.subplots(1, 4, figsize=(15.5, 3.3), layout="constrained")
        recall = forgetting.recall(steps)
        fit = forgetting.recall_half_life(steps) if len(recall) else None
        over(recall, "distance", fit=fit, title="recall of planted facts", ax=axes[0])
        column, name = next(
            ((c, n) for c, n in _OVER_STEPS if steps[c].notna().any()), ("right", "right actions")
        )  # fmt: skip
        over(forgetting.over_steps(steps, column), title=name, ax=axes[1])
        outcomes(steps, ax=axes[2])
        survival(found.checks, ax=axes[3])
    plt.close(drawn)
    return drawn


_OVER_STEPS = (("right", "right actions"), ("state_right", "state as it should be"), ("grounded", "grounded arguments"))


def compare(curves: dict[str, pd.DataFrame], x: str = "step", *, title: str = "", ax: Any = None) -> Any:
    """Several shares over steps or distance, one line per name, with a legend."""
    ax = _axes(ax)
    drawn = {name: curve for name, curve in curves.items() if len(curve)}
    if not drawn:
        return _nothing(ax, title)
    for i, (name, curve) in enumerate(drawn.items()):
        over(curve, x, label=name, colour=PALETTE[i % len(PALETTE)], title=title, ax=ax)
    ax.legend(frameon=False, fontsize=9, loc="best")
    return ax


def diverging(found: Divergence, *, ax: Any = None) -> Any:
    """Agentic score over single-answer accuracy, one dot per name; the diagonal is no gap, the correlation is written in."""
    ax = _axes(ax)
    table = found.table
    ax.plot([0, 1], [0, 1], color=SOFT, lw=1, ls=(0, (2, 3)))
    ax.scatter(table["single"], table["agentic"], color=ACCENT, s=36, edgecolor="white", lw=0.8, zorder=3)
    for name, x, y in zip(table["name"], table["single"], table["agentic"], strict=True):
        ax.annotate(str(name), (x, y), (5, 4), textcoords="offset points", fontsize=8.5, color=INK)
    ax.xaxis.set_major_formatter(PERCENT)
    ax.yaxis.set_major_formatter(PERCENT)
    rho = found.spearman
    ax.text(0.98, 0.03, f"Spearman {rho.value:+.2f} ({rho.low:+.2f} to {rho.high:+.2f})", transform=ax.transAxes, ha="right",
            color=SOFT, fontsize=9)  # fmt: skip
    ax.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), xlabel="single answers right", ylabel="agentic score")
    return _title(ax, "single answers against agentic work")


def _half(fit: Any) -> str:
    if not np.isfinite(fit.steps):
        return f"no fall seen (half-life over {fit.low:,.0f} steps)"
    high = f"{fit.high:,.0f}" if np.isfinite(fit.high) else "∞"
    return f"half-life {fit.steps:,.0f} steps ({fit.low:,.0f} to {high})"


def _axes(ax: Any) -> Any:
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    with plt.rc_context(STYLE):
        return plt.subplots(figsize=(5.2, 3.5), layout="constrained")[1]


def _title(ax: Any, text: str) -> Any:
    ax.set_title(text, loc="left", fontsize=11, fontweight="bold", color=INK)
    return ax


def _nothing(ax: Any, title: str) -> Any:
    ax.text(0.5, 0.5, "not recorded", transform=ax.transAxes, ha="center", va="center", color=SOFT)
    ax.set_xticks([])
    ax.set_yticks([])
    return _title(ax, title)
