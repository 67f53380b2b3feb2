"""Facts: what a picture says about its trace in words: task, strategy, tokens, cost, time, answer."""

from __future__ import annotations

from typing import Any

from workbench import semconv as s
from workbench.graphs.forks import Forks


def facts(found: Forks) -> dict[str, Any]:
    """Plain values, None where the record does not say."""
    root = found.spans[found.root].attributes if found.root >= 0 else {}
    tokens_in = tokens_out = calls = errors = 0
    cost: float | None = None
    for span in found.spans:
        at = span.attributes
        errors += span.status == "ERROR"
        if at.get(s.OPERATION) == s.CHAT:
            calls += 1
            tokens_in += at.get(s.INPUT_TOKENS) or 0
            tokens_out += at.get(s.OUTPUT_TOKENS) or 0
            if (spent := at.get(s.COST)) is not None:
                cost = (cost or 0.0) + spent
    name = found.spans[found.root].name if found.root >= 0 else None
    start = min((x.start_ns for x in found.spans), default=0)
    return {
        "task": _text(root.get(s.TASK_ID)),
        "prompt": _text(root.get(s.TASK_PROMPT) or root.get(s.TASK_ID) or name),
        "strategy": _text(root.get(s.STRATEGY)),
        "agents": root.get(s.AGENTS),
        "threads": sum(found.spans[r].attributes.get(s.OPERATION) != s.SYNTHESIS for r in found.nodes),
        "category": _text(root.get(s.TASK_CATEGORY)),
        "difficulty": root.get(s.TASK_DIFFICULTY),
        "synthesis": _text(root.get(s.SYNTHESIS_KIND)),
        "answer": _text(root.get(s.ANSWER)),
        "target": _text(root.get(s.TASK_TARGET)),
        "score": root.get(s.SCORE),
        "support": root.get(s.SUPPORT),
        "confidence": root.get(s.CONFIDENCE),
        "seconds": (max((x.end_ns for x in found.spans), default=0) - start) / 1e9,
        "input_tokens": tokens_in,
        "output_tokens": tokens_out,
        "cost_usd": cost,
        "calls": calls,
        "errors": errors,
        "spans": len(found.spans),
    }


def _text(value: object) -> str | None:
    return None if value is None else str(value)
