"""Reading a Run's JSON lines, from the start or from where one stopped; a torn last line is told and left for later."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

import orjson

from workbench.otlp import decode as otlp_decode
from workbench.otlp.notes import Notes
from workbench.spans import Span
from workbench.store.places import Place

BLOCK = 8_000_000


def read(place: Place, name: str, notes: Notes, start: int = 0) -> Iterator[tuple[list[Span], int]]:
    """Batches of (spans, offset after them) of one spans file from byte `start` on."""
    with place.open(name) as handle:
        handle.seek(start)
        rest = b""
        while block := handle.read(BLOCK):
            whole, newline, rest_ = (rest + block).rpartition(b"\n")
            if not newline:
                rest = rest_
                continue
            rest = rest_
            start += len(whole) + 1
            with no_gc():
                batch = decode(whole, name, notes)
            yield batch, start
    if rest.strip():
        torn = decode(rest, name, None)
        if torn:  # whole, only its newline is missing
            yield torn, start + len(rest)
        else:
            notes.warn(f"{name}: the last line is torn (the writer was stopped in it); it is skipped")


def decode(lines: bytes, name: str, notes: Notes | None) -> list[Span]:
    """The spans of some whole lines; a broken line is noted and skipped."""
    found: list[Span] = []
    for text in lines.split(b"\n"):
        if not text or text.isspace():
            continue
        try:
            record = orjson.loads(text)
        except orjson.JSONDecodeError:
            if notes is not None:
                notes.skip(f"{name}: a line is not JSON")
            continue
        found.extend(otlp_decode.decode(record, notes))
    return found


@contextmanager
def no_gc() -> Iterator[None]:
    """Leave the cycle collector out while many small objects are made (JSON has no cycles; it costs five times)."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
