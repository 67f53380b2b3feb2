"""Source: a file as the records it holds (JSON lines, one document, a list, a zip, protobuf), found by looking at it."""

from __future__ import annotations

import gzip
import io
import itertools
import mmap
import os
import tempfile
import zlib
from collections.abc import Iterator
from typing import Any

import fsspec

from workbench.errors import DataError
from workbench.otlp.notes import Notes
from workbench.readers import bigjson

HEADS = 20
MAX_UNPACKED = 64_000_000_000


class Source:
    """One file. `kind` is lines, list, object, zip or binary; `heads` the first records; `records()` all of them."""

    def __init__(self, path: str | os.PathLike[str], notes: Notes) -> None:
        self.name = os.path.basename(os.fspath(path).rstrip("/"))
        self.path, self.notes = os.fspath(path), notes
        self.mapped = False
        """True where `data` is the local file at `path` itself: another process may read it there."""
        self.data: Any = self._open()
        self.size = len(self.data)
        self._document: Any = None
        self.kind = self._find_kind()
        self.heads: list[Any] = [] if self.kind in ("zip", "binary") else list(itertools.islice(self._heads(), HEADS))

    def _open(self) -> Any:
        path = self.path
        try:
            with fsspec.open(path, "rb") as handle:
                head = handle.read(4)
                if head[:2] == b"\x1f\x8b":
                    handle.seek(0)
                    return _unpacked(handle, path)
                local = getattr(handle, "name", None)
                if (
                    isinstance(local, str)
                    and os.path.isfile(local)
                    and "://" not in path
                    and os.path.getsize(local) > 1_000_000
                ):
                    with open(local, "rb") as plain:
                        data: Any = mmap.mmap(plain.fileno(), 0, access=mmap.ACCESS_READ)
                        found = _utf8(data)
                        self.mapped = found is data
                        return found
                return _utf8(head + handle.read())
        except FileNotFoundError as error:
            raise DataError(f"no file {path!r}") from error
        except (IsADirectoryError, PermissionError, OSError) as error:
            raise DataError(f"cannot read {path!r}: {error}") from error
        except (ValueError, ImportError) as error:
            raise DataError(f"cannot reach {path!r}: {error}") from error

    @property
    def first(self) -> Any:
        """The first record, None where there is none."""
        return self.heads[0] if self.heads else None

    def records(self) -> Iterator[Any]:
        """All records; a line or element that cannot be read is noted and skipped."""
        if self.kind == "object":
            yield self._document
        elif self.kind == "list":
            yield from self._document
        elif self.kind == "lines":
            yield from self._lines(self.notes)

    def forget(self, start: int, end: int) -> None:
        """Give the memory of a part that was read back to the system (the file stays; it is read again if asked for)."""
        if isinstance(self.data, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
            first = start - start % mmap.PAGESIZE
            if end > first:
                self.data.madvise(mmap.MADV_DONTNEED, first, end - first)

    def _heads(self) -> Iterator[Any]:
        return iter(self._lines(Notes())) if self.kind == "lines" else self.records()

    def _find_kind(self) -> str:
        head = bytes(self.data[:4096])
        if not self.size or (not head.strip() and not bytes(self.data[:1_000_000]).strip()):
            raise DataError(f"{self.name} is empty")
        if head.startswith(b"PK\x03\x04"):
            return "zip"
        start = head.lstrip(b"\xef\xbb\xbf").lstrip()
        if start[:1] not in (b"{", b"["):
            if start[:1] in (b'"', b"-") or (start[:1].isalnum() and b"\x00" not in head):
                raise DataError(f"{self.name} is text, but neither JSON nor JSON lines")
            return "binary"
        if self._first_line_is_whole():
            return "lines"
        try:
            self._document = bigjson.load(self._trimmed(), self.notes)
        except DataError as error:
            try:
                self._document = self._mended()
            except DataError:
                raise DataError(f"{self.name} is not valid JSON: {error}") from error
        return "list" if isinstance(self._document, list) else "object"

    def _trimmed(self) -> Any:
        return memoryview(self.data)[3:] if bytes(self.data[:3]) == b"\xef\xbb\xbf" else memoryview(self.data)

    def _first_line_is_whole(self) -> bool:
        end = self.data.find(b"\n")
        while end >= 0 and not bytes(self.data[: min(end, 64)]).strip():
            end = self.data.find(b"\n", end + 1)
        if end < 0 or not bytes(self.data[end : end + 1_000_000]).strip():
            return False
        line = bytes(self.data[:end])
        if len(line) > bigjson.LARGE:
            return line.rstrip()[-1:] in b"}]"
        try:
            bigjson.parse(line.lstrip(b"\xef\xbb\xbf"), Notes())
        except DataError:
            # a broken first line of JSON lines: told by a whole second one
            follows = bytes(self.data[end + 1 : end + 4_000_000]).split(b"\n")[0].strip()
            if follows[:1] != b"{" or follows[-1:] != b"}":
                return False
            try:
                return isinstance(bigjson.parse(follows, Notes()), dict) and line.strip()[-1:] not in b"{[,"
            except DataError:
                return False
        return True

    def _lines(self, notes: Notes) -> Iterator[Any]:
        forgotten = 0
        for start, record in json_lines(self.data, notes):
            if start - forgotten > bigjson.LARGE:
                self.forget(forgotten, start)
                forgotten = start
            yield record

    def _mended(self) -> Any:
        """Values written one after the other over many lines (a console exporter's output), or what is left of one."""
        text = self._trimmed()
        if self.size > 256_000_000:
            raise DataError("too large to be put right")
        pieces = bigjson.values(text)
        if len(pieces) < 2:
            return bigjson.salvage(text, self.notes)
        found: list[Any] = []
        for start, end, whole in pieces:
            try:
                found.append(
                    bigjson.load(text[start:end], self.notes) if whole else bigjson.salvage(text[start:end], self.notes)
                )
            except DataError:
                self.notes.skip("a record that is not whole JSON")
        if not found:
            raise DataError("nothing in it is whole")
        return found


def json_lines(data: Any, notes: Notes) -> Iterator[tuple[int, Any]]:
    """The record of each line and where the line begins; a line that cannot be read is noted and skipped."""
    start, size = 0, len(data)
    while start < size:
        end = data.find(b"\n", start)
        last = end < 0
        end = size if last else end
        at, line = start, memoryview(data)[start:end]
        start = end + 1
        if len(line) < 1_000 and not bytes(line).strip():
            continue
        try:
            yield at, bigjson.load(line if bytes(line[:3]) != b"\xef\xbb\xbf" else line[3:], notes)
        except DataError as error:
            notes.skip("the last line is torn" if last else f"a line that is not JSON ({str(error).split(':')[0]})")


def _utf8(data: Any) -> Any:
    """UTF-16 with its mark (some Windows tools write it) as UTF-8; all else as it is."""
    if bytes(data[:2]) in (b"\xff\xfe", b"\xfe\xff"):
        return bytes(data).decode("utf-16", "replace").encode()
    return data


def _unpacked(handle: Any, path: str) -> Any:
    """A gzip file's content, on disk where it is large."""
    with tempfile.SpooledTemporaryFile(max_size=32_000_000) as out:
        try:
            with gzip.GzipFile(fileobj=handle) as packed:
                while block := packed.read(4_000_000):
                    out.write(block)
                    if out.tell() > MAX_UNPACKED:
                        raise DataError(f"{path} unpacks to more than {MAX_UNPACKED // 10**9} GB")
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            if not out.tell():
                raise DataError(f"{path} is a broken gzip file: {error}") from error
        if out.tell() == 0:
            return b""
        if not isinstance(getattr(out, "_file", None), io.BytesIO):
            out.flush()
            return mmap.mmap(out.fileno(), 0, access=mmap.ACCESS_READ)
        out.seek(0)
        return out.read()
