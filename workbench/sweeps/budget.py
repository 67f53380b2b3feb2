"""Budget: dollars shared by all cells of a sweep, handed out before a cell starts and settled when it has ended.

What was handed out can never exceed the whole, so no number of workers can overspend it. A grant that never settled,
because its sweep was killed, is settled by what the cell's Run recorded, or counts in full where that cannot be read.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.errors import UsageError
from workbench.sweeps.ledger import Ledger

PARAMETER = "max_cost_usd"


class Budget:
    """`total_usd` for the whole sweep, over all its runs in this folder; None is no bound."""

    def __init__(self, total_usd: float | None, ledger: Ledger) -> None:
        if total_usd is not None and not total_usd >= 0:
            raise UsageError(f"max_cost_usd must not be negative, got {total_usd!r}")
        self.total_usd = total_usd
        self._ledger = ledger
        self.settled_usd, self._open = ledger.spending()

    def recover(self, folders: Mapping[str, Path]) -> None:
        """Settle the grants of a sweep that was killed; `folders` gives each cell's folder."""
        for cell in list(self._open):
            self.settle(cell, folders.get(cell), {})

    @property
    def left_usd(self) -> float:
        """What can still be handed out."""
        if self.total_usd is None:
            return float("inf")
        return max(0.0, self.total_usd - self.settled_usd - sum(self._open.values()))

    def grant(self, cell: str, slots: int) -> float | None:
        """Dollars for one cell where `slots` more may start now; None without a bound; 0 when nothing is left."""
        if self.total_usd is None:
            return None
        granted = self.left_usd / max(1, slots)
        if granted > 0:
            self._ledger.spend(cell=cell, granted_usd=granted)
            self._open[cell] = granted
        return granted

    def settle(self, cell: str, folder: Path | None, measures: Mapping[str, Any]) -> None:
        """Put down what a cell spent, and free the rest of what it was granted."""
        granted = self._open.pop(cell, None)
        if granted is None:
            return
        spent = run_cost_usd(folder / "run") if folder is not None else None
        if spent is None:
            spent = measures.get("cost_usd", granted)
        self._ledger.spend(cell=cell, spent_usd=spent)
        self.settled_usd += spent


def run_cost_usd(folder: Path) -> float | None:
    """Dollars that the calls of a Run cost, finished or not; None where there is no readable Run."""
    if not (folder / "run.json").is_file():
        return None
    from workbench import frames
    from workbench.store import Run

    try:
        return float(frames.calls(Run(folder))["cost_usd"].sum())
    except UsageError:
        return None
