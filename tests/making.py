"""Spans for tests: whole attempts as the workbench records them, built by hand."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from workbench import semconv as s
from workbench.spans import Event, Link, Span

SECOND = 10**9
T0 = 1_780_000_000 * SECOND


def attempt(
    seed: int, task: str = "t1", agents: int = 3, seconds: float = 1.0, queue_s: float = 0.25, **root: Any
) -> list[Span]:
    """One attempt: `agents` threads of one call each (thread i takes i + 1 times `seconds`), joined by a synthesis."""
    rng = random.Random(seed)
    trace = f"{rng.getrandbits(128) | 1:032x}"
    start = T0 + seed * 100 * SECOND
    resource = {"service.name": "workbench", s.RUN_ID: "r"}

    def span(
        name: str, parent: str | None, begin: float, end: float, attributes: Mapping[str, Any], **more: Any
    ) -> Span:
        return Span(
            trace,
            f"{rng.getrandbits(64) | 1:016x}",
            parent,
            name,
            start + int(begin * SECOND),
            start + int(end * SECOND),
            attributes,
            scope="workbench",
            resource=resource,
            **more,
        )

    root_id = f"{rng.getrandbits(64) | 1:016x}"
    spans: list[Span] = []
    threads: list[Span] = []
    for i in range(agents):
        took = seconds * (i + 1) + queue_s
        thread = span(
            f"invoke_agent a#{i}",
            root_id,
            0,
            took,
            {
                s.OPERATION: s.THREAD,
                s.AGENT: f"a#{i}",
                s.THREAD_INDEX: i,
                s.ROLE: "solve",
                s.ROUND: 0,
                s.ANSWER: "42",
                s.SCORE: 1.0,
            },
        )
        spans.append(
            span(
                "chat m",
                thread.span_id,
                0,
                took,
                {
                    s.OPERATION: s.CHAT,
                    s.REQUEST_MODEL: "m",
                    s.INPUT_TOKENS: 10,
                    s.OUTPUT_TOKENS: 5,
                    s.COST: 0.001,
                    s.QUEUE_NS: int(queue_s * SECOND),
                    s.LOGPROB: -0.5,
                    s.ATTEMPTS: 1,
                    s.FINISH_REASONS: ("stop",),
                    s.CALL_KEY: f"{task}/{i}",
                },
                kind="CLIENT",
            )
        )
        spans.append(thread)
        threads.append(thread)
    longest = seconds * agents + queue_s
    spans.append(
        span(
            "synthesis majority",
            root_id,
            longest,
            longest + 0.5,
            {s.OPERATION: s.SYNTHESIS, s.SYNTHESIS_KIND: "majority", s.ANSWER: "42", s.SUPPORT: 1.0, s.CONFIDENCE: 0.9},
            links=tuple(Link(trace, t.span_id, {s.LINK_KIND: s.JOIN}) for t in threads),
            events=(
                Event(
                    s.DECISION,
                    start + int(longest * SECOND),
                    {s.DECISION_KIND: "vote", s.DECISION_REASON: "all agree", "votes": agents},
                ),
            ),
        )
    )
    attributes = {
        s.OPERATION: s.WORKFLOW,
        s.TASK_ID: task,
        s.STRATEGY: "parallel",
        s.AGENTS: agents,
        s.SCORE: 1.0,
        s.ANSWER: "42",
        s.TASK_TARGET: "42",
        s.REPEAT: 0,
        **root,
    }
    spans.append(
        Span(
            trace,
            root_id,
            None,
            "invoke_workflow parallel",
            start,
            start + int((longest + 0.6) * SECOND),
            attributes,
            status="OK",
            scope="workbench",
            resource=resource,
        )
    )
    return spans
