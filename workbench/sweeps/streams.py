"""Streams: a kernel's standard output in messages of bounded size, so that whoever floods it waits for its reader."""

from __future__ import annotations

from typing import Any

from ipykernel.iostream import OutStream

MOST_CHARACTERS = 1 << 20


class PacedStream(OutStream):  # type: ignore[misc]
    """ipykernel's stream, flushed also by amount: its own clock alone puts what is printed in 0.2 s, or more, in one message."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self._unsent = 0
        super().__init__(*args, **options)

    def write(self, string: str) -> int | None:
        """Take text, and wait for it to be sent once there is much of it."""
        written: int | None = super().write(string)
        self._unsent += written or 0
        if self._unsent >= MOST_CHARACTERS and self._is_master_process():
            self.flush()
        return written

    def _flush(self) -> None:
        self._unsent = 0
        super()._flush()
