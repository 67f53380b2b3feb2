"""The house style of figures: ink, colours that are safe for colour-blind readers, and titles in one place."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

INK, SOFT, LINE, ACCENT = "#1f2933", "#66737f", "#e4e7eb", "#0b7285"
PALETTE = (ACCENT, "#d9480f", "#6741d9", "#b8860b", "#5c940d", "#a61e4d", "#495057")
PERCENT = PercentFormatter(1.0, decimals=0)
STYLE: Any = {
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.edgecolor": LINE,
    "axes.labelcolor": SOFT,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": LINE,
    "grid.linewidth": 0.8,
    "text.color": INK,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "legend.frameon": False,
    "figure.dpi": 110,
    "savefig.bbox": "tight",
    "svg.hashsalt": "workbench",
}


@contextmanager
def styled() -> Iterator[None]:
    """The house style for figures made inside.

    The backend is chosen before: chosen inside, its "interactive" is undone at the end, and Jupyter shows no figure any more.
    """
    plt.draw_if_interactive()  # type: ignore[no-untyped-call]  # makes matplotlib choose
    with plt.rc_context(STYLE):
        yield


def title(ax: Axes, text: str) -> None:
    """Give a picture of this module another title, in its place (`ax.set_title` would write a second one beside it)."""
    ax.set_title(text, loc="left", fontsize=11, fontweight="bold", color=INK)
