"""OTLP/JSON lines straight to columns: the short way for large files written as the conventions ask.

No Span is made in between. What the short way does not understand (another dialect, ids that are not hex, values of other
types) sends the whole block the long way round, through the same readers as everything else: the result is the same.
"""

from __future__ import annotations

from array import array
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from workbench import semconv as s
from workbench.readers.dialect_names import CALL_OPERATIONS, MARKERS
from workbench.spans import KINDS, STATUSES
from workbench.store import columns
from workbench.store.lines import no_gc

_WIRE = {str: "stringValue", int: "intValue", float: "doubleValue", bool: "boolValue"}
_PLAIN = {"stringValue": str, "doubleValue": float, "boolValue": bool}


_HEX = np.isin(np.arange(256), list(b"0123456789abcdef"))


_SPANS, _CLOSING = b'"spans":[', b"]}]}]}"


class _Unusual(Exception):
    """The block must go the long way."""


_ODD = (LookupError, TypeError, AttributeError, ValueError, OverflowError, RecursionError, pa.ArrowException)
"""What values of other types than the specification's raise here."""


def table(block: bytes, run: str) -> pa.Table | None:
    """The spans of whole lines as a table with the span schema, or None where the long way is needed."""
    try:
        with no_gc():
            return _Block().read(block, run)
    except (_Unusual, *_ODD):
        return None


class _Block:
    """Values per column, with the rows that they belong to."""

    def __init__(self) -> None:
        self.fixed: list[list[Any]] = [[] for _ in range(9)]
        self.values: list[list[Any]] = [[] for _ in columns.PROMOTED]
        self.rows: list[array[int]] = [array("q") for _ in columns.PROMOTED]
        self.finish: list[dict[str, Any]] = []
        self.finish_rows = array("q")
        self.rest: dict[str, dict[int, str]] = {"attributes": {}, "events": {}, "links": {}}
        self.linked: list[list[Any]] = []
        self.resources: list[str | None] = []
        self.scopes: list[str | None] = []
        self.places: dict[str, tuple[str, list[Any], array[int]]] = {
            key: (_WIRE[kind], self.values[i], self.rows[i]) for i, (key, kind) in enumerate(columns.PROMOTED.values())
        }
        self.named = frozenset(self.places)
        self.places[s.FINISH_REASONS] = ("arrayValue", self.finish, self.finish_rows)

    def read(self, block: bytes, run: str) -> pa.Table:
        resource: Any = None
        resource_text: str | None = None
        opening, scope = b"\n", None
        for line in block.split(b"\n"):
            if line.startswith(opening) and line.endswith(_CLOSING):  # as the line before: only its spans are new
                self._add(orjson.loads(b"[" + line[len(opening) : -len(_CLOSING)] + b"]"), scope, resource_text)
                continue
            if not line:
                continue
            for group in _list(orjson.loads(line)["resourceSpans"]):
                if group["resource"] != resource:
                    resource = group["resource"]
                    resource_text = _json(_attributes(held)) if (held := resource.get("attributes")) else None
                for part in _list(group["scopeSpans"]):
                    scope = part["scope"].get("name") or None
                    self._add(_list(part["spans"]), scope, resource_text)
            opening = _opening(line)
        return self._table(len(self.scopes), run)

    def _add(self, spans: list[dict[str, Any]], scope: str | None, resource: str | None) -> None:
        trace, span_id, parent, name, start, end, kind, code, message = self.fixed
        places = self.places
        for row, span in enumerate(spans, len(self.scopes)):
            trace.append(span["traceId"])
            span_id.append(span["spanId"])
            parent.append(span.get("parentSpanId") or None)
            name.append(span["name"])
            start.append(span["startTimeUnixNano"])
            end.append(span["endTimeUnixNano"])
            kind.append(span["kind"])
            status = span["status"]
            code.append(status.get("code", 0))
            message.append(status.get("message") or None)
            self.scopes.append(scope)
            self.resources.append(resource)
            other = None
            for pair in span["attributes"]:
                place = places.get(pair["key"])
                if place is not None:
                    value = pair["value"].get(place[0])
                    if value is not None:
                        place[1].append(value)
                        place[2].append(row)
                        continue
                if other is None:
                    other = [pair]
                else:
                    other.append(pair)
            if other is not None:
                self._other(row, other)
            if span.get("events"):
                self.rest["events"][row] = _json([_event(raw) for raw in span["events"]])
            if span.get("links"):
                links = [_link(raw) for raw in span["links"]]
                self.linked += links
                self.rest["links"][row] = _json(links)

    def _other(self, row: int, pairs: list[dict[str, Any]]) -> None:
        found = _attributes(pairs)
        if not self.named.isdisjoint(found):
            self._look_twice(row, found)
        if not MARKERS.isdisjoint(found):
            raise _Unusual
        if s.FINISH_REASONS in found:  # not a list
            raise _Unusual
        if found:
            self.rest["attributes"][row] = _json(found)

    def _look_twice(self, row: int, found: dict[str, Any]) -> None:
        """Keys that have a column, with values of another type: whole numbers become fractions where those belong."""
        for key in self.named & found.keys():
            wire, values, rows = self.places[key]
            if row in rows[-1:]:
                raise _Unusual  # the same key twice in one span
            if type(found[key]) is int and wire == "doubleValue":
                if abs(found[key]) > 2**53:
                    raise _Unusual
                values.append(float(found.pop(key)))
                rows.append(row)

    def _table(self, size: int, run: str) -> pa.Table:
        if not size:
            return columns.SCHEMA.empty_table()
        trace, span_id, parent, name, start, end, kind, code, message = self.fixed
        if self.linked:
            _ids([link[0] for link in self.linked], 32)
            _ids([link[1] for link in self.linked], 16)
        arrays: dict[str, pa.Array] = {
            "run": pa.repeat(pa.scalar(run), size),
            "trace_id": _ids(trace, 32),
            "span_id": _ids(span_id, 16),
            "parent_id": _ids(parent, 16, missing=True),
            "name": _all(pa.array(name, pa.string())),
            "start_ns": _numbers(start),
            "end_ns": _numbers(end),
            "kind": _names(kind, KINDS, 1),
            "status": _names(code, STATUSES, 0),
            "status_message": pa.array(message, pa.string()),
            "scope": pa.array(self.scopes, pa.string()),
            "resource": pa.array(self.resources, pa.string()),
        }
        for (column, (_, kind_)), values, rows in zip(columns.PROMOTED.items(), self.values, self.rows, strict=True):
            arrays[column] = _scatter(values, rows, kind_, size)
        arrays["finish_reason"] = _scatter([_only(held) for held in self.finish], self.finish_rows, str, size)
        for column, found in self.rest.items():
            arrays[column] = _scatter(list(found.values()), array("q", found), str, size)
        out = pa.Table.from_arrays([arrays[field.name] for field in columns.SCHEMA], schema=columns.SCHEMA)
        if pc.any(pc.less(out["end_ns"], out["start_ns"])).as_py():
            raise _Unusual
        failed = pc.and_(pc.equal(out["status"], "ERROR"), pc.is_null(out["error_type"]))
        unnamed = pc.and_(
            pc.is_null(out["operation"]), pc.or_(pc.is_valid(out["request_model"]), pc.is_valid(out["tool_name"]))
        )
        called = pc.and_(pc.is_in(out["operation"], pa.array(CALL_OPERATIONS)), pc.is_valid(out["events"]))
        if any(pc.any(flag).as_py() for flag in (failed, unnamed, called)):
            raise _Unusual  # the dialects have something to add
        return out


def _list(found: Any) -> list[Any]:
    if type(found) is not list:
        raise _Unusual  # an empty object would pass for an empty list
    return found


def _opening(line: bytes) -> bytes:
    """What comes before the spans of a line with one resource and one scope; a line break, which is in no line, for others."""
    opening = line[: line.find(_SPANS) + len(_SPANS)]
    try:
        (group,) = orjson.loads(opening + _CLOSING)["resourceSpans"]
        (part,) = group["scopeSpans"]
        whole = part["spans"] == []
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return b"\n"
    return opening if whole and line.endswith(_CLOSING) else b"\n"


def _attributes(pairs: list[dict[str, Any]]) -> dict[str, Any]:
    return {pair["key"]: _value(pair["value"]) for pair in pairs}


def _json(value: Any) -> str:
    """JSON for a column. Raises TypeError where a key is no text."""
    return orjson.dumps(value).decode()


def _value(held: dict[str, Any]) -> Any:
    ((wire, value),) = held.items()
    if wire in _PLAIN and type(value) is _PLAIN[wire]:
        return value
    if wire == "intValue":
        return int(value)
    if wire == "arrayValue":
        return [_value(entry) for entry in value.get("values") or ()]
    raise _Unusual


def _only(held: dict[str, Any]) -> Any:
    (value,) = held["values"]
    return value["stringValue"]


def _event(raw: dict[str, Any]) -> list[Any]:
    name, at = raw["name"], raw["timeUnixNano"]
    if type(name) is not str or type(at) is bool or not 0 <= int(at) < 2**63:
        raise _Unusual
    return [name, int(at), _attributes(raw.get("attributes") or [])]


def _link(raw: dict[str, Any]) -> list[Any]:
    return [raw["traceId"], raw["spanId"], _attributes(raw.get("attributes") or [])]


def _all(found: pa.Array) -> pa.Array:
    if found.null_count:
        raise _Unusual
    return found


def _ids(values: list[Any], digits: int, missing: bool = False) -> pa.Array:
    """Ids of so many small hex digits, not all 0."""
    found = pa.array(values, pa.string())
    known = found.drop_null() if missing else _all(found)
    letters = np.frombuffer(known.buffers()[2] or b"", np.uint8)
    if pc.any(pc.not_equal(pc.binary_length(known), digits)).as_py() or not _HEX[letters].all():
        raise _Unusual
    if pc.any(pc.equal(found, "0" * digits)).as_py():
        raise _Unusual
    return found


def _numbers(values: list[Any]) -> pa.Array:
    found = _all(pa.array(values).cast(pa.int64()))
    if pc.any(pc.less_equal(found, 0)).as_py():
        raise _Unusual
    return found


def _names(values: list[Any], names: tuple[str, ...], least: int) -> pa.Array:
    codes = np.asarray(values)
    if {*map(type, values)} != {int} or codes.min() < least - 1 or codes.max() >= len(names):
        raise _Unusual
    return pa.array(names).take(pa.array(codes))


def _scatter(values: list[Any], rows: array[int], kind: type, size: int) -> pa.Array:
    """Values and their rows, in rising order, as a column of `size` rows."""
    arrow = columns.arrow_type(kind)
    if not values:
        return pa.nulls(size, arrow)
    places = np.frombuffer(rows, np.int64)
    if (places[1:] == places[:-1]).any():
        raise _Unusual  # the same key twice in one span
    found = pa.array(values)
    if found.type != arrow:
        if (
            kind is str
            or kind is bool
            or not (pa.types.is_string(found.type) if kind is int else pa.types.is_integer(found.type))
        ):
            raise _Unusual
        found = found.cast(arrow)
    if len(values) == size:
        return found
    index = np.full(size, -1, dtype=np.int64)
    index[places] = np.arange(len(places))
    return found.take(pa.array(index, mask=index < 0))
