"""Report: what a sweep found, as a table for the terminal and a figure."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table

    from workbench.sweeps.sweep import Sweep

FIGURE_FILE = "sweep.png"
NUMBERS = {
    "accuracy": "{:.3f}",
    "tokens_per_task": "{:,.0f}",
    "latency_s": "{:.3g}",
    "p95_s": "{:.3g}",
    "cost_usd": "${:.4f}",
}
"""The measures a table shows when they are there, and how."""


def table(sweep: Sweep, frame: pd.DataFrame | None = None) -> Table:
    """A rich table, one row per cell: what differs between cells, and the main measures with their intervals."""
    from rich.table import Table
    from rich.text import Text

    frame = sweep.frame() if frame is None else frame
    names = [n for n in sweep.axes if frame[n].astype(str).nunique(dropna=False) > 1]
    measures = [n for n in NUMBERS if n in frame and frame[n].notna().any()]
    known = {"cell", "status", "seconds", "error", "notebook", "run", *sweep.axes}
    if not measures:
        measures = [str(n) for n in frame if n not in known][:6]
    shown = Table(title=None, header_style="bold")
    for name in [*(names or ["cell"]), "status", *measures, "seconds"]:
        shown.add_column(
            name.replace("_", " "),
            no_wrap=name == "accuracy",
            justify="left" if name in ("cell", "status", *names) else "right",
        )
    for row in frame.to_dict("records"):
        status = Text(row["status"], style={"done": "green", "failed": "red"}.get(row["status"], "dim"))
        shown.add_row(
            *(str(row[n]) for n in names or ["cell"]),
            status,
            *(_number(row, n) for n in measures),
            _format("{:.1f}", row["seconds"]),
        )
    return shown


def failures(frame: pd.DataFrame) -> list[str]:
    """One line per failed cell: which, why, and where its notebook is."""
    failed = frame[frame["status"] == "failed"]
    return [
        f"{row['cell'].rsplit('_', 1)[0]}: {row['error']}\n  {row['notebook']}" for row in failed.to_dict("records")
    ]


def figure(sweep: Sweep, path: Path | None = None) -> str | None:
    """Draw accuracy, tokens and latency over the agents (or the first numeric axis) to `sweep.png` and `.svg`.

    Returns the PNG's path or URL; None when no axis is a number or no cell is done.
    """
    from workbench.sweeps import curves

    frame = sweep.frame()
    frame = frame[frame["status"] == "done"]
    axis = curves.axis(frame, sweep.axes)
    if axis is None:
        return None
    others = [n for n in sweep.axes if n != axis]
    if path is not None:
        curves.draw(frame, axis, others, path)
        return str(path)
    with tempfile.TemporaryDirectory() as folder:
        drawn = Path(folder, FIGURE_FILE)
        curves.draw(frame, axis, others, drawn)
        for file in (drawn, drawn.with_suffix(".svg")):
            sweep.place.write(file.name, file.read_bytes())
    return sweep.at(FIGURE_FILE)


def _number(row: Mapping[Any, Any], name: str) -> str:
    text = _format(NUMBERS.get(name, "{}"), row[name])
    low, high = row.get(f"{name}_low"), row.get(f"{name}_high")
    return f"{text} [{low:.2f}, {high:.2f}]" if name == "accuracy" and low is not None and low == low else text


def _format(form: str, value: Any) -> str:
    return "" if value is None or value != value else form.format(value)
