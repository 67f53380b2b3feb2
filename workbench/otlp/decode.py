"""OTLP/JSON into Spans, tolerant of what others write.

Hex or base64 ids, numbers or strings for numbers and enums, camelCase or snake_case names (protobuf's mapping allows
both). What cannot be used is noted and passed over; nothing here raises for bad data.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import Any

from workbench.otlp.notes import Notes
from workbench.spans import KINDS, STATUSES, Event, Link, Span

MAX_DEPTH = 60  # of a value inside an attribute; what is deeper is cut, so that it can be written as JSON again


def decode(request: Any, notes: Notes | None = None) -> Iterator[Span]:
    """The spans of one ExportTraceServiceRequest (or TracesData, or one ResourceSpans); the unusable is noted."""
    notes = notes if notes is not None else Notes()
    if not isinstance(request, dict):
        notes.skip(f"an OTLP record is {_kind(request)}, not an object")
        return
    groups = _first(request, "resourceSpans", "resource_spans")
    if groups is None and _first(request, "scopeSpans", "scope_spans", "instrumentationLibrarySpans") is not None:
        groups = [request]
    for group in _objects(groups, "resourceSpans", notes):
        resource = attributes((group.get("resource") or {}) if isinstance(group.get("resource"), dict) else {}, notes)
        scopes = _first(
            group, "scopeSpans", "scope_spans", "instrumentationLibrarySpans", "instrumentation_library_spans"
        )
        for part in _objects(scopes, "scopeSpans", notes):
            scope = _first(part, "scope", "instrumentationLibrary", "instrumentation_library")
            name = scope.get("name") if isinstance(scope, dict) else ""
            for raw in _objects(part.get("spans"), "spans", notes):
                span = decode_span(raw, notes, resource, name if isinstance(name, str) else "")
                if span is not None:
                    yield span


def decode_span(raw: dict[str, Any], notes: Notes, resource: Mapping[str, Any], scope: str) -> Span | None:
    """One OTLP span object, or None (noted) where it has no usable id."""
    trace_id = hex_id(_first(raw, "traceId", "trace_id"), 32)
    span_id = hex_id(_first(raw, "spanId", "span_id"), 16)
    if trace_id is None or span_id is None:
        notes.skip("a span without a valid trace id and span id")
        return None
    parent = _first(raw, "parentSpanId", "parent_span_id")
    start = nanos(_first(raw, "startTimeUnixNano", "start_time_unix_nano"))
    end = nanos(_first(raw, "endTimeUnixNano", "end_time_unix_nano"))
    if start is None:
        notes.warn("a span without a start time")
        start = end or 0
    if not end:  # still running when it was written
        end = start
    elif end < start:
        notes.warn("a span ends before it starts")
    status = raw.get("status")
    code, message = (status.get("code"), status.get("message")) if isinstance(status, dict) else (None, None)
    name = raw.get("name")
    events, links = raw.get("events"), raw.get("links")
    return Span(
        trace_id,
        span_id,
        hex_id(parent, 16) if parent else None,
        name if isinstance(name, str) else "",
        start,
        end,
        attributes(raw, notes),
        tuple(_event(e, start, notes) for e in _objects(events, "events", notes)) if events else (),
        tuple(k for e in _objects(links, "links", notes) if (k := _link(e, notes)) is not None) if links else (),
        _enum(raw.get("kind"), KINDS, "SPAN_KIND_", notes),
        _enum(code, STATUSES, "STATUS_CODE_", notes),
        message if isinstance(message, str) else "",
        scope,
        resource,
    )


def _event(raw: dict[str, Any], start_ns: int, notes: Notes) -> Event:
    time = nanos(_first(raw, "timeUnixNano", "time_unix_nano"))
    return Event(str(raw.get("name") or ""), start_ns if time is None else time, attributes(raw, notes))


def _link(raw: dict[str, Any], notes: Notes) -> Link | None:
    trace_id = hex_id(_first(raw, "traceId", "trace_id"), 32)
    span_id = hex_id(_first(raw, "spanId", "span_id"), 16)
    if trace_id is None or span_id is None:
        notes.warn("a link without valid ids")
        return None
    return Link(trace_id, span_id, attributes(raw, notes))


def attributes(holder: dict[str, Any], notes: Notes) -> dict[str, Any]:
    """The `attributes` of an OTLP object as a plain dict."""
    found = holder.get("attributes")
    if not found:
        return {}
    if isinstance(found, dict):  # not OTLP, but what several tools write
        return {str(k): _plain(v, 0) for k, v in found.items()}
    out: dict[str, Any] = {}
    for pair in _objects(found, "attributes", notes):
        key, value = pair.get("key"), pair.get("value")
        if type(key) is not str:
            notes.warn("an attribute without a key")
        elif type(value) is dict and "stringValue" in value and type(value["stringValue"]) is str:
            out[key] = value["stringValue"]
        else:
            out[key] = decode_value(value, notes)
    return out


def decode_value(value: Any, notes: Notes, depth: int = 0) -> Any:
    """One AnyValue as a plain Python value (arrays as tuples, key-value lists as dicts)."""
    if not isinstance(value, dict):
        return _plain(value, depth)
    for key, inner in value.items():
        reader = _VALUES.get(key)
        if reader is None:
            continue
        try:
            return reader(inner, notes, depth + 1)
        except (TypeError, ValueError, OverflowError, binascii.Error):
            notes.warn("an attribute value of the wrong type, kept as text")
            return str(inner)[:10_000]
    if value:
        notes.warn("an attribute value of an unknown kind, kept as it came")
        return _plain(value, depth)
    return None


def _array(inner: Any, notes: Notes, depth: int) -> Any:
    if depth > MAX_DEPTH:
        return "(nested too deep)"
    values = inner.get("values") or () if isinstance(inner, dict) else inner
    return tuple(decode_value(v, notes, depth) for v in values)


def _kvlist(inner: Any, notes: Notes, depth: int) -> Any:
    if depth > MAX_DEPTH:
        return "(nested too deep)"
    pairs = inner.get("values") or () if isinstance(inner, dict) else inner
    return {str(p.get("key")): decode_value(p.get("value"), notes, depth) for p in pairs if isinstance(p, dict)}


def _string(inner: Any, notes: Notes, depth: int) -> Any:
    return inner if isinstance(inner, str) else str(inner)


def _int(inner: Any, notes: Notes, depth: int) -> Any:
    return int(inner)


def _double(inner: Any, notes: Notes, depth: int) -> Any:
    return float(inner)


def _bool(inner: Any, notes: Notes, depth: int) -> Any:
    return inner if isinstance(inner, bool) else str(inner).lower() == "true"


def _bytes(inner: Any, notes: Notes, depth: int) -> Any:
    return base64.b64decode(inner, validate=True)


_VALUES = {
    "stringValue": _string,
    "intValue": _int,
    "doubleValue": _double,
    "boolValue": _bool,
    "arrayValue": _array,
    "kvlistValue": _kvlist,
    "bytesValue": _bytes,
    "string_value": _string,
    "int_value": _int,
    "double_value": _double,
    "bool_value": _bool,
    "array_value": _array,
    "kvlist_value": _kvlist,
    "bytes_value": _bytes,
}


def hex_id(text: Any, digits: int) -> str | None:
    """An id of `digits` hex digits from hex or base64; None where it is neither, or all zeros (OTLP's «no id»)."""
    if type(text) is not str or not text:
        return None
    found: bytes | None = None
    try:
        if len(text) == digits:
            found = bytes.fromhex(text)
        elif len(text) in (digits * 2 // 3, (digits * 2 // 3 // 4 + 1) * 4):
            found = base64.b64decode(text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4), validate=True)
    except ValueError:
        return None
    if found is None or len(found) * 2 != digits or not any(found):
        return None
    return found.hex()


def nanos(value: Any) -> int | None:
    """A time in nanoseconds from a number or a string; None where there is none that 64 bits can hold."""
    if type(value) is bool or not isinstance(value, (str, int, float)):
        return None
    try:
        number = int(value)
    except (ValueError, OverflowError):
        return None
    return number if 0 <= number < 2**63 else None


def _enum(value: Any, names: tuple[str, ...], prefix: str, notes: Notes) -> str:
    if type(value) is int and 0 <= value < len(names):
        return names[value]
    if value is None or value == "":
        return names[0]
    text = str(value).upper().removeprefix(prefix)
    if text in names:
        return text
    if text.isascii() and text.isdigit() and len(text) < 4 and int(text) < len(names):
        return names[int(text)]
    notes.warn(f"an unknown {prefix.rstrip('_').lower().replace('_', ' ')}, taken as {names[0].lower()}")
    return names[0]


def _objects(items: Any, where: str, notes: Notes) -> Iterator[dict[str, Any]]:
    if items is None:
        return
    if not isinstance(items, list):
        notes.skip(f"`{where}` is {_kind(items)}, not a list")
        return
    for item in items:
        if type(item) is dict:
            yield item
        else:
            notes.skip(f"an entry of `{where}` is {_kind(item)}, not an object")


def _first(holder: dict[str, Any], *names: str) -> Any:
    for name in names:
        value = holder.get(name)
        if value is not None:
            return value
    return None


def _plain(value: Any, depth: int) -> Any:
    """JSON as it came, lists as tuples, cut where it is nested too deep for JSON to be written again."""
    if isinstance(value, dict):
        return {k: _plain(v, depth + 1) for k, v in value.items()} if depth < MAX_DEPTH else "(nested too deep)"
    if isinstance(value, list):
        return tuple(_plain(v, depth + 1) for v in value) if depth < MAX_DEPTH else "(nested too deep)"
    return value


def _kind(value: Any) -> str:
    kinds = {
        "NoneType": "null",
        "str": "text",
        "int": "a number",
        "float": "a number",
        "bool": "a boolean",
        "list": "a list",
    }
    return kinds.get(type(value).__name__, "an object")
