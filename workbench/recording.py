"""Recorder: opens OpenTelemetry spans, which go to a Run's file and to live listeners as they happen."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import orjson
from opentelemetry import context, trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, Status, StatusCode

from workbench import __version__, semconv
from workbench.agents import Message, Reply
from workbench.leanspan import LeanSpan
from workbench.otlp.encode import encode_readable
from workbench.store import RunWriter


class Listener(Protocol):
    """Hears what happens while it happens; called on the event loop, so it must return at once."""

    def on_start(self, span: ReadableSpan) -> None:
        """A span began."""

    def on_piece(self, span_id: str, text: str) -> None:
        """A model said some more within the span of that id (hex)."""

    def on_end(self, span: ReadableSpan) -> None:
        """A span ended."""

    def on_progress(self, progress: Mapping[str, Any]) -> None:
        """done, total, cost_usd, tokens and the limits of the run, as plain numbers."""


class Recorder:
    """Opens spans and hands each finished one on; `content=False` leaves prompts and answers' texts out."""

    def __init__(
        self, writer: RunWriter | None, run_id: str = "", *, listeners: Sequence[Listener] = (), content: bool = True
    ) -> None:
        self.content = content
        self.listeners = list(listeners)
        self._writer = writer
        named = {"service.name": "workbench", "service.version": __version__, semconv.RUN_ID: run_id}
        self._resource, self._scope = Resource(named), InstrumentationScope(semconv.SCOPE, __version__)

    @contextmanager
    def span(
        self, name: str, attributes: Mapping[str, Any], links: Sequence[Link] = (), *, root: bool = False
    ) -> Iterator[trace.Span]:
        """One span, current inside the `with`; an exception marks it as failed and goes on."""
        around = None if root else trace.get_current_span().get_span_context()
        parent = around if around is not None and around.is_valid else None
        span = LeanSpan(name, parent, attributes, links, self._resource, self._scope, self._ended)
        for listener in self.listeners:
            listener.on_start(span)
        token = context.attach(trace.set_span_in_context(span))
        try:
            yield span
        except BaseException as e:  # a cancelled or interrupted span says so too
            fail(span, e)
            raise
        finally:
            context.detach(token)
            span.end()

    def _ended(self, span: ReadableSpan) -> None:
        # a task that was stopped half-way has no root in the record: it is not done, and a resumed run does it
        stopped = span.parent is None and (span.attributes or {}).get(semconv.CANCELLED)
        if self._writer is not None and not stopped:
            self._writer.write_line(encode_readable(span))
        for listener in self.listeners:
            listener.on_end(span)

    def piece(self, span: trace.Span, text: str) -> None:
        """Tell the listeners that a model said some more."""
        if self.listeners:
            span_id = trace.format_span_id(span.get_span_context().span_id)
            for listener in self.listeners:
                listener.on_piece(span_id, text)

    def progress(self, progress: Mapping[str, Any]) -> None:
        """Tell the listeners how far the run is."""
        for listener in self.listeners:
            listener.on_progress(progress)


def fail(span: trace.Span, error: BaseException) -> None:
    """Mark a span as failed, with the error's name and its words."""
    span.set_attribute(semconv.ERROR_TYPE, type(error).__name__)
    span.set_status(Status(StatusCode.ERROR, str(error)[:2000]))


def link(span: trace.SpanContext, kind: str) -> Link:
    """A fork or join link to another span."""
    return Link(span, {semconv.LINK_KIND: kind})


def messages_json(messages: Sequence[Message]) -> str:
    """Messages in the GenAI conventions' JSON form: [{role, parts: [{type, content}]}]."""
    return _dumps([{"role": m.role, "parts": _parts(m)} for m in messages])


def _parts(message: Message) -> list[dict[str, Any]]:
    if message.role == "tool":
        return [{"type": "tool_call_response", "id": message.tool_call_id, "response": message.content}]
    parts: list[dict[str, Any]] = [{"type": "text", "content": message.content}] if message.content else []
    parts += [{"type": "tool_call", "id": c.id, "name": c.name, "arguments": c.arguments} for c in message.tool_calls]
    return parts


def reply_json(reply: Reply) -> str:
    """A reply as GenAI output messages, thinking first."""
    parts: list[dict[str, Any]] = [{"type": "reasoning", "content": reply.thinking}] if reply.thinking else []
    parts += _parts(Message("assistant", reply.text, reply.tool_calls))
    return _dumps([{"role": "assistant", "parts": parts, "finish_reason": reply.finish_reason}])


def _dumps(value: Any) -> str:
    try:
        return orjson.dumps(value).decode()
    except TypeError:  # a lone surrogate in a model's text: kept as an escape
        return json.dumps(value)
