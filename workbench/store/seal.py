"""Sealing: a Run's JSON lines → one Parquet file of flat columns, written beside them and put in place as a whole."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from workbench.otlp.notes import Notes
from workbench.store import columns, lines
from workbench.store import manifest as manifests
from workbench.store.places import Place
from workbench.store.totals import Totals

FILE = "spans.parquet"
TRACES = "traces.parquet"
ROW_GROUP = 10_000
TRIES = 5
_ENCODING = {"span_id": "PLAIN", "start_ns": "DELTA_BINARY_PACKED", "end_ns": "DELTA_BINARY_PACKED"}
_FILTER = {"trace_id": {"ndv": 2_000, "fpp": 0.01}}
"""A Bloom filter per row group: SQL for one trace reads the few groups that may hold it. 2,000 traces of 5 spans or more."""


def span_files(sizes: dict[str, int]) -> list[str]:
    """The JSON-lines files of a Run among its files, in writing order."""
    return sorted(
        (n for n in sizes if n.startswith("spans") and n.endswith(".jsonl")), key=lambda n: (n != "spans.jsonl", n)
    )


def writers(place: Place) -> list[str]:
    """The spans files that a living process on this machine still writes."""
    if place.local is None:
        return []
    return [name for name in span_files(place.sizes()) if manifests.is_written(place.local / name)]


def is_sealed(manifest: dict[str, Any], sizes: dict[str, int]) -> bool:
    """True where the Parquet holds all that the JSON lines hold (also where there are no lines beside it)."""
    covered = (manifest.get("sealed") or {}).get("files", {})
    present = {name: sizes[name] for name in span_files(sizes)}
    return FILE in sizes and (not present or present == covered)


def seal(place: Place) -> dict[str, Any]:
    """Write spans.parquet from all JSON lines and note in run.json what it holds; returns that note.

    One process at a time: who comes second finds the lines of the first and more, never fewer. An object store has no lock:
    there what was put is looked at again, and done again where another came between.
    """
    with manifests.locked(place):
        for _ in range(TRIES):
            note = _seal(place)
            sizes = place.sizes()
            if place.local is not None or (
                sizes.get(FILE) == note["bytes"] and {n: sizes[n] for n in span_files(sizes)} == note["files"]
            ):
                break
    return note


def _seal(place: Place) -> dict[str, Any]:
    sizes, manifest, notes = place.sizes(), manifests.read(place), Notes()
    files = {name: sizes[name] for name in span_files(sizes)}
    run = str(manifest.get("id") or place.name)
    batches = (columns.table(spans, run) for name in files for spans, _ in lines.read(place, name, notes))
    note = write(place, batches)
    note["digests"] |= {name: digest(place, name) for name in files}
    note |= {"files": files, "skipped": notes.skipped, "warnings": notes.warnings}
    manifests.write(place, {**manifest, "sealed": note})
    return note


def write(place: Place, tables: Iterable[pa.Table]) -> dict[str, Any]:
    """Write tables with the span schema as the Run's spans.parquet, and one row per trace as traces.parquet beside it.

    Returns {spans, traces, bytes, digests: SHA-256 by file, critical_path: the traces have it}.
    """
    if place.local is not None:
        place.local.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".seal-", dir=place.local) as folder:
        fresh, totals = f"{folder}/{FILE}", f"{folder}/{TRACES}"
        spans, traces = _write(fresh, totals, tables, folder)
        there = Place(folder)
        digests = {name: digest(there, name) for name in (FILE, TRACES)}
        note = {
            "spans": spans,
            "traces": traces,
            "bytes": os.path.getsize(fresh),
            "digests": digests,
            "critical_path": True,
        }
        for path, name in ((totals, TRACES), (fresh, FILE)):
            if place.local is not None:
                os.replace(path, place.local / name)
            else:
                place.fs.put_file(path, place.file(name))
    return note


def _write(spans: str, traces: str, tables: Iterable[pa.Table], folder: str) -> tuple[int, int]:
    """Both files; returns how many spans and traces they hold."""
    count = 0
    with Totals(folder) as totals:
        with pq.ParquetWriter(spans, columns.SCHEMA, bloom_filter_options=_FILTER, **_form(columns.SCHEMA)) as parquet:
            for table in _row_groups(tables):
                parquet.write_table(table)
                totals.add(table)
                count += table.num_rows
        found = totals.table(spans)
    pq.write_table(found, traces, row_group_size=ROW_GROUP, **_form(found.schema))
    return count, found.num_rows


def _form(schema: pa.Schema) -> dict[str, Any]:
    others = [name for name in schema.names if name not in _ENCODING]
    encoding = {name: way for name, way in _ENCODING.items() if name in schema.names}
    return {"compression": "zstd", "use_dictionary": others, "column_encoding": encoding}


def _row_groups(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """The same rows, `ROW_GROUP` at a time."""
    waiting = columns.SCHEMA.empty_table()
    for table in tables:
        waiting = pa.concat_tables([waiting, table])
        while waiting.num_rows >= ROW_GROUP:
            yield waiting.slice(0, ROW_GROUP)
            waiting = waiting.slice(ROW_GROUP)
    if waiting.num_rows:
        yield waiting


def digest(place: Place, name: str) -> str:
    """SHA-256 of a file."""
    with place.open(name) as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()  # type: ignore[arg-type]  # fsspec's files have readinto
