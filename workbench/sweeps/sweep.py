"""Sweep: one notebook over a grid, in a folder that can be stopped, resumed and read at any time."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import DataError, UsageError, WorkbenchError
from workbench.store.places import Place
from workbench.sweeps import budget as budgets
from workbench.sweeps import catalogue
from workbench.sweeps.cells import Cell, notebook_hash, package_version, plan
from workbench.sweeps.grid import Grid
from workbench.sweeps.ledger import as_json, open_ledger, parsed
from workbench.sweeps.one import NOTEBOOK_FILE, Job
from workbench.sweeps.parameters import check, load_notebook, read_parameters

if TYPE_CHECKING:
    import pandas as pd

    from workbench.choose import Recommendation
    from workbench.sweeps.campaign import Campaign, Options, State
    from workbench.sweeps.policies import Policy

SWEEP_FILE = "sweep.json"
TABLE_FILE = "sweep.parquet"


class Sweep:
    """One parameterised notebook × a grid of choices; results in `out`, a folder or any fsspec URL (s3://bucket/my-sweep).

    The notebook is a file, or a name of the catalogue (`workbench notebooks`). It has a cell tagged `parameters`; of its
    names, `out` is the folder of the cell's Run, set by the sweep. It says what it found with `workbench.conclude(run)`.
    Nothing is run, and nothing written, before `run()`.

    >>> sweep = Sweep("notebooks/agent_count.ipynb", {"agents": [1, 3, 5], "strategy": ["parallel"]}, out="my-sweep")
    >>> sweep.run(jobs=2).frame()
    """

    def __init__(
        self,
        notebook: str | Path,
        grid: Grid | Mapping[str, Any] | Iterable[Mapping[str, Any]] | str | Path,
        out: str | os.PathLike[str] | None = None,
        *,
        base: str | Path | None = None,
    ) -> None:
        self.notebook = catalogue.find(notebook).resolve()
        self.grid = Grid.of(grid)
        self._settle(_place(out if out is not None else Path("traces", "runs", f"sweep-{self.notebook.stem}")))
        self.content = content = load_notebook(self.notebook)
        self.parameters = read_parameters(content, self.notebook.name)
        defaults = {name: p.default for name, p in self.parameters.items()}
        rows = self.grid.expand(defaults)
        if not rows:
            raise UsageError("the grid has no cells: its conditions leave nothing")
        check(rows, self.parameters, self.notebook.name)
        self.cells: list[Cell] = plan(content, rows, Path(base) if base is not None else None)
        self.notebook_hash = notebook_hash(content)

    def _settle(self, place: Place) -> None:
        self.place, self.ledger = place, open_ledger(place)
        self.out: Any = place.local or place.url  # a Path, or the text of a URL

    @classmethod
    def open(cls, folder: str | os.PathLike[str]) -> Sweep:
        """The sweep in a folder or behind a URL, as it was last run; it reads without the notebook it came from."""
        place = _place(folder)
        try:
            record = parsed(place.read(SWEEP_FILE))
        except OSError:
            record = None
        if record is None:
            raise DataError(f"{place.url} holds no sweep (no readable {SWEEP_FILE})")
        sweep = cls.__new__(cls)
        sweep._settle(place)
        sweep.notebook = Path(record["notebook"])
        sweep.content = {"cells": []}
        sweep.grid, sweep.notebook_hash, sweep.parameters = Grid(), record["notebook_hash"], {}
        sweep.cells = [
            Cell(i, cell["parameters"], cell["parameters"], cell["identity"]) for i, cell in enumerate(record["cells"])
        ]
        return sweep

    def run(
        self,
        jobs: int | None = None,
        *,
        resume: bool = True,
        retries: int = 0,
        timeout_s: float | None = None,
        max_cost_usd: float | None = None,
        kernel: str = "auto",
        executor: Executor | str | None = None,
        output_mib: float = 20.0,
        on_change: Callable[[State], None] | None = None,
    ) -> Sweep:
        """Run every cell that has no result yet, `jobs` at once (2; on a cluster, its threads); return self.

        A cell that fails is tried `retries` more times and then left as it is: its notebook tells why. `timeout_s`
        bounds a whole notebook. `max_cost_usd` bounds what all cells spend together; the notebook must then have a
        parameter `max_cost_usd` and pass it on to `run`. `kernel` is auto, cold, fork or bare. `executor` is any
        concurrent.futures.Executor, "threads", "processes", a Dask scheduler's address (tcp://host:8786) or slurm:FILE;
        workers on other machines must see `out`: a shared folder or a URL. `on_change` is called with the State of the
        sweep whenever it changes. Ctrl-C stops all kernels; what is finished stays. In a notebook, `await arun()` shows it.
        """
        from workbench.sweeps.campaign import Options

        options = Options(jobs, resume, retries, timeout_s, kernel, executor, output_mib)
        self.campaign(options, max_cost_usd, lambda campaign: campaign.run(), on_change)
        return self

    async def arun(
        self,
        jobs: int | None = None,
        *,
        live: bool | None = None,
        resume: bool = True,
        retries: int = 0,
        timeout_s: float | None = None,
        max_cost_usd: float | None = None,
        kernel: str = "auto",
        executor: Executor | str | None = None,
        output_mib: float = 20.0,
    ) -> Sweep:
        """`run` for a notebook: `await sweep.arun()` shows every cell as a square while it runs, with a button to stop.

        `live` None shows it where somebody can look. Stopped, it returns; what is finished stays, the rest is `planned`.
        """
        from workbench.sweeps.campaign import Options
        from workbench.sweeps.live import run_beside

        options = Options(jobs, resume, retries, timeout_s, kernel, executor, output_mib)
        await run_beside(self, options, max_cost_usd, live)
        return self

    def campaign(
        self,
        options: Options,
        max_cost_usd: float | None,
        act: Callable[[Campaign], Any],
        on_change: Callable[[State], None] | None,
    ) -> None:
        """Hold the folder and let `act` run the campaign; the table is written at the end, whatever happens."""
        from workbench.sweeps.campaign import Campaign

        if not self.parameters:
            raise UsageError("a sweep opened from its folder is for reading; to run it, make it of notebook and grid")
        if max_cost_usd is not None:
            self._needs_budget_parameter()
        with self.ledger.lock() as still_ours:
            self.place.write(NOTEBOOK_FILE, self.notebook.read_bytes())
            self._write_record()
            try:
                act(Campaign(self, options, budgets.Budget(max_cost_usd, self.ledger), on_change, still_ours))
            finally:
                try:
                    self.write_table()
                except OSError as error:
                    raise WorkbenchError(
                        f"{self.at(TABLE_FILE)} cannot be written ({error}); what is done is kept"
                    ) from error

    def at(self, *names: str) -> str:
        """The path or URL of something in the sweep's folder."""
        return "/".join([self.place.url, *names])

    def job(self, cell: Cell, **options: Any) -> Job:
        """What a worker needs for one cell."""
        given = dict(cell.given)
        granted = options.pop("granted_usd", None)
        if granted is not None:
            given[budgets.PARAMETER] = granted
        return Job(
            notebook=self.at(NOTEBOOK_FILE),
            folder=self.at("cells", cell.name),
            identity=cell.identity,
            parameters=dict(cell.parameters),
            given=given,
            takes_out="out" in self.parameters,
            cwd=str(self.notebook.parent),
            workbench=package_version(),
            **options,
        )

    def frame(self) -> pd.DataFrame:
        """One row per cell of the grid: its parameters, its measures, `status`, `seconds`, `error`, `notebook`, `run`.

        A measure that has the name of a parameter gets `_measured` at its end. Cells without a result are `planned`.
        """
        import pandas as pd

        results = self.ledger.results()
        rows = []
        for cell in self.cells:
            record = results.get(cell.identity, {})
            folder = record.get("folder", self.at("cells", cell.name))
            measures = {
                f"{k}_measured" if k in cell.parameters else k: v for k, v in record.get("measures", {}).items()
            }
            rows.append(
                {
                    "cell": cell.name,
                    **cell.parameters,
                    "status": record.get("status", "planned"),
                    **measures,
                    "seconds": record.get("seconds"),
                    "error": record.get("error"),
                    "notebook": f"{folder}/{record.get('notebook') or NOTEBOOK_FILE}",
                    "run": f"{folder}/{record['run']}" if record.get("run") else None,
                }
            )
        return pd.DataFrame(rows)

    @property
    def axes(self) -> list[str]:
        """Every parameter that the grid sets, in order."""
        return list(dict.fromkeys(name for cell in self.cells for name in cell.parameters))

    def pareto(self, objectives: Sequence[str] = ("cost_usd", "p95_s")) -> pd.DataFrame:
        """The choices, best accuracy first, with `front`: no other is as good in all and better in one."""
        from workbench.sweeps.concluding import choices

        return choices(self).pareto(objectives)

    def recommend(self, **limits: Any) -> Recommendation:
        """The best choice within `max_cost_usd` (per task), `max_p95_s`, `min_accuracy`, why, and how sure that is."""
        from workbench.sweeps.concluding import choices

        return choices(self).recommend(**limits)

    def policy(self, **limits: Any) -> Policy:
        """`recommend` for every task category and for all tasks: a table, and a picture (`.plot()`)."""
        from workbench.sweeps.policies import policy

        return policy(self, **limits)

    def write_table(self) -> str:
        """Write `sweep.parquet`: the frame, with values that are no numbers or texts as JSON. Returns its path or URL."""
        import json

        frame = self.frame()
        for name in frame.columns:
            kinds = {type(v) for v in frame[name] if v is not None}
            if kinds & {list, dict, tuple} or (str in kinds and len(kinds) > 1):
                frame[name] = [None if v is None else v if isinstance(v, str) else json.dumps(v) for v in frame[name]]
        packed = io.BytesIO()
        frame.to_parquet(packed)
        self.place.write(TABLE_FILE, packed.getvalue())
        return self.at(TABLE_FILE)

    def __repr__(self) -> str:
        done = len(self.ledger.done().keys() & {cell.identity for cell in self.cells})
        return f"Sweep({self.notebook.name}, {len(self.cells)} cells, {done} done, {self.out})"

    def _needs_budget_parameter(self) -> None:
        if budgets.PARAMETER not in self.parameters:
            raise UsageError(
                f"{self.notebook.name} has no parameter {budgets.PARAMETER!r}, so nothing can hold it to a budget: "
                f"add it to the parameters cell and pass it to run(…, {budgets.PARAMETER}={budgets.PARAMETER})"
            )
        if any(budgets.PARAMETER in cell.parameters for cell in self.cells):
            raise UsageError(f"{budgets.PARAMETER!r} is on the grid and an option of the sweep; one place must say it")

    def _write_record(self) -> None:
        record = {
            "notebook": str(self.notebook),
            "notebook_hash": self.notebook_hash,
            "workbench": package_version(),
            "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "cells": [{"identity": cell.identity, "parameters": dict(cell.parameters)} for cell in self.cells],
        }
        self.place.write(SWEEP_FILE, as_json(record))


def _place(out: str | os.PathLike[str]) -> Place:
    text = os.fspath(out)
    return Place(text if "://" in text else Path(text).resolve())
