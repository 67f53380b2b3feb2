"""Sealing: a Run's JSON lines → one Parquet file of flat columns, written beside them and put in place as a whole."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterable
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from workbench.otlp.notes import Notes
from workbench.store import columns, lines, views
from workbench.store import manifest as manifests
from workbench.store.places import Place

FILE = "spans.parquet"
TRACES = "traces.parquet"
ROW_GROUP = 10_000
MEMORY = "192MB"
"""What DuckDB may take for the table of traces; beyond it goes to disk beside the Run."""
TRIES = 5
_PLAIN = {"span_id": "PLAIN", "start_ns": "DELTA_BINARY_PACKED", "end_ns": "DELTA_BINARY_PACKED"}


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

    Returns {spans, bytes, digests: SHA-256 by file, critical_path: the traces have it}.
    """
    if place.local is not None:
        place.local.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".seal-", dir=place.local) as folder:
        fresh, totals = f"{folder}/{FILE}", f"{folder}/{TRACES}"
        count = _write(fresh, tables)
        pa.default_memory_pool().release_unused()
        _write_traces(fresh, totals)
        there = Place(folder)
        digests = {name: digest(there, name) for name in (FILE, TRACES)}
        note = {"spans": count, "bytes": os.path.getsize(fresh), "digests": digests, "critical_path": True}
        for path, name in ((totals, TRACES), (fresh, FILE)):
            if place.local is not None:
                os.replace(path, place.local / name)
            else:
                place.fs.put_file(path, place.file(name))
    return note


def _write_traces(spans: str, to: str) -> None:
    import duckdb

    try:
        _copy_traces(spans, to, {"memory_limit": MEMORY, "temp_directory": os.path.dirname(to), "threads": "2"})
    except duckdb.OutOfMemoryException:  # paths through traces cannot be put on disk: many millions of spans need more
        _copy_traces(spans, to, {})


def _copy_traces(spans: str, to: str, config: dict[str, Any]) -> None:
    import duckdb

    with duckdb.connect(config={**config, "preserve_insertion_order": "false"}) as connection:
        source, target = ("'" + path.replace("\\", "/").replace("'", "''") + "'" for path in (spans, to))
        query = views.totals(f"read_parquet({source})")
        form = f"format parquet, compression zstd, row_group_size {ROW_GROUP}"
        connection.execute(f"copy ({query} order by start_ns) to {target} ({form})")


def _write(path: str, tables: Iterable[pa.Table]) -> int:
    count = 0
    dictionary = [f.name for f in columns.SCHEMA if f.name not in _PLAIN]
    with pq.ParquetWriter(
        path, columns.SCHEMA, compression="zstd", use_dictionary=dictionary, column_encoding=_PLAIN
    ) as parquet:
        waiting: list[pa.Table] = []
        for table in tables:
            waiting.append(table)
            if sum(t.num_rows for t in waiting) >= ROW_GROUP:
                count += _flush(parquet, waiting)
        count += _flush(parquet, waiting)
    return count


def _flush(parquet: pq.ParquetWriter, waiting: list[pa.Table]) -> int:
    if not waiting:
        return 0
    table = pa.concat_tables(waiting)
    waiting.clear()
    parquet.write_table(table, row_group_size=ROW_GROUP)
    return int(table.num_rows)


def digest(place: Place, name: str) -> str:
    """SHA-256 of a file."""
    with place.open(name) as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()  # type: ignore[arg-type]  # fsspec's files have readinto
