"""How a Run shows itself: a few numbers as text and as an HTML table, and a still picture where widgets are."""

from __future__ import annotations

import html
import pkgutil
from collections import Counter
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from workbench import semconv as s
from workbench.store.spanlike import Spans

PICTURE = "workbench.widgets.display:run_bundle"  # found by name when it is there: the store does not know the widgets

MOST_SAID = 200
"""Characters of an error's words."""


def numbers(run: Spans) -> dict[str, Any]:
    """What one looks for first: counts, accuracy over the finished attempts, tokens, cost and time."""
    names = [
        "trace_id",
        "parent_id",
        "operation",
        "status",
        "error_type",
        "status_message",
        "score",
        "strategy",
        "input_tokens",
        "output_tokens",
        "cost_usd",
        "start_ns",
        "end_ns",
        "reused",
    ]
    table = run.table(names)
    roots = table.filter(pc.is_null(table["parent_id"]))
    calls = table.filter(pc.equal(table["operation"], s.CHAT))
    paid = calls.filter(pc.invert(pc.fill_null(calls["reused"], False)))
    start, end = pc.min(table["start_ns"]).as_py(), pc.max(table["end_ns"]).as_py()
    out: dict[str, Any] = {
        "run": run.id,
        "status": "closed" if run.closed else "open",
        "strategy": ", ".join(sorted(v for v in pc.unique(roots["strategy"]).to_pylist() if v)) or None,
        "traces": pc.count_distinct(table["trace_id"]).as_py(),
        "answered": roots.num_rows,
        "spans": table.num_rows,
        "calls": calls.num_rows,
        "accuracy": pc.mean(roots["score"]).as_py(),
        "input_tokens": pc.sum(paid["input_tokens"]).as_py() or 0,
        "output_tokens": pc.sum(paid["output_tokens"]).as_py() or 0,
        "cost_usd": pc.sum(paid["cost_usd"]).as_py(),
        "wall_s": (end - start) / 1e9 if start is not None and end is not None else 0.0,
        "errors": pc.sum(pc.equal(table["status"], "ERROR")).as_py() or 0,
        **_failures(calls),
    }
    return out


def _failures(calls: pa.Table) -> dict[str, Any]:
    """How many calls failed, and how most of these did: what somebody whose server does not answer must see at once."""
    failed = calls.filter(pc.equal(calls["status"], "ERROR"))
    if not failed.num_rows:
        return {}
    told = zip(failed["error_type"].to_pylist(), failed["status_message"].to_pylist(), strict=True)
    (kind, message), _ = Counter(told).most_common(1)[0]
    said = " ".join((message or "").split())[:MOST_SAID]
    return {
        "failed_calls": failed.num_rows,
        "failed_with": ": ".join(x for x in (kind, said) if x) or "an unnamed error",
    }


def text(run: Spans) -> str:
    """The numbers in one line."""
    n = numbers(run)
    accuracy = "unscored" if n["accuracy"] is None else f"accuracy {n['accuracy']:.3f}"
    cost = "" if n["cost_usd"] is None else f", ${n['cost_usd']:.4f}"
    strategy = f", {n['strategy']}" if n["strategy"] else ""
    tokens = n["input_tokens"] + n["output_tokens"]
    failed = f"; {n['failed_calls']:,} calls failed, most with {n['failed_with']}" if "failed_calls" in n else ""
    return (
        f"Run {n['run']!r} ({n['status']}{strategy}): {n['answered']:,} attempts, {accuracy}, {n['calls']:,} calls, "
        f"{tokens:,} tokens{cost}, {n['wall_s']:.1f} s, {n['spans']:,} spans{failed}"
    )


def table(run: Spans) -> str:
    """The numbers as a small HTML table."""
    cells = "".join(
        f"<tr><th style='text-align:left'>{html.escape(name)}</th><td>{html.escape(_show(value))}</td></tr>"
        for name, value in numbers(run).items()
        if value is not None
    )
    return f"<table class='workbench-run'><tbody>{cells}</tbody></table>"


def bundle(run: Spans) -> dict[str, Any]:
    """The MIME bundle of a Run: text and table always, the picture where the widgets are installed."""
    plain = {"text/plain": text(run), "text/html": table(run)}
    try:
        picture = pkgutil.resolve_name(PICTURE)
    except (ImportError, AttributeError):
        return plain
    return {**plain, **picture(run)}


def _show(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.4f}".rstrip("0").rstrip(".")
    return f"{value:,}" if isinstance(value, int) else str(value)
