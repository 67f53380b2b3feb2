"""Abacus: tokens per second by batch, and five agents against one, as ratios in one run: python -m benchmarks.abacus"""

from __future__ import annotations

import asyncio
import time

from workbench.agents import Message
from workbench.arithmetic import problems
from workbench.models.abacus import Abacus
from workbench.models.base import Request

TASKS = [p.prompt for p in problems(64, (3, 6), seed=77)]


async def measure(model: Abacus, batch: int) -> tuple[float, float]:
    """Seconds and tokens per second of `batch` calls at once, the better of three runs."""
    best = (float("inf"), 0.0)
    for _ in range(3):
        began = time.perf_counter()
        replies = await asyncio.gather(
            *(model.complete(Request(model.name, (Message("user", t),), seed=i)) for i, t in enumerate(TASKS[:batch]))
        )
        seconds = time.perf_counter() - began
        best = min(best, (seconds, sum(r.output_tokens for r in replies) / seconds))
    return best


async def five_against_one(model: Abacus) -> float:
    """Wall time of five agents on a task over that of one, the median of eleven tasks."""
    ratios = []
    for task in TASKS[:11]:
        walls = []
        for agents in (1, 5):
            began = time.perf_counter()
            said = (Message("user", task),)
            calls = (model.complete(Request(model.name, said, temperature=0.0, seed=s)) for s in range(agents))
            await asyncio.gather(*calls)
            walls.append(time.perf_counter() - began)
        ratios.append(walls[1] / walls[0])
    return sorted(ratios)[len(ratios) // 2]


async def main() -> None:
    for name in ("abacus-s", "abacus-m"):
        for threads in (1, 2):
            model = Abacus(name, threads=threads)
            await measure(model, 64)
            speeds = [f"batch {b}: {(await measure(model, b))[1]:,.0f} tokens/s" for b in (1, 8, 64)]
            print(f"{name}, {threads} threads: {'; '.join(speeds)}; five agents / one: {await five_against_one(model):.2f}")
            await model.aclose()


if __name__ == "__main__":
    asyncio.run(main())
