"""Traces for pictures: made by hand where a picture must meet something that a scripted run does not give on order."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from workbench import semconv as s
from workbench.spans import Event, Link, Span

MS = 10**6
T0 = 1_780_000_000 * 10**9


class Weaver:
    """Builds one trace; times are milliseconds since its start."""

    def __init__(self, seed: int = 0, **root: Any) -> None:
        self.rng = random.Random(seed)
        self.trace = f"{self.rng.getrandbits(128) | 1:032x}"
        self.root_id = self._id()
        self.root = root
        self.spans: list[Span] = []

    def _id(self) -> str:
        return f"{self.rng.getrandbits(64) | 1:016x}"

    def span(
        self, name: str, start: float, end: float, at: Mapping[str, Any], parent: Span | str | None = None, **more: Any
    ) -> Span:
        above = self.root_id if parent is None else parent if isinstance(parent, str) else parent.span_id
        made = Span(self.trace, self._id(), above, name, T0 + int(start * MS), T0 + int(end * MS), at, **more)
        self.spans.append(made)
        return made

    def thread(
        self,
        index: int,
        start: float,
        end: float,
        answer: str | None,
        *,
        agent: str | None = None,
        after: Sequence[Span] = (),
        parent: Span | None = None,
        round: int = 0,
        **at: Any,
    ) -> Span:
        name = agent or f"abacus-s#{index + 1}"
        attributes = {
            s.OPERATION: s.THREAD,
            s.AGENT: name,
            s.REQUEST_MODEL: "abacus-s",
            s.THREAD_INDEX: index,
            s.ROUND: round,
            s.ROLE: "solve",
            **at,
        }
        if answer is not None:
            attributes[s.ANSWER] = answer
        links = tuple(Link(self.trace, t.span_id, {s.LINK_KIND: s.FORK}) for t in after)
        return self.span(f"invoke_agent {name}", start, end, attributes, parent, links=links)

    def call(
        self,
        parent: Span,
        start: float,
        end: float,
        *,
        queue: float = 0,
        tool: str | None = None,
        error: str | None = None,
        retries: Sequence[float] = (),
        cancelled: bool = False,
        text: str = "so it is",
        **at: Any,
    ) -> Span:
        attributes: dict[str, Any] = {s.OPERATION: s.TOOL if tool else s.CHAT, **at}
        if tool:
            attributes |= {s.TOOL_NAME: tool, s.TOOL_ARGUMENTS: '{"x": 1}', s.TOOL_RESULT: text}
        else:
            attributes |= {
                s.REQUEST_MODEL: at.get(s.REQUEST_MODEL, "abacus-s"),
                s.INPUT_TOKENS: 120,
                s.OUTPUT_TOKENS: 60,
                s.QUEUE_NS: int(queue * MS),
                s.LOGPROB: -0.31,
                s.COST: 0.0001,
                s.INPUT_MESSAGES: '[{"role":"user","parts":[{"type":"text","content":"What is it?"}]}]',
                s.OUTPUT_MESSAGES: f'[{{"role":"assistant","parts":[{{"type":"text","content":"{text}"}}]}}]',
            }
        attributes |= at
        if error:
            attributes[s.ERROR_TYPE] = error
        if cancelled:
            attributes[s.CANCELLED] = True
        events = tuple(Event(s.RETRY, T0 + int(t * MS), {}) for t in retries)
        return self.span(
            f"execute_tool {tool}" if tool else "chat abacus-s",
            start,
            end,
            attributes,
            parent,
            status="ERROR" if error else "UNSET",
            status_message=error or "",
            events=events,
            kind="CLIENT",
        )

    def synthesis(
        self, kind: str, start: float, end: float, merges: Sequence[Span], answer: str | None, **at: Any
    ) -> Span:
        attributes = {s.OPERATION: s.SYNTHESIS, s.SYNTHESIS_KIND: kind, s.SUPPORT: 0.6, **at}
        if answer is not None:
            attributes[s.ANSWER] = answer
        links = tuple(Link(self.trace, t.span_id, {s.LINK_KIND: s.JOIN}) for t in merges)
        events = (
            Event(s.DECISION, T0 + int(start * MS), {s.DECISION_KIND: "vote", s.DECISION_REASON: "the majority"}),
        )
        return self.span(f"synthesis {kind}", start, end, attributes, None, links=links, events=events)

    def done(self, answer: str | None = "562", **at: Any) -> list[Span]:
        end = max(x.end_ns for x in self.spans)
        attributes = {
            s.OPERATION: s.WORKFLOW,
            s.TASK_ID: "t1",
            s.TASK_PROMPT: "37·6 + 85·4 − 29·7 + 203",
            s.TASK_TARGET: "562",
            s.STRATEGY: "parallel",
            s.AGENTS: 5,
            **self.root,
            **at,
        }
        if answer is not None:
            attributes |= {s.ANSWER: answer, s.SCORE: float(answer == "562")}
        return [*self.spans, Span(self.trace, self.root_id, None, "invoke_workflow", T0, end + MS, attributes)]


def sketch() -> list[Span]:
    """The trace of the sketch: queue, a tool, a failed call, a straggler without an answer."""
    w = Weaver(1)
    plan = [
        ("left-to-right", 20, [(20, 300), (330, 620)], "562"),
        ("pairs-first", 20, [(20, 220), (240, 310, "calculator"), (330, 550)], "562"),
        ("place-value", 90, [(90, 440), (470, 810)], "562"),
        ("estimate-first", 90, [(90, 260), (280, 400, None, "ModelTimeout"), (430, 660)], "526"),
        ("left-to-right", 160, [(160, 500)], None),
    ]
    threads = []
    for i, (style, queue, calls, answer) in enumerate(plan):
        end = max(c[1] for c in calls)
        thread = w.thread(i, 0, end * 2, answer, **{s.STYLE: style})
        threads.append(thread)
        for k, call in enumerate(calls):
            w.call(
                thread,
                0 if k == 0 else call[0] * 2,
                call[1] * 2,
                queue=queue * 2 if k == 0 else 0,
                tool=call[2] if len(call) > 2 else None,
                error=call[3] if len(call) > 3 else None,
                retries=[560] if (i, k) == (2, 0) else (),
            )
    w.synthesis("majority", 1622, 1630, threads, "562")
    return w.done()


def fan(
    n: int, answers: Sequence[str | None] = ("562", "562", "526", None, "561"), seed: int = 0, label: str | None = None
) -> list[Span]:
    """n threads of one to three calls, joined by a majority."""
    w = Weaver(seed, **{s.AGENTS: n})
    threads = []
    for i in range(n):
        at, calls = 0.0, []
        for _ in range(w.rng.randint(1, 3)):
            took = w.rng.uniform(150, 700)
            calls.append((at, at + took))
            at += took + w.rng.uniform(5, 60)
        thread = w.thread(i, 0, calls[-1][1], answers[i % len(answers)], agent=f"{label}#{i}" if label else None)
        for k, (a, b) in enumerate(calls):
            w.call(thread, a, b, queue=w.rng.uniform(0, 100) if k == 0 else 0)
        threads.append(thread)
    end = max((x.end_ns - T0) / MS for x in w.spans)
    w.synthesis("majority", end + 1, end + 4, threads, answers[0])
    return w.done(answers[0])


def debate(n: int = 4, rounds: int = 3) -> list[Span]:
    """Rounds in which everybody reads everybody; in the last one they agree, and a model merges."""
    w = Weaver(3, **{s.STRATEGY: "debate", s.AGENTS: n})
    before: list[Span] = []
    at = 0.0
    for r in range(rounds):
        ends, now = [], []
        for i in range(n):
            took = w.rng.uniform(300, 800)
            answer = "562" if i <= r + 1 else ("526" if i % 2 else "560")
            thread = w.thread(r * n + i, at, at + took, answer, agent=f"abacus-s#{i + 1}", after=before, round=r)
            w.call(thread, at, at + took)
            now.append(thread)
            ends.append(at + took)
        before, at = now, max(ends) + 2
    merge = w.synthesis("merge", at, at + 420, before, "562")
    w.call(merge, at, at + 418)
    return w.done()


def decompose() -> list[Span]:
    """A planner splits, parts run in two waves, a writer merges; one straggler is cancelled."""
    w = Weaver(4, **{s.STRATEGY: "decompose", s.AGENTS: 3})
    plan = w.thread(0, 0, 400, None, agent="planner", **{s.ROLE: "plan", s.REQUEST_MODEL: "abacus-m"})
    w.call(plan, 0, 400, **{s.REQUEST_MODEL: "abacus-m"})
    parts = []
    for i, (took, answer) in enumerate(((500, "222"), (700, "340"), (420, "203"))):
        part = w.thread(1 + i, 402, 402 + took, answer, agent=f"abacus-s#{i + 1}", after=[plan], **{s.ROLE: "subtask"})
        w.call(part, 402, 402 + took)
        parts.append(part)
    late = w.thread(4, 1104, 1500, "359", agent="abacus-s#1", after=parts[:2], **{s.ROLE: "subtask"})
    w.call(late, 1104, 1500)
    lost = w.thread(5, 402, 1500, None, agent="abacus-s#4", after=[plan], **{s.ROLE: "subtask", s.CANCELLED: True})
    w.call(lost, 402, 1500, cancelled=True)
    merge = w.synthesis("merge", 1502, 1900, [*parts, late], "562")
    w.call(merge, 1502, 1898, **{s.REQUEST_MODEL: "abacus-m"})
    return w.done()


def nested() -> list[Span]:
    """Two threads, one of which sends out helpers that use tools at the same time."""
    w = Weaver(5)
    a = w.thread(0, 0, 1500, "562", agent="lead")
    w.call(a, 0, 300)
    helpers = [w.thread(2 + i, 310 + 20 * i, 900 + 90 * i, None, agent=f"helper {i + 1}", parent=a) for i in range(2)]
    for h in helpers:
        start = (h.start_ns - T0) / MS
        w.call(h, start, start + 250)
        for k in range(3):
            w.call(h, start + 260 + 30 * k, start + 500 + 20 * k, tool=("search", "fetch", "calculator")[k])
    w.call(a, 1010, 1500)
    b = w.thread(1, 0, 1100, "562", agent="second")
    w.call(b, 0, 1100)
    w.synthesis("judge", 1502, 1503, [a, b], "562")
    return w.done()


def foreign() -> list[Span]:
    """What another tool records: no threads, no links, only parents and times."""
    w = Weaver(6)
    for start, end, name in (
        (0, 400, "router"),
        (410, 900, "search"),
        (415, 1200, "read"),
        (420, 800, "code"),
        (1210, 1500, "write"),
    ):
        step = w.span(name, start, end, {})
        w.span("chat m", start, (start + end) / 2, {s.OPERATION: s.CHAT, s.REQUEST_MODEL: "m"}, step)
        w.span("run", (start + end) / 2, end, {}, step)
    end_ns = max(x.end_ns for x in w.spans)
    return [*w.spans, Span(w.trace, w.root_id, None, "agent run", T0, end_ns, {})]


TRACES = {
    "sketch": sketch,
    "one": lambda: fan(1),
    "two": lambda: fan(2),
    "fifteen": lambda: fan(15),
    "sixty": lambda: fan(60),
    "long_names": lambda: fan(
        5,
        ("the quick brown fox jumps over the lazy dog", "no"),
        label="anthropic/claude-with-an-uncommonly-long-name-2026-01-01",
    ),
    "debate": debate,
    "decompose": decompose,
    "nested": nested,
    "foreign": foreign,
}
