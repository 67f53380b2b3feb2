"""LeanSpan: whatever is done to it, the line in the file is the one that OpenTelemetry's own SDK span gives."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, TracerProvider
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, Span, SpanContext, Status, StatusCode, TraceFlags

from workbench.leanspan import LeanSpan
from workbench.otlp.encode import encode_readable

RESOURCE, SCOPE = Resource({"service.name": "test"}), InstrumentationScope("here", "1")
OTHER = SpanContext(1, 2, False, TraceFlags(1))
UNBOUND = SpanLimits(max_span_attributes=SpanLimits.UNSET, max_events=SpanLimits.UNSET, max_links=SpanLimits.UNSET)

values = st.one_of(st.text(max_size=20), st.integers(-(2**62), 2**62), st.booleans(), st.floats(allow_nan=False))
names = st.text("abc.", min_size=1, max_size=4)
attributes = st.dictionaries(names, values | st.lists(st.text(max_size=5), max_size=3), max_size=4)
statuses = st.sampled_from([Status(StatusCode.ERROR, "no"), Status(StatusCode.OK), Status(StatusCode.UNSET)])
deeds = st.lists(
    st.one_of(
        st.tuples(st.just("set_attributes"), attributes),
        st.tuples(st.just("set_attribute"), names, values),
        st.tuples(st.just("add_event"), names, attributes),
        st.tuples(st.just("add_link"), st.just(OTHER), attributes),
        st.tuples(st.just("update_name"), names),
        st.tuples(st.just("set_status"), statuses),
        st.tuples(st.just("end")),
    ),
    max_size=8,
)


def told(span: ReadableSpan) -> Any:
    """The line without what differs between any two spans, ids and times, and without the order of attributes."""
    line = json.loads(encode_readable(span))
    (made,) = line["resourceSpans"][0]["scopeSpans"][0]["spans"]
    for name in ("traceId", "spanId", "startTimeUnixNano", "endTimeUnixNano"):
        assert made.pop(name)
    made["attributes"].sort(key=lambda a: a["key"])
    for event in made.get("events", ()):
        event.pop("timeUnixNano")
    made["status"] = {k: v for k, v in made["status"].items() if v != 0}
    return line


@given(attributes, deeds)
def test_the_line_is_the_sdks(first: dict[str, Any], done: list[tuple[Any, ...]]) -> None:
    ended: list[ReadableSpan] = []
    tracer = TracerProvider(resource=RESOURCE, span_limits=UNBOUND, shutdown_on_exit=False).get_tracer("here", "1")
    theirs: Span = tracer.start_span("s", attributes=first, links=[Link(OTHER, {"kind": "fork"})])
    ours = LeanSpan("s", None, first, [Link(OTHER, {"kind": "fork"})], RESOURCE, SCOPE, ended.append)
    for span in (ours, theirs):
        for name, *given_ in [*done, ("end",)]:
            getattr(span, name)(*given_)
    assert told(ours) == told(theirs)  # type: ignore[arg-type]
    assert ended == [ours] and not ours.is_recording()


def test_it_is_a_parent_like_any_other() -> None:
    ours = LeanSpan("root", None, {}, [], RESOURCE, SCOPE, lambda span: None)
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("theirs")
    with trace.use_span(ours), tracer.start_as_current_span("child") as child:
        assert child.parent == ours.get_span_context()  # type: ignore[attr-defined]
    inner = LeanSpan("inner", ours.get_span_context(), {}, [], RESOURCE, SCOPE, lambda span: None)
    assert inner.get_span_context().trace_id == ours.get_span_context().trace_id
    assert inner.get_span_context().is_valid and inner.parent == ours.get_span_context()
