"""Data: a Layout with its words and colours as the front end takes it, and the story of one span."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from workbench import semconv as s
from workbench.layout import COLUMNS, Layout
from workbench.spans import Span
from workbench.widgets.letters import clean
from workbench.widgets.palette import DARK, LIGHT
from workbench.widgets.wording import describe, seconds, standing, subtitle, verdict

MAX_TEXT_CHARS = 2_000_000  # of one text in the panel; more would only stall the browser


def head(of: Layout, live: dict[str, Any] | None = None) -> dict[str, Any]:
    """Everything but the marks, as JSON values."""
    under_way = live is not None and live["state"] != "ended" and of.facts["answer"] is None
    answer, notes = ("", standing(of)) if under_way else verdict(of)
    return {
        **of.head(),
        "columns": list(COLUMNS),
        "palettes": {"light": asdict(LIGHT), "dark": asdict(DARK)},
        "text": {
            "title": clean(of.facts.get("prompt") or "trace"),
            "subtitle": clean(subtitle(of)),
            "answer": clean(answer, 120),
            "notes": [[clean(text, 120), group] for text, group in notes],
            "description": clean(describe(of), 1000),
        },
        "live": live,
    }


def detail(span: Span, max_chars: int = MAX_TEXT_CHARS) -> dict[str, Any]:
    """What the panel shows of a span: title, facts, texts and decisions, all as plain text."""
    at = span.attributes
    return {
        "title": clean(span.name, 300),
        "facts": [[name, clean(value, 300)] for name, value in _facts(span) if value not in (None, "")],
        "texts": [[name, _cut(text, max_chars)] for name, text in _texts(at) if text],
        "decisions": [
            [
                clean(e.attributes.get(s.DECISION_KIND) or e.name, 80),
                _cut(str(e.attributes.get(s.DECISION_REASON) or ""), 20_000),
            ]
            for e in span.events
            if e.name == s.DECISION
        ],
    }


def _facts(span: Span) -> list[tuple[str, Any]]:
    at = span.attributes
    queue = at.get(s.QUEUE_NS)
    cost, logprob = at.get(s.COST), at.get(s.LOGPROB)
    return [
        ("took", seconds(span.seconds)),
        ("waited", seconds(queue / 1e9) if queue else None),
        ("model", at.get(s.RESPONSE_MODEL) or at.get(s.REQUEST_MODEL)),
        ("tool", at.get(s.TOOL_NAME)),
        ("role", at.get(s.ROLE)),
        ("style", at.get(s.STYLE)),
        ("answer", at.get(s.ANSWER)),
        ("score", at.get(s.SCORE)),
        ("support", at.get(s.SUPPORT)),
        ("tokens in", at.get(s.INPUT_TOKENS)),
        ("tokens out", at.get(s.OUTPUT_TOKENS)),
        ("of these thinking", at.get(s.REASONING_TOKENS)),
        ("cost", None if cost is None else f"${cost:.6f}"),
        ("log-probability", None if logprob is None else f"{logprob:.3f} nats/token"),
        ("temperature", at.get(s.REQUEST_TEMPERATURE)),
        ("attempts", at.get(s.ATTEMPTS) if (at.get(s.ATTEMPTS) or 1) > 1 else None),
        ("ended", ", ".join(map(str, at.get(s.FINISH_REASONS) or ()))),
        ("error", at.get(s.ERROR_TYPE) or (span.status == "ERROR" and "error") or None),
        ("cancelled", "yes" if at.get(s.CANCELLED) else None),
        ("reused", "from the run's own record" if at.get(s.REUSED) else None),
        ("span", span.span_id),
    ]


def _texts(at: Any) -> list[tuple[str, str]]:
    out = []
    if system := at.get(s.SYSTEM_INSTRUCTIONS):
        out.append(("system", _parts(system)))
    for name, key in (("prompt", s.INPUT_MESSAGES), ("said", s.OUTPUT_MESSAGES)):
        if key in at:
            out += _messages(name, at[key])
    if s.TASK_PROMPT in at:
        out.append(("task", str(at[s.TASK_PROMPT])))
    for name, key in (("arguments", s.TOOL_ARGUMENTS), ("result", s.TOOL_RESULT)):
        if key in at:
            out.append((name, at[key] if isinstance(at[key], str) else json.dumps(at[key], default=str)))
    return out


def _messages(name: str, value: Any) -> list[tuple[str, str]]:
    found = _json(value)
    if not isinstance(found, list):
        return [(name, str(value))]
    out = []
    for message in found:
        if not isinstance(message, dict):
            out.append((name, str(message)))
            continue
        own = message.get("parts")
        parts = own if isinstance(own, list) else [message]
        for part in parts:
            kind = part.get("type", "text") if isinstance(part, dict) else "text"
            label = (
                "thinking" if kind in ("reasoning", "thinking") else f"{name} · {message.get('role', '')}".rstrip(" ·")
            )
            label = "tool call" if kind == "tool_call" else "tool result" if kind == "tool_call_response" else label
            out.append((label, _parts([part])))
    return out


def _parts(value: Any) -> str:
    found = _json(value)
    if not isinstance(found, list):
        return str(value)
    lines = []
    for part in found:
        if not isinstance(part, dict):
            lines.append(str(part))
        elif part.get("type") == "tool_call":
            lines.append(f"{part.get('name')}({part.get('arguments')})")
        else:
            lines.append(str(part.get("content", part.get("response", json.dumps(part, default=str)))))
    return "\n".join(lines)


def _json(value: Any) -> Any:
    if not isinstance(value, str):
        return list(value) if isinstance(value, tuple) else value
    try:
        return json.loads(value)
    except ValueError:
        return None


def _cut(text: str, most: int) -> str:
    safe = text.encode("utf-8", "replace").decode()
    return safe if len(safe) <= most else f"{safe[:most]}\n… {len(safe) - most:,} more characters in the record"
