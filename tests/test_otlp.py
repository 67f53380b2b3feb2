"""OTLP/JSON: what we write is the canonical form, what others may write is read, and nothing is lost between."""

from __future__ import annotations

import base64
import string
from dataclasses import replace
from typing import Any

import orjson
import pytest
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Link as SdkLink
from opentelemetry.trace import SpanKind, Status, StatusCode

from tests.making import attempt
from workbench.otlp import decode as otlp_decode
from workbench.otlp import encode as otlp
from workbench.otlp.http import encode
from workbench.otlp.notes import Notes
from workbench.spans import KINDS, STATUSES, Event, Link, Span
from workbench.store import columns

ids = st.integers(1, 2**128 - 1).map(lambda n: f"{n:032x}"), st.integers(1, 2**64 - 1).map(lambda n: f"{n:016x}")
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
scalar = st.one_of(text, st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False))
values = st.recursive(
    scalar,
    lambda inner: st.one_of(st.lists(inner, max_size=3).map(tuple), st.dictionaries(text, inner, max_size=3)),
    max_leaves=6,
)
maps = st.dictionaries(st.text(string.ascii_lowercase + "._", min_size=1, max_size=12), values, max_size=5)
times = st.integers(1, 2**63 - 1)


@st.composite
def spans(draw: st.DrawFn) -> Span:
    start, took = draw(st.integers(1, 2**62)), draw(st.integers(0, 2**61))
    return Span(
        draw(ids[0]), draw(ids[1]), draw(st.none() | ids[1]), draw(text), start, start + took, draw(maps),
        tuple(draw(st.lists(st.builds(Event, text, times, maps), max_size=2))),
        tuple(draw(st.lists(st.builds(Link, ids[0], ids[1], maps), max_size=2))),
        draw(st.sampled_from(KINDS)), draw(st.sampled_from(STATUSES)), draw(text), draw(text), draw(maps),
    )  # fmt: skip


def decoded(line: bytes) -> list[Span]:
    notes = Notes()
    found = list(otlp_decode.decode(orjson.loads(line), notes))
    assert not notes.warnings
    return found


@given(spans())
def test_a_span_comes_back_from_its_line(span: Span) -> None:
    line = otlp.line(span)
    assert line.count(b"\n") == 1 and line.endswith(b"\n")
    assert decoded(line) == [span]


@given(spans())
def test_a_span_comes_back_from_columns(span: Span) -> None:
    assert list(columns.spans(columns.table([span], "r"))) == [span]


@pytest.mark.parametrize(
    "own", [{"doubleValue": "abc"}, {"doubleValue": "-1"}, {"bytesValue": "no base64!"}, {"bytesValue": 3}]
)
def test_an_object_with_the_wire_s_names_comes_back_from_columns(own: dict[str, Any]) -> None:
    span = replace(attempt(1)[0], attributes={"tool.arguments": own, "more": (own, float("inf"), b"1")})
    assert list(columns.spans(columns.table([span], "r"))) == [span]


@given(spans())
def test_protobuf_says_the_same_as_json(span: Span) -> None:
    """The official protobuf reading of our JSON and our own protobuf are one message."""
    raw = orjson.loads(otlp.line(span))
    for part in (p for group in raw["resourceSpans"] for p in group["scopeSpans"]):
        for item in part["spans"]:  # OTLP/JSON writes ids in hex where protobuf's mapping says base64
            for holder in (item, *item.get("links", ())):
                for name in ("traceId", "spanId", "parentSpanId"):
                    if name in holder:
                        holder[name] = base64.b64encode(bytes.fromhex(holder[name])).decode()
    assert json_format.ParseDict(raw, ExportTraceServiceRequest()) == encode([span])


def test_the_sdk_span_and_our_span_make_the_same_line() -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider(resource=Resource({"service.name": "x"}))
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("scope", "1.0")
    with tracer.start_as_current_span("parent") as parent:
        link = SdkLink(parent.get_span_context(), {"kind": "join"})
        with tracer.start_as_current_span(
            "child \ud800 é",
            kind=SpanKind.CLIENT,
            links=[link],
            attributes={"n": 3, "x": 0.5, "ok": True, "list": ["a", "b"]},
        ) as child:
            child.add_event("happened", {"why": "because"})
            child.set_status(Status(StatusCode.ERROR, "broke"))
    inner, outer = exporter.get_finished_spans()
    (span,) = decoded(otlp.encode_readable(inner))
    assert inner.context and outer.context
    assert (span.trace_id, span.span_id) == (f"{inner.context.trace_id:032x}", f"{inner.context.span_id:016x}")
    assert span.parent_id == f"{outer.context.span_id:016x}"
    assert span.attributes == {"n": 3, "x": 0.5, "ok": True, "list": ("a", "b")}
    assert (span.kind, span.status, span.status_message, span.scope) == ("CLIENT", "ERROR", "broke", "scope")
    assert (span.start_ns, span.end_ns, span.name) == (inner.start_time, inner.end_time, "child � é")
    assert span.events[0].attributes == {"why": "because"} and span.links[0].attributes == {"kind": "join"}
    assert decoded(otlp.line(span)) == [span]


TOLERATED: dict[str, dict[str, Any]] = {
    "base64 ids": {
        "traceId": base64.b64encode(bytes.fromhex("5b8efff798038103d269b633813fc60c")).decode(),
        "spanId": "7uGbfsPBsXQ=",
    },
    "upper case hex": {"traceId": "5B8EFFF798038103D269B633813FC60C", "spanId": "EEE19B7EC3C1B174"},
    "string enums": {"kind": "SPAN_KIND_CLIENT", "status": {"code": "STATUS_CODE_ERROR"}},
    "number times": {"startTimeUnixNano": 1544712660000000000, "endTimeUnixNano": 1544712661000000000},
    "snake case": {
        "start_time_unix_nano": "1544712660000000000",
        "end_time_unix_nano": "1544712661000000000",
        "parent_span_id": "",
    },
    "number ints": {"attributes": [{"key": "n", "value": {"intValue": 3}}]},
    "plain attributes": {"attributes": {"n": 3}},
}


@pytest.mark.parametrize("kind", TOLERATED)
def test_what_others_write_is_read(kind: str) -> None:
    raw = {
        "traceId": "5b8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b174", "name": "x",
        "kind": 3, "status": {"code": 2},
        "startTimeUnixNano": "1544712660000000000", "endTimeUnixNano": "1544712661000000000",
        "attributes": [{"key": "n", "value": {"intValue": "3"}}],
    }  # fmt: skip
    if kind == "snake case":
        del raw["startTimeUnixNano"], raw["endTimeUnixNano"]
    raw |= TOLERATED[kind]
    (span,) = otlp_decode.decode({"resourceSpans": [{"scopeSpans": [{"spans": [raw]}]}]})
    assert (span.trace_id, span.span_id) == ("5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174")
    assert (span.kind, span.status, span.parent_id) == ("CLIENT", "ERROR", None)
    assert (span.start_ns, span.end_ns) == (1544712660000000000, 1544712661000000000)
    assert span.attributes == {"n": 3}


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)),
    max_leaves=8,
)


@given(
    st.dictionaries(
        st.sampled_from(["traceId", "spanId", "kind", "status", "attributes", "events", "links", "name"]), json_values
    )
)
def test_wrong_types_are_noted_and_never_raise(raw: dict[str, Any]) -> None:
    notes = Notes()
    whole = {"traceId": "5b8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b174", "startTimeUnixNano": "1"}
    found = list(otlp_decode.decode({"resourceSpans": [{"scopeSpans": [{"spans": [{**whole, **raw}]}]}]}, notes))
    assert len(found) + notes.skipped >= 1
    for span in found:
        assert list(columns.spans(columns.table([span], "r")))


def test_many_spans_in_one_request_keep_their_resource_and_scope() -> None:
    first, second = attempt(1), attempt(2)
    assert list(otlp_decode.decode(otlp.request([*first, *second]))) == [*first, *second]
