"""A run of 10,000 tasks, five threads each: does every cell stay interactive? `python -m benchmarks.large_run`.

Prints rows: what a cell does, its seconds the first time and again, and how much it sends to the browser.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import workbench as wb
from workbench.models.base import Request

TASKS = 10_000


def answer(request: Request) -> str:
    """Right in seven of ten cases, by lot of task and sample."""
    lot = random.Random(f"{request.task_id}/{request.sample}")
    return f"I add.\nAnswer: {4 if lot.random() < 0.7 else lot.randint(5, 9)}"


async def make(place: Path, tasks: int) -> wb.Run:
    """The run, through the whole write half."""
    asked = [wb.Task(f"t{i}", "What is 2 + 2?", "4", difficulty=1 + i % 8, category="sum") for i in range(tasks)]
    models = {"m": wb.Scripted(answer)}
    return await wb.run(
        asked, wb.Parallel(agents=5), wb.ModelMix({"m": 1}), out=place, models=models, live=False, at_once=64
    )


def size(shown: Any) -> int:
    """Bytes that a cell with this on its last line sends to the browser: its mimebundle, and a widget's state."""
    if not hasattr(shown, "_repr_mimebundle_"):
        return len(shown._repr_html_() if hasattr(shown, "_repr_html_") else repr(shown))
    bundle = shown._repr_mimebundle_()
    data = bundle[0] if isinstance(bundle, tuple) else bundle
    sent = sum(len(str(v)) for v in data.values())
    if hasattr(shown, "get_state"):
        sent += sum(
            len(v) if isinstance(v, (bytes, memoryview, str)) else len(str(v)) for v in shown.get_state().values()
        )
    return sent


def cells(run: wb.Run) -> dict[str, Callable[[], Any]]:
    """What a researcher's cells do with a run."""
    return {
        "run (summary and picture)": lambda: wb.Run(run.path),
        "wb.answers(run).head()": lambda: wb.answers(wb.Run(run.path)).head(),
        "wb.calls(run).head()": lambda: wb.calls(wb.Run(run.path)).head(),
        "wb.accuracy(run)": lambda: wb.accuracy(run),
        "wb.resample(run)": lambda: wb.resample(run),
        "wb.disagreement(run).head()": lambda: wb.disagreement(run).head(),
        "wb.sql(...)": lambda: wb.sql("select difficulty, avg(score) from answers group by 1", run),
        "wb.TraceGraph(run, task=…)": lambda: wb.TraceGraph(run, task="t77"),
    } | ({"wb.Disagreement(run)": lambda: wb.Disagreement(run)} if hasattr(wb, "Disagreement") else {})


def main() -> None:
    """Make the run, time the cells."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=TASKS)
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        run = asyncio.run(make(Path(folder) / "run", options.tasks))
        for name, cell in cells(run).items():
            times = []
            for _ in range(2):
                begin = time.perf_counter()
                shown = cell()
                sent = size(shown)
                times.append(time.perf_counter() - begin)
            rows.append(
                {
                    "cell": name,
                    "first (s)": round(times[0], 2),
                    "again (s)": round(times[1], 2),
                    "kB shown": round(sent / 1e3),
                }
            )
    print(json.dumps(rows, indent=2))


if __name__ == "__main__":
    main()
