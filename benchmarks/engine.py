"""The engine beside bare LiteLLM on one mock server, the recorder, the frames, the import: `python -m benchmarks.engine`."""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import workbench as wb
from benchmarks.mock_server import mock_server
from workbench.models.litellm import LiteLLM, load

LATENCY_S = 0.05
AGENTS = 5
MODEL = "hosted_vllm/mock"


async def drained() -> None:
    """Until LiteLLM's logging, which goes on behind an answered call, is done: it belongs to the calls that caused it."""
    from litellm.litellm_core_utils.logging_worker import GLOBAL_LOGGING_WORKER

    await asyncio.sleep(0)
    await GLOBAL_LOGGING_WORKER.flush()


async def bare(api_base: str, calls: int, in_flight: int) -> tuple[float, float]:
    """Seconds and CPU seconds of `calls` bare LiteLLM calls, the same messages, `in_flight` at a time."""
    litellm = load()
    room = asyncio.Semaphore(in_flight)

    async def one(i: int) -> None:
        async with room:
            messages = [
                {"role": "system", "content": "Work step by step." * 10},
                {"role": "user", "content": f"What is {i} + 1?"},
            ]
            plain = {"api_key": "none", "num_retries": 0, "max_retries": 0}
            await litellm.acompletion(model=MODEL, api_base=api_base, messages=messages, seed=i, **plain)

    wall, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(one(i) for i in range(calls)))
    await drained()
    return time.perf_counter() - wall, time.process_time() - cpu


async def ours(api_base: str, calls: int, in_flight: int, place: Path) -> tuple[float, float]:
    """As many calls through `run`: five agents a task and a vote, everything recorded and sealed."""
    tasks = [wb.Task(str(i), f"What is {i} + 1?", "4") for i in range(calls // AGENTS)]
    model = LiteLLM(MODEL, api_base=api_base)
    wall, cpu = time.perf_counter(), time.process_time()
    limits = wb.Limits(slots=in_flight)
    at_once = -(-in_flight // AGENTS) + 8  # a few more than fill the slots
    await wb.run(
        tasks, wb.Parallel(agents=AGENTS), MODEL, out=place, models={MODEL: model}, limits=limits, at_once=at_once
    )
    return time.perf_counter() - wall, time.process_time() - cpu


async def load_pair(api_base: str, calls: int, in_flight: int, place: Path, repeats: int = 5) -> dict[str, Any]:
    """Alternating, so that noise of the machine hits both alike; medians of the pairs' ratios and differences."""
    await bare(api_base, in_flight, in_flight)
    pairs = []
    for k in range(repeats):
        theirs = await bare(api_base, calls, in_flight)
        mine = await ours(api_base, calls, in_flight, place / str(k))
        pairs.append((theirs, mine))
    return {
        "calls": calls,
        "in_flight": in_flight,
        "litellm_calls_per_s": round(statistics.median(calls / t[0] for t, _ in pairs)),
        "ours_calls_per_s": round(statistics.median(calls / m[0] for _, m in pairs)),
        "share_of_bare": round(statistics.median(t[0] / m[0] for t, m in pairs), 3),
        "litellm_cpu_ms": round(statistics.median(t[1] / calls * 1e3 for t, _ in pairs), 3),
        "added_cpu_ms": round(statistics.median((m[1] - t[1]) / calls * 1e3 for t, m in pairs), 3),
    }


async def fan_out(api_base: str, place: Path, tasks: int = 30) -> dict[str, Any]:
    """5 agents and a synthesis by a model, one task at a time: wall time over the two calls that must follow each other.

    Bare LiteLLM with the same six calls stands beside it: its own work on five calls at once is serial, too.
    """
    litellm = load()
    plain = {"model": MODEL, "api_base": api_base, "api_key": "none", "num_retries": 0, "max_retries": 0}

    async def call(i: int) -> None:
        await litellm.acompletion(messages=[{"role": "user", "content": f"What is {i} + 1?"}], seed=i, **plain)

    todo = [wb.Task(str(i), f"What is {i} + 1?", "4") for i in range(tasks)]
    model = LiteLLM(MODEL, api_base=api_base)
    strategy = wb.Parallel(agents=5, synthesis="merge")
    await wb.run(todo[:3], strategy, MODEL, out=place / "warm", models={MODEL: model}, at_once=1)
    bare_s = []
    for i in range(tasks):
        began = time.perf_counter()
        await asyncio.gather(*(call(i) for _ in range(5)))
        await call(i)
        bare_s.append(time.perf_counter() - began)
    run = await wb.run(todo, strategy, MODEL, out=place / "r", models={MODEL: model}, at_once=1)
    median, theirs = statistics.median(wb.answers(run).wall_s.tolist()), statistics.median(bare_s)
    return {
        "ideal_s": 2 * LATENCY_S,
        "median_s": round(median, 4),
        "ratio": round(median / (2 * LATENCY_S), 3),
        "litellm_ratio": round(theirs / (2 * LATENCY_S), 3),
        "over_litellm": round(median / theirs, 3),
    }


@dataclass(frozen=True)
class Asking:
    """What the engine itself costs: as many calls, one after the other, no threads and no synthesis."""

    name: ClassVar[str] = "asking"
    calls: int = 5

    async def solve(self, task: wb.Task, team: Any, engine: wb.Engine) -> wb.Synthesis:
        agent = team.agents(1)[0]
        asked = team.prompt("solve", agent, task=task.prompt)
        for _ in range(self.calls):
            reply = await engine.ask(agent, asked)
        return wb.Synthesis(engine.read(reply.text), 1.0, 1.0, (), "last")


def scripted(request: wb.Request) -> str:
    """Every role's answer at once; solvers disagree now and then, so that rounds and judges have something to do."""
    if request.role == "plan":
        return '{"subtasks": ["1 + 1", "1 + 1", "2 + 0"]}'
    said = {"judge": "Best: 1", "check": "Verdict: right (0.8)"}
    return said.get(request.role) or f"I add.\nAnswer: {3 + (request.seed or 0) % 2}"


async def strategies(place: Path, tasks: int = 300, repeats: int = 3) -> dict[str, str]:
    """CPU per model call of every strategy, over that of `engine.ask` alone (models answer at once; recorded and sealed)."""
    mix = wb.ModelMix({"a": 2, "b": 1})
    todo = [wb.Task(str(i), f"What is {i} + 1?", "4", difficulty=float(i % 5), category="c") for i in range(tasks)]
    made: list[wb.Strategy] = [
        Asking(),
        wb.Single(),
        wb.Parallel(),
        wb.Decompose(),
        wb.Contemplate(),
        wb.Debate(),
        wb.Mixture(),
    ]
    made += [wb.Adaptive(), wb.Cascade(), wb.Route(rules=[{"min": 2, "strategy": {"name": "parallel"}}])]
    made += [wb.Parallel(synthesis=s) for s in ("judge", "merge", "verify")]

    async def cpu_ms(strategy: wb.Strategy, out: Path) -> float:
        models = {name: wb.Scripted(scripted, name=name) for name in mix.models}
        began = time.process_time()
        run = await wb.run(todo, strategy, mix, out=out, models=models)
        seconds = time.process_time() - began
        return seconds / len(wb.calls(run)) * 1e3

    await cpu_ms(Asking(), place / "warm")
    found: dict[str, list[float]] = {}
    for k in range(repeats):
        for i, strategy in enumerate(made):
            synthesis = getattr(strategy, "synthesis", "majority")
            name = strategy.name + (
                "" if synthesis in ("majority", "merge") and strategy.name != "parallel" else f"/{synthesis}"
            )
            found.setdefault(name, []).append(await cpu_ms(strategy, place / f"{k}-{i}"))
    base = statistics.median(found.pop("asking"))
    over = {name: statistics.median(times) - base for name, times in found.items()}
    return {"engine.ask": f"{base:.3f} ms"} | {name: f"{ms:+.3f} ms" for name, ms in over.items()}


def recording(place: Path, spans: int = 50_000) -> dict[str, Any]:
    """Spans with an answer's worth of content per second, through the SDK, encoded, appended and flushed one by one."""
    from workbench import semconv
    from workbench.recording import Recorder
    from workbench.store import RunWriter

    writer = RunWriter(place, {})
    recorder = Recorder(writer, "b")
    attributes: dict[str, Any] = {
        semconv.OPERATION: semconv.CHAT,
        semconv.REQUEST_MODEL: MODEL,
        semconv.AGENT: "mock#1",
    }
    attributes |= {semconv.INPUT_TOKENS: 40, semconv.OUTPUT_TOKENS: 12}
    attributes |= {semconv.INPUT_MESSAGES: "x" * 300, semconv.OUTPUT_MESSAGES: "y" * 300}
    begin = time.perf_counter()
    for i in range(spans):
        with recorder.span("chat mock", {**attributes, "workbench.sample": i}):
            pass
    seconds = time.perf_counter() - begin
    size = sum(f.stat().st_size for f in place.glob("spans*.jsonl"))
    return {"spans": spans, "bytes_a_span": size // spans, "spans_per_s": round(spans / seconds)}


async def frames(place: Path) -> dict[str, Any]:
    """The frame of a recorded run of 10,000 calls."""
    tasks = [wb.Task(str(i), "What is 2 + 2?", "4") for i in range(2_000)]
    models = {"m": wb.Scripted(lambda r: "I add.\nAnswer: 4")}
    run = await wb.run(tasks, wb.Parallel(agents=5), wb.ModelMix({"m": 1}), out=place, models=models)
    wb.calls(run)
    times = []
    for _ in range(5):
        begin = time.perf_counter()
        found = wb.calls(wb.Run(run.path))
        times.append(time.perf_counter() - begin)
    return {"calls": len(found), "seconds": round(statistics.median(times), 3)}


def importing() -> dict[str, Any]:
    """`import workbench` in fresh interpreters, over the bare interpreter."""
    code = "import time; t = time.perf_counter(); import workbench; print(time.perf_counter() - t)"
    import os

    env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    times = [
        float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env).stdout)
        for _ in range(7)
    ]
    return {"seconds": round(statistics.median(times[1:]), 4)}


def main() -> None:
    """Measure all, print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=2_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, mock_server(LATENCY_S) as api_base:
        place = Path(folder)
        found = {
            "import (target <= 0.15 s)": importing(),
            "fan-out of 5 and a merge (target <= 1.10 of ideal)": asyncio.run(fan_out(api_base, place / "fan")),
            "256 in flight (targets >= 0.90 of bare, <= 0.5 ms)": asyncio.run(
                load_pair(api_base, options.calls, 256, place / "256")
            ),
            "a strategy over engine.ask, CPU per call (target <= 1 ms)": asyncio.run(strategies(place / "strategies")),
            "recording (target >= 12,000 spans/s)": recording(place / "rec"),
            "frame of 10,000 calls (target <= 0.3 s)": asyncio.run(frames(place / "frames")),
        }
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
