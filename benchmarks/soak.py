"""Load and soak: 50,000 calls through one process, 512 in flight, 5 % faults of every kind: `python -m benchmarks.soak`.

Prints one JSON object: every task answered or recorded as failed, memory after the warm-up and at the end of the calls, and what
is left open afterwards (tasks, threads, files).
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import workbench as wb
from benchmarks.mock_server import mock_server
from workbench.models.litellm import LiteLLM

AGENTS = 5
MODEL = "hosted_vllm/mock"
WARM_UP = 0.2
"""Share of the calls after which memory is looked at for the first time."""


def resident_mib() -> float:
    """Memory of this process that is in RAM."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


class Watch:
    """Hears the run's progress and looks at memory; a listener."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.seen: list[tuple[float, float]] = []

    def on_start(self, span: Any) -> None:
        """Not needed."""

    def on_end(self, span: Any) -> None:
        """Not needed."""

    def on_piece(self, span_id: str, text: str) -> None:
        """Not needed."""

    def on_progress(self, progress: dict[str, Any]) -> None:
        """Memory, at every hundredth of the run."""
        if progress["done"] % max(1, self.total // 100) == 0:
            self.seen.append((progress["done"] / self.total, resident_mib()))

    def after(self, share: float) -> float:
        """Memory when that share was done."""
        return next(mib for done, mib in self.seen if done >= share)


@contextmanager
def leaks() -> Iterator[dict[str, int]]:
    """What a block left open: threads, files, asyncio tasks."""
    gc.collect()
    before = (threading.active_count(), len(os.listdir("/proc/self/fd")), len(asyncio.all_tasks()))
    left: dict[str, int] = {}
    yield left
    gc.collect()
    left |= {"threads": threading.active_count() - before[0], "files": len(os.listdir("/proc/self/fd")) - before[1],
             "tasks": len(asyncio.all_tasks()) - before[2]}  # fmt: skip


async def soak(calls: int, in_flight: int, faults: float, place: Path) -> dict[str, Any]:
    """The run and what it used."""
    tasks = [wb.Task(str(i), f"What is {i} + 1?", "4") for i in range(calls // AGENTS)]
    retry = wb.Retry(attempts=3, base_s=0.05)
    limits = wb.Limits(slots=in_flight, timeout_s=10.0, retry=retry)
    with mock_server(0.05, faults) as api_base:
        at_once = -(-in_flight // AGENTS) + 8
        warm = LiteLLM(
            MODEL, api_base=api_base
        )  # as many at once: opens LiteLLM's pools and caches before leaks are counted
        strategy = wb.Parallel(agents=AGENTS, min_threads=1)
        models = {MODEL: warm}
        await wb.run(tasks[:400], strategy, MODEL, out=place / "warm", models=models, limits=limits, at_once=at_once)
        watch = Watch(len(tasks))
        begin, cpu = time.perf_counter(), time.process_time()
        with leaks() as left:
            model = LiteLLM(MODEL, api_base=api_base)
            run = await wb.run(tasks, strategy, MODEL, out=place / "run", models={MODEL: model}, limits=limits, at_once=at_once,
                               listeners=[watch])  # fmt: skip
            wall, used = time.perf_counter() - begin, time.process_time() - cpu
            await asyncio.sleep(0.5)
    answers, asked = wb.answers(run), wb.calls(run)
    first, last = watch.after(WARM_UP), watch.after(1.0)
    return {
        "calls": len(asked), "in_flight": in_flight, "faults": faults, "seconds": round(wall, 1),
        "calls_per_s": round(len(asked) / wall), "cpu_ms_a_call": round(used / len(asked) * 1e3, 2),
        "failed_calls": int(asked["error"].notna().sum()), "retried_calls": int((asked["attempts"] > 1).sum()),
        "errors": asked["error"].value_counts().to_dict(),
        "tasks": len(tasks), "tasks_recorded": len(answers), "tasks_answered": int(answers["answer"].notna().sum()),
        "tasks_failed": int(answers["error"].notna().sum()),
        "mib_after_warm_up": round(first), "mib_at_the_end": round(last), "growth": round(last / first - 1, 3),
        "left_open": left,
    }  # fmt: skip


def main() -> None:
    """Soak and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=50_000)
    parser.add_argument("--in-flight", type=int, default=512)
    parser.add_argument("--faults", type=float, default=0.05)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(soak(options.calls, options.in_flight, options.faults, Path(folder)))
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
