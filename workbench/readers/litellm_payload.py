"""LiteLLM's StandardLoggingPayload: one record per call, as its callbacks and log sinks write it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from workbench import semconv as s
from workbench.otlp.notes import Notes
from workbench.readers import messages as chat
from workbench.readers import plain
from workbench.readers.build import call_attributes
from workbench.readers.source import Source
from workbench.spans import Span

NAME = "litellm-logging"
_CALLS = {
    "completion",
    "acompletion",
    "text_completion",
    "atext_completion",
    "responses",
    "aresponses",
    "anthropic_messages",
    "generate_content",
}


def matches(source: Source) -> bool:
    """True for records with call_type, startTime and LiteLLM's own names."""
    return any(isinstance(r, dict) and _is_payload(r) for r in source.heads)


def _is_payload(record: dict[str, Any]) -> bool:
    return (
        "startTime" in record
        and "call_type" in record
        and (
            "model_map_information" in record
            or "custom_llm_provider" in record
            or "litellm_call_id" in record
            or "response_cost" in record
        )
    )


def read(source: Source, notes: Notes) -> Iterator[Span]:
    """One span per call; the calls of one trace_id stand below a common root."""
    traces: dict[str, list[Span]] = defaultdict(list)
    for number, record in enumerate(source.records()):
        if isinstance(record, dict) and _is_payload(record):
            span = _span(record, number)
            traces[span.trace_id].append(span)
        else:
            notes.skip("a record that is not a logging payload")
    for trace_id, spans in traces.items():
        if len(spans) > 1:
            root = plain.span_id(f"litellm-trace:{trace_id}")
            start, end = min(x.start_ns for x in spans), max(x.end_ns for x in spans)
            yield Span(trace_id, root, None, "litellm trace", start, end, {s.OPERATION: s.WORKFLOW}, scope="litellm")
            spans = [replace(span, parent_id=root) for span in spans]
        yield from spans


def _span(record: dict[str, Any], number: int) -> Span:
    key = record.get("litellm_call_id") or record.get("id") or number
    start, end = plain.nanos(record.get("startTime")) or 0, plain.nanos(record.get("endTime"))
    first = plain.nanos(record.get("completionStartTime"))
    settings = record.get("model_parameters")
    settings = settings if isinstance(settings, dict) else {}
    reply = chat.normal(record.get("response"), "assistant")
    failed = record.get("status") == "failure"
    usage = (record.get("metadata") or {}).get("usage_object") if isinstance(record.get("metadata"), dict) else None
    given = chat.normal(record.get("messages"), "user")
    counts = {
        "prompt_tokens": record.get("prompt_tokens"),
        "completion_tokens": record.get("completion_tokens"),
        **(usage if isinstance(usage, dict) else {}),
    }
    call_type = str(record.get("call_type"))
    attributes = call_attributes(
        given,
        reply,
        plain.text(record.get("model")),
        counts,
        **{
            s.OPERATION: s.CHAT if call_type in _CALLS else call_type.removeprefix("a"),
            s.PROVIDER: plain.text(record.get("custom_llm_provider")),
            s.COST: plain.number(record.get("response_cost")),
            s.REQUEST_TEMPERATURE: plain.number(settings.get("temperature")),
            s.REQUEST_MAX_TOKENS: plain.whole(settings.get("max_tokens")),
            s.REQUEST_SEED: plain.whole(settings.get("seed")),
            s.FINISH_REASONS: tuple(str(m["finish_reason"]) for m in reply if m.get("finish_reason")) or None,
            s.CONVERSATION: plain.text(record.get("session_id")),
            s.FIRST_TOKEN_NS: max(0, first - start) if record.get("stream") and first is not None else None,
            s.ERROR_TYPE: _error_type(record) if failed else None,
        },
    )
    return Span(
        plain.trace_id(record.get("trace_id") or f"litellm:{key}"),
        plain.span_id(f"litellm:{key}"),
        None,
        f"{attributes[s.OPERATION]} {record.get('model') or ''}".strip(),
        start,
        max(start, end or start),
        attributes,
        kind="CLIENT",
        status="ERROR" if failed else "UNSET",
        status_message=(plain.text(record.get("error_str")) or "")[:2000] if failed else "",
        scope="litellm",
    )


def _error_type(record: dict[str, Any]) -> str:
    info = record.get("error_information")
    found = info.get("error_class") if isinstance(info, dict) else None
    return str(found or (plain.text(record.get("error_str")) or "error").split(":")[0].rsplit(".", 1)[-1][:80])
