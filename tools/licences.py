"""List what the workbench stands on and under which licence: python tools/licences.py writes docs/licences.md.

Names, versions and licences are read from the installed packages; the list is of what `pip install parallel-reasoning-workbench`
brings, direct dependencies first. A licence that forbids use beside Apache-2.0 makes it fail.
"""

from __future__ import annotations

import re
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
OURS = "parallel-reasoning-workbench"
REFUSED = re.compile(
    r"\b(AGPL|GPL-[23]|GNU General Public|GNU Affero|SSPL|BUSL|Commons Clause|non-?commercial)\b", re.I
)


def needed(name: str) -> list[str]:
    """Packages that one needs here, without its extras."""
    names = []
    for line in distribution(name).requires or []:
        wanted = Requirement(line)
        if wanted.marker is None or wanted.marker.evaluate({"extra": ""}):
            names.append(wanted.name.lower().replace("_", "-"))
    return sorted(set(names))


def closure(name: str) -> list[str]:
    """Everything that comes with it, sorted."""
    seen: set[str] = set()
    todo = [name]
    while todo:
        for other in needed(todo.pop()):
            if other not in seen:
                try:
                    distribution(other)
                except PackageNotFoundError:
                    continue  # an alternative for another platform
                seen.add(other)
                todo.append(other)
    return sorted(seen)


def licence(name: str) -> str:
    """Its licence in a few words: the SPDX expression, else the classifiers, else the first line of the field."""
    about = distribution(name).metadata
    expression = about.get("License-Expression")
    if expression:
        return str(expression)
    classified = [c.rsplit("::", 1)[-1].strip() for c in about.get_all("Classifier", []) if c.startswith("License ::")]
    named = [c for c in classified if c != "OSI Approved"]
    if named:
        return ", ".join(named)
    lines = [line.strip() for line in (about.get("License") or "").splitlines() if line.strip()]
    return lines[0][:60] if lines else "not stated"


def document() -> tuple[str, list[str]]:
    """The page, and complaints."""
    direct = needed(OURS)
    rows, complaints = [], []
    for name in [*direct, *[n for n in closure(OURS) if n not in direct]]:
        said = licence(name)
        if REFUSED.search(said) and "LGPL" not in said and " OR " not in said:
            complaints.append(f"{name}: {said}")
        rows.append(f"| {name} | {said.replace('|', '/')} | {'direct' if name in direct else ''} |")
    head = "# Licences\n\nWhat comes with the workbench (made by `python tools/licences.py`); why each direct one is there: "
    head += "[design](design.md).\n"
    return head + "\n| package | licence | |\n|---|---|---|\n" + "\n".join(rows) + "\n", complaints


def main() -> int:
    page, complaints = document()
    (ROOT / "docs" / "licences.md").write_text(page, encoding="utf-8")
    for line in complaints:
        print(f"not allowed beside Apache-2.0: {line}")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
