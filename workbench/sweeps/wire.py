"""Wire: Jupyter messages over one stream socket; what a bare kernel has in place of ZeroMQ's five.

A frame is the channel's letter, the number of parts and their lengths, then the parts: those that Jupyter's own Session
makes and reads, so that a message is the same message as on a real kernel.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator, Sequence
from typing import Any

SHELL, IOPUB = b"s", b"i"
_HEAD = struct.Struct("!cI")


def pack(channel: bytes, parts: Sequence[Any]) -> list[Any]:
    """One frame as a list of buffers."""
    views = [part if isinstance(part, bytes) else memoryview(part).tobytes() for part in parts]
    return [_HEAD.pack(channel, len(views)) + struct.pack(f"!{len(views)}Q", *map(len, views)), *views]


class Reader:
    """Cuts the bytes as they come into frames."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[bytes, list[bytes]]]:
        """Add bytes; yield every frame (channel, parts) that is complete."""
        self._buffer += data
        while (frame := self._next()) is not None:
            yield frame

    def _next(self) -> tuple[bytes, list[bytes]] | None:
        if len(self._buffer) < _HEAD.size:
            return None
        channel, count = _HEAD.unpack_from(self._buffer)
        start = _HEAD.size + 8 * count
        if len(self._buffer) < start:
            return None
        lengths = struct.unpack_from(f"!{count}Q", self._buffer, _HEAD.size)
        if len(self._buffer) < start + sum(lengths):
            return None
        parts = []
        for length in lengths:
            parts.append(bytes(self._buffer[start : start + length]))
            start += length
        del self._buffer[:start]
        return channel, parts


class Writer:
    """Sends whole frames; threads wait for each other."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._lock = threading.Lock()

    def send(self, channel: bytes, parts: Sequence[Any]) -> None:
        """Send one frame, waiting while the other side is slow."""
        with self._lock:
            self._connection.sendall(b"".join(pack(channel, parts)))
