"""Anthropic managed-agent sessions: lines of [method, payload], or bare session events."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from workbench import semconv as s
from workbench.otlp.notes import Notes
from workbench.readers import messages as chat
from workbench.readers import plain
from workbench.readers.build import TraceBuilder, call_attributes
from workbench.readers.source import Source
from workbench.spans import Span

NAME = "anthropic-managed-agents"


def matches(source: Source) -> bool:
    """True for calls of client.beta.sessions, and for events named session.*, agent.*, span.*."""
    return any(_unwrap(r) is not None for r in source.heads)


def _unwrap(record: Any) -> tuple[str, Any] | None:
    if isinstance(record, list) and len(record) == 2 and isinstance(record[0], str) and "sessions" in record[0]:
        return record[0], record[1]
    if (
        isinstance(record, dict)
        and str(record.get("type", "")).startswith(("session.", "agent.", "span.model_request", "user."))
        and ("id" in record and "processed_at" in record)
    ):
        return "stream", record
    return None


def read(source: Source, notes: Notes) -> Iterator[Span]:
    """One trace for the session that the file records."""
    created: dict[str, Any] = {}
    events: list[dict[str, Any]] = []
    for record in source.records():
        found = _unwrap(record)
        if found is None:
            notes.skip("a record that is not a session event")
        elif found[0].endswith("sessions.create") and isinstance(found[1], dict):
            created = found[1]
        elif found[0].endswith("stream") and isinstance(found[1], dict):
            events.append(found[1])
    if events:
        yield from _Session(created, events, source.name).spans()
    else:
        notes.warn("the session holds no events")


class _Session:
    """Model requests are calls in the thread of the agent that made them; its tool uses run until their result."""

    def __init__(self, created: dict[str, Any], events: list[dict[str, Any]], file: str) -> None:
        agent = created.get("agent") if isinstance(created.get("agent"), dict) else {}
        assert isinstance(agent, dict)
        model = agent.get("model")
        self.model = plain.text(model.get("id") if isinstance(model, dict) else model)
        self.agent = str(agent.get("name") or "agent")
        times = [t for e in events if (t := plain.nanos(e.get("processed_at"))) is not None]
        self.build = TraceBuilder(f"managed:{created.get('id') or file}", NAME, min(times, default=0))
        self.root = self.build.begin(
            str(created.get("title") or "session"),
            s.WORKFLOW,
            None,
            {s.TASK_ID: plain.text(created.get("id")) or file, s.CONVERSATION: plain.text(created.get("id"))},
        )
        self.events, self.threads, self.end = events, dict[str, str](), max(times, default=0)
        self.said: list[chat.Message] = (
            [{"role": "system", "parts": chat.parts(agent.get("system"))}] if agent.get("system") else []
        )
        self.asked: dict[str, int] = {}
        self.tools: dict[str, tuple[dict[str, Any], int, str]] = {}
        self.reply: list[chat.Part] = []

    def thread(self, event: dict[str, Any], at: int) -> str:
        key = str(event.get("session_thread_id") or "")
        if not key and self.threads:
            return next(reversed(self.threads.values()))
        if key not in self.threads:
            name = str(event.get("agent_name") or self.agent)
            self.threads[key] = self.build.begin(
                f"invoke_agent {name}",
                s.THREAD,
                self.root,
                {s.AGENT: name, s.THREAD_INDEX: len(self.threads), s.ROLE: "act"},
                at,
            )
        return self.threads[key]

    def spans(self) -> list[Span]:
        answer = None
        for event in self.events:
            kind, at = str(event.get("type")), plain.nanos(event.get("processed_at")) or self.build.now
            if kind == "user.message":
                self.said += chat.normal({"role": "user", "content": event.get("content")}, "user")
            elif kind == "session.thread_status_running":
                self.thread(event, at)
            elif kind == "span.model_request_start":
                self.asked[str(event.get("id"))] = at
                self.reply = []
            elif kind in ("agent.message", "agent.thinking"):
                self.reply += chat.parts(event.get("content"))
            elif kind.startswith("agent.") and kind.endswith("tool_use"):
                self.tools[str(event.get("id"))] = (event, at, self.thread(event, at))
                self.reply += chat.parts(
                    {"type": "tool_use", "id": event.get("id"), "name": event.get("name"), "input": event.get("input")}
                )
            elif kind.endswith("tool_result"):
                self.tool(event, at)
            elif kind == "span.model_request_end":
                answer = self.call(event, at) or answer
        for ident in [*self.tools]:
            self.tool({"custom_tool_use_id": ident}, self.end)
        prompt = chat.text_of([m for m in self.said if m["role"] == "user"][:1])
        self.build.update(self.root, {s.ANSWER: answer, s.TASK_PROMPT: prompt})
        for thread in self.threads.values():
            self.build.end(thread, end_ns=self.end)
        self.build.end(self.root, end_ns=self.end)
        return self.build.spans()

    def call(self, event: dict[str, Any], at: int) -> str | None:
        message: chat.Message = {"role": "assistant", "parts": self.reply}
        attributes = call_attributes(
            self.said,
            [message] if self.reply else [],
            self.model,
            event.get("model_usage"),
            **{s.PROVIDER: "anthropic"},
        )
        start = self.asked.pop(str(event.get("model_request_start_id")), at)
        self.build.step(
            f"chat {self.model or ''}".strip(),
            s.CHAT,
            self.thread(event, start),
            attributes,
            start_ns=min(start, at),
            end_ns=at,
            error="error" if event.get("is_error") else None,
        )
        if self.reply:
            self.said.append(message)
        self.reply = []
        return chat.text_of([message])

    def tool(self, event: dict[str, Any], at: int) -> None:
        ident = next(
            (str(event[k]) for k in ("custom_tool_use_id", "tool_use_id", "mcp_tool_use_id") if event.get(k)), ""
        )
        call, start, thread = self.tools.pop(ident, ({}, at, self.thread(event, at)))
        result = chat.parts({"type": "tool_result", "tool_use_id": ident, "content": event.get("content")})
        self.build.step(
            f"execute_tool {call.get('name') or 'tool'}",
            s.TOOL,
            thread,
            {
                s.TOOL_NAME: plain.text(call.get("name")) or "tool",
                s.TOOL_CALL_ID: ident,
                s.TOOL_ARGUMENTS: plain.text(call.get("input")),
                s.TOOL_RESULT: result[0]["response"],
            },
            start_ns=min(start, at),
            end_ns=at,
            error=result[0]["response"][:500] or "error" if event.get("is_error") else None,
        )
        self.said.append({"role": "tool", "parts": result})
