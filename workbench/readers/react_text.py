"""ReAct logs as one text ("Thought 1: … Action 1: Search[…] Observation 1: …"), as Reflexion's HotpotQA runs keep them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from workbench import semconv as s
from workbench.otlp.notes import Notes
from workbench.readers import messages as chat
from workbench.readers import plain
from workbench.readers.build import TraceBuilder, call_attributes
from workbench.readers.source import Source
from workbench.spans import Span

NAME = "react-text"

_MARK = re.compile(r"^(Thought|Action|Observation) ?(\d{1,6}): ?", re.MULTILINE)
_CALL = re.compile(r"\s*(\w{1,40})\[(.*)\]\s*\Z", re.DOTALL)
_FAILED = re.compile(
    r"could not find|invalid action|ran out|not on the page|no more results|^error|last searched", re.IGNORECASE
)
_SCORES = {"correct": 1.0, "incorrect": 0.0, "halted": 0.0}


def matches(source: Source) -> bool:
    """True for records whose text is a numbered ReAct log."""
    return any(_is_log(r) for r in source.heads)


def _is_log(record: Any) -> bool:
    text = record.get("text") if isinstance(record, dict) else None
    return isinstance(text, str) and re.search(r"^(Thought|Action) ?1:", text, re.MULTILINE) is not None


def read(source: Source, notes: Notes) -> Iterator[Span]:
    """One trace per log: each thought is a model call, the action after it a tool call, its observation the result."""
    for number, record in enumerate(source.records()):
        if _is_log(record):
            yield from _trace(record, source.name, number)
        else:
            notes.skip("a record that is not a ReAct log")


def _trace(record: dict[str, Any], file: str, number: int) -> list[Span]:
    text = record["text"]
    marks = list(_MARK.finditer(text))
    ends = [*(m.start() for m in marks[1:]), len(text)]
    pieces = [(m[1], int(m[2]), text[m.end() : end].strip()) for m, end in zip(marks, ends, strict=True)]
    question = plain.text(record.get("question"), 4_000)
    status = record.get("status")
    build = TraceBuilder(f"{file}/{number}/{record.get('qid')}", NAME)
    about = {
        s.TASK_ID: str(record.get("qid") or record.get("task_id") or question or number),
        s.REPEAT: plain.whole(record.get("trial")) or 0,
        s.TASK_PROMPT: question,
        s.SCORE: _SCORES.get(str(status).lower()),
        s.TASK_CATEGORY: plain.text(status),
    }
    root = build.begin("react", s.WORKFLOW, None, about)
    thread = build.begin("invoke_agent agent", s.THREAD, root, {s.AGENT: "agent", s.THREAD_INDEX: 0, s.ROLE: "act"})
    heard, thought = question, ""
    for i, (kind, turn, words) in enumerate(pieces):
        if kind == "Thought":
            thought = words
        elif kind == "Action":
            seen = pieces[i + 1][2] if i + 1 < len(pieces) and pieces[i + 1][0] == "Observation" else None
            _act(build, thread, turn, words, thought, seen, heard)
            thought, heard = "", None
            found = _CALL.match(words)
            if found and found[1].lower() == "finish":
                build.update(root, {s.ANSWER: found[2][:4_000]})
    build.end(thread)
    build.end(root)
    return build.spans()


def _act(
    build: TraceBuilder, thread: str, turn: int, words: str, thought: str, seen: str | None, heard: str | None
) -> None:
    found = _CALL.match(words)
    tool = found[1].lower() if found else "act"
    arguments = plain.dumps({"input": found[2] if found else words})
    call = {"type": "tool_call", "id": f"turn_{turn}", "name": tool, "arguments": arguments}
    said = [{"type": "text", "content": thought}] if thought else []
    given: list[chat.Message] = [{"role": "user", "parts": [{"type": "text", "content": heard}]}] if heard else []
    build.step("chat", s.CHAT, thread, call_attributes(given, [{"role": "assistant", "parts": [*said, call]}]))
    failed = "not_found" if found is None or (tool != "finish" and _FAILED.search((seen or "")[:200])) else None
    told = {
        s.TOOL_NAME: tool,
        s.TOOL_CALL_ID: call["id"],
        s.TOOL_ARGUMENTS: arguments,
        s.TOOL_RESULT: seen,
        s.ERROR_TYPE: failed,
    }
    build.step(f"execute_tool {tool}", s.TOOL, thread, told, error=(seen or words)[:500] if failed else None)
