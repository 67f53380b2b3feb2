"""Sending spans to an OTLP receiver over HTTP: protobuf in batches, gzip, retries while the receiver is busy."""

from __future__ import annotations

import gzip
import http.client
import random
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from workbench.errors import UsageError, WorkbenchError
from workbench.otlp import encode as otlp
from workbench.spans import KINDS, STATUSES, Event, Link, Span

BATCH = 256
BUSY = (408, 425, 429, 500, 502, 503, 504)
__all__ = ["ExportError", "encode", "send"]


class ExportError(WorkbenchError):
    """A receiver did not take the spans."""


def send(
    spans: Iterable[Span],
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    timeout_s: float = 120.0,
    batch: int = BATCH,
) -> dict[str, Any]:
    """Post the spans to `url` (its /v1/traces where no path is given); returns {url, spans, traces, batches, rejected}.

    The sending follows the OTLP/HTTP specification: a busy receiver (429, 5xx, no connection) is asked again, after
    Retry-After or with growing pauses, until `timeout_s` is over for a batch.
    """
    target = _target(url)
    sent, batches, rejected, traces = 0, 0, 0, set[str]()
    for group in _batches(spans, batch):
        body = gzip.compress(encode(group).SerializeToString(), 3)
        rejected += _post(target, body, headers or {}, timeout_s)
        sent, batches = sent + len(group), batches + 1
        traces.update(span.trace_id for span in group)
    return {"url": target, "spans": sent, "traces": len(traces), "batches": batches, "rejected": rejected}


def _target(url: str) -> str:
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(f"{url!r} is no address of a receiver; write otlp-http://HOST:PORT")
    return url if parts.path.strip("/") else url.rstrip("/") + "/v1/traces"


def _batches(spans: Iterable[Span], size: int) -> Iterator[list[Span]]:
    for _, group in groupby(enumerate(spans), key=lambda pair: pair[0] // size):
        yield [span for _, span in group]


def _post(url: str, body: bytes, headers: Mapping[str, str], timeout_s: float) -> int:
    deadline = time.monotonic() + timeout_s
    pause, problem = 0.2, ""
    own = {"Content-Type": "application/x-protobuf", "Content-Encoding": "gzip", "User-Agent": "workbench"}
    opener = urllib.request.build_opener(_NoRedirect)
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            raise ExportError(f"{url} did not take the spans within {timeout_s:g} s: {problem}")
        wait = pause * (1 + random.random() / 2)
        try:
            request = urllib.request.Request(url, body, {**own, **headers}, method="POST")
            with opener.open(request, timeout=max(1.0, left)) as answer:
                return _rejected(answer.read())
        except urllib.error.HTTPError as error:
            problem = f"{error.code} {error.reason}"
            if error.code not in BUSY:
                text = error.read(300).decode("utf-8", "replace")
                raise ExportError(f"{url} refused the spans: {problem} {text}".rstrip()) from error
            wait = max(wait, _retry_after(error.headers.get("Retry-After")))
        except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
            problem = str(getattr(error, "reason", error))
        time.sleep(min(wait, max(0.0, deadline - time.monotonic())))
        pause = min(pause * 2, 10.0)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Spans go where the user said and nowhere else."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


def _retry_after(value: str | None) -> float:
    try:
        return min(60.0, float(value)) if value else 0.0
    except ValueError:
        return 0.0


def _rejected(body: bytes) -> int:
    try:
        return int(ExportTraceServiceResponse.FromString(body).partial_success.rejected_spans)
    except DecodeError:
        return 0  # some receivers answer in JSON or not at all


def encode(spans: Iterable[Span]) -> Any:
    """Spans as a protobuf ExportTraceServiceRequest."""
    out = ExportTraceServiceRequest()
    resources: dict[str, Any] = {}
    scopes: dict[tuple[str, str], Any] = {}
    for span in spans:
        key = repr(sorted(span.resource.items(), key=str))
        group = resources.get(key)
        if group is None:
            group = resources[key] = out.resource_spans.add()
            group.resource.SetInParent()
            _attributes(group.resource.attributes, span.resource)
        scope = scopes.get((key, span.scope))
        if scope is None:
            scope = scopes[key, span.scope] = group.scope_spans.add()
            scope.scope.name = span.scope
        _span(scope.spans.add(), span)
    return out


def _span(raw: Any, span: Span) -> None:
    raw.trace_id, raw.span_id = bytes.fromhex(span.trace_id), bytes.fromhex(span.span_id)
    if span.parent_id:
        raw.parent_span_id = bytes.fromhex(span.parent_id)
    raw.name, raw.kind = otlp.clean(span.name), KINDS.index(span.kind)
    raw.start_time_unix_nano, raw.end_time_unix_nano = span.start_ns, span.end_ns
    raw.status.code, raw.status.message = STATUSES.index(span.status), otlp.clean(span.status_message)
    _attributes(raw.attributes, span.attributes)
    for event in span.events:
        _event(raw.events.add(), event)
    for link in span.links:
        _link(raw.links.add(), link)


def _event(raw: Any, event: Event) -> None:
    raw.name, raw.time_unix_nano = otlp.clean(event.name), event.time_ns
    _attributes(raw.attributes, event.attributes)


def _link(raw: Any, link: Link) -> None:
    raw.trace_id, raw.span_id = bytes.fromhex(link.trace_id), bytes.fromhex(link.span_id)
    _attributes(raw.attributes, link.attributes)


def _attributes(pairs: Any, attributes: Mapping[str, Any]) -> None:
    for key, value in attributes.items():
        pair = pairs.add()
        pair.key = otlp.clean(str(key))
        _value(pair.value, value)


def _value(raw: Any, value: Any) -> None:
    if isinstance(value, bool):
        raw.bool_value = value
    elif isinstance(value, int):
        if -(2**63) <= value < 2**63:
            raw.int_value = value
        else:
            raw.string_value = str(value)
    elif isinstance(value, float):
        raw.double_value = value
    elif isinstance(value, bytes):
        raw.bytes_value = value
    elif isinstance(value, Mapping):
        raw.kvlist_value.SetInParent()
        _attributes(raw.kvlist_value.values, value)
    elif isinstance(value, (list, tuple)):
        raw.array_value.SetInParent()
        for item in value:
            _value(raw.array_value.values.add(), item)
    elif value is not None:
        raw.string_value = otlp.clean(str(value))
