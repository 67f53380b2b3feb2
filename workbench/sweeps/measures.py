"""What a cell found: the notebook says it with `conclude`, and the sweep reads it from the executed notebook."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workbench.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd

    from workbench.store import Run

MIME = "application/vnd.workbench.measures+json"
INTERVALS = (("tokens_per_task", "tokens"), ("latency_s", "wall_s"))
"""Measure and column of the answers, for amounts per task."""
ELSEWHERE = ("run", "tasks")
"""Of `workbench.measures`: the path stands in the sweep's frame, and attempts are no choice's measure (see task_count)."""


class Conclusion:
    """The measures of one cell; shows as a short table in JupyterLab and as a line of text elsewhere."""

    def __init__(self, measures: Mapping[str, Any]) -> None:
        self.measures = {name: _plain(name, value) for name, value in measures.items()}

    def __repr__(self) -> str:
        return "  ".join(f"{name} {_shown(value)}" for name, value in self.measures.items()) or "nothing concluded"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        import html

        rows = "".join(
            f"<tr><th style='text-align:left'>{html.escape(k)}</th><td>{html.escape(_shown(v))}</td></tr>"
            for k, v in self.measures.items()
        )
        return {"text/plain": repr(self), "text/html": f"<table>{rows}</table>", MIME: self.measures}


def conclude(run: Run | None = None, /, **measures: Any) -> Conclusion:
    """Record what this notebook found: the standard measures of its Run, and more by name (number, text, bool, None).

    Called from a notebook, it displays them; a sweep makes its row of them. The last call for a name wins.
    """
    found = Conclusion({**(run_measures(run) if run is not None else {}), **measures})
    try:
        from IPython.core.getipython import get_ipython
    except ImportError:
        return found
    if get_ipython() is not None:
        from IPython.display import display

        display(found)
        found._ipython_display_ = lambda: None  # type: ignore[attr-defined]  # shown once, also on a cell's last line
    return found


def run_measures(run: Run) -> dict[str, Any]:
    """The measures every Run has: `workbench.measures`, and amounts per task with their 95 % interval, clustered by task.

    Times are seconds. What the Run does not tell (a score nobody gave, a price nobody knows) is left out.
    """
    from workbench import frames, measuring

    table = frames.answers(run)
    table = table.assign(tokens=table["input_tokens"] + table["output_tokens"])
    base = {
        name: value for name, value in measuring.measures(run).items() if name not in ELSEWHERE and value is not None
    }
    found: dict[str, Any] = {
        "task_count": int(table["task_id"].nunique()),
        "errors": int(table["error"].notna().sum()),
        **base,
    }
    for name, column in INTERVALS:
        mean, low, high = _interval(table, column)
        found |= {name: mean, f"{name}_low": max(0.0, low), f"{name}_high": high}
    found |= {
        "calls": int(table["calls"].sum()),
        "p50_s": float(table["wall_s"].quantile(0.5)),
        "p95_s": float(table["wall_s"].quantile(0.95)),
    }
    stopped = run.manifest.get("stopped")
    return found | ({"stopped": str(stopped)} if stopped else {})


def read_measures(notebook: Mapping[str, Any]) -> dict[str, Any]:
    """All measures an executed notebook concluded."""
    found: dict[str, Any] = {}
    for cell in notebook["cells"]:
        for output in cell.get("outputs", ()):
            measures = output.get("data", {}).get(MIME)
            if isinstance(measures, Mapping):
                found.update(measures)
    return found


def _interval(table: pd.DataFrame, column: str) -> tuple[float, float, float]:
    """Mean and its 95 % interval over tasks (Student's t of the task means, so that repeats do not narrow it)."""
    from scipy import stats

    means = table.groupby("task_id")[column].mean().dropna().to_numpy(dtype=float)
    mean = float(means.mean()) if len(means) else math.nan
    if len(means) < 2:
        return mean, math.nan, math.nan
    half = float(means.std(ddof=1) / math.sqrt(len(means)) * stats.t.ppf(0.975, len(means) - 1))
    return mean, mean - half, mean + half


def _plain(name: str, value: Any) -> Any:
    if hasattr(value, "item"):  # a NumPy scalar
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, str | int | bool):
        return value
    raise UsageError(f"a measure is a number, a text, a bool or None; {name!r} is {type(value).__name__}")


def _shown(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
