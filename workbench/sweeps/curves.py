"""The sweep's figure: each main measure over one numeric axis, a line per combination of the other choices."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

PANELS = {"accuracy": "accuracy", "tokens_per_task": "tokens per task", "latency_s": "latency per task (s)"}


def axis(frame: pd.DataFrame, names: Sequence[str]) -> str | None:
    """`agents` if it was swept, else the first parameter with at least two numbers."""
    import pandas as pd

    numeric = [
        n
        for n in names
        if n in frame and n != "seed" and pd.api.types.is_numeric_dtype(frame[n]) and frame[n].nunique() > 1
    ]
    if not numeric or not any(panel in frame for panel in PANELS):
        return None
    return "agents" if "agents" in numeric else numeric[0]


def draw(frame: pd.DataFrame, over: str, others: Sequence[str], path: Path) -> None:
    """Write the figure to `path` and, as SVG, beside it. Bars are the cells' own 95 % intervals where they have one."""
    import matplotlib.pyplot as plt
    import seaborn as sns

    from workbench.housestyle import PALETTE, styled

    panels = [p for p in PANELS if p in frame and frame[p].notna().any()]
    split = [n for n in others if n != "seed" and n in frame and frame[n].astype(str).nunique() > 1]
    lines = frame[split].astype(str).agg(" · ".join, axis=1) if split else None
    with styled(), sns.color_palette(PALETTE):
        drawing, axes = plt.subplots(1, len(panels), figsize=(4.2 * len(panels), 3.6), squeeze=False)
        for panel, ax in zip(panels, axes[0], strict=True):
            sns.lineplot(
                frame, x=over, y=panel, hue=lines, marker="o", errorbar=("ci", 95), ax=ax, legend=panel == panels[-1]
            )
            if f"{panel}_low" in frame and not frame.duplicated([over, *split]).any():
                groups = [frame[lines == name] for name in lines.unique()] if lines is not None else [frame]
                for group, colour in zip(groups, PALETTE, strict=False):
                    _bars(ax, group, over, panel, colour)
            ax.set(xlabel=over, ylabel=PANELS[panel])
            ax.set_xticks(sorted(frame[over].unique()))
            if panel != "accuracy":
                ax.set_ylim(bottom=0)
        if split:
            axes[0][-1].legend(title=" · ".join(split), fontsize="small", loc="upper left", bbox_to_anchor=(1.02, 1))
        drawing.tight_layout()
        for target in (path, path.with_suffix(".svg")):
            drawing.savefig(target, dpi=150, metadata={"Date": None} if target.suffix == ".svg" else None)
        plt.close(drawing)


def _bars(ax: Axes, frame: pd.DataFrame, over: str, panel: str, colour: str) -> None:
    known = frame.dropna(subset=[panel, f"{panel}_low", f"{panel}_high"])
    spread = [known[panel] - known[f"{panel}_low"], known[f"{panel}_high"] - known[panel]]
    ax.errorbar(known[over], known[panel], yerr=spread, fmt="none", ecolor=colour, capsize=3, lw=1, alpha=0.7)
