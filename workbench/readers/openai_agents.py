"""OpenAI Agents SDK run state (Python and JavaScript): model responses, tool calls and hand-offs of each agent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from workbench import semconv as s
from workbench.otlp.notes import Notes
from workbench.readers import messages as chat
from workbench.readers import plain
from workbench.readers.build import STEP_NS, TraceBuilder, call_attributes
from workbench.readers.source import Source
from workbench.readers.trajectory import tool
from workbench.spans import Span

NAME = "openai-agents"
_ANSWERS = ("tool_call_output_item", "handoff_output_item")
_FAILED = (
    "An error occurred while",
    "Error running tool",
    "Tool execution was not approved",
    "Tool execution cancelled",
)
"""How the SDK's own texts for a failed, rejected or cancelled tool begin."""
_NO_IDS = ("__fake_id__", "FAKE_ID", "None", "")
"""What the SDK writes as the id of every message where the provider gave none."""


def matches(source: Source) -> bool:
    """True for objects with $schemaVersion and a current agent."""
    return any(_state(r) is not None for r in source.heads)


def _state(record: Any) -> dict[str, Any] | None:
    if isinstance(record, dict) and isinstance(record.get("state"), dict):
        record = record["state"]
    if not isinstance(record, dict):
        return None
    marks = sum(
        _get(record, name) is not None
        for name in ("$schema_version", "current_agent", "original_input", "model_responses", "generated_items")
    )
    return record if marks >= 3 else None


def _get(holder: Any, name: str) -> Any:
    """A field under its Python name or its JavaScript name."""
    if not isinstance(holder, dict):
        return None
    head, *rest = name.split("_")
    return holder.get(name, holder.get(head + "".join(part.capitalize() for part in rest)))


def read(source: Source, notes: Notes) -> Iterator[Span]:
    """One trace per run state."""
    for number, record in enumerate(source.records()):
        state = _state(record)
        if state is None:
            notes.skip("a record that is not a run state")
        else:
            yield from _trace(state, f"{source.name}/{number}", notes)


def _trace(state: dict[str, Any], key: str, notes: Notes) -> list[Span]:
    traced = _get(state, "trace")
    ident = (traced.get("id") or traced.get("trace_id")) if isinstance(traced, dict) else None
    build = TraceBuilder(str(ident).removeprefix("trace_") if ident else f"openai-agents:{key}", NAME)
    said = chat.normal(_get(state, "original_input"), "user")
    items = [
        i for i in _list(_get(state, "generated_items")) or _list(_get(state, "session_items")) if isinstance(i, dict)
    ]
    name = str(
        (_get(state, "current_agent") or {}).get("name")
        if isinstance(_get(state, "current_agent"), dict)
        else _get(state, "current_agent")
    )
    root = build.begin(
        str((traced or {}).get("workflow_name", "agent run")) if isinstance(traced, dict) else "agent run",
        s.WORKFLOW,
        None,
        {
            s.TASK_ID: key,
            s.TASK_PROMPT: chat.text_of(said, "user"),
            s.CONVERSATION: plain.text(_get(state, "conversation_id")),
            "openai_agents.schema": plain.text(state.get("$schemaVersion")),
            "openai_agents.turn": plain.whole(_get(state, "current_turn")),
            "openai_agents.step": _step(_get(state, "current_step")),
            "openai_agents.waiting_for": _waiting(_get(state, "current_step")),
        },
    )
    run = _Run(build, root, said, items, name)
    responses = [r for r in _list(_get(state, "model_responses")) if isinstance(r, dict)]
    for response in responses:
        run.response(response)
    if not responses:
        run.loose()
    run.close()
    final = chat.text_of(run.said, "assistant")
    build.update(root, {s.ANSWER: final[:4_000] if final else None})
    build.end(root)
    return build.spans()


class _Run:
    """Goes through the responses; an item's agent tells whose thread it is, another agent's turn is a new thread."""

    def __init__(
        self, build: TraceBuilder, root: str, said: list[chat.Message], items: list[dict[str, Any]], current: str
    ) -> None:
        self.build, self.root, self.said, self.items = build, root, list(said), items
        self.agents: dict[str, list[str]] = {}  # owners of what was said, in its order
        self.outputs: dict[str, Any] = {}
        self.inner: dict[str, str] = {}  # call id of an agent used as a tool → that agent
        for item in items:
            raw, owner = _get(item, "raw_item") or {}, _get(item, "agent") or _get(item, "source_agent") or {}
            if not isinstance(raw, dict):
                continue
            if item.get("type") not in _ANSWERS:
                self.agents.setdefault(_key(raw), []).append(
                    str(owner.get("name") if isinstance(owner, dict) else owner)
                )
            elif "output" in raw or "output" in item:
                self.outputs[str(_get(raw, "call_id"))] = raw.get("output", item.get("output"))
            origin = _get(item, "tool_origin")
            if isinstance(origin, dict) and origin.get("type") == "agent_as_tool" and _get(origin, "agent_name"):
                self.inner[str(_get(raw, "call_id"))] = str(_get(origin, "agent_name"))
        first = next((_get(i, "agent") for i in items if isinstance(_get(i, "agent"), dict)), None)
        self.agent = str((first or {}).get("name") or current)
        self.thread: str | None = None
        self.count = 0

    def turn(self, agent: str) -> str:
        if self.thread is None or agent != self.agent:
            links = []
            if self.thread is not None:
                links = [self.build.link(self.thread, s.FORK)]
                self.build.end(self.thread)
            self.thread = self.build.begin(
                f"invoke_agent {agent}",
                s.THREAD,
                self.root,
                {s.AGENT: agent, s.THREAD_INDEX: self.count, s.ROLE: "act"},
                links=links,
            )
            self.agent, self.count = agent, self.count + 1
        return self.thread

    def response(self, response: dict[str, Any]) -> None:
        output = [o for o in _list(response.get("output")) if isinstance(o, dict)]
        known = [owners.pop(0) for o in output if (owners := self.agents.get(_key(o)))]
        thread = self.turn(next(iter(known), self.agent))
        model = next((m for o in output if (m := plain.text((_get(o, "provider_data") or {}).get("model")))), None)
        parts = [
            p
            for o in output
            for m in chat.normal({**o, "call_id": _get(o, "call_id")}, "assistant")
            for p in m["parts"]
        ]
        reply: chat.Message = {"role": "assistant", "parts": parts}
        usage = response.get("usage")
        self.build.step(
            f"chat {model}" if model else "chat",
            s.CHAT,
            thread,
            call_attributes(
                self.said,
                [reply] if parts else [],
                model,
                usage,
                **{s.PROVIDER: "openai", "openai_agents.response_id": plain.text(_get(response, "response_id"))},
            ),
        )
        self.said.append(reply)
        for part in chat.tool_calls([reply]):
            ident = str(part.get("id"))
            if ident in self.outputs:
                value = self.outputs[ident]
                answer = chat.parts({"type": "tool_result", "tool_use_id": ident, "content": value})[0]
                self.tool(thread, part, answer)
                self.said.append({"role": "tool", "parts": [answer]})

    def tool(self, thread: str, call: chat.Part, answer: chat.Part) -> None:
        """A tool that ran; an agent used as a tool is a thread below it (its own calls are not in a run state)."""
        result = str(answer.get("response"))
        ident = tool(self.build, thread, call, answer, error=result[:500] if result.startswith(_FAILED) else None)
        agent = self.inner.get(str(call.get("id")))
        if agent is not None:
            attributes = {s.AGENT: agent, s.ROLE: "act", s.ANSWER: result[:4_000], s.TASK_PROMPT: call.get("arguments")}
            start = self.build.now - STEP_NS
            self.build.step(f"invoke_agent {agent}", s.THREAD, ident, attributes, start_ns=start)

    def loose(self) -> None:
        """A state without responses: its items alone."""
        for item in self.items:
            raw, owner = _get(item, "raw_item"), _get(item, "agent")
            thread = self.turn(str(owner.get("name")) if isinstance(owner, dict) else self.agent)
            for message in chat.normal(raw, "assistant"):
                if message["role"] == "assistant":
                    self.build.step("chat", s.CHAT, thread, call_attributes(self.said, [message]))
                for part in message["parts"]:
                    if part["type"] == "tool_call_response":
                        tool(self.build, thread, None, part)
                self.said.append(message)

    def close(self) -> None:
        if self.thread is not None:
            self.build.end(self.thread)


def _step(value: Any) -> str | None:
    return plain.text(value.get("type")) if isinstance(value, dict) else None


def _waiting(step: Any) -> tuple[str, ...] | None:
    """The tools whose approval an interrupted run waits for."""
    data = step.get("data") if isinstance(step, dict) and isinstance(step.get("data"), dict) else step
    names = []
    for item in _list(_get(data, "interruptions")):
        raw = _get(item, "raw_item")
        names.append(str((raw.get("name") if isinstance(raw, dict) else None) or _get(item, "tool_name") or "tool"))
    return tuple(names) or None


def _key(raw: dict[str, Any]) -> str:
    """What names an output: its call, its id, else what it says."""
    ident = _get(raw, "call_id") or raw.get("id")
    return plain.dumps(raw.get("content", raw)) if str(ident or "") in _NO_IDS else str(ident)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
