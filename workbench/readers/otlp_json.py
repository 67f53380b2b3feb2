"""OTLP/JSON: one object, a list, or lines of ExportTraceServiceRequest, as exporters and the Collector write them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from workbench.otlp import decode as otlp_decode
from workbench.otlp.notes import Notes
from workbench.readers.dialects import normalize
from workbench.readers.source import Source
from workbench.spans import Span

NAME = "otlp-json"
_KEYS = ("resourceSpans", "resource_spans", "scopeSpans", "scope_spans", "instrumentationLibrarySpans")
_BARE = ("startTimeUnixNano", "start_time_unix_nano")


def matches(source: Source) -> bool:
    """True for records with resourceSpans (or scopeSpans), or bare OTLP spans."""
    return any(isinstance(r, dict) and (any(k in r for k in _KEYS) or _is_bare(r)) for r in source.heads)


def _is_bare(record: dict[str, object]) -> bool:
    return ("traceId" in record or "trace_id" in record) and any(k in record for k in _BARE)


def read(source: Source, notes: Notes) -> Iterator[Span]:
    """The spans, in our names."""
    for record in source.records():
        yield from spans(record, notes)


def spans(record: Any, notes: Notes) -> Iterator[Span]:
    """The spans of one record: a request, or one bare span."""
    if isinstance(record, dict) and _is_bare(record):
        span = otlp_decode.decode_span(record, notes, {}, "")
        if span is not None:
            yield normalize(span)
    else:
        for span in otlp_decode.decode(record, notes):
            yield normalize(span)
