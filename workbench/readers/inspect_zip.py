"""The members of an Inspect AI .eval archive; since 0.3.170 they are packed with Zstandard, which Python 3.11's zipfile lacks."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any

from workbench.errors import DataError
from workbench.otlp.notes import Notes
from workbench.readers import bigjson
from workbench.readers.source import Source

MAX_MEMBER = 2_000_000_000
ZSTANDARD = 93  # PKWARE APPNOTE 4.4.5


def names(source: Source) -> set[str]:
    """What the archive holds; nothing where it is no archive."""
    try:
        with zipfile.ZipFile(io.BytesIO(bytes(source.data))) as archive:
            return set(archive.namelist())
    except zipfile.BadZipFile:
        return set()


def members(source: Source, notes: Notes) -> tuple[dict[str, Any], Iterator[Any]]:
    """What the header says of the evaluation, and its samples one by one."""
    archive = zipfile.ZipFile(io.BytesIO(bytes(source.data)))
    held = archive.namelist()
    head = _member(archive, "header.json", notes) if "header.json" in held else None
    if head is None:
        head = _member(archive, "_journal/start.json", notes) if "_journal/start.json" in held else None
        notes.warn("the log has no header: it was cut off before the evaluation ended")
    about = head.get("eval") if isinstance(head, dict) else None
    samples = (_member(archive, n, notes) for n in held if n.startswith("samples/") and n.endswith(".json"))
    return about if isinstance(about, dict) else {}, (sample for sample in samples if sample is not None)


def _member(archive: zipfile.ZipFile, name: str, notes: Notes) -> Any:
    try:
        info = archive.getinfo(name)
        if info.file_size > MAX_MEMBER or (info.file_size > 50_000_000 and info.file_size > 200 * info.compress_size):
            notes.skip("a member of the archive that unpacks to far too much")
            return None
        return bigjson.load(_zstandard(archive, info) if info.compress_type == ZSTANDARD else archive.read(info), notes)
    except (
        zipfile.BadZipFile,
        NotImplementedError,
        EOFError,
        OSError,
        RuntimeError,
        DataError,
        ValueError,
        zlib.error,
        struct.error,
    ) as error:
        notes.skip(f"a member of the archive that cannot be read ({type(error).__name__})")
        return None


def _zstandard(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """A member that Zstandard packed (one or more frames), unpacked to no more than it says it is."""
    import pyarrow as pa

    file = archive.fp
    assert file is not None
    file.seek(info.header_offset)
    head = file.read(30)  # the local header: two lengths at its end tell where the data starts
    name, extra = struct.unpack("<HH", head[26:30])
    file.seek(info.header_offset + 30 + name + extra)
    packed = file.read(info.compress_size)
    with pa.CompressedInputStream(pa.BufferReader(packed), "zstd") as stream:
        found = bytes(stream.read(info.file_size))
    if len(found) != info.file_size or zlib.crc32(found) != info.CRC:
        raise zipfile.BadZipFile("a member that does not unpack to what it should")
    return found
