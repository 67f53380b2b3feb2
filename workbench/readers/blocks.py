"""Blocks: large OTLP/JSON lines → tables of spans, block by block and by several processes, in bounded memory.

Whole traces are finished within their block, the few that lie across blocks at the end.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from workbench import semconv as s
from workbench.otlp.notes import Notes
from workbench.readers import otlp_json, otlp_lines
from workbench.readers.finish import finish
from workbench.readers.source import Source, json_lines
from workbench.readers.streaming import APART
from workbench.redact import Redactor
from workbench.spans import Span
from workbench.store import columns, lines

BLOCK = 12_000_000
"""Bytes; smaller blocks cost more to hand over and to begin, larger ones more memory."""


def tables(source: Source, run: str, notes: Notes, processes: int, redact: Redactor | None) -> Iterator[pa.Table]:
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
        notes.warn(APART, apart)
    whole = finish((span for span in spans if span.trace_id not in finished), notes)
    whole += [span for span in spans if span.trace_id in finished]
    yield from columns.tables(whole, run)


@dataclass(frozen=True)
class Part:
    """Whole lines of a file: where they lie in it, or themselves where only this process has them."""

    start: int
    end: int
    file: str | None = None
    lines: bytes = b""

    def read(self) -> bytes:
        if self.file is None:
            return self.lines
        with open(self.file, "rb") as handle:
            handle.seek(self.start)
            return handle.read(self.end - self.start)


def _cut(source: Source) -> Iterator[Part]:
    start, size = 0, source.size
    while start < size:
        end = min(start + BLOCK, size)
        if end < size:
            newline = source.data.rfind(b"\n", start, end)
            end = newline + 1 if newline >= start else (source.data.find(b"\n", end) + 1 or size)
        if source.mapped:
            yield Part(start, end, source.path)
        else:
            yield Part(start, end, lines=bytes(source.data[start:end]))
        source.forget(start, end)
        start = end


Block = tuple[pa.Table, pa.Table, Notes]


def _mapped(parts: Iterator[Part], job: Callable[[Part], Block], processes: int) -> Iterator[Block]:
    """`job` over the parts in order, at most two parts per process in flight."""
    if processes < 2:
        yield from map(job, parts)
        return
    with (
        tempfile.TemporaryDirectory(prefix="workbench-import-", ignore_cleanup_errors=True) as folder,
        ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool,
    ):
        flying: list[tuple[Part, Future[Notes]]] = []
        for part in parts:
            flying.append((part, pool.submit(_lay_down, job, part, folder)))
            if len(flying) > processes * 2:
                yield _taken_up(*flying.pop(0), folder)
        for part, future in flying:
            yield _taken_up(part, future, folder)


_PARTS = ("whole", "rest")


def _lay_down(job: Callable[[Part], Block], part: Part, folder: str) -> Notes:
    """In a worker: the tables as files, which another process maps; through a pipe they would be copied three times."""
    *tables, notes = job(part)
    for name, table in zip(_PARTS, tables, strict=True):
        with pa.OSFile(f"{folder}/{part.start}-{name}", "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
            writer.write_table(table)
    return notes


def _taken_up(part: Part, future: Future[Notes], folder: str) -> Block:
    notes = future.result()
    whole, rest = (_mapped_table(f"{folder}/{part.start}-{name}") for name in _PARTS)
    return whole, rest, notes


def _mapped_table(path: str) -> pa.Table:
    with pa.memory_map(path) as file:
        table = pa.ipc.open_file(file).read_all()
    os.unlink(path)  # the memory stays until the table goes
    return table


def work(part: Part, run: str, redact: Redactor | None = None) -> Block:
    """One block of lines, without secrets: (finished traces, spans of traces that are not whole here, notes)."""
    notes, block = Notes(), part.read()
    table = otlp_lines.table(block, run)
    if table is None:
        with lines.no_gc():
            table = columns.table(_long_way(block, notes), run)
        plain = pa.array([False] * table.num_rows, pa.bool_())
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
    return columns.redacted(out, redact), columns.redacted(rest, redact), notes


def _long_way(block: bytes, notes: Notes) -> list[Span]:
    return [span for _, record in json_lines(block, notes) for span in otlp_json.spans(record, notes)]


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
