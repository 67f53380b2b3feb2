"""Readers: every recorded sample is known by its content and told as the same threads as when the golden file was looked at."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests import snapshots
from workbench import frames
from workbench import semconv as s
from workbench.errors import DataError
from workbench.otlp import encode as otlp
from workbench.readers import messages as chat
from workbench.readers import read
from workbench.store import SpanSet

SAMPLES = {
    "claude_agent_sdk/tool_use_conversation.json": "claude-agent-sdk",
    "claude_code_sessions/representative_messages.jsonl": "claude-code",
    "claude_code_sessions/sample_session.jsonl": "claude-code",
    "inspect_logs/2025-05-12T20-28-13-04-00_popularity.json": "inspect",
    "inspect_logs/2025-05-12T20-28-26-04-00_security-guide.json": "inspect",
    "inspect_logs/log_read_sample.eval": "inspect",
    "langfuse_agentprism/langfuse-1.json": "langfuse",
    "langfuse_frameworks/agno-2025-06-11.trace.json": "langfuse",
    "langfuse_frameworks/autogen-2025-06-06.trace.json": "langfuse",
    "langfuse_frameworks/claude-agent-2025-12-22.trace.json": "langfuse",
    "langfuse_frameworks/crewai-2025-07-11.trace.json": "langfuse",
    "langfuse_frameworks/langgraph-python-2025-08-22.trace.json": "langfuse",
    "langfuse_frameworks/llamaindex-2025-06-05.trace.json": "langfuse",
    "langfuse_frameworks/openai-agents-2025-09-30.trace.json": "langfuse",
    "langfuse_frameworks/pydantic-ai-tools-2025-12-04.trace.json": "langfuse",
    "langsmith/anthropic_managed_custom_tools.jsonl": "anthropic-managed-agents",
    "langsmith/langsmith_py_wrap_openai_.json": "langsmith",
    "langsmith/langsmith_py_wrap_openai_reasoning.json": "langsmith",
    "litellm/litellm_1.106.2_otel_default.json": "litellm-otel",
    "litellm/litellm_1.106.2_otel_latest_experimental.json": "litellm-otel",
    "litellm/litellm_standard_logging_payloads.json": "litellm-logging",
    "mini_swe_agent/local.traj.json": "mini-swe-agent",
    "openinference_vercel/spans-by-operation.json": "vercel-ai-sdk",
    "otlp_openinference/smol_deep_research_agent.json": "otlp-json",
    "otlp_proto_examples/trace.json": "otlp-json",
    "swe_agent_traj/pydicom__pydicom-1458.traj": "swe-agent",
    "toolbench_dfs/11_ChatGPT_DFS_woFilter_w2.json": "toolbench",
    "toolbench_dfs/119_ChatGPT_DFS_woFilter_w2.json": "toolbench",
    "../taubench_airline/gpt4o_airline.jsonl.gz": "tau-bench",
    "../whoandwhen_multiagent/whoandwhen.jsonl.gz": "who-and-when",
    "../tot_branching/game24_tot_tree.jsonl.gz": "tree-of-thought",
    "../tot_branching/text_tot_tree.jsonl.gz": "tree-of-thought",
    "../tot_branching/crosswords_dfs_prune.jsonl.gz": "tree-of-thought",
}


def sample(shared: Path, name: str) -> Path:
    return (shared / "data/formats" / name).resolve()


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_is_told_as_before(shared: Path, name: str) -> None:
    found = read(sample(shared, name))
    assert found.manifest["format"] == SAMPLES[name]
    snapshots.check(name.replace("../", "").replace("/", "."), snapshots.snapshot(found))


@pytest.mark.parametrize("name", SAMPLES)
def test_the_name_of_the_file_does_not_matter(shared: Path, name: str, tmp_path: Path) -> None:
    copy = tmp_path / "trace"
    copy.write_bytes(sample(shared, name).read_bytes())
    assert read(copy).manifest["format"] == SAMPLES[name]


@pytest.mark.parametrize("name", [n for n in SAMPLES if ".." not in n])
def test_every_trace_is_one_tree_that_frames_and_otlp_take(shared: Path, name: str, tmp_path: Path) -> None:
    found = read(sample(shared, name))
    by_trace: dict[str, set[str]] = {}
    for span in found:
        by_trace.setdefault(span.trace_id, set()).add(span.span_id)
    for span in found:
        assert span.parent_id is None or span.parent_id in by_trace[span.trace_id]
        assert span.end_ns >= span.start_ns
        assert all(link.span_id in by_trace[link.trace_id] for link in span.links)
    assert len(frames.answers(found)) == len(by_trace)
    calls = frames.calls(found)
    assert len(calls) == sum(
        x.attributes.get(s.OPERATION) in ("chat", "text_completion", "generate_content") for x in found
    )
    assert (frames.answers(found)["critical_path_s"] >= 0).all()
    again = tmp_path / "again.jsonl"
    again.write_bytes(b"".join(otlp.line(span) for span in found))
    assert sorted(map(repr, read(again))) == sorted(map(repr, found))


ORACLE = [
    "autogen-2025-06-06",
    "claude-agent-2025-12-22",
    "crewai-2025-07-11",
    "langgraph-python-2025-08-22",
    "llamaindex-2025-06-05",
    "openai-agents-2025-09-30",
    "pydantic-ai-tools-2025-12-04",
    "agno-2025-06-11",
]


@pytest.mark.parametrize("name", ORACLE)
def test_langfuse_messages_are_what_langfuse_itself_makes_of_them(shared: Path, name: str) -> None:
    folder = shared / "data/formats/langfuse_frameworks"
    spans = {span.span_id: span for span in read(folder / f"{name}.trace.json")}
    for ident, sides in json.loads((folder / f"{name}.chatml.json").read_text()).items():
        for side, key in (("input", s.INPUT_MESSAGES), ("output", s.OUTPUT_MESSAGES)):
            expected = sides.get(side, {})
            if expected.get("success") and spans[ident].attributes.get(s.OPERATION) == s.CHAT:
                theirs = _chatml(expected["data"])
                if any(role for role, _, _ in theirs):  # Langfuse could not read the roles of some
                    assert _ours(spans[ident].attributes.get(key)) == theirs, (ident, side)


Said = tuple[str | None, str, tuple[str, ...]]


def _chatml(data: list[Any]) -> list[Said]:
    out: list[Said] = []
    for m in data:
        if isinstance(m, list):
            out += _chatml(m)
            continue
        content = m.get("content")
        blocks = content if isinstance(content, list) else []
        text = (
            content
            if isinstance(content, str)
            else "\n".join(p.get("text", "") for p in blocks if p.get("type") == "text")
        )
        calls = [c.get("name") or c["function"]["name"] for c in m.get("tool_calls") or []]
        calls += [p["name"] for p in blocks if p.get("type") == "tool_use"]
        out.append((m.get("role"), text.strip(), tuple(calls)))
    return out


def _ours(text: Any) -> list[Said]:
    out: list[Said] = []
    for m in json.loads(text) if text else []:
        texts = [
            p.get("content") or p.get("response") or ""
            for p in m["parts"]
            if p["type"] in ("text", "tool_call_response")
        ]
        out.append(
            (m["role"], "\n".join(texts).strip(), tuple(p["name"] for p in m["parts"] if p["type"] == "tool_call"))
        )
    return out


MESSAGES: dict[str, Any] = {
    "openai": [
        {"role": "user", "content": "hi"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "ok"},
    ],
    "anthropic": [
        {"role": "user", "content": [{"type": "text", "text": "hi"}]},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "c1", "name": "f", "input": {}}]},
        {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": "c1", "content": [{"type": "text", "text": "ok"}]}],
        },
    ],
    "responses": [
        {"role": "user", "content": [{"type": "input_text", "text": "hi"}]},
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": "ok"},
    ],
    "gemini": [
        {"role": "user", "parts": [{"text": "hi"}]},
        {"role": "model", "parts": [{"functionCall": {"id": "c1", "name": "f", "args": {}}}]},
        {"role": "tool", "parts": [{"functionResponse": {"name": "c1", "response": "ok"}}]},
    ],
    "langchain": [
        [
            {
                "lc": 1,
                "type": "constructor",
                "id": ["langchain", "schema", "HumanMessage"],
                "kwargs": {"content": "hi"},
            },
            {
                "lc": 1,
                "type": "constructor",
                "id": ["x", "AIMessage"],
                "kwargs": {"content": "", "tool_calls": [{"id": "c1", "name": "f", "args": {}}]},
            },
            {
                "lc": 1,
                "type": "constructor",
                "id": ["x", "ToolMessage"],
                "kwargs": {"content": "ok", "tool_call_id": "c1"},
            },
        ]
    ],
    "vercel": {
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "hi"}]},
            {"role": "assistant", "content": [{"type": "tool-call", "toolCallId": "c1", "toolName": "f", "args": {}}]},
            {"role": "tool", "content": [{"type": "tool-result", "toolCallId": "c1", "toolName": "f", "result": "ok"}]},
        ]
    },
    "conventions": [
        {"role": "user", "parts": [{"type": "text", "content": "hi"}]},
        {"role": "assistant", "parts": [{"type": "tool_call", "id": "c1", "name": "f", "arguments": {}}]},
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": "ok"}]},
    ],
    "events": [
        {"event.name": "gen_ai.user.message", "content": "hi"},
        {
            "event.name": "gen_ai.assistant.message",
            "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
        },
        {"event.name": "gen_ai.tool.message", "id": "c1", "content": "ok"},
    ],
}


@pytest.mark.parametrize("kind", MESSAGES)
@pytest.mark.parametrize("written", [False, True], ids=["value", "text"])
def test_messages_of_every_provider_are_the_same_messages(kind: str, written: bool) -> None:
    value = json.dumps(MESSAGES[kind]) if written else MESSAGES[kind]
    assert chat.normal(value) == [
        {"role": "user", "parts": [{"type": "text", "content": "hi"}]},
        {"role": "assistant", "parts": [{"type": "tool_call", "id": "c1", "name": "f", "arguments": "{}"}]},
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": "ok"}]},
    ]


def test_an_unknown_file_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('{"cats": 3, "dogs": 4}')
    with pytest.raises(DataError, match=r"x\.json: no known trace format .*cats, dogs.*langfuse"):
        read(tmp_path / "x.json")


def told(found: SpanSet, operation: str) -> list[Any]:
    return [x for x in found.spans() if x.attributes.get(s.OPERATION) == operation]


def test_claude_code_subagents_hang_below_the_call_that_started_them(tmp_path: Path) -> None:
    def line(uuid: str, kind: str, second: int, content: Any, side: str | None = None, **more: Any) -> str:
        message = {
            "role": kind,
            "content": content,
            **(
                {"id": f"m{uuid}", "model": "claude-x", "usage": {"input_tokens": 2, "output_tokens": 3}}
                if kind == "assistant"
                else {}
            ),
        }
        return json.dumps(
            {
                "type": kind,
                "uuid": uuid,
                "sessionId": "s1",
                "timestamp": f"2026-01-01T00:00:{second:02d}Z",
                "message": message,
                "isSidechain": side is not None,
                **({"agentId": side} if side else {}),
                **more,
            }
        )

    def task(n: int) -> dict[str, Any]:
        return {
            "type": "tool_use",
            "id": f"t{n}",
            "name": "Task",
            "input": {"prompt": f"look {n}", "subagent_type": f"scout-{n}"},
        }

    def done(n: int) -> list[Any]:
        return [{"type": "tool_result", "tool_use_id": f"t{n}", "content": "found"}]

    rows = [
        line("1", "user", 0, "look at both"),
        line("2", "assistant", 2, [task(1), task(2)]),
        line("3", "user", 2, "look 1", "a1"),
        line("4", "user", 2, "look 2", "a2"),
        line("5", "assistant", 6, [{"type": "text", "text": "one"}], "a1"),
        line("6", "assistant", 7, [{"type": "text", "text": "two"}], "a2"),
        line("7", "user", 8, done(1), toolUseResult={"agentId": "a1"}),
        line("8", "user", 9, done(2), toolUseResult={"agentId": "a2"}),
        line("9", "assistant", 12, [{"type": "text", "text": "both"}]),
    ]
    (tmp_path / "s.jsonl").write_text("\n".join(rows))
    found = read(tmp_path / "s.jsonl")
    tools = {x.attributes[s.TOOL_CALL_ID]: x for x in told(found, s.TOOL)}
    agents = {x.attributes[s.AGENT]: x for x in told(found, s.THREAD)}
    assert agents["scout-1"].parent_id == tools["t1"].span_id and agents["scout-2"].parent_id == tools["t2"].span_id
    last = max(told(found, s.CHAT), key=lambda x: x.end_ns)
    assert {link.span_id for link in last.links} == {tools["t1"].span_id, tools["t2"].span_id}
    assert all(link.attributes == {s.LINK_KIND: s.JOIN, s.INFERRED: True} for link in last.links)
    assert frames.answers(found)["answer"].tolist() == ["both"]


@pytest.mark.parametrize("camel", [False, True], ids=["python", "javascript"])
def test_openai_agents_run_state(tmp_path: Path, camel: bool) -> None:
    def key(name: str) -> str:
        head, *rest = name.split("_")
        return head + "".join(p.capitalize() for p in rest) if camel else name

    call, ident = (
        {"type": "function_call", key("call_id"): "c1", "name": "hand_over", "arguments": "{}"},
        key("call_id"),
    )

    def item(kind: str, agent: str, raw: Any, **more: Any) -> dict[str, Any]:
        return {"type": kind, "agent": {"name": agent}, key("raw_item"): raw, **more}

    said = {"type": "message", "role": "assistant", "id": "m1", "content": [{"type": "output_text", "text": "done"}]}
    state = {
        "$schemaVersion": "1.4",
        key("current_turn"): 2,
        key("current_agent"): {"name": "helper"},
        key("original_input"): "please help",
        key("model_responses"): [
            {"output": [call], "usage": {key("input_tokens"): 5, key("output_tokens"): 2}},
            {"output": [said], "usage": {key("input_tokens"): 9, key("output_tokens"): 4}},
        ],
        key("generated_items"): [
            item("handoff_call_item", "triage", call),
            item("handoff_output_item", "triage", {"type": "function_call_result", ident: "c1", "output": "helper"}),
            item("message_output_item", "helper", said),
        ],
    }
    (tmp_path / "state.json").write_text(json.dumps({"state": state} if camel else state))
    found = read(tmp_path / "state.json")
    assert found.manifest["format"] == "openai-agents"
    first, second = told(found, s.THREAD)
    assert (first.attributes[s.AGENT], second.attributes[s.AGENT]) == ("triage", "helper")
    assert [k.span_id for k in second.links] == [first.span_id]
    assert frames.calls(found)["output_tokens"].tolist() == [2, 4] and frames.answers(found)["answer"].tolist() == [
        "done"
    ]


def test_openllmetry_and_events_are_understood(tmp_path: Path) -> None:
    def span(n: int, attributes: dict[str, Any], events: tuple[Any, ...] = ()) -> dict[str, Any]:
        return {
            "traceId": "a" * 32,
            "spanId": f"{n:016x}",
            "parentSpanId": f"{1:016x}" if n > 1 else "",
            "name": f"s{n}",
            "startTimeUnixNano": str(n),
            "endTimeUnixNano": str(n + 1),
            "attributes": [
                {"key": k, "value": {"intValue" if isinstance(v, int) else "stringValue": v}}
                for k, v in attributes.items()
            ],
            "events": list(events),
        }

    said = [
        {
            "name": "gen_ai.user.message",
            "timeUnixNano": "3",
            "attributes": [{"key": "content", "value": {"stringValue": "hi"}}],
        },
        {
            "name": "gen_ai.choice",
            "timeUnixNano": "3",
            "attributes": [{"key": "message", "value": {"stringValue": '{"role":"assistant","content":"yo"}'}}],
        },
    ]
    spans = [
        span(1, {"traceloop.span.kind": "workflow"}),
        span(
            2,
            {
                "llm.request.type": "chat",
                "gen_ai.system": "openai",
                "gen_ai.request.model": "m",
                "gen_ai.usage.prompt_tokens": 7,
                "gen_ai.usage.completion_tokens": 3,
                "gen_ai.prompt.0.role": "user",
                "gen_ai.prompt.0.content": "hi",
                "gen_ai.completion.0.role": "assistant",
                "gen_ai.completion.0.content": "yo",
                "gen_ai.completion.0.finish_reason": "stop",
            },
        ),
        span(
            3,
            {
                "gen_ai.operation.name": "chat",
                "gen_ai.system": "openai",
                "gen_ai.request.model": "m",
                "gen_ai.usage.input_tokens": 7,
                "gen_ai.usage.output_tokens": 3,
            },
            said,
        ),
    ]
    (tmp_path / "x").write_text(json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}))
    found = read(tmp_path / "x")
    calls = frames.calls(found)
    assert (
        calls["input_tokens"].tolist() == [7, 7]
        and calls["output_tokens"].tolist() == [3, 3]
        and set(calls["model"]) == {"m"}
    )
    for call in told(found, s.CHAT):
        assert call.attributes[s.PROVIDER] == "openai"
        assert json.loads(call.attributes[s.INPUT_MESSAGES]) == [
            {"role": "user", "parts": [{"type": "text", "content": "hi"}]}
        ]
        assert json.loads(call.attributes[s.OUTPUT_MESSAGES])[0]["parts"] == [{"type": "text", "content": "yo"}]
