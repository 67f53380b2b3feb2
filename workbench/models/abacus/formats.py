"""What abacus reads: a Request's role, style and messages as one row of tokens (the system text is for larger models)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from workbench.agents import ROLES, STYLES, Message, ToolCall
from workbench.models.abacus.tokens import CALL, END, GO, RESULT, encode, special
from workbench.models.base import Request

CONTEXT = 2048
"""Tokens of prompt and reply together; trained on rows of at most 768, act included."""

LONG = 600
"""Threads and candidates whose prompt is longer than this are read by their last line only."""

ACT_WINDOW = 640
"""Tokens of the newest turns that the role act sees, as in training: about 30 steps of a ledger."""

_RULE = re.compile(r"Keep a ledger\. Rule: [^\n]*\n?")

STYLED = ("solve", "subtask", "revise")
_SECTION = re.compile(r"^((?:Thread|Candidate) \d+.*:)\n", re.MULTILINE)


def prompt(request: Request) -> tuple[list[int], bool]:
    """The tokens before the reply, and whether something had to be left out to fit.

    act:     <act> rule, then turn by turn: user text <go> reply <end>
             or user text <go> <call> name arguments <end> <result> tool text <go> ... reply <end>
    others:  <role> user text [<style>] <go>; the style comes last so that agents of all styles share what was read before
    A role abacus was not trained on is read as solve, a style it does not know as left-to-right.
    """
    if request.role == "act":
        return _fit(_episode(request.messages))
    return _fit(row(request.role, request.style, request.user_text))


def row(role: str, style: str | None, text: str) -> list[int]:
    """The tokens of a prompt of one turn."""
    role = role if role in ROLES else "solve"
    manner = [special(style if style in STYLES else STYLES[0])] if role in STYLED else []
    body = encode(text)
    if len(body) > LONG:
        body = encode(condensed(text))
    return [special(role), *body, *manner, GO]


def condensed(text: str) -> str:
    """The text with only the last line of every thread or candidate in it."""
    head, *sections = _SECTION.split(text)
    short = [
        f"{name}\n{body.strip().rsplit(chr(10), 1)[-1]}"
        for name, body in zip(sections[::2], sections[1::2], strict=True)
    ]
    return head + "\n\n".join(short)


def call_text(call: ToolCall) -> str:
    """A tool call as abacus writes it: the name, then the arguments' values."""
    try:
        values = json.loads(call.arguments or "{}")
    except json.JSONDecodeError:
        return f"{call.name} {call.arguments}"
    words = values.values() if isinstance(values, dict) else [values]
    return " ".join([call.name, *map(str, words)])


def read_call(text: str, number: int, tools: Sequence[Mapping[str, Any]] = ()) -> ToolCall:
    """The call in what abacus wrote after <call>: the words after the name are the tool's first argument (`expression`)."""
    name, _, rest = text.strip().partition(" ")
    known = {t.get("function", {}).get("name"): t["function"].get("parameters", {}) for t in tools}
    first = next(iter(known.get(name, {}).get("properties", {})), "expression")
    return ToolCall(f"call-{number}", name, json.dumps({first: rest}))


def _episode(messages: Sequence[Message]) -> list[int]:
    """A chat with tools: the line with the rule, then as many of the newest turns as `ACT_WINDOW` holds.

    A turn is what the user says and all that follows until the user speaks again; the newest one is always shown.
    """
    rule = next((found[0] for m in messages if m.role in ("system", "user") and (found := _RULE.search(m.content))), "")
    head = [special("act"), *encode(rule.strip() + "\n")]
    turns: list[list[int]] = []
    for m, following in zip(messages, [*messages[1:], None], strict=True):
        if m.role == "user":
            turns.append([*encode(_RULE.sub("", m.content)), GO])
        elif turns and m.role == "tool":
            turns[-1] += [RESULT, *encode(m.content)]
            turns[-1] += [] if following is not None and following.role == "tool" else [GO]
        elif turns and m.role == "assistant":
            calls = [[CALL, *encode(call_text(c))] for c in m.tool_calls]
            turns[-1] += [token for said in calls or [encode(m.content)] for token in (*said, END)]
    shown: list[int] = []
    for turn in reversed(turns):
        if shown and len(turn) + len(shown) > ACT_WINDOW:
            break
        shown = turn + shown
    return [*head, *shown]


def _fit(ids: list[int]) -> tuple[list[int], bool]:
    """Keep the head (role, task) and the newest, drop the middle."""
    room = CONTEXT - 256
    if len(ids) <= room:
        return ids, False
    return [*ids[: room // 4], *ids[len(ids) - (room - room // 4) :]], True
