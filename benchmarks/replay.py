"""Accuracy over agents on samples other people recorded: `python -m benchmarks.replay` (needs ../shared).

Each point is the mean over 20 runs through the whole write half (Parallel, majority, replay; every run draws its own subsets),
beside the exact expectation over all subsets that `resample` computes from one run of all samples.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from pathlib import Path
from typing import Any

import workbench as wb

DATA = Path(__file__).parents[2] / "shared" / "data"
DRAWS = 20


async def curve(file: Path, agents: tuple[int, ...], every: int, place: Path) -> list[dict[str, Any]]:
    """One row per number of agents: mean over the draws, the interval over tasks, and the exact expectation."""
    tasks = wb.load_tasks(file)
    rows = []
    full = await wb.run(tasks, wb.Parallel(agents=every), f"replay:{file}", out=place / "all")
    exact = wb.resample(full, agents=[n for n in agents if n <= every]).set_index("agents")
    for n in agents:
        means = []
        for seed in range(DRAWS):
            run = await wb.run(tasks, wb.Parallel(agents=n), f"replay:{file}", out=place / f"{n}-{seed}", seed=seed)
            means.append(wb.answers(run)["score"].mean())
        row: dict[str, Any] = {"agents": n, "draws": DRAWS, "mean_of_draws": round(sum(means) / DRAWS, 4)}
        if n in exact.index:
            known = exact.loc[n]
            row |= {k: round(float(known[k]), 4) for k in ("accuracy", "low", "high")}
        rows.append(row)
    return rows


def main() -> None:
    """Print the curves as JSON."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        for name, file, agents, every in (
            ("date: GPT-3.5, 10 samples", DATA / "votes_verifycot" / "date.jsonl.gz", (1, 3, 5, 10), 10),
            ("game of 24: GPT-4, 100 samples", DATA / "tot_branching" / "game24_cot100.jsonl.gz", (1, 3, 5, 10, 25), 100),
        ):
            found[name] = asyncio.run(curve(file, agents, every, place / name.split(":")[0]))
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
