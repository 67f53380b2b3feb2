"""One cell: a notebook executed with its parameters, its result written so that it survives whatever comes next."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.errors import UsageError
from workbench.sweeps import running
from workbench.sweeps.cells import package_version
from workbench.sweeps.ledger import CELL_FILE, write_json
from workbench.sweeps.measures import read_measures, run_measures
from workbench.sweeps.server import KERNEL_LOST, ServerLost

NOTEBOOK_FILE = "notebook.ipynb"
RUN_FOLDER = "run"


@dataclass(frozen=True, slots=True)
class Job:
    """All that a worker, here or on another machine, must know to run one cell: plain values only, for it travels."""

    notebook: str
    folder: str
    identity: str
    parameters: Mapping[str, Any]
    given: Mapping[str, Any]
    attempt: int = 1
    kernel: str = "cold"
    modules: tuple[str, ...] = ()
    fresh: bool = False
    cwd: str | None = None
    timeout_s: float | None = None
    output_mib: float = 20.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a cell ended: done, failed, stopped (by the user) or lost (with its fork server); `error` says why in one line."""

    identity: str
    status: str
    seconds: float
    kernel: str
    error: str | None = None
    measures: Mapping[str, Any] = field(default_factory=dict)


def execute(job: Job) -> Outcome:
    """Run one cell in this process and write its folder: the executed notebook, the Run, and last `cell.json`."""
    from workbench.sweeps import engine

    folder = Path(job.folder)
    target = folder / NOTEBOOK_FILE
    begin = time.monotonic()
    measures: dict[str, Any] = {}
    error: str | None = None
    kernel = job.kernel
    try:
        if job.fresh and job.attempt == 1:
            shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / CELL_FILE).unlink(missing_ok=True)
        try:
            node = _run(job, kernel, target)
        except ServerLost:
            kernel = "cold"
            node = _run(job, kernel, target)
        measures = read_measures(node) or _measures_of_run(folder / RUN_FOLDER)
        error = measures.get("stopped")  # a Run cut short by its budget or deadline is no result
    except engine.FAILURES as failure:
        error = engine.first_line(failure)
    if error is None:
        status = "done"
    elif running.stopping.is_set():
        status = "stopped"
    else:
        status = "lost" if error.startswith(KERNEL_LOST) else "failed"
    outcome = Outcome(job.identity, status, time.monotonic() - begin, kernel, error, measures)
    if status in ("done", "failed"):
        record(job, outcome)
    return outcome


def _run(job: Job, kernel: str, target: Path) -> Any:
    from workbench.sweeps import engine

    node, kernel_name = engine.prepare(Path(job.notebook), target, job.given)
    manager = engine.manager(kernel, job.modules, kernel_name)
    return engine.run(
        node, kernel_name, target, manager=manager, timeout_s=job.timeout_s, output_mib=job.output_mib, cwd=job.cwd
    )


def record(job: Job, outcome: Outcome) -> None:
    """Put all the cell wrote on the disk, and then say that it is there."""
    folder = Path(job.folder)
    for path in folder.rglob("*"):
        with suppress(OSError):
            if path.is_file():
                _sync(path)
    write_json(
        folder / CELL_FILE,
        {
            "identity": job.identity,
            "status": outcome.status,
            "parameters": dict(job.parameters),
            "measures": dict(outcome.measures),
            "seconds": round(outcome.seconds, 3),
            "error": outcome.error,
            "attempt": job.attempt,
            "kernel": outcome.kernel,
            "workbench": package_version(),
        },
    )


def _measures_of_run(folder: Path) -> dict[str, Any]:
    """A notebook that concluded nothing but left a Run is measured by its Run."""
    if not (folder / "run.json").is_file():
        return {}
    from workbench.store import Run

    try:
        return run_measures(Run(folder))
    except UsageError:  # not a Run after all; what the notebook leaves there is its own affair
        return {}


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
