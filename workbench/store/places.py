"""Place: a folder anywhere fsspec reaches (a local path, memory://, s3://), with the file operations a Run needs."""

from __future__ import annotations

import os
import posixpath
import uuid
from pathlib import Path
from typing import IO, Any

import fsspec

from workbench.errors import DataError


class Place:
    """A folder. `local` is its path where it lies on this machine's file system, else None."""

    def __init__(self, url: str | os.PathLike[str]) -> None:
        text = os.fspath(url)
        try:
            self.fs, path = fsspec.core.url_to_fs(text)
        except (ValueError, ImportError) as error:
            raise DataError(f"cannot reach {text!r}: {error}") from error
        self.path: str = path.rstrip("/") or "/"
        self.local = Path(self.path) if "file" in _protocols(self.fs) else None
        self.url = str(self.local) if self.local else self.fs.unstrip_protocol(self.path)
        self.name = posixpath.basename(self.path)

    def __truediv__(self, name: str) -> Place:
        return Place(f"{self.url}/{name}")

    def file(self, name: str) -> str:
        """The file system's own path of a file here."""
        return f"{self.path}/{name}"

    def open(self, name: str, mode: str = "rb") -> IO[Any]:
        return self.fs.open(self.file(name), mode)  # type: ignore[no-any-return]

    def read(self, name: str) -> bytes:
        return self.fs.cat_file(self.file(name))  # type: ignore[no-any-return]

    def write(self, name: str, data: bytes) -> None:
        """Write a whole file so that no reader ever sees half of it (object stores do so by themselves)."""
        if self.local is None:
            self.fs.pipe_file(self.file(name), data)
            return
        self.local.mkdir(parents=True, exist_ok=True)
        fresh = self.local / f".{name}.{uuid.uuid4().hex[:8]}"
        fresh.write_bytes(data)
        os.replace(fresh, self.local / name)

    def exists(self, name: str = "") -> bool:
        return bool(self.fs.exists(self.file(name) if name else self.path))

    def sizes(self) -> dict[str, int]:
        """Names of the files here and their sizes in bytes; empty where the folder is not there."""
        if self.local is not None:
            try:
                with os.scandir(self.local) as entries:
                    return {e.name: e.stat().st_size for e in entries if e.is_file() and not e.name.startswith(".")}
            except FileNotFoundError:
                return {}
        self.fs.invalidate_cache()
        try:
            found = self.fs.ls(self.path, detail=True)
        except FileNotFoundError:
            return {}
        return {posixpath.basename(e["name"]): int(e["size"] or 0) for e in found if e["type"] == "file"}

    def folders(self) -> list[str]:
        """Names of the folders here, sorted."""
        self.fs.invalidate_cache()
        try:
            found = self.fs.ls(self.path, detail=True)
        except FileNotFoundError:
            return []
        return sorted(posixpath.basename(e["name"].rstrip("/")) for e in found if e["type"] == "directory")


def _protocols(fs: Any) -> tuple[str, ...]:
    return (fs.protocol,) if isinstance(fs.protocol, str) else tuple(fs.protocol)
