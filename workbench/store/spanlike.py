"""Spans: what everything that holds spans answers, be it a Run on disk or a SpanSet in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from workbench.spans import Span

if TYPE_CHECKING:
    import pyarrow as pa


@runtime_checkable
class Spans(Protocol):
    """Anything that holds spans: a Run on disk, or a SpanSet in memory."""

    @property
    def id(self) -> str: ...
    @property
    def manifest(self) -> dict[str, Any]: ...
    @property
    def closed(self) -> bool: ...
    @property
    def warnings(self) -> list[str]: ...
    def spans(self) -> list[Span]: ...
    def trace(self, trace_id: str) -> list[Span]: ...
    def table(self, names: list[str] | None = None) -> pa.Table: ...
