"""Pictures of plans: dollars against time with the front, and what memory is spent on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.planner.load import Load
from workbench.planner.memory import memory
from workbench.planner.workload import Placement

if TYPE_CHECKING:
    import pandas as pd


def plot_pareto(frame: pd.DataFrame, ax: Any = None) -> Any:
    """Dollars per request against p95 of the end-to-end time, with 80 % intervals; the front is joined. Returns the Axes."""
    import matplotlib.pyplot as plt

    if ax is None:
        _, ax = plt.subplots(figsize=(6.4, 4))
    good = frame[frame["refused"] == ""].sort_values("e2e_p95_s")
    for front, part in good.groupby("pareto"):
        x, y = part["e2e_p95_s"], part["usd_per_request"]
        spread_x = [x - part["e2e_p95_s_low"], part["e2e_p95_s_high"] - x]
        spread_y = [(y - part["usd_per_request_low"]).clip(lower=0), (part["usd_per_request_high"] - y).clip(lower=0)]
        ax.errorbar(x, y, xerr=spread_x, yerr=spread_y, fmt="o-" if front else "o", capsize=2, alpha=1.0 if front else 0.45,
                    label="not beaten" if front else "beaten in both", lw=1)  # fmt: skip
    for row in good[good["pareto"]].itertuples():
        ax.annotate(f"{row.n_gpus}x {row.gpu} {row.placement}", (row.e2e_p95_s, row.usd_per_request), fontsize=7,
                    xytext=(4, 4), textcoords="offset points")  # fmt: skip
    ax.set(xlabel="end-to-end time, 95th percentile (s)", ylabel="dollars per request", xscale="log", yscale="log")
    ax.legend(frameon=False)
    return ax


def plot_memory(place: Placement, load: Load, agents: tuple[int, ...] = (1, 3, 5, 10), ax: Any = None) -> Any:
    """Stacked bars of one GPU's memory: weights, engine, the shared prefix and threads of one request. Returns the Axes."""
    import matplotlib.pyplot as plt

    if ax is None:
        _, ax = plt.subplots(figsize=(6.4, 2.6))
    for i, count in enumerate(agents):
        use = memory(place, load.context_tokens, load.prefix_tokens, count)
        threads = count * use.cache_per_thread_gib
        parts = {"weights": use.weights_gib, "engine": use.overhead_gib, "threads of one request": threads}
        left = 0.0
        for number, (name, gib) in enumerate(parts.items()):
            ax.barh(i, gib, left=left, color=f"C{number}", label=name if i == 0 else None)
            left += gib
        ax.text(left, i, f"  {use.max_threads // count} such requests fit", va="center", fontsize=8)
    ax.axvline(place.gpu.memory_gib, color="k", lw=1, ls="--")
    names = [f"{n} agent{'s' * (n > 1)}" for n in agents]
    ax.set(yticks=range(len(agents)), yticklabels=names, xlabel=f"GiB on one {place.gpu.name}")
    ax.legend(frameon=False, fontsize=8, loc="lower right")
    return ax
