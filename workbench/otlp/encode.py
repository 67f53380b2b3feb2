"""Spans out as OTLP/JSON: canonical hex ids, one ExportTraceServiceRequest per line (`otlp_decode` reads).

The format is OpenTelemetry's protocol in its JSON mapping (opentelemetry-proto, trace/v1), as the Collector's file
exporter writes it. Int64 are strings, as protobuf's JSON mapping asks.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import orjson

from workbench.spans import KINDS, STATUSES, Span

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

_TAIL = b"]}]}]}\n"


def line(span: Span) -> bytes:
    """One span as one line: a whole ExportTraceServiceRequest, newline included."""
    return _dumps(request([span])) + b"\n"


def request(spans: Iterable[Span]) -> dict[str, Any]:
    """Spans as one ExportTraceServiceRequest, grouped by resource and scope in the order of their first span."""
    resources: dict[bytes, tuple[Mapping[str, Any], dict[str, list[dict[str, Any]]]]] = {}
    for span in spans:
        key = _dumps(_attributes(span.resource)) if span.resource else b""
        _, scopes = resources.setdefault(key, (span.resource, {}))
        scopes.setdefault(span.scope, []).append(_span(span))
    return {
        "resourceSpans": [
            {
                "resource": {"attributes": _attributes(resource)},
                "scopeSpans": [{"scope": {"name": scope}, "spans": spans} for scope, spans in scopes.items()],
            }
            for resource, scopes in resources.values()
        ]
    }


def _span(span: Span) -> dict[str, Any]:
    out: dict[str, Any] = {
        "traceId": span.trace_id,
        "spanId": span.span_id,
        "name": span.name,
        "kind": KINDS.index(span.kind),
        "startTimeUnixNano": str(span.start_ns),
        "endTimeUnixNano": str(span.end_ns),
        "attributes": _attributes(span.attributes),
        "status": _status(STATUSES.index(span.status), span.status_message),
    }
    if span.parent_id:
        out["parentSpanId"] = span.parent_id
    if span.events:
        out["events"] = [
            {"name": e.name, "timeUnixNano": str(e.time_ns), "attributes": _attributes(e.attributes)}
            for e in span.events
        ]
    if span.links:
        out["links"] = [
            {"traceId": k.trace_id, "spanId": k.span_id, "attributes": _attributes(k.attributes)} for k in span.links
        ]
    return out


def _status(code: int, message: str | None) -> dict[str, Any]:
    status: dict[str, Any] = {"code": code} if code else {}
    if message:
        status["message"] = message
    return status


def _attributes(attributes: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    return [{"key": k, "value": _any(v)} for k, v in attributes.items()] if attributes else []


def _any(value: Any) -> dict[str, Any]:
    kind = type(value)
    if kind is str:
        return {"stringValue": value}
    if kind is bool:
        return {"boolValue": value}
    if kind is int:
        return {"intValue": str(value)} if -(2**63) <= value < 2**63 else {"stringValue": str(value)}
    if kind is float:
        return {
            "doubleValue": value
            if math.isfinite(value)
            else {"inf": "Infinity", "-inf": "-Infinity"}.get(str(value), "NaN")
        }
    if value is None:
        return {}
    if kind is bytes:
        return {"bytesValue": base64.b64encode(value).decode()}
    if isinstance(value, Mapping):
        return {"kvlistValue": {"values": [{"key": str(k), "value": _any(v)} for k, v in value.items()]}}
    if isinstance(value, (list, tuple)):
        return {"arrayValue": {"values": [_any(v) for v in value]}}
    if isinstance(value, (bool, int, float)):  # numpy-like subclasses
        return _any(value.__class__.__base__(value))  # type: ignore[misc]
    return {"stringValue": str(value)}


def _dumps(value: Any) -> bytes:
    """JSON bytes; half a surrogate pair, which no UTF-8 can carry, becomes U+FFFD."""
    try:
        return orjson.dumps(value)
    except TypeError:
        return orjson.dumps(clean(value))


def clean(value: Any) -> Any:
    """Text (or what holds texts) without half surrogate pairs, which UTF-8 cannot carry: they become U+FFFD."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace") if not value.isascii() else value
    if isinstance(value, dict):
        return {clean(k): clean(v) for k, v in value.items()}
    if isinstance(value, list):
        return [clean(v) for v in value]
    return value


_heads: dict[tuple[int, int], tuple[object, object, bytes]] = {}


def encode_readable(span: ReadableSpan) -> bytes:
    """The SDK's own span straight to a line, without a Span in between (the recording's hot path)."""
    context, parent, status = span.context, span.parent, span.status
    assert context is not None and span.start_time is not None
    out: dict[str, Any] = {
        "traceId": f"{context.trace_id:032x}",
        "spanId": f"{context.span_id:016x}",
        "name": span.name,
        "kind": span.kind.value + 1,
        "startTimeUnixNano": str(span.start_time),
        "endTimeUnixNano": str(span.end_time or span.start_time),
        "attributes": _attributes(span.attributes),
        "status": _status(status.status_code.value, status.description),
    }
    if parent is not None:
        out["parentSpanId"] = f"{parent.span_id:016x}"
    if span.events:
        out["events"] = [
            {"name": e.name, "timeUnixNano": str(e.timestamp), "attributes": _attributes(e.attributes)}
            for e in span.events
        ]
    if span.links:
        out["links"] = [
            {
                "traceId": f"{k.context.trace_id:032x}",
                "spanId": f"{k.context.span_id:016x}",
                "attributes": _attributes(k.attributes),
            }
            for k in span.links
        ]
    return _head(span) + _dumps(out) + _TAIL


def _head(span: ReadableSpan) -> bytes:
    """All of the line before the span: the same for every span of one tracer, so it is encoded once."""
    resource, scope = span.resource, span.instrumentation_scope
    key = (id(resource), id(scope))
    known = _heads.get(key)
    if known is not None and known[0] is resource and known[1] is scope:
        return known[2]
    named = {"name": scope.name} if scope else {}
    if scope and scope.version:
        named["version"] = scope.version
    body = _dumps(
        {"resource": {"attributes": _attributes(resource.attributes)}, "scopeSpans": [{"scope": named, "spans": []}]}
    )
    head = b'{"resourceSpans":[' + body[: -len(b"]}]}")]
    if len(_heads) >= 64:
        _heads.clear()
    _heads[key] = (resource, scope, head)
    return head
