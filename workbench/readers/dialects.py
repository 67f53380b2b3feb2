"""Dialects: what other tools call things → our attribute names, one span at a time; nothing of the original is lost.

Understood: the GenAI conventions old and new (attributes, span events, `gen_ai.prompt.N.*`), OpenInference (Phoenix),
LiteLLM, Vercel AI SDK, OpenLLMetry (Traceloop), Langfuse, Logfire and Pydantic AI, MLflow.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from workbench import semconv as s
from workbench.readers import messages as chat
from workbench.readers import plain
from workbench.readers.dialect_names import (
    CALL_OPERATIONS,
    DIALECTS,
    MARKERS,
    MAX_ANSWER,
    OPERATIONS,
    REAL,
    TEXTS,
    WHOLE,
)
from workbench.readers.unflatten import unflatten
from workbench.spans import Link, Span


def dialect(span: Span) -> str | None:
    """Which dialect a span is written in, where it can be told."""
    if span.scope == s.SCOPE:
        return "workbench"
    return next((name for name, keys in DIALECTS if any(key in span.attributes for key in keys)), None)


def normalize(span: Span) -> Span:
    """The span with our names added to its own; the same object where there is nothing to add."""
    if not span.links and (s.FORKS in span.attributes or s.JOINS in span.attributes):
        span = replace(span, links=_links(span))
    own = span.attributes
    if span.scope == s.SCOPE or (
        not span.events and span.status != "ERROR" and own.keys().isdisjoint(MARKERS) and _is_new(own)
    ):
        return span
    added = _scalars(own)
    operation = own.get(s.OPERATION) or _operation(span, added)
    if operation:
        added[s.OPERATION] = operation
    agent = own.get(s.AGENT) or added.get(s.AGENT)
    if operation == s.THREAD and not agent:
        agent = added[s.AGENT] = str(own.get("traceloop.entity.name") or span.name or "agent")
    _content(span, str(operation or ""), added)
    if span.status == "ERROR" and s.ERROR_TYPE not in own:
        found = next((e.attributes.get("exception.type") for e in span.events if e.name == "exception"), None)
        added[s.ERROR_TYPE] = str(found or "error")
    fresh = {k: v for k, v in added.items() if v is not None and own.get(k) != v}
    return replace(span, attributes={**own, **fresh}) if fresh else span


def _links(span: Span) -> tuple[Link, ...]:
    """Links that a receiver dropped, from the attributes that tell them too."""
    return tuple(
        Link(span.trace_id, ident, {s.LINK_KIND: kind})
        for key, kind in ((s.FORKS, s.FORK), (s.JOINS, s.JOIN))
        for ident in _list(span.attributes.get(key))
    )


def _list(value: Any) -> list[str]:
    found = plain.loads(value) if isinstance(value, str) else value
    return [v for v in found if isinstance(v, str) and len(v) == 16] if isinstance(found, (list, tuple)) else []


def _is_new(own: Mapping[str, Any]) -> bool:
    return not isinstance(own.get(s.FINISH_REASONS), str) and not isinstance(own.get(s.INPUT_MESSAGES), tuple)


def _scalars(own: Mapping[str, Any]) -> dict[str, Any]:
    added: dict[str, Any] = {}
    for target, names in TEXTS.items():
        if not isinstance(own.get(target), str):
            found = next((own[n] for n in names if isinstance(own.get(n), str) and own[n]), None)
            if found is not None:
                added[target] = found
    for table, convert in ((WHOLE, plain.whole), (REAL, plain.number)):
        for target, names in table.items():
            if target not in own or isinstance(own[target], str):
                added[target] = next((v for n in (target, *names) if (v := convert(own.get(n))) is not None), None)
    if isinstance(own.get(s.REQUEST_TEMPERATURE), int):
        added[s.REQUEST_TEMPERATURE] = float(own[s.REQUEST_TEMPERATURE])
    settings = own.get("llm.invocation_parameters") or own.get("langfuse.observation.model.parameters")
    if isinstance(settings, str) and isinstance(parsed := plain.loads(settings), dict):
        added.setdefault(s.REQUEST_TEMPERATURE, None)
        if added[s.REQUEST_TEMPERATURE] is None:
            added[s.REQUEST_TEMPERATURE] = plain.number(parsed.get("temperature"))
        if s.REQUEST_SEED not in own:
            added[s.REQUEST_SEED] = plain.whole(parsed.get("seed"))
        if added.get(s.REQUEST_MAX_TOKENS) is None and s.REQUEST_MAX_TOKENS not in own:
            added[s.REQUEST_MAX_TOKENS] = plain.whole(parsed.get("max_tokens") or parsed.get("max_completion_tokens"))
    added[s.FINISH_REASONS] = _finish(own)
    first = plain.number(own.get("ai.response.msToFirstChunk"))
    if first is not None:
        added[s.FIRST_TOKEN_NS] = int(first * 1e6)
    for name in ("langfuse.observation.usage_details", "mlflow.chat.tokenUsage"):
        if isinstance(own.get(name), str) and isinstance(usage := plain.loads(own[name]), dict):
            added[s.INPUT_TOKENS] = plain.whole(usage.get("input", usage.get("input_tokens")))
            added[s.OUTPUT_TOKENS] = plain.whole(usage.get("output", usage.get("output_tokens")))
    costs = own.get("langfuse.observation.cost_details")
    if isinstance(costs, str) and isinstance(parsed := plain.loads(costs), dict):
        added[s.COST] = plain.number(parsed.get("total"))
    return added


def _finish(own: Mapping[str, Any]) -> tuple[str, ...] | None:
    value = own.get(s.FINISH_REASONS)
    if isinstance(value, str):
        parsed = plain.loads(value)
        return tuple(str(v) for v in parsed) if isinstance(parsed, list) else (value,)
    if value is None:
        found = (
            own.get("ai.response.finishReason")
            or own.get("llm.response.finish_reason")
            or own.get("gen_ai.completion.0.finish_reason")
        )
        return (str(found),) if found else None
    return None


def _operation(span: Span, added: Mapping[str, Any]) -> str | None:
    own = span.attributes
    for key, table in OPERATIONS.items():
        value = own.get(key)
        if isinstance(value, str):
            value = value.strip('"')
            found = table.get(value) or table.get(value.upper()) or table.get(value.lower())
            if found:
                return found
    vercel = own.get("ai.operationId")
    if isinstance(vercel, str):
        if vercel.endswith((".doGenerate", ".doStream")):
            return s.CHAT
        if vercel == "ai.toolCall":
            return s.TOOL
        return "embeddings" if "embed" in vercel.lower() else s.THREAD
    if "gen_ai.tool.name" in own or "tool.name" in own:
        return s.TOOL
    if own.get("logfire.msg") and "agent_name" in own and "model_name" in own:
        return s.THREAD
    has_model = added.get(s.REQUEST_MODEL) or own.get(s.REQUEST_MODEL)
    counted = added.get(s.OUTPUT_TOKENS) is not None or own.get(s.OUTPUT_TOKENS) is not None
    return s.CHAT if has_model and counted else None


def _content(span: Span, operation: str, added: dict[str, Any]) -> None:
    own = span.attributes
    if operation == s.TOOL:
        if s.TOOL_NAME not in own and s.TOOL_NAME not in added:
            added[s.TOOL_NAME] = str(own.get("traceloop.entity.name") or span.name)
        _fill(
            own,
            added,
            s.TOOL_ARGUMENTS,
            "tool_arguments",
            "ai.toolCall.args",
            "input.value",
            "tool.parameters",
            "traceloop.entity.input",
            "langfuse.observation.input",
            "mlflow.spanInputs",
        )
        _fill(
            own,
            added,
            s.TOOL_RESULT,
            "tool_response",
            "ai.toolCall.result",
            "output.value",
            "traceloop.entity.output",
            "langfuse.observation.output",
            "mlflow.spanOutputs",
        )
        return
    given, reply = _given(span), _reply(span)
    is_call = operation in CALL_OPERATIONS
    if is_call and given and not isinstance(own.get(s.INPUT_MESSAGES), str):
        added[s.INPUT_MESSAGES] = chat.as_json(given)
    if is_call and reply and not isinstance(own.get(s.OUTPUT_MESSAGES), str):
        added[s.OUTPUT_MESSAGES] = chat.as_json(reply)
    if is_call and "gen_ai.completion.0.function_call.name" in own and not chat.tool_calls(reply):  # LiteLLM's default
        called = unflatten(own, "gen_ai.completion.")
        said = [{"role": "assistant", "content": chat.text_of(reply) or "", **c} for c in called if isinstance(c, dict)]
        added[s.OUTPUT_MESSAGES] = chat.as_json(chat.normal(said, "assistant"))
    if not is_call:
        if s.ANSWER not in own and reply:
            added[s.ANSWER] = (chat.text_of(reply) or "")[:MAX_ANSWER] or None
        if span.parent_id is None and s.TASK_PROMPT not in own and given:
            added[s.TASK_PROMPT] = (chat.text_of(given, "user") or chat.text_of(given) or "")[:MAX_ANSWER] or None


def _fill(own: Mapping[str, Any], added: dict[str, Any], target: str, *names: str) -> None:
    if target not in own:
        added[target] = next((plain.text(own[n]) for n in names if own.get(n) not in (None, "")), None)


def _given(span: Span) -> list[chat.Message]:
    own = span.attributes
    structured = own.get(s.INPUT_MESSAGES)
    if structured:
        return chat.normal(structured, "user")
    found = unflatten(own, "llm.input_messages.") or unflatten(own, "gen_ai.prompt.")
    if found:
        return chat.normal(found, "user")
    spoken = _events(span, reply=False)
    if spoken:
        return spoken
    for name in (
        "ai.prompt.messages",
        "gen_ai.prompt",
        "pydantic_ai.all_messages",
        "input.value",
        "ai.prompt",
        "traceloop.entity.input",
        "langfuse.observation.input",
        "mlflow.spanInputs",
        "langfuse.trace.input",
    ):
        if own.get(name):
            return chat.normal(own[name], "user")
    return []


def _reply(span: Span) -> list[chat.Message]:
    own = span.attributes
    structured = own.get(s.OUTPUT_MESSAGES)
    if structured:
        return chat.normal(structured, "assistant")
    found = unflatten(own, "llm.output_messages.") or unflatten(own, "gen_ai.completion.")
    if found:
        return chat.normal(found, "assistant")
    spoken = _events(span, reply=True)
    if spoken:
        return spoken
    if any(own.get(k) for k in ("ai.response.text", "ai.response.toolCalls", "ai.response.object")):
        calls = plain.loads(str(own.get("ai.response.toolCalls") or "")) or None
        body = own.get("ai.response.text") or own.get("ai.response.object") or ""
        return chat.normal([{"role": "assistant", "content": str(body), "tool_calls": calls}], "assistant")
    for name in (
        "gen_ai.completion",
        "final_result",
        "output.value",
        "traceloop.entity.output",
        "langfuse.observation.output",
        "mlflow.spanOutputs",
        "langfuse.trace.output",
    ):
        if own.get(name):
            return chat.normal(own[name], "assistant")
    return []


def _events(span: Span, reply: bool) -> list[chat.Message]:
    """Messages told as span events, or as Logfire's `events` attribute."""
    found: list[chat.Message] = []
    for event in span.events:
        if event.name in ("gen_ai.content.prompt", "gen_ai.content.completion"):
            if reply == event.name.endswith("completion"):
                body = event.attributes.get("gen_ai.completion" if reply else "gen_ai.prompt")
                found += chat.normal(body, "assistant" if reply else "user")
        elif event.name == "gen_ai.client.inference.operation.details":
            found += chat.normal(
                event.attributes.get(s.OUTPUT_MESSAGES if reply else s.INPUT_MESSAGES), "assistant" if reply else "user"
            )
        elif (
            event.name.startswith("gen_ai.")
            and (event.name == "gen_ai.choice") == reply
            and event.name.endswith(("choice", "message"))
        ):
            body = unflatten_all(event.attributes)
            found += chat.normal({"event.name": event.name, **body}, "assistant" if reply else "user")
    listed = span.attributes.get("events") or span.attributes.get("all_messages_events")
    if not found and isinstance(listed, (str, tuple)):
        entries = plain.loads(listed) if isinstance(listed, str) else listed
        for entry in entries if isinstance(entries, (list, tuple)) else ():
            if isinstance(entry, dict) and (entry.get("event.name") == "gen_ai.choice") == reply:
                found += chat.normal(entry, "assistant" if reply else "user")
    return found


def unflatten_all(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Event attributes whose JSON texts are parsed (tool_calls, message) where they hold JSON objects or lists."""
    out: dict[str, Any] = {}
    for key, value in attributes.items():
        parsed = plain.loads(value) if isinstance(value, str) and value[:1] in "[{" else None
        out[key] = parsed if parsed is not None and key != "content" else value
    return out
