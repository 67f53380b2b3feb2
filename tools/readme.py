"""Put the measured table of strategies into README.md, from benchmarks/STRATEGIES.md: python tools/readme.py"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- strategies: made by tools/readme.py -->", "<!-- end -->"
SHOWN = {
    "team": "team",
    "right": "right (95 %)",
    "tokens a task": "tokens a task",
    "compute multiple": "compute",
    "wall, median (p95)": "latency, median (p95)",
}
"""Columns of the benchmark's table -> their headings in the README."""


def table(measured: str) -> str:
    """The first table of the benchmark, fewer columns, with what it was measured on."""
    said = next(line for line in measured.splitlines() if line.startswith("Written by"))
    rows = [[c.strip() for c in line.strip("|").split("|")] for line in measured.splitlines() if line.startswith("|")]
    end = next((i for i, row in enumerate(rows) if i > 1 and len(row) != len(rows[0])), len(rows))
    kept = [rows[0].index(name) for name in SHOWN]
    lines = ["| " + " | ".join(SHOWN.values()) + " |", "|---|" + "---:|" * (len(SHOWN) - 1)]
    lines += ["| " + " | ".join(row[i] for i in kept) + " |" for row in rows[2:end]]
    date = re.search(r"\d{4}-\d\d-\d\d", said)
    tasks = re.search(r"\d+ tasks of difficulty [^,(]+", said)
    note = f"Measured {date[0] if date else ''} on {tasks[0].strip() if tasks else 'the offline family'} by "
    note += "`python -m benchmarks.strategies`; s and m are the offline models, compute is tokens relative to a single agent. "
    note += "With paired tests: [STRATEGIES](benchmarks/STRATEGIES.md)."
    return "\n".join(lines) + f"\n\n{note}"


def page(readme: str, measured: str) -> str:
    """The README with the table between its marks."""
    before, _, rest = readme.partition(BEGIN)
    return f"{before}{BEGIN}\n{table(measured)}\n{END}{rest.partition(END)[2]}"


def main() -> int:
    place = ROOT / "README.md"
    place.write_text(
        page(place.read_text(encoding="utf-8"), (ROOT / "benchmarks" / "STRATEGIES.md").read_text(encoding="utf-8")),
        encoding="utf-8",
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
