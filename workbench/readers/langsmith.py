"""LangSmith runs: payloads of the SDK ({post, patch}), run lists and trees from the API and bulk exports, lines of either."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from workbench import semconv as s
from workbench.otlp.notes import Notes
from workbench.readers import messages as chat
from workbench.readers import plain
from workbench.readers.build import usage_attributes
from workbench.readers.dialect_names import MAX_ANSWER
from workbench.readers.source import Source
from workbench.spans import Event, Span

NAME = "langsmith"
_OPERATIONS = {
    "llm": s.CHAT,
    "chat_model": s.CHAT,
    "tool": s.TOOL,
    "retriever": "retrieval",
    "embedding": "embeddings",
    "agent": s.THREAD,
}


def matches(source: Source) -> bool:
    """True for runs (run_type, or dotted_order) and what holds them."""
    return any(isinstance(r, dict) and next(_runs(r), None) is not None for r in source.heads)


def _is_run(record: Any) -> bool:
    return (
        isinstance(record, dict)
        and "id" in record
        and ("run_type" in record or "dotted_order" in record)
        and ("inputs" in record or "outputs" in record or "start_time" in record or "end_time" in record)
    )


def _runs(record: Any, depth: int = 0) -> Iterator[dict[str, Any]]:
    """Every run in a record: itself, posted and patched ones, children."""
    if depth > 400 or not isinstance(record, dict):
        return
    if _is_run(record):
        yield record
        children = record.get("child_runs")
        for child in children if isinstance(children, list) else ():
            if isinstance(child, dict):
                yield from _runs(
                    {"parent_run_id": record["id"], "trace_id": record.get("trace_id") or record["id"], **child},
                    depth + 1,
                )
        return
    for name in ("post", "patch", "runs", "run"):
        listed = record.get(name)
        for item in listed if isinstance(listed, list) else [listed]:
            yield from _runs(item, depth + 1)


def read(source: Source, notes: Notes) -> Iterator[Span]:
    """The runs as spans; what was posted and patched later is one run."""
    merged: dict[str, dict[str, Any]] = {}
    for record in source.records():
        some = False
        for run in _runs(record):
            some = True
            known = merged.setdefault(str(run["id"]), {})
            for key, value in run.items():
                if value not in (None, {}, []) or key not in known:
                    known[key] = value
        if not some:
            notes.skip("a record that is not a run")
    for run in merged.values():
        yield _span(run, merged, notes)


def _span(run: dict[str, Any], runs: dict[str, dict[str, Any]], notes: Notes) -> Span:
    start, end = plain.nanos(run.get("start_time")), plain.nanos(run.get("end_time"))
    if start is None:
        notes.warn("a run without a start time")
        start = end or 0
    parent = run.get("parent_run_id")
    kind, name = str(run.get("run_type") or "chain"), str(run.get("name") or "run")
    operation = _OPERATIONS.get(kind)
    extra = run.get("extra") if isinstance(run.get("extra"), dict) else {}
    assert isinstance(extra, dict)
    meta = extra.get("metadata") if isinstance(extra.get("metadata"), dict) else {}
    assert isinstance(meta, dict)
    inputs, outputs = run.get("inputs"), run.get("outputs")
    error = plain.text(run.get("error"))
    attributes: dict[str, Any] = {
        s.OPERATION: operation,
        "langsmith.run_type": kind,
        s.CONVERSATION: plain.text(meta.get("thread_id") or meta.get("session_id")),
    }
    if operation == s.CHAT:
        attributes |= _call(run, inputs, outputs, meta, extra, start)
    elif operation == s.TOOL:
        attributes |= {s.TOOL_NAME: name, s.TOOL_ARGUMENTS: plain.text(inputs), s.TOOL_RESULT: plain.text(outputs)}
    else:
        given, reply = chat.normal(inputs, "user"), chat.normal(outputs, "assistant")
        attributes |= {
            "langsmith.inputs": plain.text(inputs or None),
            "langsmith.outputs": plain.text(outputs or None),
            s.ANSWER: (chat.text_of(reply) or "")[:MAX_ANSWER] or None,
        }
        if parent is None:
            attributes[s.TASK_PROMPT] = (chat.text_of(given, "user") or "")[:MAX_ANSWER] or None
        if operation == s.THREAD or meta.get("langgraph_node") == name:
            attributes |= {s.OPERATION: operation or s.THREAD, s.AGENT: name}
    if error:
        attributes[s.ERROR_TYPE] = error.split("(")[0].split(":")[0][:80] or "error"
    return Span(
        plain.trace_id(run.get("trace_id") or _root(run, runs)),
        plain.span_id(run["id"]),
        plain.span_id(parent) if parent else None,
        name,
        start,
        max(start, end or start),
        {k: v for k, v in attributes.items() if v is not None},
        tuple(_events(run, start)),
        kind="CLIENT" if operation == s.CHAT else "INTERNAL",
        status="ERROR" if error else "UNSET",
        status_message=(error or "")[:2000],
        scope=NAME,
    )


def _root(run: dict[str, Any], runs: dict[str, dict[str, Any]]) -> Any:
    order = run.get("dotted_order")
    if isinstance(order, str) and "Z" in order:
        return order.split(".")[0].split("Z", 1)[1]
    seen: set[str] = set()
    while run.get("parent_run_id") and str(run["parent_run_id"]) in runs and str(run["id"]) not in seen:
        seen.add(str(run["id"]))
        run = runs[str(run["parent_run_id"])]
    return run["id"]


def _call(
    run: dict[str, Any], inputs: Any, outputs: Any, meta: dict[str, Any], extra: dict[str, Any], start_ns: int
) -> dict[str, Any]:
    given, reply = chat.normal(inputs, "user"), chat.normal(outputs, "assistant")
    body = outputs if isinstance(outputs, dict) else {}
    output = body.get("llm_output") if isinstance(body.get("llm_output"), dict) else {}
    usage = body.get("usage_metadata") or body.get("usage") or (output or {}).get("token_usage") or _deep_usage(body)
    settings = extra.get("invocation_params") if isinstance(extra.get("invocation_params"), dict) else {}
    asked = inputs if isinstance(inputs, dict) else {}
    pick = {**asked, **(settings or {})}
    first = plain.nanos(run.get("first_token_time"))
    counts = usage_attributes(usage) or usage_attributes(
        {"input_tokens": run.get("prompt_tokens"), "output_tokens": run.get("completion_tokens")}
    )
    return {
        s.PROVIDER: plain.text(meta.get("ls_provider")),
        s.REQUEST_MODEL: plain.text(meta.get("ls_model_name") or pick.get("model") or pick.get("model_name")),
        s.RESPONSE_MODEL: plain.text(body.get("model") or (output or {}).get("model_name")),
        s.REQUEST_TEMPERATURE: plain.number(meta.get("ls_temperature", pick.get("temperature"))),
        s.REQUEST_MAX_TOKENS: plain.whole(meta.get("ls_max_tokens", pick.get("max_tokens"))),
        s.INPUT_MESSAGES: chat.as_json(given) if given else None,
        s.OUTPUT_MESSAGES: chat.as_json(reply) if reply else None,
        s.FINISH_REASONS: tuple(str(m["finish_reason"]) for m in reply if m.get("finish_reason")) or None,
        s.COST: plain.number(run.get("total_cost")),
        s.FIRST_TOKEN_NS: max(0, first - start_ns) if first is not None else None,
        **counts,
    }


def _deep_usage(body: dict[str, Any]) -> Any:
    """LangChain keeps usage with the message: generations[0][0].message.kwargs.usage_metadata."""
    node: Any = body.get("generations")
    while isinstance(node, list) and node:
        node = node[0]
    message = node.get("message") if isinstance(node, dict) else None
    inner = message.get("kwargs", message) if isinstance(message, dict) else {}
    return inner.get("usage_metadata") if isinstance(inner, dict) else None


def _events(run: dict[str, Any], start_ns: int) -> Iterator[Event]:
    for raw in run.get("events") or () if isinstance(run.get("events"), list) else ():
        if isinstance(raw, dict) and raw.get("name"):
            yield Event(str(raw["name"]), plain.nanos(raw.get("time")) or start_ns)
