"""Traces at size: import, accuracy in SQL, one trace, bytes on disk, memory. `python -m benchmarks.traces [--spans N]`."""

from __future__ import annotations

import argparse
import os
import random
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson

from workbench import semconv as s
from workbench.readers.importing import import_files
from workbench.store import Run
from workbench.store.queries import connect


def lines(traces: int, agents: int = 4, seed: int = 0) -> Iterator[bytes]:
    """Attempts of `agents` threads as OTLP/JSON lines, as the recorder writes them."""
    rng = random.Random(seed)
    T0 = 1_780_000_000 * 10**9

    def a(d):
        out = []
        for k, v in d.items():
            if type(v) is str:
                x = {"stringValue": v}
            elif type(v) is bool:
                x = {"boolValue": v}
            elif type(v) is int:
                x = {"intValue": str(v)}
            elif type(v) is tuple:
                x = {"arrayValue": {"values": [{"stringValue": i} for i in v]}}
            else:
                x = {"doubleValue": v}
            out.append({"key": k, "value": x})
        return out

    res = {"attributes": a({"service.name": "workbench", "service.version": "0.1.0", "workbench.run.id": "bench-0001"})}
    strategies = ["parallel", "decompose", "debate", "single"]
    now = T0
    for t in range(traces):
        trace = f"{rng.getrandbits(128):032x}"
        root = f"{rng.getrandbits(64):016x}"
        now += rng.randrange(10**8)
        strat = strategies[t % 4]
        ths = []
        ends = []

        def line(
            sid: str,
            parent: str | None,
            name: str,
            kind: int,
            st: int,
            en: int,
            at: dict[str, Any],
            links: Any = None,
            events: Any = None,
            code: int = 1,
            trace: str = trace,
        ) -> bytes:
            sp = {
                "traceId": trace,
                "spanId": sid,
                "name": name,
                "kind": kind,
                "startTimeUnixNano": str(st),
                "endTimeUnixNano": str(en),
                "attributes": a(at),
                "status": {"code": code} if code else {},
            }
            if parent:
                sp["parentSpanId"] = parent
            if links:
                sp["links"] = links
            if events:
                sp["events"] = events
            return (
                orjson.dumps(
                    {
                        "resourceSpans": [
                            {
                                "resource": res,
                                "scopeSpans": [{"scope": {"name": "workbench", "version": "0.1.0"}, "spans": [sp]}],
                            }
                        ]
                    }
                )
                + b"\n"
            )

        for i in range(agents):
            th = f"{rng.getrandbits(64):016x}"
            st = now + rng.randrange(10**5)
            q = rng.randrange(10**7)
            en = st + q + int(rng.expovariate(1 / 2) * 1e9)
            ans = str(rng.randrange(100))
            yield line(
                f"{rng.getrandbits(64):016x}",
                th,
                "chat abacus-s",
                3,
                st + rng.randrange(10**4),
                en,
                {
                    s.OPERATION: "chat",
                    s.PROVIDER: "workbench",
                    s.AGENT: f"abacus-s#{i}",
                    s.REQUEST_MODEL: "abacus-s",
                    s.RESPONSE_MODEL: "abacus-s",
                    s.REQUEST_TEMPERATURE: 0.7,
                    s.REQUEST_SEED: rng.randrange(1000),
                    s.INPUT_TOKENS: rng.randrange(20, 60),
                    s.OUTPUT_TOKENS: rng.randrange(5, 300),
                    s.FINISH_REASONS: ("stop",),
                    s.COST: round(rng.random() / 1000, 6),
                    s.QUEUE_NS: q,
                    s.ATTEMPTS: 1,
                    s.LOGPROB: round(-rng.random(), 4),
                },
            )
            yield line(
                th,
                root,
                f"invoke_agent abacus-s#{i}",
                1,
                st,
                en + rng.randrange(10**4),
                {
                    s.OPERATION: "invoke_agent",
                    s.AGENT: f"abacus-s#{i}",
                    s.THREAD_INDEX: i,
                    s.ROLE: "solve",
                    s.STYLE: "pairs-first",
                    s.ROUND: 0,
                    s.ANSWER: ans,
                    s.SCORE: float(rng.random() < 0.6),
                },
            )
            ths.append(th)
            ends.append(en)
        e = max(ends)
        yield line(
            f"{rng.getrandbits(64):016x}",
            root,
            "synthesis majority",
            1,
            e,
            e + rng.randrange(10**6),
            {
                s.OPERATION: "synthesis",
                s.SYNTHESIS_KIND: "majority",
                s.ANSWER: "42",
                s.SUPPORT: 0.75,
                s.CONFIDENCE: 0.8,
            },
            [{"traceId": trace, "spanId": x, "attributes": a({s.LINK_KIND: "join"})} for x in ths],
            [
                {
                    "name": s.DECISION,
                    "timeUnixNano": str(e),
                    "attributes": a({s.DECISION_KIND: "vote", s.DECISION_REASON: "3 of 4 agree"}),
                }
            ],
        )
        yield line(
            root,
            None,
            f"invoke_workflow {strat}",
            1,
            now,
            e + rng.randrange(10**6, 2 * 10**6),
            {
                s.OPERATION: "invoke_workflow",
                s.TASK_ID: f"arithmetic-{t}",
                s.TASK_CATEGORY: "arithmetic",
                s.TASK_DIFFICULTY: float(t % 8),
                s.REPEAT: 0,
                s.STRATEGY: strat,
                s.AGENTS: agents,
                s.ANSWER: "42",
                s.TASK_TARGET: "42",
                s.SCORE: float(rng.random() < 0.7),
                s.SUPPORT: 0.75,
                s.CONFIDENCE: 0.8,
                s.SYNTHESIS_KIND: "majority",
            },
        )


WHO = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)


def used(who: int) -> float:
    """Seconds of processor time."""
    usage = resource.getrusage(who)
    return usage.ru_utime + usage.ru_stime


def median_ms(ask: Callable[[], Any], times: int = 9) -> float:
    """Median wall time of a question, milliseconds."""
    took = []
    for _ in range(times):
        start = time.perf_counter()
        ask()
        took.append(time.perf_counter() - start)
    return statistics.median(took) * 1e3


def questions(run: Path) -> tuple[float, float, float]:
    """Medians in milliseconds: accuracy by strategy and agents, one trace in SQL, and `Run.trace`
    (another trace each time)."""
    with connect(run) as asked:
        ids = iter([row[0] for row in asked.execute("select trace_id from traces using sample 40").fetchall()])
        accuracy = median_ms(
            lambda: asked.execute("select strategy, agents, avg(score) from answers group by all").fetchall()
        )
        one = median_ms(lambda: asked.execute("select * from spans where trace_id = ?", [next(ids)]).fetchall())
        recorded = Run(run)
        opened = median_ms(lambda: recorded.trace(next(ids)))
    return accuracy, one, opened


def main() -> None:
    """Measure and print; ten spans per trace."""
    parser = argparse.ArgumentParser(description="Traces at size, each figure beside its target.")
    parser.add_argument("--spans", type=int, default=1_000_000, help="how many spans, ten per trace")
    traces = max(4, parser.parse_args().spans // 10)
    with tempfile.TemporaryDirectory() as folder:
        source, run = Path(folder) / "spans.jsonl", Path(folder) / "run"
        with source.open("wb") as file:
            file.writelines(lines(traces))
        start, before = time.perf_counter(), sum(used(w) for w in WHO)
        done = import_files([source], run, processes=2)
        wall, cpu = time.perf_counter() - start, sum(used(w) for w in WHO) - before
        own, workers = (resource.getrusage(w) for w in WHO)
        print(
            f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; {done.spans:,} spans "
            f"of {source.stat().st_size // done.spans:,} bytes"
        )
        print(
            f"import: {done.spans / wall:,.0f} spans/s (target 90,000), {cpu / done.spans * 1e6:.1f} µs CPU a span, "
            f"{own.ru_maxrss / 1e3:,.0f} MB and {workers.ru_maxrss / 1e3:,.0f} MB per worker (target 500 MB)"
        )

        def size(name: str) -> float:
            return (run / name).stat().st_size / done.spans

        print(f"disk: {size('spans.parquet'):.1f} + {size('traces.parquet'):.1f} bytes a span (target 75)")
        accuracy, trace, opened = questions(run)
        print(f"accuracy by strategy and agents: {accuracy:.1f} ms (target 30)")
        print(f"one trace: {trace:.1f} ms in SQL, {opened:.1f} ms by Run.trace (target 12)")


if __name__ == "__main__":
    main()
