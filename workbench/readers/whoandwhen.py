"""Who&When failure logs: a team's history, who made the decisive mistake and in which step."""

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

NAME = "who-and-when"


def matches(source: Source) -> bool:
    """True for records with a history and a named mistake."""
    return any(_is_case(r) for r in source.heads)


def _is_case(record: Any) -> bool:
    return (
        isinstance(record, dict)
        and isinstance(record.get("history"), list)
        and ("mistake_agent" in record or "mistake_step" in record)
    )


def read(source: Source, notes: Notes) -> Iterator[Span]:
    """One trace per case; consecutive words of one agent are one thread, each forking from the one before."""
    for number, record in enumerate(source.records()):
        if _is_case(record):
            yield from _trace(record, source.name, number, notes)
        else:
            notes.skip("a record that is not a case")


def _trace(record: dict[str, Any], file: str, number: int, notes: Notes) -> list[Span]:
    key = record.get("question_ID") or record.get("qid") or number
    build = TraceBuilder(f"ww:{file}/{number}/{key}", NAME)
    correct = record.get("is_correct", record.get("is_corrected"))
    wrong = plain.whole(record.get("mistake_step"))
    prompts = record.get("system_prompt") if isinstance(record.get("system_prompt"), dict) else {}
    assert isinstance(prompts, dict)
    root = build.begin(
        "who-and-when",
        s.WORKFLOW,
        None,
        {
            s.TASK_ID: str(record.get("qid") or key),
            s.TASK_PROMPT: plain.text(record.get("question"), 4_000),
            s.TASK_TARGET: plain.text(record.get("ground_truth"), 4_000),
            s.SCORE: float(correct) if isinstance(correct, bool) else None,
            s.TASK_CATEGORY: plain.text(record.get("subset") or record.get("level")),
            "whoandwhen.mistake_agent": plain.text(record.get("mistake_agent")),
            "whoandwhen.mistake_step": wrong,
            "whoandwhen.mistake_reason": plain.text(record.get("mistake_reason")),
        },
    )
    said: list[chat.Message] = []
    agents: dict[str, int] = {}
    thread: str | None = None
    speaker: str | None = None
    for step, raw in enumerate(record["history"]):
        if not isinstance(raw, dict):
            notes.skip("a step that is not an object")
            continue
        name = _speaker(raw)
        text = plain.text(raw.get("content")) or ""
        if name != speaker or thread is None:
            before = thread
            if thread is not None:
                build.end(thread)
            index = agents.setdefault(name, len(agents))
            links = [build.link(before, s.FORK)] if before else []
            thread = build.begin(
                f"invoke_agent {name}",
                s.THREAD,
                root,
                {s.AGENT: name, s.THREAD_INDEX: index, s.ROUND: step, s.ROLE: "act"},
                links=links,
            )
            speaker = name
        answer: chat.Message = {"role": "assistant", "parts": [{"type": "text", "content": text}]}
        system = (
            [{"role": "system", "parts": [{"type": "text", "content": str(prompts[name])}]}] if name in prompts else []
        )
        mistake = wrong == step
        if mistake:
            build.event(
                thread,
                s.DECISION,
                {s.DECISION_KIND: "mistake", s.DECISION_REASON: plain.text(record.get("mistake_reason"))},
            )
        build.step(
            "chat",
            s.CHAT,
            thread,
            call_attributes(
                [*system, *said[-1:]],
                [answer],
                None,
                None,
                **{"whoandwhen.step": step, "whoandwhen.mistake": True if mistake else None},
            ),
        )
        said.append({"role": "user", "parts": [{"type": "text", "content": text}], "name": name})
    if thread is not None:
        build.update(thread, {s.ANSWER: plain.text(said[-1]["parts"][0]["content"], 4_000)})
        build.end(thread)
    build.update(root, {s.ANSWER: plain.text(said[-1]["parts"][0]["content"], 4_000) if said else None})
    build.end(root)
    return build.spans()


def _speaker(raw: dict[str, Any]) -> str:
    """The agent's name; Magentic-One writes it as the role, with what it does in brackets."""
    name = str(raw.get("name") or raw.get("role") or "agent")
    return name.split(" (")[0].strip() or "agent"
