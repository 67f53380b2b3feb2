"""Spans as OpenTelemetry SDKs and Phoenix print them: Python's `to_json`, JavaScript's ReadableSpan, Phoenix's API."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from workbench.otlp import decode as otlp_decode
from workbench.otlp.notes import Notes
from workbench.readers import plain
from workbench.readers.dialects import normalize
from workbench.readers.source import Source
from workbench.spans import KINDS, STATUSES, Event, Link, Span

NAME = "otel-sdk-json"
MAX_NESTING = 4


def matches(source: Source) -> bool:
    """True where the records are such spans, bare or in lists under names."""
    return any(next(_found(record, Notes(), 0), None) is not None for record in source.heads)


def read(source: Source, notes: Notes) -> Iterator[Span]:
    """The spans, in our names."""
    for record in source.records():
        some = False
        for raw in _found(record, notes, 0):
            some = True
            span = _span(raw, notes)
            if span is not None:
                yield normalize(span)
        if not some:
            notes.skip("a record that is not a span")


def _found(record: Any, notes: Notes, depth: int) -> Iterator[dict[str, Any]]:
    if isinstance(record, dict):
        if _ids(record) is not None and not {"resourceSpans", "observations"} & record.keys():
            yield record
        elif depth < MAX_NESTING:
            for value in record.values():
                if isinstance(value, (list, dict)):
                    yield from _found(value, notes, depth + 1)
    elif isinstance(record, list) and depth < MAX_NESTING:
        for item in record:
            yield from _found(item, notes, depth + 1)


def _ids(raw: dict[str, Any]) -> tuple[Any, Any] | None:
    """(trace id, span id) as written, where this is a span with a name and a begin."""
    if not any(k in raw for k in ("start_time", "startTime", "timestamp", "_startTime", "start_timestamp")):
        return None
    for name in ("context", "spanContext", "_spanContext", "span_context"):
        inner = raw.get(name)
        if isinstance(inner, dict):
            trace = inner.get("trace_id", inner.get("traceId"))
            span = inner.get("span_id", inner.get("spanId"))
            if trace and span:
                return trace, span
    if raw.get("context.trace_id") and raw.get("context.span_id"):
        return raw["context.trace_id"], raw["context.span_id"]
    if isinstance(raw.get("attributes"), dict):
        trace, span = raw.get("traceId", raw.get("trace_id")), raw.get("spanId", raw.get("span_id", raw.get("id")))
        if trace and span and "name" in raw:
            return trace, span
    return None


def _span(raw: dict[str, Any], notes: Notes) -> Span | None:
    ids = _ids(raw)
    if ids is None:
        return None
    trace, span = _hex(ids[0], 32), _hex(ids[1], 16)
    if trace is None or span is None:
        notes.skip("a span without a valid trace id and span id")
        return None
    start = _time(raw, "start_time", "startTime", "_startTime", "timestamp", "start_timestamp")
    end = _time(raw, "end_time", "endTime", "_endTime", "end_timestamp")
    if start is None:
        notes.warn("a span without a start time")
        start = end or 0
    if end is None:
        took = plain.whole(raw.get("duration")) if not isinstance(raw.get("duration"), list) else None
        end = start + took * 1_000 if took is not None else start
    if end < start:
        notes.warn("a span ends before it starts")
    status, message = _status(raw)
    resource = raw.get("resource")
    scope = next(
        (
            raw[k]
            for k in ("instrumentationScope", "instrumentation_scope", "instrumentationLibrary", "scope")
            if raw.get(k)
        ),
        None,
    )
    return Span(
        trace,
        span,
        _parent(raw),
        str(raw.get("name") or ""),
        start,
        end,
        _attributes(raw),
        tuple(_events(raw.get("events"), start)),
        tuple(_links(raw.get("links"))),
        _kind(raw),
        status,
        message,
        str(scope.get("name") or "") if isinstance(scope, dict) else "",
        _plain_attributes(resource.get("attributes", resource.get("_attributes")))
        if isinstance(resource, dict)
        else {},
    )


def _hex(value: Any, digits: int) -> str | None:
    text = str(value).lower().removeprefix("0x") if not isinstance(value, int) else f"{value:x}"
    return otlp_decode.hex_id(text.rjust(digits, "0") if isinstance(value, int) else text, digits)


def _parent(raw: dict[str, Any]) -> str | None:
    found = next((raw[k] for k in ("parent_id", "parentSpanId", "parentId", "parent_span_id") if raw.get(k)), None)
    inner = raw.get("parentSpanContext") or raw.get("parent")
    if found is None and isinstance(inner, dict):
        found = inner.get("spanId", inner.get("span_id"))
    return _hex(found, 16) if found else None


def _time(raw: dict[str, Any], *names: str) -> int | None:
    return next((t for n in names if (t := plain.nanos(raw.get(n))) is not None), None)


def _kind(raw: dict[str, Any]) -> str:
    value = raw.get("kind")
    if type(value) is int:  # JavaScript's API counts from INTERNAL = 0, OTLP from UNSPECIFIED = 0
        return KINDS[value + 1] if 0 <= value + 1 < len(KINDS) else KINDS[0]
    text = str(value or "").upper().removeprefix("SPANKIND.").removeprefix("SPAN_KIND_")
    return text if text in KINDS else "INTERNAL"


def _status(raw: dict[str, Any]) -> tuple[str, str]:
    status = raw.get("status")
    code, message = (
        (status.get("status_code", status.get("code")), status.get("description", status.get("message")))
        if isinstance(status, dict)
        else (
            raw.get("status_code", raw.get("statusCode", status)),
            raw.get("status_message", raw.get("statusMessage")),
        )
    )
    if type(code) is int:
        name = STATUSES[code] if 0 <= code < len(STATUSES) else "UNSET"
    else:
        text = str(code or "").upper().removeprefix("STATUSCODE.").removeprefix("STATUS_CODE_")
        name = text if text in STATUSES else "UNSET"
    return name, str(message or "")


def _attributes(raw: dict[str, Any]) -> dict[str, Any]:
    found = _plain_attributes(raw.get("attributes"))
    for key, value in raw.items():  # a table row of Phoenix: `attributes.llm.model_name`, `span_kind`
        if key.startswith("attributes.") and value is not None:
            found[key.removeprefix("attributes.")] = _frozen(value, 0)
    kind = raw.get("span_kind")
    if isinstance(kind, str) and "openinference.span.kind" not in found:
        found["openinference.span.kind"] = kind
    return found


def _plain_attributes(found: Any) -> dict[str, Any]:
    if isinstance(found, list):
        return otlp_decode.attributes({"attributes": found}, Notes())
    if not isinstance(found, dict):
        return {}
    flat: dict[str, Any] = {}
    for key, value in found.items():
        nested = isinstance(value, dict) and key in (
            "llm",
            "input",
            "output",
            "openinference",
            "tool",
            "gen_ai",
            "session",
            "ai",
            "metadata",
            "user",
        )
        if nested:
            _flatten(value, key, flat, 0)
        else:
            flat[str(key)] = _frozen(value, 0)
    return flat


def _flatten(value: Any, prefix: str, into: dict[str, Any], depth: int) -> None:
    if depth < 16 and isinstance(value, dict) and value:
        for key, inner in value.items():
            _flatten(inner, f"{prefix}.{key}", into, depth + 1)
    elif depth < 16 and isinstance(value, list) and value and all(isinstance(v, dict) for v in value):
        for i, inner in enumerate(value):
            _flatten(inner, f"{prefix}.{i}", into, depth + 1)
    else:
        into[prefix] = _frozen(value, depth)


def _frozen(value: Any, depth: int) -> Any:
    if depth > otlp_decode.MAX_DEPTH:
        return "(nested too deep)"
    if isinstance(value, list):
        return tuple(_frozen(v, depth + 1) for v in value)
    if isinstance(value, dict):
        return {str(k): _frozen(v, depth + 1) for k, v in value.items()}
    return value


def _events(events: Any, start_ns: int) -> Iterator[Event]:
    for raw in events if isinstance(events, list) else ():
        if isinstance(raw, dict):
            time = _time(raw, "timestamp", "time", "time_unix_nano")
            yield Event(
                str(raw.get("name") or ""), start_ns if time is None else time, _plain_attributes(raw.get("attributes"))
            )


def _links(links: Any) -> Iterator[Link]:
    for raw in links if isinstance(links, list) else ():
        if isinstance(raw, dict):
            inner = next((raw[k] for k in ("context", "spanContext") if isinstance(raw.get(k), dict)), raw)
            trace, span = (
                _hex(inner.get("trace_id", inner.get("traceId")), 32),
                _hex(inner.get("span_id", inner.get("spanId")), 16),
            )
            if trace and span:
                yield Link(trace, span, _plain_attributes(raw.get("attributes")))
