"""record: whatever emits OpenTelemetry while a `with` block runs becomes a Run, in our names.

    with wb.record("my-graph") as run:
        graph.invoke(…)          # LangGraph, OpenAI Agents, DSPy … with its own instrumentor switched on
    wb.answers(run)

Spans are taken from the global tracer provider (the one that instrumentors use by themselves) or from `provider`; nothing
is sent anywhere and nothing is recorded outside the block.
"""

from __future__ import annotations

import datetime
import os
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace import Span as SdkSpan

from workbench import semconv as s
from workbench.errors import UsageError
from workbench.otlp import encode as otlp
from workbench.otlp.notes import Notes
from workbench.readers.dialects import normalize
from workbench.readers.finish import finish
from workbench.store import Run, seal
from workbench.store.lines import decode
from workbench.store.places import Place
from workbench.store.writer import RunWriter

FOLDER = "traces/runs"


class _Processor(SpanProcessor):
    """Writes each span as it ends, while the block runs. The SDK cannot take a processor off again, so it goes silent."""

    def __init__(self, writer: RunWriter) -> None:
        self._writer, self._lock = writer, threading.Lock()
        self.open, self.active = 0, True

    def on_start(self, span: SdkSpan, parent_context: Any = None) -> None:
        with self._lock:
            self.open += self.active

    def on_end(self, span: ReadableSpan) -> None:
        if not self.active or not (span.context and span.context.trace_flags.sampled):
            return
        line = otlp.encode_readable(span)
        for found in decode(line, "live", None):
            if (named := normalize(found)) is not found:
                line = otlp.line(named)
        with self._lock:
            if self.active:
                self.open -= 1
                self._writer.write_line(line)


@contextmanager
def record(
    name: str, to: str | os.PathLike[str] | None = None, *, provider: TracerProvider | None = None
) -> Iterator[Run]:
    """Record every span that ends within the block as the Run `to` (by default a new folder in traces/runs).

    Where no tracer provider is set up yet, an SDK provider becomes the global one. The Run can be read while the block runs;
    afterwards it is finished (roots, fork and join) and sealed. Raises UsageError where the global provider is of another kind.
    """
    if not name or "/" in name:
        raise UsageError(f"record needs a name without slashes, got {name!r}")
    target = provider or _global()
    stamp = datetime.datetime.now(datetime.UTC).strftime("%Y%m%d-%H%M%S")
    place = Path(FOLDER) / f"{stamp}-{name}-{secrets.token_hex(2)}" if to is None else to
    writer = RunWriter(place, {"name": name, "kind": "recorded", "semconv": s.VERSION})
    processor = _Processor(writer)
    target.add_span_processor(processor)
    try:
        yield Run(writer.path)
    finally:
        processor.active = False
        _complete(writer, processor.open)


def _global() -> TracerProvider:
    found = trace.get_tracer_provider()
    if isinstance(found, trace.ProxyTracerProvider):
        fresh = TracerProvider()
        trace.set_tracer_provider(fresh)
        return fresh
    if not isinstance(found, TracerProvider):
        raise UsageError(
            f"the global tracer provider is {type(found).__name__}, not the SDK's; give record(provider=…)"
        )
    return found


def _complete(writer: RunWriter, unfinished: int) -> None:
    """Close the Run; in our own file the spans are replaced by the finished ones (the only writer knows whole traces)."""
    place = Place(writer.path)
    if unfinished > 0:
        writer.update({"unfinished_spans": unfinished})
    writer.flush()
    if seal.span_files(place.sizes()) == ["spans.jsonl"]:
        notes = Notes()
        spans = finish(decode(place.read("spans.jsonl"), "spans.jsonl", notes), notes)
        place.write("spans.jsonl", b"".join(otlp.line(span) for span in spans))
    writer.close()


__all__ = ["record"]
