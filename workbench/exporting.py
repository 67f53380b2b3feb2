"""Giving a run to other tools: OTLP/JSON lines, Parquet or CSV files, or straight to an OTLP receiver over HTTP.

Receivers that drop span links (Phoenix does) still get the shape: fork and join also stand as attributes, and every span
carries OpenInference names beside ours, so that agents, calls and tools are shown as what they are.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson

from workbench import semconv as s
from workbench.errors import UsageError, unknown
from workbench.otlp import encode as otlp
from workbench.spans import Span
from workbench.store.spanlike import Spans

FILES = {"otlp-json": ".otlp.jsonl", "parquet": ".parquet", "csv": ".csv"}
_KINDS = {
    s.CHAT: "LLM",
    s.TOOL: "TOOL",
    s.THREAD: "AGENT",
    s.WORKFLOW: "CHAIN",
    s.SYNTHESIS: "CHAIN",
    "embeddings": "EMBEDDING",
    "retrieval": "RETRIEVER",
}


def export(run: Spans, to: str, out: str | os.PathLike[str] | None = None, **receiver: Any) -> dict[str, Any]:
    """Export `run` `to` otlp-json, parquet, csv (a file: `out`, by default named as the run) or to otlp-http://HOST:PORT.

    For a receiver: `headers`, `timeout_s` (whole, with retries), `batch`. Returns {to, path or url, spans, traces, …}. Raises
    UsageError for an unknown target, ExportError where a receiver does not take the spans.

    >>> wb.export(run, "otlp-json", "spans.json")["spans"]
    """
    if to.startswith(("otlp-http://", "otlp-https://", "http://", "https://")):
        from workbench.otlp.http import send

        return {"to": "otlp-http", **send(for_receivers(run.spans()), to.removeprefix("otlp-"), **receiver)}
    if to not in FILES:
        raise unknown("export target", to, [*FILES, "otlp-http://HOST:PORT"])
    if receiver:
        raise UsageError(f"{', '.join(receiver)} is for otlp-http targets, not for {to}")
    path = Path(out) if out is not None else Path(f"{Path(run.id).name}{FILES[to]}")
    if path.exists():
        raise UsageError(f"{path} is there already; name another file with -o")
    path.parent.mkdir(parents=True, exist_ok=True)
    spans = {"otlp-json": _lines, "parquet": _parquet, "csv": _csv}[to](run, path)
    return {"to": to, "path": str(path), "spans": spans}


def _lines(run: Spans, path: Path) -> int:
    spans = run.spans()
    with path.open("wb") as file:
        file.writelines(otlp.line(span) for span in spans)
    return len(spans)


def _parquet(run: Spans, path: Path) -> int:
    import pyarrow.parquet as pq

    table = run.table()
    pq.write_table(table, path, compression="zstd")
    return int(table.num_rows)


def _csv(run: Spans, path: Path) -> int:
    import pyarrow.csv as pcsv

    table = run.table()
    pcsv.write_csv(table, path)
    return int(table.num_rows)


def for_receivers(spans: list[Span]) -> Iterator[Span]:
    """The spans with OpenInference names added and the links told as attributes too."""
    for span in spans:
        yield replace(span, attributes={**openinference(span), **shape(span), **span.attributes})


def shape(span: Span) -> dict[str, Any]:
    """Fork and join as lists of span ids."""
    forks = tuple(
        k.span_id for k in span.links if k.trace_id == span.trace_id and k.attributes.get(s.LINK_KIND, s.FORK) == s.FORK
    )
    joins = tuple(
        k.span_id for k in span.links if k.trace_id == span.trace_id and k.attributes.get(s.LINK_KIND) == s.JOIN
    )
    return {k: v for k, v in ((s.FORKS, forks), (s.JOINS, joins)) if v}


def openinference(span: Span) -> dict[str, Any]:
    """What OpenInference calls the span's attributes (openinference-semantic-conventions 0.1)."""
    own = span.attributes
    operation = str(own.get(s.OPERATION) or "")
    out: dict[str, Any] = {
        "openinference.span.kind": _KINDS.get(operation, "CHAIN"),
        "llm.model_name": own.get(s.RESPONSE_MODEL) or own.get(s.REQUEST_MODEL) if operation == s.CHAT else None,
        "llm.provider": own.get(s.PROVIDER) if operation == s.CHAT else None,
        "agent.name": own.get(s.AGENT),
        "session.id": own.get(s.CONVERSATION) or own.get(s.RUN_ID),
        "tool.name": own.get(s.TOOL_NAME),
    }
    given, received = own.get(s.INPUT_TOKENS), own.get(s.OUTPUT_TOKENS)
    if operation == s.CHAT and isinstance(given, int) and isinstance(received, int):
        out |= {
            "llm.token_count.prompt": given,
            "llm.token_count.completion": received,
            "llm.token_count.total": given + received,
        }
        if s.COST in own:
            out["llm.cost.total"] = own[s.COST]
    out["input.value"] = own.get(s.TOOL_ARGUMENTS) or own.get(s.TASK_PROMPT)
    out["output.value"] = own.get(s.TOOL_RESULT) or own.get(s.ANSWER)
    if operation == s.CHAT:
        out |= {
            **_messages("llm.input_messages", own.get(s.INPUT_MESSAGES)),
            **_messages("llm.output_messages", own.get(s.OUTPUT_MESSAGES)),
        }
    return {k: v for k, v in out.items() if v is not None}


def _messages(prefix: str, text: Any) -> Mapping[str, Any]:
    if not isinstance(text, str):
        return {}
    try:
        messages = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}
    out: dict[str, Any] = {}
    for i, message in enumerate(messages if isinstance(messages, list) else ()):
        if isinstance(message, dict):
            out[f"{prefix}.{i}.message.role"] = str(message.get("role") or "user")
            parts = message.get("parts")
            texts = [p for p in parts if isinstance(p, dict)] if isinstance(parts, list) else []
            out[f"{prefix}.{i}.message.content"] = "\n".join(
                str(p.get("content") or p.get("response") or "") for p in texts if p.get("type") != "tool_call"
            )
            for n, call in enumerate(p for p in texts if p.get("type") == "tool_call"):
                at = f"{prefix}.{i}.message.tool_calls.{n}.tool_call"
                out |= {
                    f"{at}.id": str(call.get("id") or ""),
                    f"{at}.function.name": str(call.get("name") or ""),
                    f"{at}.function.arguments": str(call.get("arguments") or ""),
                }
    return out


__all__ = ["export", "for_receivers", "openinference", "shape"]
