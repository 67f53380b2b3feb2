"""Cell: one point of the grid with its identity, the hash of all that decides its result."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from workbench.sweeps.parameters import source

DISTRIBUTION = "parallel-reasoning-workbench"


@cache
def package_version() -> str:
    """The installed version of the workbench, part of every cell's identity."""
    try:
        return metadata.version(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        return "unknown"


@dataclass(frozen=True, slots=True)
class Cell:
    """One execution of the notebook. `parameters` is what was asked, `given` what it is told (paths made absolute)."""

    index: int
    parameters: Mapping[str, Any]
    given: Mapping[str, Any]
    identity: str

    @property
    def name(self) -> str:
        """The cell's folder: its parameters for the eye, its identity for certainty."""
        words = "_".join(f"{key}={_short(value)}" for key, value in self.parameters.items())
        slug = re.sub(r"[^A-Za-z0-9=._+-]+", "-", words).strip("-.")[:80]
        return f"{slug}_{self.identity[:12]}" if slug else self.identity[:12]


def plan(notebook: Mapping[str, Any], rows: list[dict[str, Any]], base: Path | None = None) -> list[Cell]:
    """Cells for the rows of a grid. A value that names a file or folder under `base` counts by its content."""
    base = Path.cwd() if base is None else base
    root = f"{notebook_hash(notebook)}\n{package_version()}\n"
    known: dict[str, tuple[Any, Any]] = {}
    cells = []
    for index, row in enumerate(rows):
        given, counted = {}, {}
        for key, value in row.items():
            given[key], counted[key] = value, value
            if isinstance(value, str):
                if value not in known:
                    known[value] = _data(value, base)
                given[key], counted[key] = known[value]
        text = root + json.dumps(counted, sort_keys=True, default=str)
        cells.append(Cell(index, row, given, hashlib.sha256(text.encode()).hexdigest()))
    return cells


def notebook_hash(notebook: Mapping[str, Any]) -> str:
    """Hash of what a notebook does: its code, its kernel and its tags, never its outputs or its prose."""
    cells = [
        (source(cell), sorted(cell.get("metadata", {}).get("tags", ())))
        for cell in notebook["cells"]
        if cell.get("cell_type") == "code"
    ]
    kernel = notebook.get("metadata", {}).get("kernelspec", {}).get("name")
    return hashlib.sha256(json.dumps([cells, kernel]).encode()).hexdigest()


def _data(value: str, base: Path) -> tuple[Any, Any]:
    """A text parameter as given to the notebook and as counted in the identity; `replay:FILE` names a file too."""
    scheme, colon, rest = value.partition(":")
    prefix, text = (f"{scheme}:", rest) if colon and scheme.isidentifier() and len(scheme) > 1 else ("", value)
    if not text or len(text) > 1000 or "\n" in text or text.startswith("//"):
        return value, value
    path = base / text
    try:
        if path.is_file():
            return f"{prefix}{path.resolve()}", [prefix, "file", _file_hash(path)]
        if path.is_dir() and ("/" in text or (path / "run.json").is_file()):
            files = sorted(p for p in path.rglob("*") if p.is_file())
            listing = [(str(p.relative_to(path)), _file_hash(p)) for p in files]
            return f"{prefix}{path.resolve()}", [prefix, "folder", listing]
    except OSError:
        pass
    return value, value


def _file_hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _short(value: object) -> str:
    return value.rsplit("/", 1)[-1] if isinstance(value, str) else json.dumps(value, default=str)
