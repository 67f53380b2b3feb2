"""Plain chats: lines or lists of {messages: […]}, ShareGPT conversations, mini-swe-agent, or one bare list of messages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from workbench import semconv as s
from workbench.otlp.notes import Notes
from workbench.readers import messages as chat
from workbench.readers import plain
from workbench.readers.build import TraceBuilder
from workbench.readers.source import Source
from workbench.readers.trajectory import first_user, last_answer, tell
from workbench.spans import Span

NAME = "chat"
MINI = "mini-swe-agent"
_LISTS = ("messages", "conversations", "conversation", "traj", "history", "chat", "message_log", "dialogue")


def matches(source: Source) -> bool:
    """True where records are messages, or hold a list of messages."""
    return any(_said(r) is not None or _is_message(r) for r in source.heads)


def name(source: Source) -> str:
    """mini-swe-agent writes plain messages too; its own marks tell it."""
    first = source.first
    if isinstance(first, dict) and str(first.get("trajectory_format", "")).startswith("mini-swe-agent"):
        return MINI
    if source.kind == "list" and all(_is_message(r) for r in source.heads):
        texts = " ".join(str(r.get("content"))[:4_000] for r in source.heads[:6])
        if "COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT" in texts or "<returncode>" in texts or "MINI_SWE_AGENT" in texts:
            return MINI
    return NAME


def _is_message(record: Any) -> bool:
    return (
        isinstance(record, dict)
        and isinstance(record.get("role", record.get("from")), str)
        and (any(k in record for k in ("content", "value", "parts", "tool_calls")))
    )


def _said(record: Any) -> list[Any] | None:
    if isinstance(record, list) and record and all(_is_message(m) for m in record[:5]):
        return record
    if isinstance(record, dict):
        for key in _LISTS:
            listed = record.get(key)
            if isinstance(listed, list) and any(_is_message(m) for m in listed[:5]):
                return listed
    return None


def read(source: Source, notes: Notes) -> Iterator[Span]:
    """One trace per conversation; bare messages are one conversation together."""
    bare: list[Any] = []
    for number, record in enumerate(source.records()):
        said = _said(record)
        if said is not None:
            yield from _conversation(said, record if isinstance(record, dict) else {}, source.name, number, notes)
        elif _is_message(record):
            bare.append(record)
        else:
            notes.skip("a record that holds no messages")
    if bare:
        yield from _conversation(bare, {}, source.name, 0, notes)


def _conversation(raw: list[Any], record: dict[str, Any], file: str, number: int, notes: Notes) -> list[Span]:
    bad = sum(not isinstance(m, dict) for m in raw)
    if bad:
        notes.skip("a message that is not an object", bad)
    said = [m for item in raw if isinstance(item, dict) for m in chat.normal(item, "user")]
    info = record.get("info") if isinstance(record.get("info"), dict) else {}
    assert isinstance(info, dict)
    task = record.get("id", record.get("task_id", record.get("instance_id", info.get("instance_id", number))))
    build = TraceBuilder(f"chat:{file}/{number}/{plain.span_id(plain.dumps(raw))}", NAME)
    config = info.get("config") if isinstance(info.get("config"), dict) else {}
    settings = (config or {}).get("model") if isinstance((config or {}).get("model"), dict) else {}
    stats = info.get("model_stats") if isinstance(info.get("model_stats"), dict) else {}
    model = plain.text(record.get("model") or (settings or {}).get("model_name"))
    root = build.begin(
        "conversation",
        s.WORKFLOW,
        None,
        {
            s.TASK_ID: str(task),
            s.TASK_PROMPT: first_user(said),
            s.REQUEST_MODEL: model,
            s.ANSWER: plain.text(info.get("submission"), 4_000) or last_answer(said),
            s.SCORE: plain.score(record.get("score", record.get("reward"))),
            s.TASK_TARGET: plain.text(record.get("target", record.get("gold", record.get("gt"))), 4_000),
        },
    )
    thread = build.begin(
        "invoke_agent assistant",
        s.THREAD,
        root,
        {
            s.AGENT: "assistant",
            s.THREAD_INDEX: 0,
            s.ROLE: "act",
            s.COST: plain.number((stats or {}).get("instance_cost")),
        },
    )
    tell(build, thread, said, model, _usage(raw))
    build.end(thread)
    build.end(root)
    return build.spans()


def _usage(raw: list[Any]) -> list[Any]:
    """The usage of every answer, where the message carries it (mini-swe-agent keeps the response under `extra`)."""
    found = []
    for message in raw:
        if isinstance(message, dict) and str(message.get("role")) in ("assistant", "model"):
            extra = message.get("extra") if isinstance(message.get("extra"), dict) else {}
            response = (extra or {}).get("response")
            found.append(message.get("usage") or (response.get("usage") if isinstance(response, dict) else None))
    return found
