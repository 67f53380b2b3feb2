"""OTLP protobuf: an ExportTraceServiceRequest, a TracesData, or a stream of them, each after its length."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from workbench.otlp.decode import MAX_DEPTH
from workbench.otlp.notes import Notes
from workbench.readers.dialects import normalize
from workbench.readers.source import Source
from workbench.spans import KINDS, STATUSES, Event, Link, Span

NAME = "otlp-proto"


def matches(source: Source) -> bool:
    """True where the bytes parse as an export request that holds spans with ids."""
    if source.kind != "binary":
        return False
    request = next(_requests(source, Notes()), None)
    return request is not None


def read(source: Source, notes: Notes) -> Iterator[Span]:
    """The spans, in our names."""
    for request in _requests(source, notes):
        for group in request.resource_spans:
            resource = _attributes(group.resource.attributes)
            for part in group.scope_spans:
                for raw in part.spans:
                    span = _span(raw, resource, part.scope.name, notes)
                    if span is not None:
                        yield normalize(span)


def _requests(source: Source, notes: Notes) -> Iterator[Any]:
    whole = _parse(bytes(source.data))
    if whole is not None:
        yield whole
        return
    for size in (4, 0):  # the Collector writes the length as four bytes, protobuf's own stream form as a varint
        found = list(_stream(memoryview(source.data), size, notes))
        if found:
            yield from found
            return


def _parse(data: bytes) -> Any | None:
    try:
        request = ExportTraceServiceRequest.FromString(data)
    except DecodeError:
        return None
    spans = [s for g in request.resource_spans for p in g.scope_spans for s in p.spans]
    return request if spans and any(len(s.trace_id) == 16 for s in spans) else None


def _stream(data: memoryview, width: int, notes: Notes) -> Iterator[Any]:
    at = 0
    while at < len(data):
        length, start = (int.from_bytes(data[at : at + 4], "big"), at + 4) if width else _varint(data, at)
        request = _parse(bytes(data[start : start + length])) if 0 < length <= len(data) - start else None
        if request is None:
            if at:
                notes.skip("the rest of a protobuf stream that is broken or cut off")
            return
        yield request
        at = start + length


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data) and shift < 63:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
    return 0, at


def _span(raw: Any, resource: dict[str, Any], scope: str, notes: Notes) -> Span | None:
    if len(raw.trace_id) != 16 or len(raw.span_id) != 8 or not any(raw.trace_id) or not any(raw.span_id):
        notes.skip("a span without a valid trace id and span id")
        return None
    start, end = _time(raw.start_time_unix_nano), _time(raw.end_time_unix_nano)
    if 0 < end < start:
        notes.warn("a span ends before it starts")
    return Span(
        raw.trace_id.hex(),
        raw.span_id.hex(),
        raw.parent_span_id.hex() if len(raw.parent_span_id) == 8 and any(raw.parent_span_id) else None,
        raw.name,
        start,
        end or start,
        _attributes(raw.attributes),
        tuple(Event(e.name, _time(e.time_unix_nano), _attributes(e.attributes)) for e in raw.events),
        tuple(
            Link(k.trace_id.hex(), k.span_id.hex(), _attributes(k.attributes))
            for k in raw.links
            if len(k.trace_id) == 16 and len(k.span_id) == 8
        ),
        KINDS[raw.kind] if 0 <= raw.kind < len(KINDS) else KINDS[0],
        STATUSES[raw.status.code] if 0 <= raw.status.code < len(STATUSES) else STATUSES[0],
        raw.status.message,
        scope,
        resource,
    )


def _time(value: int) -> int:
    return min(value, 2**63 - 1)


def _attributes(pairs: Any) -> dict[str, Any]:
    return {pair.key: _value(pair.value, 0) for pair in pairs}


def _value(value: Any, depth: int) -> Any:
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    if depth > MAX_DEPTH:
        return "(nested too deep)"
    if kind == "array_value":
        return tuple(_value(v, depth + 1) for v in value.array_value.values)
    if kind == "kvlist_value":
        return {pair.key: _value(pair.value, depth + 1) for pair in value.kvlist_value.values}
    return getattr(value, kind)
