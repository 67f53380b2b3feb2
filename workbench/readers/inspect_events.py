"""Inspect AI's event stream as spans: spans (or the steps of older logs) nest, calls and tools hang below them."""

from __future__ import annotations

from typing import Any

from workbench import semconv as s
from workbench.readers import messages as chat
from workbench.readers import plain
from workbench.readers.build import TraceBuilder, call_attributes


def tell(build: TraceBuilder, root: str, events: list[dict[str, Any]]) -> None:
    """The event stream: spans (or the steps of older logs) nest by id, calls and tools hang below them."""
    opened: dict[str, str] = {}
    steps: list[str] = []
    for number, event in enumerate(events):
        kind, at = event.get("event"), plain.nanos(event.get("timestamp")) or build.now
        build.now = max(build.now, at)
        here = opened.get(str(event.get("span_id"))) or (steps[-1] if steps else root)
        if kind == "span_begin":
            parent = opened.get(str(event.get("parent_id"))) or root
            opened[str(event.get("id"))] = build.begin(*_named(event), parent, _agent(event), at)
        elif kind == "span_end" and str(event.get("id")) in opened:
            _close(build, opened[str(event["id"])], at)
        elif kind == "step" and event.get("action") == "begin":
            steps.append(build.begin(*_named(event), here, _agent(event), at))
        elif kind == "step" and event.get("action") == "end" and steps:
            _close(build, steps.pop(), at)
        elif kind == "model":
            _model(build, here, event, at, number)
        elif kind == "tool":
            _tool(build, here, event, at, number)
            nested = event.get("events")
            if isinstance(nested, list) and nested:
                tell(build, here, [e for e in nested if isinstance(e, dict)])
        elif kind in ("score", "error", "approval", "sample_limit", "interrupt", "info", "subtask"):
            if kind == "subtask" and isinstance(event.get("events"), list):
                inner = build.begin(str(event.get("name") or "subtask"), None, here, {}, at)
                tell(build, inner, [e for e in event["events"] if isinstance(e, dict)])
                _close(build, inner, build.now)
            elif build.is_open(here):
                build.event(
                    here,
                    f"inspect.{kind}",
                    {
                        "content": plain.text(
                            {k: v for k, v in event.items() if k in ("score", "error", "data", "message", "type")},
                            2_000,
                        )
                    },
                    at,
                )
    for ident in reversed([*opened.values(), *steps]):
        _close(build, ident, build.now)


def _named(event: dict[str, Any]) -> tuple[str, str | None]:
    kind = event.get("type")
    return str(event.get("name") or kind or "span"), s.THREAD if kind in ("agent", "subagent") else None


def _agent(event: dict[str, Any]) -> dict[str, Any]:
    found = {"inspect.type": plain.text(event.get("type"))}
    return {**found, s.AGENT: str(event.get("name"))} if event.get("type") in ("agent", "subagent") else found


def _close(build: TraceBuilder, ident: str, at: int) -> None:
    if build.is_open(ident):
        build.end(ident, end_ns=at)


def _model(build: TraceBuilder, parent: str, event: dict[str, Any], at: int, number: int) -> None:
    output = event.get("output") if isinstance(event.get("output"), dict) else {}
    assert isinstance(output, dict)
    config = event.get("config") if isinstance(event.get("config"), dict) else {}
    assert isinstance(config, dict)
    given, reply = chat.normal(event.get("input"), "user"), chat.normal(output, "assistant")
    choices = output.get("choices")
    stop = (
        choices[0].get("stop_reason")
        if isinstance(choices, list) and choices and isinstance(choices[0], dict)
        else None
    )
    end = plain.nanos(event.get("completed")) or at + int((plain.number(output.get("time")) or 0) * 1e9)
    name = str(event.get("model") or output.get("model") or "")
    working = plain.number(event.get("working_time"))
    attributes = call_attributes(
        given,
        reply,
        name or None,
        output.get("usage"),
        **{
            s.RESPONSE_MODEL: plain.text(output.get("model")),
            s.FINISH_REASONS: (str(stop),) if stop else None,
            s.PROVIDER: name.split("/")[0] if "/" in name else None,
            s.ROLE: plain.text(event.get("role")),
            s.REQUEST_TEMPERATURE: plain.number(config.get("temperature")),
            s.REQUEST_SEED: plain.whole(config.get("seed")),
            s.REQUEST_MAX_TOKENS: plain.whole(config.get("max_tokens")),
            s.ATTEMPTS: (plain.whole(event.get("retries")) or 0) + 1,
            s.QUEUE_NS: max(0, end - at - int(working * 1e9)) if working is not None and end > at else None,
            s.REUSED: True if event.get("cache") == "read" else None,
        },
    )
    build.step(
        f"chat {name}".strip(),
        s.CHAT,
        parent,
        attributes,
        start_ns=at,
        end_ns=max(at, end),
        error=plain.text(event.get("error")),
        key=event.get("uuid") and f"{build.trace_id}{event['uuid']}{number}",
    )


def _tool(build: TraceBuilder, parent: str, event: dict[str, Any], at: int, number: int) -> None:
    error = event.get("error")
    name = str(event.get("function") or "tool")
    end = plain.nanos(event.get("completed")) or at
    build.step(
        f"execute_tool {name}",
        s.TOOL,
        parent,
        {
            s.TOOL_NAME: name,
            s.TOOL_CALL_ID: plain.text(event.get("id")),
            s.TOOL_ARGUMENTS: plain.text(event.get("arguments")),
            s.TOOL_RESULT: plain.text(event.get("result")),
        },
        start_ns=at,
        end_ns=max(at, end),
        error=str(error.get("message") or "error") if isinstance(error, dict) else None,
    )
