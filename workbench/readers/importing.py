"""Importing: files of any known trace format → one sealed Run folder.

Large OTLP/JSON lines are read in blocks, other large files in a stream, the rest whole.
"""

from __future__ import annotations

import datetime
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from workbench.errors import DataError, UsageError
from workbench.otlp.notes import Notes
from workbench.readers import blocks, find, load, otlp_json, stream, streaming
from workbench.readers.source import Source
from workbench.redact import Redactor
from workbench.store import columns, is_run, lines, seal
from workbench.store import manifest as manifests
from workbench.store.places import Place

LARGE = 24_000_000  # bytes from which a file is not held in memory whole; OTLP lines are read in blocks from there


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
    tables = _tables(paths, run, done, processes, Redactor() if redact else None)
    try:
        note = seal.write(place, _counted(tables, done))
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
    done.traces = note["traces"]
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


def _counted(tables: Iterable[pa.Table], done: Imported) -> Iterator[pa.Table]:
    for table in tables:
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
        form, tables = _read(source, run, notes, processes, redact)
        for table in tables:
            known.update(pc.unique(table["trace_id"]).to_pylist())
            yield table
        done.files.append({"file": source.name, "format": form, "traces": len(known), "spans": done.spans - before,
                           "skipped": notes.skipped, "warnings": notes.warnings})  # fmt: skip
        done.notes.add(notes)


def _read(
    source: Source, run: str, notes: Notes, processes: int, redact: Redactor | None
) -> tuple[str, Iterator[pa.Table]]:
    """A file's format and its finished traces as tables, without secrets."""
    if source.size >= LARGE and source.kind == "lines" and find(source).NAME == otlp_json.NAME:
        return otlp_json.NAME, blocks.tables(source, run, notes, processes, redact)
    if source.size >= LARGE:
        form, spans = stream(source, notes)
        tables = streaming.tables(spans, run, notes)
    else:
        with lines.no_gc():
            form, whole = load(source, notes)
        tables = columns.tables(whole, run)
    return form, (columns.redacted(table, redact) for table in tables)


__all__ = ["Imported", "import_files"]
