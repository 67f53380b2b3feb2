"""Chat messages of any tool → the GenAI conventions' one form: [{role, parts: [{type, …}]}].

Parts are text {content}, reasoning {content}, tool_call {id, name, arguments}, tool_call_response {id, response}; a part of
another type (an image, audio) keeps its type and a short note. Shapes understood: OpenAI chat and Responses, Anthropic,
Gemini, LangChain (plain and serialized), OpenInference, Vercel AI SDK, Pydantic AI, ShareGPT, and the conventions' own.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from typing import Any

from workbench.readers.message_parts import MAX_DEPTH, Part, call_part, calls, flat, parts, response_part, text_part
from workbench.readers.plain import dumps, loads

Message = dict[str, Any]

_PRINTED = re.compile(
    r"role='(\w+)' content=('[^'\\]*+(?:\\.[^'\\]*+)*+'|\"[^\"\\]*+(?:\\.[^\"\\]*+)*+\"|None)", re.DOTALL
)
_ROLES = {
    "human": "user",
    "ai": "assistant",
    "model": "assistant",
    "gpt": "assistant",
    "bot": "assistant",
    "chatbot": "assistant",
    "developer": "system",
    "function": "tool",
    "humanmessage": "user",
    "aimessage": "assistant",
    "systemmessage": "system",
    "toolmessage": "tool",
    "aimessagechunk": "assistant",
    "functionmessage": "tool",
    "tool_result": "tool",
    "ipython": "tool",
    "environment": "user",
    "chatmessage": "user",
}


def normal(value: Any, role: str = "user", depth: int = 0) -> list[Message]:
    """Messages from whatever a tool wrote as input (`role` user) or output (`role` assistant); empty where none are seen."""
    if depth > MAX_DEPTH or value is None:
        return []
    if isinstance(value, str):
        parsed = loads(value) if value[:1] in "[{" else None
        if parsed is not None:
            return normal(parsed, role, depth + 1) or [_message(role, [text_part(value)])]
        return [_message(role, [text_part(value)])] if value else []
    if isinstance(value, (list, tuple)):
        return _sequence(value, role, depth)
    if isinstance(value, dict):
        return _object(value, role, depth)
    return [_message(role, [text_part(str(value))])]


def as_json(messages: Iterable[Message]) -> str:
    """The messages as the JSON text that spans carry."""
    return dumps(list(messages))


def text_of(messages: Iterable[Message], role: str | None = None) -> str | None:
    """The text of the last message (of `role`) that has any."""
    for message in reversed(list(messages)):
        if role is None or message["role"] == role:
            texts = [p["content"] for p in message["parts"] if p.get("type") == "text" and p.get("content")]
            if texts:
                return "\n".join(texts)
    return None


def tool_calls(messages: Iterable[Message]) -> list[Part]:
    """All tool_call parts."""
    return [p for m in messages for p in m["parts"] if p.get("type") == "tool_call"]


def _sequence(items: Any, role: str, depth: int) -> list[Message]:
    if items and all(isinstance(item, (list, tuple)) for item in items):  # LangChain batches: [[message, …]]
        pairs = [i for i in items if len(i) == 2 and all(isinstance(x, str) for x in i)]
        if len(pairs) == len(items):  # [("human", "…"), …]
            return [_message(_role(who), [text_part(text)]) for who, text in pairs]
        return [m for item in items for m in normal(item, role, depth + 1)]
    if items and all(isinstance(item, str) for item in items):
        return [_printed(item) or _message(role, [text_part(item)]) for item in items if item]
    if items and not any(isinstance(i, dict) and (_is_message(i) or _wrapped(i)) for i in items):
        found = parts(list(items), depth + 1)  # a list of content blocks is one message
        return [_message(role, found)] if found else []
    return [m for item in items for m in normal(item, role, depth + 1)]


def _printed(text: str) -> Message | None:
    """A message that a tool wrote as Python prints it: role='user' content='…' (Agno)."""
    found = _PRINTED.match(text)
    if found is None:
        return None
    content = ast.literal_eval(found[2])
    return _message(_role(found[1]), [text_part(content)] if content else [])


def _is_message(item: dict[str, Any]) -> bool:
    return (
        "role" in item
        or "from" in item
        or item.get("lc") is not None
        or "event.name" in item
        or item.get("kind") in ("request", "response")
        or item.get("type")
        in (
            "human",
            "ai",
            "system",
            "tool",
            "message",
            "function_call",
            "function_call_output",
            "reasoning",
            "function",
        )
    )


def _wrapped(item: dict[str, Any]) -> bool:
    return any(key in item for key in ("message", "messages", "choices", "generations", "body"))


def _object(item: dict[str, Any], role: str, depth: int) -> list[Message]:
    if item.get("lc") is not None and isinstance(item.get("kwargs"), dict):
        kinds = item.get("id")
        who = str(kinds[-1]) if isinstance(kinds, (list, tuple)) and kinds else role
        return [_one({"role": who, **item["kwargs"]}, role, depth)]
    if item.get("type") == "constructor":
        return []
    if isinstance(item.get("event.name"), str):  # a GenAI event of the old conventions
        return _event(item, role, depth)
    if item.get("kind") in ("request", "response") and isinstance(item.get("parts"), (list, tuple)):
        return _pydantic(item)
    kind = item.get("type")
    if kind in ("function_call", "custom_tool_call", "mcp_call", "computer_call", "local_shell_call"):
        return [_message("assistant", [call_part(item)])]
    if kind in (
        "function_call_output",
        "custom_tool_call_output",
        "computer_call_output",
        "local_shell_call_output",
        "function_call_result",
    ):
        return [_message("tool", [response_part(item.get("call_id", item.get("callId")), item.get("output"))])]
    if kind == "reasoning" and "role" not in item:
        thought = flat(item.get("summary") or item.get("content") or item.get("text"))
        return [_message("assistant", [{"type": "reasoning", "content": thought}])] if thought else []
    if _is_message(item):
        return [] if _is_definition(item) else _answers_apart(_one(item, role, depth))
    for key in (
        "messages",
        "message",
        "choices",
        "generations",
        "conversations",
        "conversation",
        "chat_history",
        "body",
    ):
        inner = item.get(key)
        if isinstance(inner, (dict, list, tuple)) and inner:
            found = normal(inner, role, depth + 1)
            if key == "message" and found and item.get("finish_reason"):
                found[-1]["finish_reason"] = str(item["finish_reason"])
            system = item.get("system")
            if system and key == "messages" and not any(m["role"] == "system" for m in found):
                found = [_message("system", parts(system, depth)), *found]
            if found:
                return found
    if isinstance(item.get("output"), (list, tuple)):  # a Responses API answer
        return normal(item["output"], "assistant", depth + 1)
    if isinstance(item.get("content"), (str, list, tuple)):
        return [_one({"role": role, **item}, role, depth)]
    if isinstance(item.get("parts"), (list, tuple)):
        return [_message(role, parts(item["parts"], depth))]
    if "prompt" in item:
        system = [_message("system", parts(item["system"], depth))] if item.get("system") else []
        return [*system, *normal(item["prompt"], role, depth + 1)]
    for key in ("text", "generated_text", "completion", "response", "output", "input", "query", "question"):
        if isinstance(item.get(key), str) and item[key]:
            return [_message(role, [text_part(item[key])])]
    return []


def _is_definition(item: dict[str, Any]) -> bool:
    """A tool's definition that stands among the messages (LangChain's tracing does that)."""
    content = item.get("content")
    return item.get("role") == "tool" and isinstance(content, dict) and isinstance(content.get("function"), dict)


def _answers_apart(message: Message) -> list[Message]:
    """Tool answers that stand in a user's message (Anthropic, Pydantic AI), each as a message of the tool."""
    answers = [p for p in message["parts"] if p["type"] == "tool_call_response"]
    if message["role"] != "user" or not answers:
        return [message]
    rest = [p for p in message["parts"] if p["type"] != "tool_call_response"]
    return [*(_message("tool", [p]) for p in answers), *([{**message, "parts": rest}] if rest else [])]


def _one(item: dict[str, Any], role: str, depth: int) -> Message:
    who = _role(item.get("role") or item.get("from") or item.get("type") or role, role)
    if "message" in item and isinstance(item["message"], dict) and "content" not in item:
        return _one({"role": who, **item["message"]}, role, depth)
    content = item.get("content")
    if content is None:
        content = next((item[k] for k in ("contents", "parts", "value", "text") if item.get(k) is not None), None)
    found = parts(content, depth)
    if who == "tool" and not any(p["type"] == "tool_call_response" for p in found):
        ident = item.get("tool_call_id") or item.get("call_id") or item.get("id")
        found = [response_part(ident, content if isinstance(content, str) else flat(content))]
    thinking = item.get("reasoning_content") or item.get("reasoning") or item.get("thinking")
    if isinstance(thinking, str) and thinking:
        found.insert(0, {"type": "reasoning", "content": thinking})
    for call in calls(item):
        if not any(p["type"] == "tool_call" and p.get("id") == call["id"] and p["name"] == call["name"] for p in found):
            found.append(call)
    message = _message(who, found)
    if isinstance(item.get("name"), str) and who != "tool":
        message["name"] = item["name"]
    finish = item.get("finish_reason") or item.get("stop_reason")
    if isinstance(finish, str):
        message["finish_reason"] = finish
    return message


def _pydantic(item: dict[str, Any]) -> list[Message]:
    """Pydantic AI's ModelRequest / ModelResponse."""
    roles = {"system-prompt": "system", "user-prompt": "user", "tool-return": "tool", "retry-prompt": "user"}
    found: list[Message] = []
    for part in item["parts"]:
        if isinstance(part, dict):
            kind = str(part.get("part_kind"))
            who = roles.get(kind, "assistant" if item["kind"] == "response" else "user")
            body = (
                [text_part(flat(part.get("content")))]
                if kind in ("system-prompt", "user-prompt", "retry-prompt")
                else parts(part)
            )
            found.append(_message(who, body))
    return found


def _event(item: dict[str, Any], role: str, depth: int) -> list[Message]:
    name = str(item["event.name"])
    who = name.removeprefix("gen_ai.").removesuffix(".message")
    body = item.get("gen_ai.event.content") or item.get("body") or item
    if isinstance(body, str):
        body = loads(body) or {"content": body}
    if who == "choice":
        return normal(body.get("message", body), "assistant", depth + 1) if isinstance(body, dict) else []
    known = who if who in ("system", "user", "assistant", "tool") else role
    return [_one({**body, "role": known}, role, depth)] if isinstance(body, dict) else []


def _message(role: str, found: list[Part]) -> Message:
    return {"role": role, "parts": found}


def _role(name: Any, default: str = "user") -> str:
    text = str(name).lower().rsplit(".", 1)[-1]
    return _ROLES.get(
        text, text if text in ("system", "user", "assistant", "tool") else default if text == "message" else text
    )


__all__ = ["Message", "Part", "as_json", "normal", "parts", "text_of", "tool_calls"]
