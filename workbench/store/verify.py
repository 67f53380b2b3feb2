"""Checking a Run's folder: is everything there that its manifest says, and is it what was written?"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq

from workbench.errors import DataError
from workbench.otlp.notes import Notes
from workbench.store import columns, lines, seal
from workbench.store import manifest as manifests
from workbench.store.places import Place


def problems(place: Place) -> list[str]:
    """What is wrong with a Run's folder, one line each."""
    found: list[str] = []
    sizes = place.sizes()
    try:
        manifest = manifests.read(place)
    except DataError as error:
        return [str(error)]
    if not manifest:
        found.append(f"{manifests.FILE} is missing")
    notes = Notes()
    count = 0
    files = seal.span_files(sizes)
    for name in files:
        for spans, _ in lines.read(place, name, notes):
            count += len(spans)
    found += notes.warnings
    note = manifest.get("sealed") or {}
    if seal.FILE not in sizes:
        if note:
            found.append(f"{seal.FILE} is missing though {manifests.FILE} says that the run was sealed")
        elif manifest.get("status") not in (None, "open"):
            found.append("the run is closed but not sealed")
        return found
    try:
        with place.open(seal.FILE) as handle:
            parquet = pq.ParquetFile(handle)
            rows = parquet.metadata.num_rows
            if missing := [n for n in columns.SCHEMA.names if n not in parquet.schema_arrow.names]:
                found.append(f"{seal.FILE} lacks the columns {', '.join(missing)}")
    except (pa.ArrowInvalid, OSError) as error:
        return [*found, f"{seal.FILE} cannot be read: {error}"]
    if files and seal.is_sealed(manifest, sizes) and rows != count:
        found.append(f"{seal.FILE} holds {rows:,} spans, the JSON lines {count:,}")
    if files and not seal.is_sealed(manifest, sizes) and not seal.writers(place):
        found.append("the JSON lines have grown or changed since the run was sealed")
    before = {seal.FILE: note["sha256"]} if "sha256" in note else {}  # as runs of former versions have it
    for name, known in {**before, **note.get("digests", {})}.items():
        if name not in sizes and name not in note.get("files", {}):  # lines may be thrown away once the run is sealed
            found.append(f"{name} is missing though the run was sealed with it")
        elif (
            name in sizes
            and sizes[name] == note.get("files", {}).get(name, sizes[name])
            and seal.digest(place, name) != known
        ):
            found.append(f"{name} has changed since the run was sealed")
    return found
