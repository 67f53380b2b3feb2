"""Keeping Runs in order: list them, remove them, check that a folder still holds what was written."""

from __future__ import annotations

import os
from typing import Any

import pyarrow as pa

from workbench.errors import DataError
from workbench.store import manifest as manifests
from workbench.store import seal, summary
from workbench.store.places import Place
from workbench.store.run import Run, is_run, open_runs


def list_runs(folder: str | os.PathLike[str]) -> list[dict[str, Any]]:
    """One row per Run: its path, size in bytes and summary numbers; of one that cannot be read, why (`broken`)."""
    return [_listed(run) for run in open_runs(folder)]


def _listed(run: Run) -> dict[str, Any]:
    place = Place(run.path)
    row = {"path": run.path, "bytes": sum(place.sizes().values())}
    try:
        return {**row, "created": run.manifest.get("created"), "sealed": run.sealed, **summary.numbers(run)}
    except (DataError, pa.ArrowInvalid, OSError) as error:
        return {**row, "run": place.name, "status": "broken", "broken": str(error)}


def own_files(place: Place) -> list[str]:
    """The files here that a Run consists of."""
    sizes = place.sizes()
    return [name for name in (*seal.span_files(sizes), seal.FILE, seal.TRACES, manifests.FILE) if name in sizes]


def remove(path: str | os.PathLike[str], *, force: bool = False) -> int:
    """Delete one Run's own files and return the bytes freed; the folder goes too where nothing else is in it.

    Raises DataError for what is no Run or is being written. An object store cannot tell who writes: there a Run that was not
    closed counts as being written, unless `force`.
    """
    place = Place(path)
    if not is_run(path):
        raise DataError(f"no run at {place.url!r}; nothing was removed")
    with manifests.locked(place):
        _refuse_busy(place, "nothing was removed", force)
        sizes, names = place.sizes(), own_files(place)
        for name in names:
            place.fs.rm_file(place.file(name))
    if place.local is not None and not place.local.is_symlink() and not any(place.local.iterdir()):
        place.local.rmdir()
    return sum(sizes[name] for name in names)


def _refuse_busy(place: Place, so: str, force: bool = False) -> None:
    if busy := seal.writers(place):
        raise DataError(f"{place.url} is being written ({', '.join(busy)}); {so}")
    if place.local is None and not force and _status(place) == "open":
        raise DataError(f"{place.url} was not closed and may still be written; {so}. If nobody writes: --force")


def _status(place: Place) -> Any:
    try:
        return manifests.read(place).get("status")
    except DataError:
        return None


def check(path: str | os.PathLike[str]) -> dict[str, Any]:
    """{path, ok, problems, notes} of one Run; a torn last line is a note (its span was lost with its process)."""
    run = Run(path)
    found = run.verify()
    notes = [line for line in found if "the last line is torn" in line]
    wrong = [line for line in found if line not in notes]
    return {"path": run.path, "ok": not wrong, "problems": wrong, "notes": notes}


def seal_run(path: str | os.PathLike[str], *, force: bool = False) -> dict[str, Any]:
    """Seal a Run that its process left open and mark it closed; {path, spans}. Refuses one being written, as `remove` does."""
    run = Run(path)
    place = Place(run.path)
    _refuse_busy(place, "it was not sealed", force)
    if not seal.span_files(place.sizes()):
        return {"path": run.path, "spans": (run.manifest.get("sealed") or {}).get("spans", 0)}
    if not run.closed:
        manifests.change(place, lambda found: {**found, "status": "stopped"})
    return {"path": run.path, "spans": seal.seal(place)["spans"]}
