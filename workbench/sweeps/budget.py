"""Budget: dollars shared by all cells of a sweep, handed out before a cell starts and settled when it has ended.

What was handed out can never exceed the whole, so no number of workers can overspend it. A grant that never settled,
because its sweep was killed, is settled by what the cell's Run recorded, or counts in full where that cannot be read.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from workbench.errors import UsageError
from workbench.store.places import Place
from workbench.sweeps.ledger import Ledger
from workbench.sweeps.one import RUN_FOLDER

PARAMETER = "max_cost_usd"


class Budget:
    """`total_usd` for the whole sweep, over all its runs in this folder; None is no bound."""

    def __init__(self, total_usd: float | None, ledger: Ledger) -> None:
        if total_usd is not None and not total_usd >= 0:
            raise UsageError(f"max_cost_usd must not be negative, got {total_usd!r}")
        self.total_usd = total_usd
        self._ledger = ledger
        self.settled_usd, self._open = ledger.spending()
        self._before: dict[
            str, float
        ] = {}  # what a cell's Run had cost when its grant was given: a resumed Run has a past

    def recover(self, folders: Mapping[str, str]) -> None:
        """Settle the grants of a sweep that was killed; `folders` gives each cell's folder."""
        for cell in list(self._open):
            self.settle(cell, folders.get(cell), {})

    @property
    def left_usd(self) -> float:
        """What can still be handed out."""
        if self.total_usd is None:
            return float("inf")
        return max(0.0, self.total_usd - self.settled_usd - sum(self._open.values()))

    def grant(self, cell: str, slots: int, folder: str | None = None) -> float | None:
        """Dollars for one cell where `slots` more may start now; None without a bound; 0 when nothing is left."""
        if self.total_usd is None:
            return None
        granted = self.left_usd / max(1, slots)
        if granted > 0:
            self._ledger.spend(cell=cell, granted_usd=granted)
            self._open[cell] = granted
            self._before[cell] = (runs_cost_usd(folder) or 0.0) if folder is not None else 0.0
        return granted

    def settle(self, cell: str, folder: str | None, measures: Mapping[str, Any]) -> None:
        """Put down what a cell spent, and free the rest of what it was granted."""
        granted = self._open.pop(cell, None)
        if granted is None:
            return
        spent = runs_cost_usd(folder) if folder is not None else None
        if spent is None:
            spent = measures.get("cost_usd", granted)
        elif spent >= (before := self._before.pop(cell, 0.0)):
            spent -= before
        self._ledger.spend(cell=cell, spent_usd=spent)
        self.settled_usd += spent


def runs_cost_usd(folder: str) -> float | None:
    """Dollars that the calls of the Runs in a cell's folder cost, finished or not; None where there is no readable Run.

    As a rule there is one. Where a worker that was thought dead went on, there are two, and what the second took over from
    the first counts twice: a budget rather ends early than is exceeded.
    """
    from workbench import frames
    from workbench.store import Run

    place = Place(folder)
    spent = None
    for name in place.folders():
        if name.startswith(RUN_FOLDER) and (place / name).exists("run.json"):
            with suppress(UsageError):
                spent = (spent or 0.0) + float(frames.calls(Run((place / name).url))["cost_usd"].sum())
    return spent
