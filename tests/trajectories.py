"""Trajectories for tests of the agentic measures: a list of steps, told as the spans that the workbench would record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from workbench import semconv as s
from workbench.readers.build import TraceBuilder
from workbench.spans import Span
from workbench.store import SpanSet


def call(tool: str, arguments: Any = None, result: Any = "ok", error: str | None = None, **more: Any) -> dict[str, Any]:
    """One tool call. `arguments` and `result` that are no text are written as JSON; more: attributes of the tool's span."""
    return {"tool": tool, "arguments": _json({} if arguments is None else arguments), "result": result if error is None else None,
            "error": error, "more": more}  # fmt: skip


def say(text: str, heard: str | None = None, **more: Any) -> dict[str, Any]:
    """A message without a call."""
    return {"said": text, "heard": heard, "more": more}


def trajectory(
    key: str,
    moves: Sequence[Any],
    task: str = "t",
    repeat: int = 0,
    task_text: str = "Go.",
    numbered: bool = False,
    **root: Any,
) -> list[Span]:
    """One trace. A move is `call(…)`, `say(…)`, "error" (a failed model call), or a list of calls made in one message."""
    build = TraceBuilder(f"trajectory/{key}", "test", start_ns=1_700_000_000_000_000_000)
    top = build.begin("episode", s.WORKFLOW, None, {s.TASK_ID: task, s.REPEAT: repeat, s.STRATEGY: "single", **root})
    thread = build.begin("invoke_agent a", s.THREAD, top, {s.AGENT: "a", s.THREAD_INDEX: 0})
    heard: str | None = task_text
    for number, move in enumerate(moves):
        step = {s.STEP: number} if numbered else {}
        calls = move if isinstance(move, list) else [move] if isinstance(move, Mapping) and "tool" in move else []
        parts: list[dict[str, Any]] = [
            {"type": "tool_call", "id": f"c{number}.{i}", "name": c["tool"], "arguments": c["arguments"]}
            for i, c in enumerate(calls)
        ]
        spoken = isinstance(move, Mapping) and "said" in move
        if spoken:
            heard = move["heard"] or heard
            parts = [{"type": "text", "content": move["said"]}]
        chat = {s.INPUT_TOKENS: 10, s.OUTPUT_TOKENS: 2, s.COST: 0.5, **step, **(move["more"] if spoken else {})}
        if heard is not None:
            chat[s.INPUT_MESSAGES] = _json([{"role": "user", "parts": [{"type": "text", "content": heard}]}])
            heard = None
        failed = "ModelTimeout" if move == "error" else None
        if parts:
            chat[s.OUTPUT_MESSAGES] = _json([{"role": "assistant", "parts": parts}])
        build.step("chat", s.CHAT, thread, chat, end_ns=build.now + 1000, error=failed)
        for i, c in enumerate(calls):
            told = {s.TOOL_NAME: c["tool"], s.TOOL_CALL_ID: f"c{number}.{i}", s.TOOL_ARGUMENTS: c["arguments"], **step}
            told |= {s.TOOL_RESULT: c["result"] if isinstance(c["result"], str | None) else _json(c["result"])}
            told |= {s.ERROR_TYPE: c["error"], **c["more"]}
            build.step(f"execute_tool {c['tool']}", s.TOOL, thread, told, end_ns=build.now + 1000, error=c["error"])
    return build.spans()


def run_of(*traces: list[Span]) -> SpanSet:
    """The trajectories as one run."""
    return SpanSet([span for trace in traces for span in trace], id="run", manifest={"status": "closed"})


def _json(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()
