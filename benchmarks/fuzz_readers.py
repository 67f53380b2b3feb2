"""Coverage-guided fuzzing of the readers, one family at a time (atheris is not a dependency: run it from a venv that has it).

PYTHONPATH=. python benchmarks/fuzz_readers.py FAMILY CORPUS_DIR FINDINGS_DIR -max_total_time=1800

What a reader must not do is written to FINDINGS_DIR, once per place in the code, and fuzzing goes on: raise anything but
DataError, take more than 5 s of CPU or 500 MB for an input of 25 kB. The family `blocks` is large files: read in blocks,
they must give what they give read whole; so must a quarter of all others' inputs, read in a stream.

Most inputs are made by editing the JSON (benchmarks/fuzz_edits.py).
"""

from __future__ import annotations

import contextlib
import json
import resource
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any

import atheris
import pyarrow as pa

with atheris.instrument_imports(include=["workbench.readers", "workbench.otlp.decode"], enable_loader_override=False):
    import workbench.readers as readers
    from workbench.readers import bigjson, blocks, messages, otlp_json, source, streaming

from benchmarks import fuzz_edits
from tests.making import attempt
from workbench.errors import DataError
from workbench.otlp import encode as otlp
from workbench.otlp.notes import Notes
from workbench.spans import Span
from workbench.store import columns

FAMILIES = {
    "otlp": ["formats/otlp_*", "formats/litellm", "formats/openinference_vercel"],
    "blocks": ["formats/otlp_*", "formats/litellm", "formats/openinference_vercel"],
    "exports": ["formats/langfuse_*", "formats/langsmith"],
    "inspect": ["formats/inspect_logs"],
    "transcripts": ["formats/claude_*", "formats/langsmith"],
    "trajectories": ["formats/toolbench_dfs", "formats/*swe_agent*", "taubench_airline", "tot_branching"],
    "chats": ["whoandwhen_multiagent", "intercode", "fireact_hotpot", "reflexion", "formats/openai_agents*"],
}
MAX_BYTES, SLOW_S, LARGE_KB = 25_000, 5.0, 500_000
LARGE_BLOCK, SMALL_BLOCK = 10**9, 2_000
WORK = Path(tempfile.mkdtemp())
_seen: set[str] = set()


def one(data: bytes) -> None:
    """Read the bytes as a file and judge how it went."""
    clock, memory = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        (_read_both_ways if sys.argv[1] == "blocks" else _read)(data)
    except Exception as error:  # noqa: BLE001 - finding what is raised is the purpose
        frames = traceback.extract_tb(error.__traceback__)
        ours = [f for f in frames if "/workbench/" in f.filename]
        place = (
            f"{type(error).__name__}@{Path(ours[-1].filename).name}:{ours[-1].lineno}"
            if ours
            else str(error).partition(":")[0]
        )
        _keep(place, data, "".join(traceback.format_exception(error)))
    took = time.process_time() - clock
    more = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory
    if took > SLOW_S:
        _keep(f"slow-{int(took)}s", data, f"{took} s")
    if more > LARGE_KB:
        _keep(f"large-{more // 100_000}00MB", data, f"{more} kB")


def _read(data: bytes) -> None:
    """Either a DataError, or spans that can be written and laid in columns."""
    path = WORK / "input"
    path.write_bytes(data)
    notes = Notes()
    try:
        _, spans = readers.load(source.Source(path, notes), notes)
    except DataError:
        spans = []
    for span in spans[:50]:
        otlp.line(span)
    columns.table(spans[:50], "fuzz")
    if len(data) % 4 == 1:
        _as_a_stream(path, spans)
    if len(data) % 8 == 0:  # what few inputs reach by themselves
        messages.normal(data.decode("utf-8", "replace"))
        with contextlib.suppress(DataError):
            bigjson.salvage(data, Notes())


def _as_a_stream(path: Path, expected: list[Span]) -> None:
    """Finished while it is read, a file gives what it gives read whole."""
    notes, streaming.BATCH = Notes(), 5
    try:
        _, spans = readers.stream(source.Source(path, notes), notes)
        found = [row for table in streaming.tables(spans, "fuzz", notes) for row in _rows(table)]
    except DataError:
        return
    if streaming.APART not in notes.counts:
        _compare(found, _rows(columns.table(expected, "fuzz")))


def _read_both_ways(data: bytes) -> None:
    """In one block an input gives the rows and counts it gives read whole; in small blocks it does not fail."""
    path = WORK / "input"
    path.write_bytes(data)
    try:
        notes = Notes()
        whole = source.Source(path, notes)
        if whole.kind != "lines" or readers.find(whole).NAME != otlp_json.NAME:
            return
        expected = columns.table(readers.load(whole, notes)[1], "fuzz")
    except DataError:
        return
    told, blocks.BLOCK = Notes(), LARGE_BLOCK
    large = source.Source(path, told)
    tables = blocks.tables(large, "fuzz", told, 1, None)
    _compare([row for table in tables for row in _rows(table)], _rows(expected))
    if told.skipped != notes.skipped:
        raise AssertionError(f"skipped: {told} and {notes}")
    blocks.BLOCK = SMALL_BLOCK
    for _ in blocks.tables(source.Source(path, Notes()), "fuzz", Notes(), 1, None):
        pass


def _compare(found: list[dict[str, Any]], expected: list[dict[str, Any]]) -> None:
    if len(found) != len(expected):
        raise AssertionError(f"rows: {len(found)} and {len(expected)}")
    for one, other in zip(sorted(found, key=repr), sorted(expected, key=repr), strict=True):
        apart = {name: (one[name], other[name]) for name in one if repr(one[name]) != repr(other[name])}
        if apart:
            raise AssertionError(f"{' '.join(apart)}: {apart}")


def _rows(table: pa.Table) -> list[dict[str, Any]]:
    """Ids first, so that they sort by them; JSON within a row may order its keys in another way."""
    rows = table.select(["trace_id", "span_id", *sorted({*table.column_names} - {"trace_id", "span_id"})]).to_pylist()
    for row in rows:
        for name in ("attributes", "resource", "events", "links"):
            row[name] = json.dumps(json.loads(row[name] or "null"), sort_keys=True)
    return rows


def _keep(place: str, data: bytes, told: str) -> None:
    if place in _seen:
        return
    _seen.add(place)
    name = FINDINGS / f"{sys.argv[1]}-{place}".replace(" ", "_")
    name.with_suffix(".input").write_bytes(data)
    name.with_suffix(".txt").write_text(told)
    print("FINDING", place, flush=True)


def seeds(family: str, to: Path, shared: Path) -> None:
    """The samples made small: whole documents with few elements and short texts, plus a protobuf of the OTLP ones."""
    to.mkdir(parents=True, exist_ok=True)
    for pattern in FAMILIES[family]:
        for file in sorted(f for folder in shared.glob(pattern) for f in folder.iterdir()):
            if file.suffix not in (".txt", ".md"):
                for n, data in enumerate(fuzz_edits.small(file.read_bytes(), MAX_BYTES)):
                    (to / f"{file.name}.{n}").write_bytes(data)
    if family == "blocks":  # as the recorder writes them
        for n in range(1, 4):
            spans = [span for seed in range(n) for span in attempt(seed, agents=n)]
            (to / f"recorded-{n}").write_bytes(b"".join(map(otlp.line, spans)))
    if family == "otlp":
        from workbench.otlp import http

        spans = list(readers.read(shared / "formats/otlp_openinference/smol_deep_research_agent.json"))[:4]
        (to / "proto").write_bytes(http.encode(spans).SerializeToString()[:MAX_BYTES])


if __name__ == "__main__":
    shared = Path(__file__).parents[2] / "shared/data"
    FINDINGS = Path(sys.argv[3])
    FINDINGS.mkdir(parents=True, exist_ok=True)
    seeds(sys.argv[1], Path(sys.argv[2]), shared)
    for name in readers.ORDER:
        __import__(f"workbench.readers.{name}")
    columns.table([], "fuzz")  # what loads on first use is loaded before the clock of an input runs
    words = fuzz_edits.words(
        json.dumps([p.read_bytes().decode("utf-8", "replace") for p in Path(sys.argv[2]).iterdir()])
    )
    options = [f"-max_len={MAX_BYTES}", "-timeout=600", "-rss_limit_mb=3000", *sys.argv[4:]]
    atheris.Setup([sys.argv[0], sys.argv[2], *options], one, custom_mutator=fuzz_edits.mutator(words))
    atheris.Fuzz()
