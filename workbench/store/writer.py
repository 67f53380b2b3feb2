"""RunWriter: appends spans to a Run's own file, each flushed as it comes, and seals the Run when it is closed.

A killed process loses at most the span it was writing. Every writer has a file of its own, so that many processes write
one Run without ever sharing a file. Where nothing can be appended to (s3, memory) spans go out as numbered pieces.
"""

from __future__ import annotations

import datetime
import os
import threading
import time
from collections.abc import Collection, Mapping
from secrets import token_hex
from typing import Any, Protocol

from workbench.errors import UsageError
from workbench.otlp import encode as otlp
from workbench.redact import Redactor
from workbench.spans import Span
from workbench.store import manifest as manifests
from workbench.store import seal
from workbench.store.places import Place

try:
    import fcntl
except ImportError:
    fcntl = None  # type: ignore[assignment]

PIECE_BYTES = 4_000_000
PIECE_SECONDS = 2.0


class RunWriter:
    """Write one Run's folder. Threads may share a writer; processes may not (each opens its own).

    `manifest` fields that an existing run.json has already are left as they were, so a resumed run keeps its identity.
    `secrets` are struck out of every line beside what looks like one and what this machine's environment holds.
    """

    def __init__(
        self, path: str | os.PathLike[str], manifest: Mapping[str, Any] | None = None, *, secrets: Collection[str] = ()
    ) -> None:
        self.place = Place(path)
        self.path = self.place.url
        self._redact = Redactor(secrets)
        self.spans = 0
        self.closed = False
        self._file: _Sink = _LocalFile(self.place) if self.place.local is not None else _Pieces(self.place)
        given = dict(manifest or {})

        def opened(found: dict[str, Any]) -> dict[str, Any]:
            fresh = {"id": self.place.name or token_hex(4), "created": _now(), **given, **found}
            return {**fresh, "status": "open"}

        self.manifest = manifests.change(self.place, opened)
        self.id: str = str(self.manifest["id"])

    def write(self, span: Span) -> None:
        """Append one span."""
        self.write_line(otlp.line(span))

    def write_line(self, line: bytes) -> None:
        """Append one OTLP/JSON line, newline included; what looks like a secret is struck out."""
        if self.closed:
            raise UsageError(f"the Run {self.path} is closed; open a new RunWriter to add to it")
        self._file.append(self._redact(line))
        self.spans += 1

    def update(self, fields: Mapping[str, Any]) -> None:
        """Set fields of run.json."""
        self.manifest = manifests.change(self.place, lambda found: {**found, **fields})

    def flush(self) -> None:
        """Make all that was written visible to readers (it is at once, except where a place takes pieces)."""
        self._file.flush()

    def close(self, status: str = "closed") -> None:
        """Flush to disk, mark the Run closed and seal it, unless another process still writes to it. Idempotent."""
        if self.closed:
            return
        self._file.close()
        self.closed = True
        if seal.writers(self.place):
            return
        for _ in range(seal.TRIES):
            manifests.change(self.place, lambda found: {**found, "status": status, "ended": _now()})
            seal.seal(self.place)
            self.manifest = manifests.read(self.place)
            # an object store has no lock: another writer may have put back what it had read before
            if self.manifest.get("status") != "open" and "sealed" in self.manifest:
                break

    def __enter__(self) -> RunWriter:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


class _Sink(Protocol):
    def append(self, line: bytes) -> None: ...
    def flush(self) -> None: ...
    def close(self) -> None: ...


class _LocalFile:
    """spans.jsonl, or spans-0002.jsonl and on where others wrote before; locked for as long as it is open."""

    def __init__(self, place: Place) -> None:
        assert place.local is not None
        with manifests.locked(
            place
        ):  # whoever removes or seals the Run holds it, and sees no file that nobody locks yet
            number = 1
            while True:
                name = "spans.jsonl" if number == 1 else f"spans-{number:04d}.jsonl"
                try:
                    self._handle = os.open(
                        place.local / name, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND, 0o644
                    )
                    break
                except FileExistsError:
                    number += 1
            if fcntl is not None:
                fcntl.flock(self._handle, fcntl.LOCK_EX)

    def append(self, line: bytes) -> None:
        done = os.write(self._handle, line)  # one call per line: appends of threads do not mix
        while done < len(line):
            done += os.write(self._handle, line[done:])

    def flush(self) -> None:
        pass

    def close(self) -> None:
        os.fsync(self._handle)
        os.close(self._handle)


class _Pieces:
    """spans-<writer>-<n>.jsonl: a new object every two seconds or four megabytes, for places without append."""

    def __init__(self, place: Place) -> None:
        self._place, self._writer, self._number = place, token_hex(4), 0
        self._lines: list[bytes] = []
        self._size, self._since, self._lock = 0, time.monotonic(), threading.Lock()

    def append(self, line: bytes) -> None:
        with self._lock:
            self._lines.append(line)
            self._size += len(line)
            if self._size >= PIECE_BYTES or time.monotonic() - self._since >= PIECE_SECONDS:
                self._put()

    def _put(self) -> None:
        if self._lines:
            self._number += 1
            self._place.write(f"spans-{self._writer}-{self._number:06d}.jsonl", b"".join(self._lines))
        self._lines, self._size, self._since = [], 0, time.monotonic()

    def flush(self) -> None:
        with self._lock:
            self._put()

    close = flush


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
