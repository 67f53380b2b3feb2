"""Run: a recorded run's folder, readable at any time, also while it is still being written.

A folder holds run.json, one spans*.jsonl per writer (OTLP/JSON lines) and, once sealed, spans.parquet.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from workbench.errors import DataError, UsageError
from workbench.otlp.notes import Notes
from workbench.spans import Span
from workbench.store import columns, finding, lines, seal, summary, verify
from workbench.store import manifest as manifests
from workbench.store.places import Place
from workbench.store.spanlike import Spans
from workbench.store.writer import RunWriter

__all__ = ["Run", "RunWriter", "SpanSet", "Spans", "as_runs", "is_run", "open_runs"]


class SpanSet:
    """Spans in memory that answer as a Run does: what a reader returns."""

    closed = True

    def __init__(
        self,
        spans: Iterable[Span],
        id: str = "memory",
        manifest: Mapping[str, Any] | None = None,
        warnings: Iterable[str] = (),
        skipped: int = 0,
    ) -> None:
        self.id = id
        self.manifest: dict[str, Any] = {"id": id, **(manifest or {})}
        self.warnings = list(warnings)
        self.skipped = skipped
        self._spans = list(spans)
        self._table: pa.Table | None = None

    def spans(self) -> list[Span]:
        return list(self._spans)

    def trace(self, trace_id: str) -> list[Span]:
        return [span for span in self._spans if span.trace_id == trace_id]

    def table(self, names: list[str] | None = None) -> pa.Table:
        if self._table is None:
            self._table = columns.table(self._spans, self.id)
        return self._table.select(names) if names else self._table

    def save(self, path: str | os.PathLike[str]) -> Run:
        """Write the spans as a Run folder and return it."""
        with RunWriter(path, self.manifest) as writer:
            for span in self._spans:
                writer.write(span)
        return Run(path)

    def __len__(self) -> int:
        return len(self._spans)

    def __iter__(self) -> Iterator[Span]:
        return iter(self._spans)

    def __repr__(self) -> str:
        return summary.text(self)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return summary.bundle(self)


class Run:
    """A recorded run at `path` (a folder, or any fsspec URL). Raises DataError where there is none."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._place = Place(path)
        self.path = self._place.url
        self._notes = Notes()
        self._tails: dict[str, tuple[int, list[Span]]] = {}
        self._index: tuple[dict[str, Any], finding.Index] | None = None
        sizes = self._place.sizes()
        if manifests.FILE not in sizes and not seal.span_files(sizes) and seal.FILE not in sizes:
            raise DataError(f"no run at {self.path!r}: it has neither {manifests.FILE} nor spans")

    @property
    def manifest(self) -> dict[str, Any]:
        """run.json as it is now."""
        return manifests.read(self._place)

    @property
    def id(self) -> str:
        return str(self.manifest.get("id") or self._place.name)

    @property
    def closed(self) -> bool:
        """True once nobody writes any more and the Run was closed in order."""
        return str(self.manifest.get("status", "open")) != "open"

    @property
    def sealed(self) -> bool:
        """True where spans.parquet holds everything."""
        return seal.is_sealed(self.manifest, self._place.sizes())

    @property
    def warnings(self) -> list[str]:
        """What was passed over in reading, so far."""
        if self.sealed:
            return list((self.manifest.get("sealed") or {}).get("warnings", []))
        self._refresh()
        return self._notes.warnings

    def spans(self) -> list[Span]:
        """All spans that are complete by now, in the order they were written."""
        if self.sealed:
            with lines.no_gc(), self._parquet(seal.FILE) as parquet:
                return [s for batch in parquet.iter_batches(seal.ROW_GROUP) for s in columns.spans(batch)]
        self._refresh()
        return [span for _, found in self._tails.values() for span in found]

    def trace(self, trace_id: str) -> list[Span]:
        """The spans of one trace."""
        if self.sealed:
            index = self._indexed()
            with self._parquet(seal.FILE, index.footer) as parquet:
                return [span for part in index.parts(parquet, trace_id) for span in columns.spans(part)]
        return [span for span in self.spans() if span.trace_id == trace_id]

    def table(self, names: list[str] | None = None) -> pa.Table:
        """The spans as an Arrow table with `columns.SCHEMA`, or only the columns named."""
        if self.sealed:
            with self._parquet(seal.FILE) as parquet:
                return parquet.read(columns=names)
        found = columns.table(self.spans(), self.id)
        return found.select(names) if names else found

    def seal(self) -> None:
        """Write spans.parquet now (closing does it by itself). An open Run may be sealed: later spans count too."""
        seal.seal(self._place)

    def verify(self) -> list[str]:
        """What is wrong with the folder, one line each; empty where all is well."""
        return verify.problems(self._place)

    def _indexed(self) -> finding.Index:
        """Where each trace is; made again once the Run was sealed again."""
        note = self.manifest.get("sealed") or {}
        if self._index is None or self._index[0] != note or "digests" not in note:
            with ExitStack() as opened:
                spans = opened.enter_context(self._parquet(seal.FILE))
                told = self._place.exists(seal.TRACES)
                traces = opened.enter_context(self._parquet(seal.TRACES)) if told else None
                self._index = note, finding.Index(spans, traces)
        return self._index[1]

    def _parquet(self, name: str, footer: pq.FileMetaData | None = None) -> pq.ParquetFile:
        source = self._place.local / name if self._place.local is not None else self._place.open(name)
        return pq.ParquetFile(source, metadata=footer)

    def _refresh(self) -> None:
        """Read what was appended since the last look."""
        self._notes.counts = type(self._notes.counts)(
            {text: n for text, n in self._notes.counts.items() if "the last line is torn" not in text}
        )
        for name in seal.span_files(self._place.sizes()):
            offset, found = self._tails.get(name, (0, []))
            for batch, offset in lines.read(self._place, name, self._notes, offset):  # noqa: B007, B020
                found.extend(batch)
            self._tails[name] = (offset, found)

    def __repr__(self) -> str:
        return summary.text(self)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return summary.bundle(self)


def is_run(path: str | os.PathLike[str]) -> bool:
    """True where a Run lies at `path`: spans, or a manifest of ours (other programs have a run.json, too)."""
    place = Place(path)
    sizes = place.sizes()
    return seal.FILE in sizes or bool(seal.span_files(sizes)) or (manifests.FILE in sizes and manifests.is_ours(place))


def open_runs(folder: str | os.PathLike[str]) -> list[Run]:
    """All Runs in a folder (or the folder itself where it is one), by name."""
    if is_run(folder):
        return [Run(folder)]
    place = Place(folder)
    if not place.exists():
        raise DataError(f"no folder {place.url!r}")
    return [Run(f"{place.url}/{name}") for name in place.folders() if is_run(f"{place.url}/{name}")]


def as_runs(runs: Any) -> list[Spans]:
    """One Run, a path, a folder of Runs, or a list of any of these, as a list."""
    if isinstance(runs, (str, os.PathLike)):
        found: list[Spans] = list(open_runs(runs))
        if not found:
            raise DataError(f"no runs in {os.fspath(runs)!r}")
        return found
    if isinstance(runs, Spans):
        return [runs]
    if isinstance(runs, Iterable):
        items = list(runs)
        if items and all(isinstance(item, Span) for item in items):
            return [SpanSet(items)]
        return [run for item in items for run in as_runs(item)]
    raise UsageError(f"expected a Run, a path or a list of these, got {type(runs).__name__}")
