"""One cell: a notebook executed with its parameters, its result written so that it survives whatever comes next."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.errors import UsageError
from workbench.store.places import Place
from workbench.sweeps import running
from workbench.sweeps.cells import package_version
from workbench.sweeps.claims import claim
from workbench.sweeps.ledger import CELL_FILE, as_json, parsed, write_json
from workbench.sweeps.measures import read_measures, run_measures
from workbench.sweeps.server import KERNEL_LOST, ServerLost

NOTEBOOK_FILE = "notebook.ipynb"
RUN_FOLDER = "run"


@dataclass(frozen=True, slots=True)
class Job:
    """All that a worker, here or on another machine, must know to run one cell: plain values only, for it travels.

    `notebook` and `folder` are paths or URLs; `takes_out`: the notebook is told where its Run goes; `campaign` names the
    run of the sweep, so that it can be stopped.
    """

    notebook: str
    folder: str
    identity: str
    parameters: Mapping[str, Any]
    given: Mapping[str, Any]
    takes_out: bool = False
    attempt: int = 1
    kernel: str = "cold"
    modules: tuple[str, ...] = ()
    fresh: bool = False
    cwd: str | None = None
    timeout_s: float | None = None
    output_mib: float = 20.0
    campaign: str = ""
    workbench: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a cell ended: done, failed, stopped (by the user) or lost (with its fork server); `error` says why in one line.

    `notebook` and `run` are names in the cell's folder; None where there is none.
    """

    identity: str
    status: str
    seconds: float
    kernel: str
    error: str | None = None
    measures: Mapping[str, Any] = field(default_factory=dict)
    notebook: str | None = None
    run: str | None = None


def execute(job: Job) -> Outcome:
    """Run one cell in this process and write its folder: the executed notebook, the Run, and last `cell.json`."""
    begin = time.monotonic()
    place = Place(job.folder)
    if job.workbench and job.workbench != package_version():
        words = f"its worker has workbench {package_version()}, the sweep {job.workbench}: install the same"
        return Outcome(job.identity, "failed", 0.0, job.kernel, words)
    if not job.fresh and (before := _already(place, job)) is not None:
        return before
    try:
        if place.local is not None:
            place.local.mkdir(parents=True, exist_ok=True)
        with claim(place, RUN_FOLDER) as suffix, _workplace(place) as folder:
            if job.fresh and job.attempt == 1:
                _clear(place)
            return _execute(job, place, folder, suffix, begin)
    except OSError as failure:
        return Outcome(job.identity, "failed", time.monotonic() - begin, job.kernel, _words(failure))


def _execute(job: Job, place: Place, folder: Path, suffix: str, begin: float) -> Outcome:
    from workbench.sweeps import engine

    target = folder / f"{Path(NOTEBOOK_FILE).stem}{suffix}.ipynb"
    run = Place(folder) / (RUN_FOLDER + suffix) if _private(place) else place / (RUN_FOLDER + suffix)
    given = {**job.given, "out": run.url} if job.takes_out else job.given
    measures: dict[str, Any] = {}
    error: str | None = None
    kernel = job.kernel
    try:
        with suppress(FileNotFoundError):
            place.fs.rm_file(place.file(CELL_FILE))
        try:
            node = _run(job, given, kernel, target)
        except ServerLost:
            kernel = "cold"
            node = _run(job, given, kernel, target)
        measures = read_measures(node) or _measures_of_run(run)
        error = measures.get("stopped")  # a Run cut short by its budget or deadline is no result
    except engine.FAILURES as failure:
        error = engine.first_line(failure)
    if error is None:
        status = "done"
    elif running.stopped(job.campaign):
        status = "stopped"
    else:
        status = "lost" if error.startswith(KERNEL_LOST) else "failed"
    has_run = run.exists("run.json")
    outcome = Outcome(
        job.identity,
        status,
        time.monotonic() - begin,
        kernel,
        error,
        measures,
        target.name if target.is_file() else None,
        RUN_FOLDER + suffix if has_run else None,
    )
    if status in ("done", "failed"):
        record(job, outcome, folder)
    return outcome


def _run(job: Job, given: Mapping[str, Any], kernel: str, target: Path) -> Any:
    from workbench.sweeps import engine

    source = Path(job.notebook)
    if Place(job.notebook).local is None:
        parent, name = job.notebook.rsplit("/", 1)
        source = target.with_name(f".source-{name}")
        source.write_bytes(Place(parent).read(name))
    node, kernel_name = engine.prepare(source, target, given)
    manager = engine.manager(kernel, job.modules, kernel_name)
    return engine.run(
        node,
        kernel_name,
        target,
        manager=manager,
        timeout_s=job.timeout_s,
        output_mib=job.output_mib,
        cwd=job.cwd if job.cwd and Path(job.cwd).is_dir() else str(target.parent),
        campaign=job.campaign,
    )


def record(job: Job, outcome: Outcome, folder: Path | None = None) -> None:
    """Put all the cell wrote on the disk or behind its URL, and then say that it is there."""
    place = Place(job.folder)
    said = {
        "identity": job.identity,
        "status": outcome.status,
        "parameters": dict(job.parameters),
        "measures": dict(outcome.measures),
        "seconds": round(outcome.seconds, 3),
        "error": outcome.error,
        "attempt": job.attempt,
        "kernel": outcome.kernel,
        "notebook": outcome.notebook,
        "run": outcome.run,
        "workbench": package_version(),
    }
    if place.local is not None:
        for path in place.local.rglob("*"):
            with suppress(OSError):
                if path.is_file():
                    _sync(path)
        write_json(place.local / CELL_FILE, said)
        return
    for path in folder.rglob("*") if folder is not None else ():
        if path.is_file() and not path.name.startswith("."):
            place.fs.put_file(str(path), place.file(path.relative_to(folder).as_posix()))  # type: ignore[arg-type]
    place.write(CELL_FILE, as_json(said))


@contextmanager
def _workplace(place: Place) -> Iterator[Path]:
    """Where the notebook is written while it runs: the cell's folder, or a scratch folder where that is behind a URL."""
    if place.local is not None:
        yield place.local
        return
    with tempfile.TemporaryDirectory(prefix="workbench-cell-") as folder:
        yield Path(folder)


def _private(place: Place) -> bool:
    """Whether only this process sees the file system, so that its kernels cannot write there (memory://)."""
    return place.url.startswith("memory:")


def _already(place: Place, job: Job) -> Outcome | None:
    """The result of another execution of this very cell that ended well, though nobody heard of it."""
    try:
        found = parsed(place.read(CELL_FILE)) or {}
    except OSError:
        return None
    if found.get("status") != "done" or found.get("identity") != job.identity:
        return None
    names = ("identity", "status", "seconds", "kernel", "error", "measures", "notebook", "run")
    return Outcome(*(found.get(name) for name in names))  # type: ignore[arg-type]


def _clear(place: Place) -> None:
    """Remove what earlier executions left; the claim of this one stays."""
    from workbench.sweeps.claims import CLAIM_FILE

    for name in place.sizes():
        if name != CLAIM_FILE:
            place.fs.rm_file(place.file(name))
    for name in place.folders():
        place.fs.rm((place / name).path, recursive=True)


def _measures_of_run(place: Place) -> dict[str, Any]:
    """A notebook that concluded nothing but left a Run is measured by its Run."""
    if not place.exists("run.json"):
        return {}
    from workbench.store import Run

    try:
        return run_measures(Run(place.url))
    except UsageError:  # not a Run after all; what the notebook leaves there is its own affair
        return {}


def _words(failure: OSError) -> str:
    return f"{type(failure).__name__}: {failure}"


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
