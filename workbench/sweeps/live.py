"""A sweep beside a notebook's event loop, with the grid of its cells under the notebook's cell."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.sweeps.campaign import Campaign, Options, State
from workbench.sweeps.progress import clock, summary

if TYPE_CHECKING:
    from workbench.sweeps.cells import Cell
    from workbench.sweeps.sweep import Sweep
    from workbench.widgets.cells import SweepGrid

LEAST_BETWEEN_S = 0.2


async def run_beside(sweep: Sweep, options: Options, max_cost_usd: float | None, live: bool | None) -> None:
    """Run the sweep in a thread; where somebody looks, or `live`, show its cells. Cancelled, it stops and waits."""
    loop = asyncio.get_running_loop()
    campaigns: list[Campaign] = []
    stop_asked = False

    def stop() -> None:
        nonlocal stop_asked
        stop_asked = True
        for campaign in campaigns:
            campaign.stop()

    shown = _Shown(sweep, stop) if _seen(live) else None

    def act(campaign: Campaign) -> None:
        campaigns.append(campaign)
        if stop_asked:
            campaign.stop()
        campaign.run()

    def tell(state: State) -> None:
        if shown is not None:
            loop.call_soon_threadsafe(shown.tell, state)

    work = asyncio.ensure_future(asyncio.to_thread(sweep.campaign, options, max_cost_usd, act, tell))
    try:
        await asyncio.shield(work)
    except asyncio.CancelledError:
        stop()
        await asyncio.wait([work])
        raise
    finally:
        if shown is not None:
            shown.end()


class _Shown:
    """The grid on the screen: drawn at once, then at most five times a second; its still follows by itself."""

    def __init__(self, sweep: Sweep, stop: Callable[[], None]) -> None:
        from IPython.display import display

        self._cells, self._begin, self._sent = sweep.cells, time.monotonic(), 0.0
        self._state: State | None = None
        self._grid = grid_of(sweep, stop)
        display(self._grid)

    def tell(self, state: State) -> None:
        self._state = state
        if time.monotonic() - self._sent >= LEAST_BETWEEN_S:
            self._send(running=True)

    def end(self) -> None:
        self._send(running=False)

    def _send(self, *, running: bool) -> None:
        self._sent = time.monotonic()
        if self._state is not None:
            words = f"{summary(self._state)}, {clock(self._sent - self._begin)} {'so far' if running else 'in all'}"
            states, errors = _picture(self._cells, self._state, running)
            self._grid.update(states, words, errors, running=running)


def _picture(cells: list[Cell], state: State, running: bool) -> tuple[str, dict[int, str]]:
    """A letter per cell, and why the failed ones did."""
    names = [cell.name for cell in cells]
    ended = {"done": "d", "resumed": "o"}
    letters = "".join(
        "f" if n in state.failed else "r" if running and n in state.running else ended.get(state.ended.get(n, ""), ".")
        for n in names
    )
    return letters, {i: state.failed[n] for i, n in enumerate(names) if n in state.failed}


def grid_of(sweep: Sweep, stop: Callable[[], object] | None = None) -> SweepGrid:
    """The grid of a sweep's cells: the axis with most values across, every combination of the others down."""
    from workbench.widgets.cells import MOST_COLUMNS, Square, SweepGrid

    root = server_root()
    asked = [{name: _short(value) for name, value in cell.parameters.items()} for cell in sweep.cells]
    axes = {name: list(dict.fromkeys(row[name] for row in asked if name in row)) for name in sweep.axes}
    varied = [name for name in axes if len(axes[name]) > 1 or any(name not in row for row in asked)]
    across = max(varied, key=lambda name: len(axes[name]), default="")
    columns, rows = axes.get(across, []), list[str]()
    places = []
    for row in asked:
        down = ", ".join(f"{name}={row[name]}" for name in varied if name != across and name in row)
        if down not in rows:
            rows.append(down)
        places.append(
            (rows.index(down) if len(rows) < 200 else -1, columns.index(row[across]) if across in row else -1)
        )
    if not 0 < len(columns) <= MOST_COLUMNS or len(set(places)) < len(places) or any(-1 in p for p in places):
        wide = min(MOST_COLUMNS, max(1, len(asked)))  # no table: one square after the other
        places, columns = [divmod(i, wide) for i in range(len(asked))], [""] * wide
        rows = [""] * (places[-1][0] + 1)
    squares = [
        Square(", ".join(f"{k}={v}" for k, v in row.items()) or cell.name, *place, _within(root, sweep, cell))
        for cell, row, place in zip(sweep.cells, asked, places, strict=True)
    ]
    title = f"{sweep.notebook.stem}: {len(squares)} cells" + (f" over {', '.join(varied)}" if varied else "")
    return SweepGrid(squares, rows, columns, title, stop, across if any(columns) else "")


def server_root() -> Path | None:
    """The folder that this kernel's Jupyter server shows; None where there is no server, or it does not say."""
    parent = os.environ.get("JPY_PARENT_PID", "")
    if "JPY_SESSION_NAME" not in os.environ or not parent.isdigit():
        return None
    from jupyter_core.paths import jupyter_runtime_dir

    try:
        info = json.loads(Path(jupyter_runtime_dir(), f"jpserver-{parent}.json").read_text())
    except (OSError, ValueError):
        return None
    root = info.get("root_dir")
    return Path(root).resolve() if isinstance(root, str) and root else None


def _within(root: Path | None, sweep: Sweep, cell: Cell) -> str | None:
    """The path of a cell's notebook as the server names it; None where the server does not show it."""
    from workbench.sweeps.one import NOTEBOOK_FILE

    if root is None or sweep.place.local is None or not sweep.place.local.is_relative_to(root):
        return None
    return (sweep.place.local / "cells" / cell.name / NOTEBOOK_FILE).relative_to(root).as_posix()


def _seen(live: bool | None) -> bool:
    """Whether to show the grid: asked for, or in a notebook in whose browser somebody looks."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if live is False or shell is None or not hasattr(shell, "kernel"):
        return False
    from workbench.widgets.showing import stills_only

    return live is True or ("JPY_SESSION_NAME" in os.environ and not stills_only())


def _short(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text.rsplit("/", 1)[-1] or text
