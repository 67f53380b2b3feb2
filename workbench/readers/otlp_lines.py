"""OTLP/JSON lines straight to columns: the short way for large files written as the conventions ask.

No Span is made in between. What the short way does not understand (another dialect, ids that are not hex, values of other
types) sends the whole block the long way round, through the same readers as everything else: the result is the same.
"""

from __future__ import annotations

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


class _Unusual(Exception):
    """The block must go the long way."""


def table(block: bytes, run: str) -> pa.Table | None:
    """The spans of whole lines as a table with the span schema, or None where the long way is needed."""
    try:
        with no_gc():
            return _Block().read(block, run)
    except (
        _Unusual,
        KeyError,
        TypeError,
        AttributeError,
        ValueError,
        pa.ArrowInvalid,
        orjson.JSONDecodeError,
        RecursionError,
    ):
        return None


class _Block:
    """Values per column, with the rows that they belong to."""

    def __init__(self) -> None:
        self.fixed: list[list[Any]] = [[] for _ in range(9)]
        self.values: list[list[Any]] = [[] for _ in columns.PROMOTED]
        self.rows: list[list[int]] = [[] for _ in columns.PROMOTED]
        self.rest: dict[str, dict[int, str]] = {"finish_reason": {}, "attributes": {}, "events": {}, "links": {}}
        self.resources: list[str | None] = []
        self.scopes: list[str | None] = []

    def read(self, block: bytes, run: str) -> pa.Table:
        places = {
            key: (_WIRE[kind], self.values[i], self.rows[i]) for i, (key, kind) in enumerate(columns.PROMOTED.values())
        }
        trace, span_id, parent, name, start, end, kind, code, message = self.fixed
        resource: Any = None
        resource_text: str | None = None
        row = -1
        for line in block.split(b"\n"):
            if not line:
                continue
            for group in orjson.loads(line)["resourceSpans"]:
                if group["resource"] != resource:
                    resource = group["resource"]
                    resource_text = columns.json_text(_attributes(resource.get("attributes") or []))
                for part in group["scopeSpans"]:
                    scope = part["scope"].get("name") or None
                    for span in part["spans"]:
                        row += 1
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
                        self.resources.append(resource_text)
                        other = None
                        for pair in span["attributes"]:
                            key = pair["key"]
                            place = places.get(key)
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
                            self.rest["events"][row] = str(columns.json_text([_event(e) for e in span["events"]]))
                        if span.get("links"):
                            self.rest["links"][row] = str(columns.json_text([_link(k) for k in span["links"]]))
        return self._table(row + 1, run)

    def _other(self, row: int, pairs: list[dict[str, Any]]) -> None:
        found = _attributes(pairs)
        if not MARKERS.isdisjoint(found):
            raise _Unusual
        finish = found.get(s.FINISH_REASONS)
        if isinstance(finish, str):
            raise _Unusual
        if type(finish) is list and len(finish) == 1 and type(finish[0]) is str:
            self.rest["finish_reason"][row] = found.pop(s.FINISH_REASONS)[0]
        if found:
            self.rest["attributes"][row] = str(columns.json_text(found))

    def _table(self, size: int, run: str) -> pa.Table:
        if not size:
            return columns.SCHEMA.empty_table()
        trace, span_id, parent, name, start, end, kind, code, message = self.fixed
        arrays: dict[str, pa.Array] = {
            "run": pa.repeat(pa.scalar(run), size),
            "trace_id": _ids(trace, 32),
            "span_id": _ids(span_id, 16),
            "parent_id": _ids(parent, 16),
            "name": pa.array(name, pa.string()),
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
        for column, found in self.rest.items():
            arrays[column] = _scatter(list(found.values()), list(found), str, size)
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


def _attributes(pairs: list[dict[str, Any]]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for pair in pairs:
        ((wire, value),) = pair["value"].items()
        if wire in _PLAIN and type(value) is _PLAIN[wire]:
            out[pair["key"]] = value
        elif wire == "intValue":
            out[pair["key"]] = int(value)
        elif wire == "arrayValue":
            out[pair["key"]] = list(
                _attributes([{"key": str(i), "value": v} for i, v in enumerate(value.get("values") or ())]).values()
            )
        else:
            raise _Unusual
    return out


def _event(raw: dict[str, Any]) -> list[Any]:
    return [raw["name"], int(raw["timeUnixNano"]), _attributes(raw.get("attributes") or [])]


def _link(raw: dict[str, Any]) -> list[Any]:
    if len(raw["traceId"]) != 32 or len(raw["spanId"]) != 16:
        raise _Unusual
    return [raw["traceId"], raw["spanId"], _attributes(raw.get("attributes") or [])]


def _ids(values: list[Any], digits: int) -> pa.Array:
    found = pa.array(values, pa.string())
    if not pc.all(pc.match_substring_regex(found, f"^[0-9a-f]{{{digits}}}$")).as_py():
        raise _Unusual
    if pc.any(pc.equal(found, "0" * digits)).as_py():
        raise _Unusual
    return found


def _numbers(values: list[Any]) -> pa.Array:
    found = pa.array(values).cast(pa.int64())
    if pc.any(pc.less_equal(found, 0)).as_py():
        raise _Unusual
    return found


def _names(values: list[Any], names: tuple[str, ...], least: int) -> pa.Array:
    codes = np.asarray(values)
    if codes.dtype.kind != "i" or codes.min() < least - 1 or codes.max() >= len(names):
        raise _Unusual
    return pa.array(names).take(pa.array(codes))


def _scatter(values: list[Any], rows: list[int], kind: type, size: int) -> pa.Array:
    arrow = columns.arrow_type(kind)
    if not values:
        return pa.nulls(size, arrow)
    if len(rows) > 1 and len(set(rows)) != len(rows):
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
    index[np.asarray(rows)] = np.arange(len(rows))
    return found.take(pa.array(index, mask=index < 0))
