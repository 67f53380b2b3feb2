"""InterCode results: a query and its turns (actions, observations, rewards, perhaps thoughts) in bash, SQL or a CTF."""

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

NAME = "intercode"


def matches(source: Source) -> bool:
    """True for records with a turn history of actions and observations."""
    return any(_is_episode(r) for r in source.heads)


def _is_episode(record: Any) -> bool:
    turns = record.get("turn_history") if isinstance(record, dict) else None
    return isinstance(turns, dict) and isinstance(turns.get("actions"), list) and "observations" in turns


def read(source: Source, notes: Notes) -> Iterator[Span]:
    """One trace per query: every turn is a model call and the action that it chose, scored by the turn's reward."""
    for number, record in enumerate(source.records()):
        if _is_episode(record):
            yield from _episode(record, source.name, number)
        else:
            notes.skip("a record without a turn history")


def _episode(record: dict[str, Any], file: str, number: int) -> list[Span]:
    turns = record["turn_history"]
    summary = record.get("summary") if isinstance(record.get("summary"), dict) else {}
    assert isinstance(summary, dict)
    tool = str(record.get("environment") or "ic_environment").removeprefix("ic_")
    rewards = _column(turns, "rewards")
    best = plain.number(summary.get("max_reward"))
    if best is None:
        best = max((reward for value in rewards if (reward := plain.number(value)) is not None), default=None)
    build = TraceBuilder(f"{file}/{number}/{record.get('task_id')}", NAME)
    query = plain.text(record.get("query"), 4_000)
    root = build.begin(
        f"intercode {tool}",
        s.WORKFLOW,
        None,
        {
            s.TASK_ID: str(record.get("qid") or record.get("task_id", number)),
            s.TASK_PROMPT: query,
            s.TASK_CATEGORY: plain.text(record.get("hardness")) or tool,
            s.SCORE: _unit(best),
        },
    )
    thread = build.begin("invoke_agent agent", s.THREAD, root, {s.AGENT: "agent", s.THREAD_INDEX: 0, s.ROLE: "act"})
    heard = query
    columns = [_column(turns, name) for name in ("thoughts", "observations", "valid_action")]
    for turn, action in enumerate(turns["actions"]):
        thought, seen, valid = (column[turn] if turn < len(column) else None for column in columns)
        reward = plain.number(rewards[turn]) if turn < len(rewards) else None
        arguments = plain.dumps({"action": action if isinstance(action, str) else plain.dumps(action)})
        call = {"type": "tool_call", "id": f"turn_{turn}", "name": tool, "arguments": arguments}
        said = [{"type": "text", "content": thought}] if isinstance(thought, str) and thought else []
        given: list[chat.Message] = [{"role": "user", "parts": [{"type": "text", "content": heard}]}] if heard else []
        build.step("chat", s.CHAT, thread, call_attributes(given, [{"role": "assistant", "parts": [*said, call]}]))
        heard = None
        result = plain.text(seen)
        build.step(
            f"execute_tool {tool}",
            s.TOOL,
            thread,
            {
                s.TOOL_NAME: tool,
                s.TOOL_CALL_ID: call["id"],
                s.TOOL_ARGUMENTS: arguments,
                s.TOOL_RESULT: result,
                s.SCORE: _unit(reward),
                s.ERROR_TYPE: "invalid_action" if valid is False else None,
            },
            error=(result or "")[:500] if valid is False else None,
        )
    build.end(thread)
    build.end(root)
    return build.spans()


def _column(turns: dict[str, Any], name: str) -> list[Any]:
    found = turns.get(name)
    return found if isinstance(found, list) else []


def _unit(value: float | None) -> float | None:
    """A reward as a score; what lies outside 0..1 is none."""
    return value if value is not None and 0 <= value <= 1 else None
