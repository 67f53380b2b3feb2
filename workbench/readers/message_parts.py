"""Parts of a chat message (text, reasoning, tool calls and their answers) from the content blocks of any provider."""

from __future__ import annotations

from typing import Any

from workbench.readers.plain import dumps

Part = dict[str, Any]

MAX_DEPTH = 12


def parts(content: Any, depth: int = 0) -> list[Part]:
    """Content (text, a block, a list of blocks) as parts."""
    if content is None or depth > MAX_DEPTH:
        return []
    if isinstance(content, str):
        return [text_part(content)] if content else []
    if isinstance(content, (list, tuple)):
        return [p for block in content for p in parts(block, depth + 1)]
    if not isinstance(content, dict):
        return [text_part(str(content))]
    if isinstance(content.get("message_content"), dict):
        return parts(content["message_content"], depth + 1)
    kind = str(content.get("type") or content.get("part_kind") or "")
    if kind in ("text", "input_text", "output_text", "summary_text") or (
        not kind and isinstance(content.get("text"), str)
    ):
        text = content.get("text", content.get("content"))
        return [text_part(text if isinstance(text, str) else flat(text))] if text else []
    if kind in ("thinking", "reasoning", "redacted_thinking"):
        thought = next(
            (content[k] for k in ("thinking", "reasoning", "text", "content", "summary") if content.get(k)), ""
        )
        return [{"type": "reasoning", "content": flat(thought)}]
    if kind in ("tool_use", "tool_call", "tool-call", "function_call", "server_tool_use", "function", "mcp_tool_use"):
        return [call_part(content)]
    if kind in (
        "tool_result",
        "tool_call_response",
        "tool-result",
        "tool-return",
        "function_call_output",
        "mcp_tool_result",
    ):
        ident = next(
            (content[k] for k in ("tool_use_id", "id", "toolCallId", "tool_call_id", "call_id") if content.get(k)), None
        )
        body = next(
            (content[k] for k in ("content", "response", "result", "output") if content.get(k) is not None), None
        )
        return [response_part(ident, body)]
    if isinstance(content.get("functionCall"), dict):
        return [call_part(content["functionCall"])]
    if isinstance(content.get("functionResponse"), dict):
        return [response_part(content["functionResponse"].get("name"), content["functionResponse"].get("response"))]
    if kind == "refusal":
        return [text_part(str(content.get("refusal") or ""))]
    if kind:
        return [{"type": kind, "content": f"({kind})"}]
    return [text_part(dumps(content))]


def calls(item: dict[str, Any]) -> list[Part]:
    extra = item.get("additional_kwargs")
    calls = (
        item.get("tool_calls")
        or (extra.get("tool_calls") if isinstance(extra, dict) else None)
        or item.get("toolCalls")
    )
    found = [call_part(c) for c in calls if isinstance(c, dict)] if isinstance(calls, (list, tuple)) else []
    if isinstance(item.get("function_call"), dict):
        found.append(call_part(item["function_call"]))
    return found


def call_part(item: dict[str, Any]) -> Part:
    inner = item.get("tool_call") if isinstance(item.get("tool_call"), dict) else item
    assert isinstance(inner, dict)
    function = inner.get("function") if isinstance(inner.get("function"), dict) else inner
    assert isinstance(function, dict)
    arguments = next(
        (function[k] for k in ("arguments", "args", "input", "parameters", "action") if function.get(k) is not None),
        None,
    )
    name = function.get("name") or function.get("toolName") or function.get("tool_name") or item.get("type") or ""
    ident = inner.get("id") or inner.get("toolCallId") or inner.get("tool_call_id") or inner.get("call_id")
    if item.get("call_id"):
        ident = item["call_id"]
    return {"type": "tool_call", "id": _ident(ident), "name": str(name), "arguments": _arguments(arguments)}


def text_part(text: str) -> Part:
    return {"type": "text", "content": text}


def response_part(ident: Any, body: Any) -> Part:
    return {
        "type": "tool_call_response",
        "id": _ident(ident),
        "response": body if isinstance(body, str) else flat(body),
    }


def _ident(value: Any) -> str | None:
    return None if value is None else str(value)


def _arguments(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else dumps(value)


def flat(value: Any) -> str:
    """Any content as one text: blocks' texts joined, other things as JSON."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, (list, tuple)) and value and all(isinstance(v, (str, dict)) for v in value):
        texts = [v if isinstance(v, str) else v.get("text", v.get("content")) for v in value]
        if all(isinstance(t, str) for t in texts):
            return "\n".join(str(t) for t in texts)
    return dumps(value)
