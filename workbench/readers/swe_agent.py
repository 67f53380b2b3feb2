"""SWE-agent .traj and mini-swe-agent trajectories: one agent that thinks, acts in a shell and reads what came back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from workbench import semconv as s
from workbench.otlp.notes import Notes
from workbench.readers import messages as chat
from workbench.readers import plain
from workbench.readers.build import TraceBuilder, call_attributes
from workbench.readers.source import Source
from workbench.readers.trajectory import first_user
from workbench.spans import Span

NAME = "swe-agent"


def matches(source: Source) -> bool:
    """True for objects with `trajectory` steps of action and observation."""
    return any(_is_traj(r) for r in source.heads)


def _is_traj(record: Any) -> bool:
    if not isinstance(record, dict):
        return False
    if isinstance(record.get("attempts"), list) and any(_is_traj(a) for a in record["attempts"][:3]):
        return True
    steps = record.get("trajectory")
    if not isinstance(steps, list):
        return False
    first = next(iter(steps), None)
    return ("history" in record or "environment" in record or "info" in record) and (
        first is None or (isinstance(first, dict) and ("action" in first or "observation" in first))
    )


def read(source: Source, notes: Notes) -> Iterator[Span]:
    """One trace per trajectory; several attempts at one problem are several threads."""
    for number, record in enumerate(source.records()):
        if _is_traj(record):
            yield from _trace(record, source.name, number, notes)
        else:
            notes.skip("a record that is not a trajectory")


def _trace(record: dict[str, Any], name: str, number: int, notes: Notes) -> list[Span]:
    info = record.get("info") if isinstance(record.get("info"), dict) else {}
    assert isinstance(info, dict)
    build = TraceBuilder(f"swe:{name}/{number}/{plain.span_id(plain.dumps(info))}", NAME)
    task = name.split(".")[0] or "task"
    history = chat.normal(record.get("history"), "user")
    root = build.begin(
        f"swe-agent {task}",
        s.WORKFLOW,
        None,
        {
            s.TASK_ID: task,
            s.TASK_PROMPT: first_user(history),
            s.ANSWER: plain.text(info.get("submission"), 4_000),
            "swe_agent.exit_status": plain.text(info.get("exit_status")),
            "swe_agent.environment": plain.text(record.get("environment")),
        },
    )
    attempts = record.get("attempts") if isinstance(record.get("attempts"), list) else None
    for index, attempt in enumerate(attempts or [record]):
        if isinstance(attempt, dict):
            _thread(build, root, attempt, index, notes)
    exit_status = str(info.get("exit_status") or "")
    build.end(root, error=exit_status if exit_status.lower().startswith(("exit", "error", "early")) else None)
    return build.spans()


def _thread(build: TraceBuilder, root: str, record: dict[str, Any], index: int, notes: Notes) -> None:
    info = record.get("info") if isinstance(record.get("info"), dict) else {}
    stats = (info or {}).get("model_stats") if isinstance((info or {}).get("model_stats"), dict) else {}
    assert isinstance(stats, dict)
    thread = build.begin(
        "invoke_agent swe-agent",
        s.THREAD,
        root,
        {
            s.AGENT: "swe-agent",
            s.THREAD_INDEX: index,
            s.ROLE: "act",
            s.COST: plain.number(stats.get("instance_cost")),
            "swe_agent.tokens_sent": plain.whole(stats.get("tokens_sent")),
            "swe_agent.tokens_received": plain.whole(stats.get("tokens_received")),
        },
    )
    steps = record.get("trajectory")
    said = _opening(record)
    for step in steps if isinstance(steps, list) else ():
        if not isinstance(step, dict):
            notes.skip("a step that is not an object")
            continue
        action, thought = plain.text(step.get("action")) or "", plain.text(step.get("thought"))
        reply = plain.text(step.get("response")) or thought or action
        asked = chat.normal(step.get("query") or step.get("messages"), "user") or list(said)
        answer: chat.Message = {"role": "assistant", "parts": [{"type": "text", "content": reply}]}
        build.step("chat", s.CHAT, thread, call_attributes(asked, [answer]))
        observed = plain.text(step.get("observation")) or ""
        tool = action.strip().split()[0] if action.strip() else "none"
        build.step(
            f"execute_tool {tool}",
            s.TOOL,
            thread,
            {s.TOOL_NAME: tool, s.TOOL_ARGUMENTS: action, s.TOOL_RESULT: observed},
        )
        said += [answer, {"role": "user", "parts": [{"type": "text", "content": observed}]}]
    build.end(thread)


def _opening(record: dict[str, Any]) -> list[chat.Message]:
    """System prompt and task: the history up to the model's first word (demonstrations left out)."""
    history = record.get("history")
    rows = [h for h in history if isinstance(h, dict) and not h.get("is_demo")] if isinstance(history, list) else []
    found: list[chat.Message] = []
    for message in chat.normal(rows, "user"):
        if message["role"] == "assistant":
            break
        found.append(message)
    return found
