"""The notebooks that come with the workbench: found by name, listed with their parameters, copied to work on."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from workbench.errors import UsageError, unknown
from workbench.sweeps.parameters import Parameter, load_notebook, read_parameters, source

_PACKAGE = Path(__file__).resolve().parents[1]
PLACES = (_PACKAGE / "notebooks", _PACKAGE.parent / "notebooks")
"""In an installed package, and in a checkout of the repository."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One notebook of the catalogue and the question it answers."""

    name: str
    path: Path
    question: str
    parameters: Mapping[str, Parameter]


def entries() -> dict[str, Entry]:
    """All notebooks with a parameters cell, by name."""
    found: dict[str, Entry] = {}
    for place in PLACES:
        for path in sorted(place.glob("*.ipynb")):
            notebook = load_notebook(path)
            try:
                parameters = read_parameters(notebook, path.name)
            except UsageError:
                continue
            found.setdefault(path.stem, Entry(path.stem, path, _question(notebook["cells"]), parameters))
    return found


def find(name: str | Path) -> Path:
    """A notebook's path from its path or its name in the catalogue."""
    path = Path(name)
    if path.exists() or path.suffix == ".ipynb" or len(path.parts) > 1:
        return path
    known = entries()
    if str(name) not in known:
        raise unknown("notebook", name, known)
    return known[str(name)].path


def copy(name: str, target: Path) -> Path:
    """Copy a notebook of the catalogue to a file or into a folder, never over another file."""
    path = find(name)
    target = target / path.name if target.is_dir() else target
    if target.exists():
        raise UsageError(f"{target} is there already; name another file")
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, target)
    return target


def _question(cells: list[dict[str, object]]) -> str:
    """The first heading of a notebook, or its first line of prose."""
    for cell in cells:
        if cell.get("cell_type") == "markdown":
            for line in source(cell).splitlines():
                if line.strip():
                    return line.strip().lstrip("# ").strip()
    return ""
