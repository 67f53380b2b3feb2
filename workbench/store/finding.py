"""Finding one trace in a sealed Run: the table of traces says when it was, the row groups' statistics where that is."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

Window = tuple[int, int]
"""Nanoseconds: the first start and the last start that a trace's spans can have."""


class Index:
    """What finding needs to know of a sealed Run's two files: read once, about 60 bytes a trace; no file is kept open."""

    def __init__(self, spans: pq.ParquetFile, traces: pq.ParquetFile | None) -> None:
        self.footer = spans.metadata
        self._told = traces.read(["trace_id", "start_ns", "end_ns", "spans"]) if traces is not None else None
        column = spans.schema_arrow.get_field_index("start_ns")
        self._starts = [_starts(self.footer, group, column) for group in range(spans.num_row_groups)]

    def parts(self, spans: pq.ParquetFile, trace_id: str) -> list[pa.Table]:
        """The rows of one trace, as many tables as row groups hold some.

        Only row groups in which spans of that time begin are read; where these do not hold all spans (a table of traces that
        is older than the spans, ids in use twice), all row groups are.
        """
        told = self._when(trace_id)
        if told is not None:
            window, count = told
            found = list(self._read(spans, trace_id, [g for g, of in enumerate(self._starts) if _meet(of, window)]))
            if sum(part.num_rows for part in found) == count:
                return found
        return list(self._read(spans, trace_id, range(len(self._starts))))

    def _when(self, trace_id: str) -> tuple[Window, int] | None:
        """When a trace's spans began, and how many they are; None where it is not told, or of more than one run."""
        if self._told is None:
            return None
        held = self._told.filter(pc.equal(self._told["trace_id"], trace_id)).to_pylist()
        if len(held) != 1 or None in held[0].values():
            return None
        (known,) = held
        return (known["start_ns"], max(known["start_ns"], known["end_ns"])), known["spans"]

    def _read(self, spans: pq.ParquetFile, trace_id: str, groups: range | list[int]) -> Iterator[pa.Table]:
        """The ids are read first, the rest only where there are any."""
        for group in groups:
            mask = pc.equal(spans.read_row_group(group, columns=["trace_id"]).column("trace_id"), trace_id)
            if pc.any(mask).as_py():
                yield spans.read_row_group(group).filter(mask)


def _starts(footer: pq.FileMetaData, group: int, column: int) -> Window | None:
    """The first and the last start in a row group; None where that is not noted."""
    known = footer.row_group(group).column(column).statistics
    return (known.min, known.max) if known is not None and known.has_min_max else None


def _meet(starts: Window | None, window: Window) -> bool:
    return starts is None or (starts[0] <= window[1] and starts[1] >= window[0])
