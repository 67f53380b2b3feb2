"""Big JSON: large documents in pieces, so that memory stays near the size of the file.

One pass finds where the elements of the document's long lists lie (strings are skipped as a whole, nothing is built); the
elements are parsed one by one when they are asked for. A document that was cut off gives the elements that are whole.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import re
from array import array
from collections.abc import Iterator
from typing import Any

import orjson

from workbench.errors import DataError
from workbench.otlp.notes import Notes

LARGE = 16_000_000
MAX_ELEMENTS = 10_000_000  # of one list: their places take 16 bytes each
MAX_NAME = 64
MAX_TORN = 12  # lists within lists that are followed into a document that was cut off
CUT = frozenset(
    [
        b"resourceSpans",
        b"scopeSpans",
        b"spans",
        b"samples",
        b"observations",
        b"runs",
        b"data",
        b"simulations",
        b"traces",
        b"post",
        b"patch",
        b"messages",
        b"items",
        b"resource_spans",
        b"scope_spans",
        b"trajectory",
        b"history",
        b"records",
    ]
)
"""Lists that are read element by element where they are found outside any other such list."""

_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[{}\[\],]', re.DOTALL)
_SPACE = b" \t\r\n"


class LazyList(list[Any]):
    """A list of a large document whose elements are parsed while one iterates."""

    def __init__(self, data: Any, ranges: array[int], notes: Notes, torn: int = 0) -> None:
        super().__init__()
        self._data, self._ranges, self._notes, self._torn = data, ranges, notes, torn

    def __iter__(self) -> Iterator[Any]:
        for i in range(0, len(self._ranges), 2):
            start, end = self._ranges[i], self._ranges[i + 1]
            if self._torn and i + 2 == len(self._ranges):  # the last element was cut off: what is whole inside it
                with contextlib.suppress(DataError):
                    yield _in_pieces(memoryview(self._data)[start:end], self._notes, self._torn)
                return
            try:
                yield load(memoryview(self._data)[start:end], self._notes)
            except DataError as error:
                self._notes.skip(f"a record that cannot be read: {error}")

    def __len__(self) -> int:
        return len(self._ranges) // 2

    def __bool__(self) -> bool:
        return bool(self._ranges)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return list(itertools.islice(self, index.start, index.stop, index.step))
        return next(itertools.islice(self, index, None), None) if index >= 0 else list(self)[index]


def load(data: Any, notes: Notes) -> Any:
    """Parse one JSON document (bytes or a buffer), in pieces where it is large. Raises DataError where it is no JSON."""
    if len(data) <= LARGE:
        return parse(data, notes)
    return _in_pieces(data, notes)


def parse(data: Any, notes: Notes) -> Any:
    """Parse a small document; what only Python's json accepts (NaN, half surrogates, broken UTF-8) is let through, noted."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raw = bytes(data)
        if not (
            b"NaN" in raw
            or b"Infinity" in raw
            or b"\\u" in raw
            or "UTF-8" in str(error)
            or "utf-8" in str(error)
            or b"\x00" in raw
            or len(raw) < 1_000_000
        ):
            raise DataError(str(error)) from error
        if _deep(raw):
            raise DataError("nested more than 1,000 levels deep") from error
        try:
            text = raw.decode("utf-8", "replace")
            found = json.loads(text, strict=False)
        except (ValueError, RecursionError) as second:
            raise DataError(str(error)) from second
        notes.warn("JSON with values that the standard forbids (NaN, broken text), put right")
        return _clean(found)


def values(data: Any) -> list[tuple[int, int, bool]]:
    """Where the top-level values of a text lie, one after the other: (start, end, complete)."""
    found: list[tuple[int, int, bool]] = []
    depth = start = 0
    for token in _TOKEN.finditer(data):
        first = data[token.start()]
        if first in b"{[":
            if depth == 0:
                start = token.start()
            depth += 1
        elif first in b"}]":
            depth -= 1
            if depth == 0:
                found.append((start, token.end(), True))
            depth = max(depth, 0)
    if depth:
        found.append((start, len(data), False))
    return found


def salvage(data: Any, notes: Notes) -> Any:
    """What is whole of a document that was cut off. Raises DataError where nothing is."""
    return _in_pieces(data, notes)


def _deep(raw: bytes, limit: int = 900) -> bool:
    depth = 0
    for token in _TOKEN.finditer(raw):
        first = token.group()[0]
        depth += 1 if first in b"{[" else -1 if first in b"}]" else 0
        if depth > limit:
            return True
    return False


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_clean(v) for v in value]
    if isinstance(value, dict):
        return {_clean(k): _clean(v) for k, v in value.items()}
    if isinstance(value, float) and value != value:
        return None
    return value


def _in_pieces(data: Any, notes: Notes, inside: int = 0) -> Any:
    if inside > MAX_TORN:
        raise DataError("cut off inside lists that are nested too deep")
    skeleton, cuts, whole, torn = _scan(data)
    if not cuts:
        return _whole(data, notes)
    if not whole and not inside:
        notes.skip("a document that was cut off: its whole records were read, the last one is lost")
    found = parse(skeleton, notes)
    lists: list[list[Any]] = [
        LazyList(data, ranges, notes, inside + 1 if torn and ranges is cuts[-1] else 0) for ranges in cuts
    ]
    if len(data) <= LARGE:
        lists = [list(found_) for found_ in lists]
    return _fill(found, lists)


def _whole(data: Any, notes: Notes) -> Any:
    """A large document without known lists: parsed at once, if its objects will not need far more memory than its text."""
    small = sum(1 for t in _TOKEN.finditer(data) if data[t.start()] in b"{[,")
    if small * 80 > 3 * len(data):
        raise DataError(
            f"{len(data) / 1e6:,.0f} MB of very small JSON values in no known format; it is not read into memory"
        )
    return parse(data, notes)


def _fill(node: Any, lists: list[list[Any]]) -> Any:
    """Put the lazy lists in the places that the skeleton marks as {"\\u0000cut": n}."""
    if isinstance(node, dict):
        if len(node) == 1 and "\x00cut" in node:
            return lists[node["\x00cut"]]
        return {k: _fill(v, lists) for k, v in node.items()}
    if isinstance(node, list):
        return [_fill(v, lists) for v in node]
    return node


def _scan(data: Any) -> tuple[bytes, list[array[int]], bool, bool]:
    """The document's text with its long lists cut out, where their elements lie, whether it is complete, and whether the
    last list was cut off."""
    pieces: list[bytes] = []
    cuts: list[array[int]] = []
    closers: list[int] = []
    depth, done, cut_depth, element = 0, 0, -1, -1
    previous = b""
    for token in _TOKEN.finditer(data):
        first = data[token.start()]
        if first == 0x22:  # a string
            if cut_depth < 0:
                short = token.end() - token.start() <= MAX_NAME
                previous = bytes(data[token.start() + 1 : token.end() - 1]) if short else b""
            continue
        if first in b"{[":
            depth += 1
            if cut_depth < 0:
                closers.append(0x7D if first == 0x7B else 0x5D)
                if first == 0x5B and (depth == 1 or (depth <= 4 and previous in CUT)):
                    pieces += [bytes(data[done : token.start()]), b'{"\\u0000cut":%d}' % len(cuts)]
                    cuts.append(array("q"))
                    cut_depth, element = depth, token.end()
            previous = b""
        elif first in b"}]":
            if depth == cut_depth:
                _element(data, cuts[-1], element, token.start())
                cut_depth, done = -1, token.end()
            depth -= 1
            if cut_depth < 0 and closers:
                closers.pop()
            if depth <= 0:
                break
        elif depth == cut_depth:
            _element(data, cuts[-1], element, token.start())
            element = token.end()
        else:
            previous = b""
    whole = depth <= 0
    if not cuts:
        return b"", cuts, whole, False
    if cut_depth < 0:
        tail = bytes(data[done:]) if whole else bytes(data[done : done + 1]).strip(b",")
        pieces.append(tail)
    if not whole:
        pieces.append(bytes(reversed(closers if cut_depth < 0 else closers[:-1])))
    torn = not whole and cut_depth >= 0
    if torn:
        _element(data, cuts[-1], element, len(data))
    return b"".join(pieces), cuts, whole, torn


def _element(data: Any, ranges: array[int], start: int, end: int) -> None:
    while start < end and data[start] in _SPACE:
        start += 1
    if start < end:
        ranges.extend((start, end))
        if len(ranges) > 2 * MAX_ELEMENTS:
            raise DataError(f"a list of more than {MAX_ELEMENTS:,} values; no known format has one")
