"""Target: the call that a selected span stands for, as the form of fork and rerun shows it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from workbench import semconv as s
from workbench.spans import Span
from workbench.store import Run
from workbench.store.spanlike import Spans
from workbench.widgets.data import detail
from workbench.widgets.letters import clean

MAX_CHARS = 20_000


def target_of(name: str, run: Spans, span: Span, trace: Sequence[Span]) -> dict[str, Any]:
    """Its title, and its model, prompt and answer to start from; or why it cannot be forked."""
    title = clean(f"{span.name} of {name}", 200)
    if not isinstance(run, Run) or not isinstance(run.manifest.get("strategy"), dict):
        return {"title": title, "why_not": "this run was not made by the workbench, so nothing of it can be made again"}
    calls = [x for x in trace if x.attributes.get(s.OPERATION) == s.CHAT and x.parent_id == span.span_id]
    if span.attributes.get(s.OPERATION) == s.CHAT:
        calls = [span]
    if not calls or span.attributes.get(s.OPERATION) == s.WORKFLOW:
        return {"title": title, "why_not": "select a model call, or a thread that made one"}
    first, last = min(calls, key=lambda x: x.start_ns), max(calls, key=lambda x: x.start_ns)
    asked = [text for label, text in detail(first, MAX_CHARS)["texts"] if label == "prompt · user"]
    said = [text for label, text in detail(last, MAX_CHARS)["texts"] if label.startswith("said")]
    return {
        "title": title,
        "model": clean(first.attributes.get(s.REQUEST_MODEL) or "", 200),
        "prompt": asked[-1] if asked else "",
        "answer": "\n".join(said),
    }
