"""The same spans into the workbench, Arize Phoenix and MLflow, and the same two questions: speed, room, answers.

    python -m benchmarks.peers FOLDER phoenix mlflow       # once: an environment each
    python -m benchmarks.traces_peers --peers FOLDER       # MLflow 20,000 spans, Phoenix 10,000, ours these and 1,000,000

Spans (ten a trace) go to each peer's own OTLP receiver from two senders; time runs until the peer's SQLite file holds them
all, as Phoenix acknowledges before it stores. `workbench import` reads them as OTLP/JSON, the command's start included.
Nothing is extrapolated: a rate is that of the spans named in its row. CPU is of the server's processes, or of the import's.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import psutil

from benchmarks.peers import SCRIPTS, program, versions
from benchmarks.traces import lines, median_ms, questions
from tests import foreign
from workbench.otlp import decode
from workbench.otlp.http import send
from workbench.spans import Span

A_TRACE = 10
WARM = 30
"""Traces sent before the clock starts: what a server loads on first use is not counted."""
LIMIT_S = 1800


@dataclass(frozen=True)
class Receiver:
    """One peer: how it is started, where it keeps spans, and the question about accuracy in SQL on that file."""

    name: str
    environment: str
    serve: Callable[[str, Path], AbstractContextManager[tuple[str, int]]]
    database: str
    sql: str
    headers: dict[str, str]


PEERS = (
    Receiver(
        "MLflow", "mlflow", foreign.mlflow, "mlflow.db",
        """select json_extract(content, '$.attributes."workbench.strategy"') as s,
           json_extract(content, '$.attributes."workbench.agents"') as n,
           avg(cast(json_extract(content, '$.attributes."workbench.score"') as real))
           from spans where parent_span_id is null group by s, n""",
        {"x-mlflow-experiment-id": "0"},
    ),
    Receiver(
        "Phoenix", "phoenix", foreign.phoenix, "phoenix.db",
        """select json_extract(attributes, '$.workbench.strategy') as s, json_extract(attributes, '$.workbench.agents') as n,
           avg(json_extract(attributes, '$.workbench.score')) from spans where parent_id is null group by s, n""",
        {},
    ),
)  # fmt: skip


def spans_of(traces: int, seed: int) -> list[list[Span]]:
    """Attempts as `benchmarks.traces` makes them, one list each."""
    found = [span for line in lines(traces, seed=seed) for span in decode.decode(orjson.loads(line), None)]
    return [found[i : i + A_TRACE] for i in range(0, len(found), A_TRACE)]


def peer(which: Receiver, folder: Path, traces: int) -> dict[str, Any]:
    """One peer's row."""
    with tempfile.TemporaryDirectory() as text:
        place = Path(text)
        with which.serve(program(folder, which.environment), place) as (address, pid):
            deliver(which, address, place, spans_of(WARM, seed=1), WARM * A_TRACE)
            room, cpu, begin = used(place), cpu_s(pid), time.perf_counter()
            deliver(which, address, place, spans_of(traces, seed=0), (WARM + traces) * A_TRACE)
            wall, cpu, room = time.perf_counter() - begin, cpu_s(pid) - cpu, used(place) - room
            asked = ask(which, folder, address, WARM + traces)
        with closing(sqlite3.connect(place / which.database)) as base:
            in_sql = median_ms(lambda: base.execute(which.sql).fetchall(), 3)
            groups = base.execute(which.sql).fetchall()
    assert len(groups) == 4 and all(0.5 < row[2] < 0.9 for row in groups), groups
    n = traces * A_TRACE
    return row(which.name, n, wall, cpu, room / n, asked["accuracy_ms"], in_sql, asked["trace_ms"])


def deliver(which: Receiver, address: str, place: Path, traces: list[list[Span]], total: int) -> None:
    """Send by two senders and wait until all are stored."""
    halves = [[span for trace in traces[i::2] for span in trace] for i in range(2)]
    with ThreadPoolExecutor(2) as pool:
        for done in pool.map(lambda half: send(half, address, headers=which.headers, timeout_s=LIMIT_S), halves):
            assert done["rejected"] == 0, done
    deadline = time.monotonic() + LIMIT_S
    while (there := stored(place / which.database)) < total:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{which.name} stored {there:,} of {total:,} spans in {LIMIT_S} s")
        time.sleep(0.2)


def stored(database: Path) -> int:
    """How many spans a SQLite file holds now."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=30)) as base:
        return int(base.execute("select count(*) from spans").fetchone()[0])


def used(place: Path) -> int:
    """Bytes of the server's files, what SQLite has not yet moved to its main file included once."""
    main = [f for f in place.rglob("*") if f.is_file() and f.name != "log" and not f.name.endswith(("-wal", "-shm"))]
    pages = 0
    for file in main:
        if file.suffix == ".db":
            with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=30)) as base:
                pages += (
                    base.execute("pragma page_count").fetchone()[0] * base.execute("pragma page_size").fetchone()[0]
                )
    return pages + sum(f.stat().st_size for f in main if f.suffix != ".db")


def cpu_s(pid: int) -> float:
    """CPU seconds so far of a process and those it started."""
    every = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    return sum(t.user + t.system for t in (p.cpu_times() for p in every))


def ask(which: Receiver, folder: Path, address: str, traces: int) -> dict[str, float]:
    """The two questions by the peer's own client, in its environment."""
    script = SCRIPTS / f"{which.environment}_ask.py"
    command = [program(folder, which.environment), str(script), address, str(traces)]
    said = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S)
    if said.returncode:
        raise RuntimeError(f"{which.name}'s client: {said.stderr.strip()[-500:]}")
    found: dict[str, float] = json.loads(said.stdout.strip().splitlines()[-1])
    assert found["attempts"] == traces, found
    return found


def ours(traces: int) -> dict[str, Any]:
    """Our row: the command on a file, start included."""
    with tempfile.TemporaryDirectory() as text:
        source, run = Path(text) / "spans.jsonl", Path(text) / "run"
        with source.open("wb") as file:
            file.writelines(lines(traces))
        command = [sys.executable, "-m", "workbench", "import", str(source), "--to", str(run), "--json"]
        before, begin = children_s(), time.perf_counter()
        said = subprocess.run(command, capture_output=True, text=True, check=True)
        wall, cpu = time.perf_counter() - begin, children_s() - before
        n = json.loads(said.stdout)["spans"]
        assert n == traces * A_TRACE
        room = sum((run / name).stat().st_size for name in ("spans.parquet", "traces.parquet"))
        accuracy, one, _ = questions(run)
    return row("workbench", n, wall, cpu, room / n, accuracy, accuracy, one)


def children_s() -> float:
    """CPU seconds of the processes that have ended."""
    used_by = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used_by.ru_utime + used_by.ru_stime


def row(
    tool: str, n: int, wall: float, cpu: float, room: float, accuracy: float, in_sql: float, one: float
) -> dict[str, Any]:
    return {
        "tool": tool, "spans": f"{n:,}", "spans/s": round(n / wall), "CPU µs a span": round(cpu / n * 1e6, 1),
        "bytes a span": round(room), "accuracy by its API, ms": round(accuracy, 1),
        "accuracy in SQL, ms": round(in_sql, 1), "one trace, ms": round(one, 1),
    }  # fmt: skip


def compared(rows: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The rows with what ours of the same size, and our largest, is against each."""
    mine = [r for r in rows if r["tool"] == "workbench"]
    largest = mine[-1]["spans/s"]
    for found in rows:
        same = next(r["spans/s"] for r in mine if r["spans"] == found["spans"])
        yield {
            **found,
            "ours, same spans": f"{same / found['spans/s']:,.0f} ×",
            "ours, most spans": f"{largest / found['spans/s']:,.0f} ×",
        }


def main() -> None:
    """Print one JSON list of rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--peers", type=Path, required=True, metavar="FOLDER", help="made by `python -m benchmarks.peers FOLDER`"
    )
    parser.add_argument("--mlflow", type=int, default=20_000, help="spans")
    parser.add_argument("--phoenix", type=int, default=10_000, help="spans")
    parser.add_argument("--most", type=int, default=1_000_000, help="spans of our own largest import")
    given = parser.parse_args()
    said = ", ".join(versions(given.peers, which.environment) for which in PEERS)
    sizes = [(which, getattr(given, which.environment) // A_TRACE) for which in PEERS]
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; {said}", file=sys.stderr)
    rows = [ours(n) for n in sorted({*(traces for _, traces in sizes), given.most // A_TRACE})]
    rows += [peer(which, given.peers, traces) for which, traces in sizes]
    print(json.dumps(list(compared(rows)), indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
