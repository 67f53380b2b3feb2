"""Langfuse exports: {trace, observations}, a trace with its observations inside, lists and lines of either."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from workbench import semconv as s
from workbench.otlp.notes import Notes
from workbench.readers import messages as chat
from workbench.readers import plain
from workbench.readers.build import usage_attributes
from workbench.readers.dialect_names import MAX_ANSWER
from workbench.readers.source import Source
from workbench.spans import Span

NAME = "langfuse"
_OPERATIONS = {
    "GENERATION": s.CHAT,
    "AGENT": s.THREAD,
    "TOOL": s.TOOL,
    "EMBEDDING": "embeddings",
    "RETRIEVER": "retrieval",
    "GUARDRAIL": "guardrail",
    "EVALUATOR": "evaluate",
}


def matches(source: Source) -> bool:
    """True for traces with observations, and for bare observations."""
    return any(isinstance(r, dict) and (_holder(r) or _is_observation(r)) for r in source.heads)


def _holder(record: dict[str, Any]) -> bool:
    inner = record.get("trace")
    listed = record.get("observations", inner.get("observations") if isinstance(inner, dict) else None)
    if isinstance(listed, list) and (
        isinstance(inner, dict) or "timestamp" in record or "projectId" in record or "id" in record
    ):
        return True
    data = record.get("data")  # the API's pages: {data: [...], meta: {...}}
    return (
        isinstance(data, list)
        and bool(data)
        and isinstance(data[0], dict)
        and (_holder(data[0]) or _is_observation(data[0]))
    )


def _is_observation(record: dict[str, Any]) -> bool:
    return (
        ("traceId" in record or "trace_id" in record)
        and ("startTime" in record or "start_time" in record)
        and (record.get("type") in {*_OPERATIONS, "SPAN", "EVENT", "CHAIN"} and "id" in record)
    )


def read(source: Source, notes: Notes) -> Iterator[Span]:
    """The observations as spans, below their trace."""
    loose: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for record in _records(source, notes):
        if _is_observation(record):
            loose[str(record.get("traceId") or record.get("trace_id"))].append(record)
            continue
        inner = record.get("trace")
        trace = inner if isinstance(inner, dict) else record
        listed = record.get("observations", trace.get("observations"))
        yield from _trace(trace, listed if isinstance(listed, list) else [], notes)
    for trace_id, observations in loose.items():
        yield from _trace({"id": trace_id}, observations, notes)


def _records(source: Source, notes: Notes) -> Iterator[dict[str, Any]]:
    for record in source.records():
        data = record.get("data") if isinstance(record, dict) else None
        for item in data if isinstance(data, list) and not _is_observation(record) else [record]:
            if isinstance(item, dict):
                yield item
            else:
                notes.skip("an entry that is not an object")


def _trace(trace: dict[str, Any], observations: list[Any], notes: Notes) -> Iterator[Span]:
    key = trace.get("id") or trace.get("traceId") or "langfuse"
    trace_id = plain.trace_id(key)
    spans: list[Span] = []
    for raw in observations:
        if not isinstance(raw, dict) or not raw.get("id"):
            notes.skip("an observation without an id")
            continue
        spans.append(_observation(raw, trace_id, notes))
    known = {span.span_id for span in spans}
    roots = [span for span in spans if span.parent_id is None or span.parent_id not in known]
    about = _about(trace)
    if len(roots) == 1 and roots[0].parent_id is None:
        for span in spans:
            yield _with(span, about) if span is roots[0] else span
        return
    start = plain.nanos(trace.get("timestamp")) or min((r.start_ns for r in spans), default=0)
    took = plain.number(trace.get("latency"))
    end = max([start + int((took or 0) * 1e9), *(span.end_ns for span in spans)])
    root_id = plain.span_id(f"trace:{key}")
    yield Span(
        trace_id,
        root_id,
        None,
        str(trace.get("name") or "trace"),
        min([start, *(x.start_ns for x in spans)]),
        end,
        {s.OPERATION: s.WORKFLOW, **about},
        scope=NAME,
    )
    for span in spans:
        yield _below(span, root_id) if span.parent_id is None else span


def _about(trace: dict[str, Any]) -> dict[str, Any]:
    given, reply = chat.normal(trace.get("input"), "user"), chat.normal(trace.get("output"), "assistant")
    found: dict[str, Any] = {
        s.TASK_PROMPT: (chat.text_of(given, "user") or chat.text_of(given) or "")[:MAX_ANSWER] or None,
        s.ANSWER: (chat.text_of(reply) or "")[:MAX_ANSWER] or None,
        s.CONVERSATION: trace.get("sessionId"),
        "langfuse.trace.name": trace.get("name"),
        "langfuse.trace.tags": tuple(map(str, trace.get("tags") or ())) or None
        if isinstance(trace.get("tags"), list)
        else None,
    }
    for score in trace.get("scores") or () if isinstance(trace.get("scores"), list) else ():
        if isinstance(score, dict) and score.get("name") and (value := plain.number(score.get("value"))) is not None:
            found[f"langfuse.score.{score['name']}"] = value
    return {k: v for k, v in found.items() if v is not None}


def _observation(raw: dict[str, Any], trace_id: str, notes: Notes) -> Span:
    kind = str(raw.get("type") or "SPAN").upper()
    name = str(raw.get("name") or kind.lower())
    start, end = (
        plain.nanos(raw.get("startTime", raw.get("start_time"))),
        plain.nanos(raw.get("endTime", raw.get("end_time"))),
    )
    if start is None:
        notes.warn("an observation without a start time")
        start = end or 0
    parent = raw.get("parentObservationId", raw.get("parent_observation_id"))
    operation = _OPERATIONS.get(kind)
    attributes: dict[str, Any] = {s.OPERATION: operation, "langfuse.observation.type": kind.lower()}
    if operation == s.TOOL:
        attributes |= {
            s.TOOL_NAME: name,
            s.TOOL_ARGUMENTS: plain.text(raw.get("input")),
            s.TOOL_RESULT: plain.text(raw.get("output")),
        }
    elif operation == s.CHAT:
        attributes |= _generation(raw, start)
    else:
        given, reply = chat.normal(raw.get("input"), "user"), chat.normal(raw.get("output"), "assistant")
        attributes["langfuse.observation.input"] = plain.text(raw.get("input"))
        attributes["langfuse.observation.output"] = plain.text(raw.get("output"))
        attributes[s.ANSWER] = (chat.text_of(reply) or "")[:MAX_ANSWER] or None
        if parent is None:
            attributes[s.TASK_PROMPT] = (chat.text_of(given, "user") or "")[:MAX_ANSWER] or None
        if operation == s.THREAD:
            attributes[s.AGENT] = name
    failed = raw.get("level") == "ERROR"
    if failed:
        attributes[s.ERROR_TYPE] = "error"
    return Span(
        trace_id,
        plain.span_id(raw["id"]),
        plain.span_id(parent) if parent else None,
        name,
        start,
        max(start, end or start),
        {k: v for k, v in attributes.items() if v is not None},
        kind="CLIENT" if operation == s.CHAT else "INTERNAL",
        status="ERROR" if failed else "UNSET",
        status_message=str(raw.get("statusMessage") or ""),
        scope=NAME,
    )


def _generation(raw: dict[str, Any], start_ns: int) -> dict[str, Any]:
    given, reply = chat.normal(raw.get("input"), "user"), chat.normal(raw.get("output"), "assistant")
    settings = raw.get("modelParameters", raw.get("model_parameters"))
    settings = plain.loads(settings) if isinstance(settings, str) else settings
    usage = raw.get("usageDetails") or raw.get("usage_details") or raw.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    first = plain.nanos(raw.get("completionStartTime", raw.get("completion_start_time")))
    model = raw.get("model") or (raw.get("providedModelName"))
    cost = raw.get("costDetails") if isinstance(raw.get("costDetails"), dict) else {}
    out: dict[str, Any] = {
        s.REQUEST_MODEL: str(model) if model else None,
        s.INPUT_MESSAGES: chat.as_json(given) if given else None,
        s.OUTPUT_MESSAGES: chat.as_json(reply) if reply else None,
        **usage_attributes(usage),
        s.REASONING_TOKENS: plain.whole(
            usage.get("output_reasoning", usage.get("completion_details.reasoning", usage.get("reasoning")))
        ),
        s.COST: plain.number((cost or {}).get("total"))
        or plain.number(raw.get("totalCost", raw.get("calculatedTotalCost")))
        or None,
        s.FIRST_TOKEN_NS: max(0, first - start_ns) if first is not None else None,
    }
    if isinstance(settings, dict):
        out[s.REQUEST_TEMPERATURE] = plain.number(settings.get("temperature"))
        out[s.REQUEST_MAX_TOKENS] = plain.whole(settings.get("max_tokens", settings.get("maxTokens")))
    return out


def _with(span: Span, about: dict[str, Any]) -> Span:
    operation = {} if s.OPERATION in span.attributes else {s.OPERATION: s.WORKFLOW}
    return replace(span, attributes={**operation, **about, **span.attributes})


def _below(span: Span, parent: str) -> Span:
    return replace(span, parent_id=parent)
