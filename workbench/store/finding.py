"""Finding one trace in a sealed Run: the table of traces says when it was, the row groups' statistics where that is."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

Window = tuple[int, int]
"""Nanoseconds: the first start and the last start that a trace's spans can have."""


def parts(spans: pq.ParquetFile, traces: pq.ParquetFile | None, trace_id: str) -> list[pa.Table]:
    """The rows of one trace, as many tables as row groups hold some.

    Only row groups in which spans of that time begin are read; where these do not hold all spans (a table of traces that is
    older than the spans, ids in use twice), all row groups are.
    """
    told = _told(traces, trace_id) if traces is not None else None
    if told is not None:
        window, count = told
        found = list(_read(spans, trace_id, [g for g in _groups(spans) if _meets(spans, g, window)]))
        if sum(part.num_rows for part in found) == count:
            return found
    return list(_read(spans, trace_id, _groups(spans)))


def _told(traces: pq.ParquetFile, trace_id: str) -> tuple[Window, int] | None:
    """When a trace's spans began, and how many they are; None where it is not told, or of more than one run."""
    at = [(g, pc.index(traces.read_row_group(g, ["trace_id"])["trace_id"], trace_id).as_py()) for g in _groups(traces)]
    held = [(g, row) for g, row in at if row >= 0]
    if len(held) != 1:
        return None
    group, row = held[0]
    known = traces.read_row_group(group, ["start_ns", "end_ns", "spans"]).slice(row, 1).to_pylist()[0]
    if None in known.values():
        return None
    return (known["start_ns"], max(known["start_ns"], known["end_ns"])), known["spans"]


def _groups(parquet: pq.ParquetFile) -> range:
    return range(parquet.num_row_groups)


def _meets(spans: pq.ParquetFile, group: int, window: Window) -> bool:
    """Whether a row group may hold a span that begins in a window of time."""
    column = spans.schema_arrow.get_field_index("start_ns")
    known = spans.metadata.row_group(group).column(column).statistics
    if known is None or not known.has_min_max:
        return True
    return bool(known.min <= window[1] and known.max >= window[0])


def _read(spans: pq.ParquetFile, trace_id: str, groups: range | list[int]) -> Iterator[pa.Table]:
    """The ids are read first, the rest only where there are any."""
    for group in groups:
        mask = pc.equal(spans.read_row_group(group, columns=["trace_id"]).column("trace_id"), trace_id)
        if pc.any(mask).as_py():
            yield spans.read_row_group(group).filter(mask)
