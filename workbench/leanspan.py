"""LeanSpan: OpenTelemetry's span for a Run's record, with nothing between a set attribute and the line in the file.

The SDK's own span locks, checks and bounds every attribute, which cost a fifth of what recording a call costs; a Run wants them
all, and its spans live on one event loop. Processors, listeners and exporters read it as any `ReadableSpan`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, Span, SpanContext, Status, StatusCode, TraceFlags

_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_ids = RandomIdGenerator()


class LeanSpan(ReadableSpan, Span):
    """One span; `ended` is called once, when it ends. A `parent` of None begins a trace."""

    def __init__(
        self,
        name: str,
        parent: SpanContext | None,
        attributes: Mapping[str, Any],
        links: Sequence[Link],
        resource: Resource,
        scope: InstrumentationScope,
        ended: Callable[[ReadableSpan], None],
    ) -> None:
        trace_id = _ids.generate_trace_id() if parent is None else parent.trace_id
        super().__init__(
            name,
            context=SpanContext(trace_id, _ids.generate_span_id(), False, _SAMPLED),
            parent=parent,
            resource=resource,
            attributes=dict(attributes),
            events=[],
            links=list(links),
            instrumentation_scope=scope,
            start_time=time.time_ns(),
        )
        self._ended = ended

    def get_span_context(self) -> SpanContext:
        """Its ids."""
        assert self._context is not None
        return self._context

    def is_recording(self) -> bool:
        """Whether it has not ended."""
        return self._end_time is None

    def set_attribute(self, key: str, value: Any) -> None:
        """Set one attribute, unless the span has ended."""
        self.set_attributes({key: value})

    def set_attributes(self, attributes: Mapping[str, Any]) -> None:
        """Set attributes, unless the span has ended."""
        if self._end_time is None:
            self._attributes.update(attributes)  # type: ignore[union-attr]

    def add_event(self, name: str, attributes: Mapping[str, Any] | None = None, timestamp: int | None = None) -> None:
        """Something happened now."""
        if self._end_time is None:
            self._events.append(Event(name, dict(attributes or {}), timestamp))  # type: ignore[attr-defined]

    def add_link(self, context: SpanContext, attributes: Mapping[str, Any] | None = None) -> None:
        """Point to another span."""
        if self._end_time is None:
            self._links.append(Link(context, attributes))  # type: ignore[attr-defined]

    def update_name(self, name: str) -> None:
        """Rename it, unless it has ended."""
        if self.is_recording():
            self._name = name

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        """Ok is final; an error may be told in other words; unset is nothing new."""
        given = status if isinstance(status, Status) else Status(status, description)
        if self.is_recording() and self._status.status_code is not StatusCode.OK and not given.is_unset:
            self._status = given

    def record_exception(
        self,
        exception: BaseException,
        attributes: Mapping[str, Any] | None = None,
        timestamp: int | None = None,
        escaped: bool = False,
    ) -> None:
        """An exception as an event, by OpenTelemetry's names."""
        about = {"exception.type": type(exception).__name__, "exception.message": str(exception)}
        self.add_event("exception", {**about, "exception.escaped": str(escaped), **(attributes or {})}, timestamp)

    def end(self, end_time: int | None = None) -> None:
        """End it; only the first time counts."""
        if self._end_time is None:
            self._end_time = end_time or time.time_ns()
            self._ended(self)
