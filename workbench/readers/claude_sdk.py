"""Claude Agent SDK: recorded control-protocol conversations, and the stream of messages that `stream-json` prints."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from workbench import semconv as s
from workbench.otlp.notes import Notes
from workbench.readers import claude_code, plain
from workbench.readers.source import Source
from workbench.spans import Span

NAME = "claude-agent-sdk"


def matches(source: Source) -> bool:
    """True for {direction, message} pairs, and for bare SDK messages with a session_id."""
    return any(next(_messages(r), None) is not None for r in source.heads)


def _messages(record: Any) -> Iterator[dict[str, Any]]:
    if not isinstance(record, dict):
        return
    listed = record.get("messages")
    if isinstance(listed, list) and any(
        isinstance(m, dict) and m.get("direction") in ("send", "recv") for m in listed[:5]
    ):
        for item in listed:
            yield from _messages(item)
    elif record.get("direction") in ("send", "recv", "sent", "received") and isinstance(record.get("message"), dict):
        yield record["message"]
    elif record.get("type") in ("system", "assistant", "user", "result") and (
        "session_id" in record or "parent_tool_use_id" in record
    ):
        yield record


def read(source: Source, notes: Notes) -> Iterator[Span]:
    """One trace per session."""
    sessions: dict[str, list[dict[str, Any]]] = defaultdict(list)
    results: dict[str, dict[str, Any]] = {}
    current = ""
    for record in source.records():
        for message in _messages(record):
            session = str(message.get("session_id") or "")
            current = session if session and session != "default" else current
            if message.get("type") in ("user", "assistant") and isinstance(message.get("message"), dict):
                sessions[current].append(message)
            elif message.get("type") == "result":
                results[current] = message
    before = sessions.pop("", []) if len(sessions) > 1 else []  # what was sent before the session had its name
    for key, entries in sessions.items():
        yield from _finish(
            claude_code.tell(f"claude-sdk:{key or source.name}", NAME, [*before, *entries], None, timed=False),
            results.get(key) or {},
        )
        before = []


def _finish(spans: list[Span], result: dict[str, Any]) -> Iterator[Span]:
    """The result message knows the cost, the time and how it ended."""
    took = plain.number(result.get("duration_ms"))
    added = {
        s.COST: plain.number(result.get("total_cost_usd")),
        s.ANSWER: plain.text(result.get("result"), 4_000),
        "claude.duration_ms": took,
        "claude.turns": plain.whole(result.get("num_turns")),
        "claude.result": plain.text(result.get("subtype")),
    }
    fresh = {k: v for k, v in added.items() if v is not None}
    for span in spans:
        if span.parent_id is None:
            status = "ERROR" if result.get("is_error") else span.status
            yield replace(span, attributes={**span.attributes, **fresh}, status=status)
        else:
            yield span
