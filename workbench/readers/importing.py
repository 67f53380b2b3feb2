"""Importing: files of any known trace format → one sealed Run folder; large files in blocks, in bounded memory.

Large OTLP/JSON lines go block by block through two processes; whole traces are finished within their block, the few that
lie across blocks at the end. Everything else is read file by file.
"""

from __future__ import annotations

import datetime
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from workbench import semconv as s
from workbench.errors import DataError, UsageError
from workbench.otlp import decode as otlp_decode
from workbench.otlp.notes import Notes
from workbench.readers import bigjson, find, load, otlp_json, otlp_lines
from workbench.readers.dialects import normalize
from workbench.readers.finish import finish
from workbench.readers.source import Source
from workbench.redact import Redactor
from workbench.spans import Span
from workbench.store import columns, is_run, lines, seal
from workbench.store import manifest as manifests
from workbench.store.places import Place

BLOCK = 6_000_000
LARGE = 24_000_000  # bytes of OTLP lines from which blocks pay


@dataclass
class Imported:
    """What came of an import; `files` has the same per file."""

    run: str
    format: str = ""
    traces: int = 0
    spans: int = 0
    notes: Notes = field(default_factory=Notes)
    files: list[dict[str, Any]] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """{run, format, traces, spans, skipped, warnings, files}."""
        return {"run": self.run, "format": self.format, "traces": self.traces, "spans": self.spans,
                "skipped": self.notes.skipped, "warnings": self.notes.warnings, "files": self.files}  # fmt: skip


def import_files(
    paths: Sequence[str | os.PathLike[str]],
    to: str | os.PathLike[str],
    *,
    name: str | None = None,
    processes: int = 1,
    redact: bool = True,
) -> Imported:
    """Read `paths` into a new Run at `to`. Raises DataError where nothing in them is a span of a known format; one bad file
    among several is noted and skipped.

    Secrets are struck out of every text, as in recording; `redact=False` keeps the texts as they are in the files.
    `processes` > 1 starts worker processes for large files (from a script: under `if __name__ == "__main__"`).
    """
    place = Place(to)
    if not paths:
        raise UsageError("nothing to import: name at least one file")
    if is_run(to):
        raise UsageError(f"{place.url} is a run already; import into a new folder")
    run = name or place.name
    done = Imported(place.url)
    traces: set[str] = set()
    tables = _tables(paths, run, done, processes, Redactor() if redact else None)
    try:
        note = seal.write(place, _counted(tables, traces, done))
        if not done.spans:
            raise DataError(f"no spans in {', '.join(os.fspath(p) for p in paths)}" + _why(done.notes))
    except BaseException:
        for name in (seal.FILE, seal.TRACES):
            if place.exists(name):
                place.fs.rm_file(place.file(name))
        _remove_empty(place)
        raise
    formats = list(dict.fromkeys(f["format"] for f in done.files if f["format"]))
    done.format = formats[0] if len(formats) == 1 else "mixed"
    done.traces = len(traces)
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
    note |= {"files": {}, "skipped": done.notes.skipped, "warnings": done.notes.warnings}
    about = {"id": run, "created": now, "ended": now, "status": "closed", "format": done.format,
             "imported": [f["file"] for f in done.files], "sealed": note}  # fmt: skip
    manifests.change(place, lambda found: {**found, **about})
    return done


def _why(notes: Notes) -> str:
    return f" ({'; '.join(notes.warnings[:3])})" if notes.counts else ""


def _remove_empty(place: Place) -> None:
    if place.local is not None and place.local.is_dir() and not any(place.local.iterdir()):
        place.local.rmdir()


def _counted(tables: Iterable[pa.Table], traces: set[str], done: Imported) -> Iterator[pa.Table]:
    for table in tables:
        traces.update(pc.unique(table["trace_id"]).to_pylist())
        done.spans += table.num_rows
        yield table


def _tables(
    paths: Sequence[str | os.PathLike[str]], run: str, done: Imported, processes: int, redact: Redactor | None
) -> Iterator[pa.Table]:
    for path in paths:
        notes = Notes()
        before, known = done.spans, set[str]()
        try:
            source = Source(path, notes)
            find(source)
        except DataError as error:
            if len(paths) == 1:
                raise
            done.notes.skip(str(error))
            done.files.append(
                {
                    "file": os.path.basename(os.fspath(path)),
                    "format": None,
                    "traces": 0,
                    "spans": 0,
                    "skipped": 1,
                    "warnings": [str(error)],
                }
            )
            continue
        if source.kind == "lines" and source.size >= LARGE and find(source).NAME == otlp_json.NAME:
            form = otlp_json.NAME
            for table in _blocks(source, run, notes, processes, redact):
                known.update(pc.unique(table["trace_id"]).to_pylist())
                yield table
        else:
            with lines.no_gc():
                form, spans = load(source, notes)
            known.update(span.trace_id for span in spans)
            for start in range(0, len(spans), seal.ROW_GROUP):
                yield _clean(columns.table(spans[start : start + seal.ROW_GROUP], run), redact)
        done.files.append({"file": source.name, "format": form, "traces": len(known), "spans": done.spans - before,
                           "skipped": notes.skipped, "warnings": notes.warnings})  # fmt: skip
        done.notes.add(notes)


def _clean(table: pa.Table, redact: Redactor | None) -> pa.Table:
    return columns.redacted(table, redact) if redact is not None else table


def _blocks(source: Source, run: str, notes: Notes, processes: int, redact: Redactor | None) -> Iterator[pa.Table]:
    """Finished traces block by block, then what lay across blocks."""
    finished: set[str] = set()
    waiting: set[str] = set()
    left: list[pa.Table] = []
    for table, rest, noted in _mapped(_cut(source), partial(work, run=run, redact=redact), processes):
        notes.add(noted)
        if waiting:  # the end of a trace that began in a block before
            late = pc.is_in(table["trace_id"], value_set=pa.array(waiting, pa.string()))
            left.append(table.filter(late))
            table = table.filter(pc.invert(late))
        waiting.update(pc.unique(rest["trace_id"]).to_pylist())
        left.append(rest)
        finished.update(pc.unique(table["trace_id"]).to_pylist())
        if table.num_rows:
            yield table
    spans = [span for table in left for span in columns.spans(table)]
    apart = sum(1 for trace in {span.trace_id for span in spans} if trace in finished)
    if apart:
        notes.warn("a trace that lay across distant parts of a large file; its parts were finished apart", apart)
    whole = finish((span for span in spans if span.trace_id not in finished), notes)
    whole += [span for span in spans if span.trace_id in finished]
    for start in range(0, len(whole), seal.ROW_GROUP):
        yield columns.table(whole[start : start + seal.ROW_GROUP], run)


def _cut(source: Source) -> Iterator[bytes]:
    start, size = 0, source.size
    while start < size:
        end = min(start + BLOCK, size)
        if end < size:
            newline = source.data.rfind(b"\n", start, end)
            end = newline + 1 if newline >= start else (source.data.find(b"\n", end) + 1 or size)
        yield bytes(source.data[start:end])
        source.forget(start, end)
        start = end


Block = tuple[pa.Table, pa.Table, Notes]


def _mapped(blocks: Iterator[bytes], job: Callable[[bytes], Block], processes: int) -> Iterator[Block]:
    """`job` over the blocks in order, at most two blocks per process in flight."""
    if processes < 2:
        yield from map(job, blocks)
        return
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        flying: list[Future[Block]] = []
        for block in blocks:
            flying.append(pool.submit(job, block))
            if len(flying) > processes * 2:
                yield flying.pop(0).result()
        for future in flying:
            yield future.result()


def work(block: bytes, run: str, redact: Redactor | None = None) -> Block:
    """One block of lines, without secrets: (finished traces, spans of traces that are not whole here, notes)."""
    notes = Notes()
    table = otlp_lines.table(block, run)
    if table is None:
        with lines.no_gc():
            table = columns.table(_long_way(block, notes), run)
        plain = pa.array([False] * table.num_rows)
    else:
        plain = pc.or_(pc.equal(table["scope"].fill_null(""), s.SCOPE), pc.is_valid(table["links"]))
    whole, linked = _whole(table), _of_traces(table, plain)
    ready = pc.and_(whole, linked)
    out, rest = table.filter(ready), table.filter(pc.invert(ready))
    if rest.num_rows:
        loose = rest.filter(pc.invert(whole).filter(pc.invert(ready)))
        told = rest.filter(whole.filter(pc.invert(ready)))
        if told.num_rows:
            out = pa.concat_tables([out, columns.table(finish(columns.spans(told), notes), run)])
        rest = loose
    return _clean(out, redact), _clean(rest, redact), notes


def _long_way(block: bytes, notes: Notes) -> list[Span]:
    found: list[Span] = []
    for line in block.split(b"\n"):
        if not line.strip():
            continue
        try:
            record = bigjson.load(line, notes)
        except DataError:
            notes.skip("a line that is not JSON")
            continue
        found += [normalize(span) for span in otlp_decode.decode(record, notes)]
    return found


def _whole(table: pa.Table) -> Any:
    """Per row: is its trace complete here (one root, every parent present, no id twice, every root's work named)?"""
    ids = pc.binary_join_element_wise(table["trace_id"], table["span_id"], "").combine_chunks()
    parents = pc.binary_join_element_wise(table["trace_id"], table["parent_id"], "")
    is_root = pc.is_null(table["parent_id"])
    good = pc.and_(
        pc.or_(is_root, pc.is_in(parents, value_set=ids)), pc.or_(pc.invert(is_root), pc.is_valid(table["operation"]))
    )
    if pc.count_distinct(ids).as_py() != table.num_rows:
        counts = pc.value_counts(ids)
        twice = counts.field("values").filter(pc.greater(counts.field("counts"), 1))
        good = pc.and_(good, pc.invert(pc.is_in(ids, value_set=twice)))
    rooted = pc.is_in(table["trace_id"], value_set=table["trace_id"].filter(is_root).combine_chunks())
    return pc.and_(_every(table, good), rooted)


def _every(table: pa.Table, good: Any) -> Any:
    """Per row: does `good` hold for all rows of its trace?"""
    bad = table["trace_id"].filter(pc.invert(good)).combine_chunks()
    return pc.invert(pc.is_in(table["trace_id"], value_set=bad))


def _of_traces(table: pa.Table, some: Any) -> Any:
    """Per row: does `some` hold for any row of its trace?"""
    return pc.is_in(table["trace_id"], value_set=table["trace_id"].filter(some).combine_chunks())


__all__ = ["Imported", "import_files", "work"]
