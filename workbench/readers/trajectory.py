"""A chat trajectory (messages with tool calls) told as one agent's thread: what several readers share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from workbench import semconv as s
from workbench.readers import messages as chat
from workbench.readers.build import TraceBuilder, call_attributes


def tell(
    build: TraceBuilder,
    parent: str,
    said: Sequence[chat.Message],
    model: str | None = None,
    usage: Sequence[Any] = (),
    **each: Any,
) -> None:
    """Every assistant message is a call that was given all before it; every tool answer a tool span after its call.

    `usage` holds a usage object per assistant message, as far as it goes; `each` are attributes for every call.
    """
    names: dict[str | None, chat.Part] = {}
    calls = 0
    for i, message in enumerate(said):
        if message["role"] == "assistant":
            finish = message.get("finish_reason")
            attributes = call_attributes(
                said[:i],
                [message],
                model,
                usage[calls] if calls < len(usage) else None,
                **{s.FINISH_REASONS: (finish,) if finish else None, **each},
            )
            build.step(f"chat {model}" if model else "chat", s.CHAT, parent, attributes)
            calls += 1
        for part in message["parts"]:
            if part["type"] == "tool_call":
                names[part.get("id")] = part
            elif part["type"] == "tool_call_response":
                tool(build, parent, names.get(part.get("id")), part)


def tool(
    build: TraceBuilder,
    parent: str,
    call: chat.Part | None,
    answer: chat.Part | None,
    error: str | None = None,
    **times: Any,
) -> str:
    """One tool span from a call and its answer (either may be missing); failed with `error` or where the answer says so."""
    name = (call or {}).get("name") or "tool"
    result = (answer or {}).get("response")
    failed = str(result) if isinstance(result, str) and result[:5].lower() == "error" else None
    return build.step(
        f"execute_tool {name}",
        s.TOOL,
        parent,
        {
            s.TOOL_NAME: name,
            s.TOOL_CALL_ID: (call or answer or {}).get("id"),
            s.TOOL_ARGUMENTS: (call or {}).get("arguments"),
            s.TOOL_RESULT: result,
        },
        error=error or (failed[:500] if failed else None),
        **times,
    )


def first_user(said: Sequence[chat.Message], limit: int = 4_000) -> str | None:
    """The task: the first thing that a user says."""
    return next((t[:limit] for m in said if m["role"] == "user" and (t := chat.text_of([m]))), None)


def last_answer(said: Sequence[chat.Message], limit: int = 4_000) -> str | None:
    """The last thing that the assistant says."""
    text = chat.text_of(said, "assistant")
    return text[:limit] if text else None
