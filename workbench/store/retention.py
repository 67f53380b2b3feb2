"""Keeping Runs in order: list them, remove them, check that a folder still holds what was written."""

from __future__ import annotations

import os
from typing import Any

from workbench.errors import DataError
from workbench.store import manifest as manifests
from workbench.store import seal, summary
from workbench.store.places import Place
from workbench.store.run import Run, is_run, open_runs


def list_runs(folder: str | os.PathLike[str]) -> list[dict[str, Any]]:
    """One row per Run: its path, size in bytes and summary numbers."""
    rows = []
    for run in open_runs(folder):
        place = Place(run.path)
        rows.append(
            {
                "path": run.path,
                "created": run.manifest.get("created"),
                "bytes": sum(place.sizes().values()),
                "sealed": run.sealed,
                **summary.numbers(run),
            }
        )
    return rows


def remove(path: str | os.PathLike[str]) -> int:
    """Delete one Run with all its files and return the bytes freed. Refuses what is no Run or is being written."""
    place = Place(path)
    if not is_run(path):
        raise DataError(f"no run at {place.url!r}; nothing was removed")
    if busy := seal.writers(place):
        raise DataError(f"{place.url} is being written ({', '.join(busy)}); nothing was removed")
    freed = sum(place.sizes().values())
    place.fs.rm(place.path, recursive=True)
    return freed


def check(path: str | os.PathLike[str]) -> dict[str, Any]:
    """{path, ok, problems, notes} of one Run; a torn last line is a note (its span was lost with its process)."""
    run = Run(path)
    found = run.verify()
    notes = [line for line in found if "the last line is torn" in line]
    wrong = [line for line in found if line not in notes]
    return {"path": run.path, "ok": not wrong, "problems": wrong, "notes": notes}


def seal_run(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Seal a Run that its process left open and mark it closed; {path, spans}. Refuses one that is being written."""
    run = Run(path)
    place = Place(run.path)
    if busy := seal.writers(place):
        raise DataError(f"{place.url} is being written ({', '.join(busy)}); it was not sealed")
    if not seal.span_files(place.sizes()):
        return {"path": run.path, "spans": (run.manifest.get("sealed") or {}).get("spans", 0)}
    if not run.closed:
        manifests.change(place, lambda found: {**found, "status": "stopped"})
    return {"path": run.path, "spans": seal.seal(place)["spans"]}
