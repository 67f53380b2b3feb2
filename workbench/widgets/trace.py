"""TraceGraph: one task's threads as a picture one can pan, zoom, search and open, spans fetched when they are selected."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets

from workbench.errors import unknown
from workbench.graphs import trace_of
from workbench.layout import Layout, layout
from workbench.spans import Span
from workbench.store.spanlike import Spans
from workbench.widgets.data import detail, head
from workbench.widgets.display import trace_bundle, trace_words
from workbench.widgets.showing import Showing

if TYPE_CHECKING:
    import pandas as pd

STATIC = Path(__file__).parent / "static"
READINGS = ("time", "structure")


class TraceGraph(Showing, anywidget.AnyWidget):  # type: ignore[misc]
    """Threads of one task that fork, work and converge in a synthesis.

    Args:
        run: a Run, a set of runs' spans, or any spans.
        task: the task's id, or a trace id; the first trace if None. repeat: which attempt.
        by: time, or structure (equal steps). critical: mark the critical path.

    `selected` is the list of span ids that are selected (set it, or click); `selection` the same as a DataFrame of calls.

    Raises:
        UsageError: for a task that the run does not have, or an unknown reading.
    """

    _esm = STATIC / "trace.js"
    head = traitlets.Dict().tag(sync=True)
    marks = traitlets.Bytes().tag(sync=True)
    by = traitlets.Unicode("time").tag(sync=True)
    critical = traitlets.Bool(False).tag(sync=True)
    selected_rows = traitlets.List(traitlets.Int()).tag(sync=True)
    selected = traitlets.List(traitlets.Unicode())

    def __init__(
        self,
        run: Spans | Iterable[Span],
        task: object = None,
        *,
        repeat: int | None = None,
        by: str = "time",
        critical: bool = False,
    ) -> None:
        if by not in READINGS:
            raise unknown("reading (by)", by, READINGS)
        spans = trace_of(run, task, repeat)
        self._source = run
        self.layout_: Layout = layout(spans)
        self._spans = {span.span_id: span for span in spans}
        self._row_of = {span_id: row for row, span_id in enumerate(self.layout_.ids)}
        super().__init__(head=head(self.layout_), marks=self.layout_.packed(), by=by, critical=critical)
        self.on_msg(self._heard)

    @property
    def selection(self) -> pd.DataFrame:
        """The selected spans as rows, with the columns of `wb.calls` where they are calls."""
        import pandas as pd

        from workbench.frames import calls
        from workbench.store import SpanSet

        if not self.selected:
            return pd.DataFrame()
        frame = calls(SpanSet(self._spans.values()))
        return frame[frame["span_id"].isin(self.selected)].reset_index(drop=True)

    @property
    def selected_spans(self) -> list[Span]:
        """The selected spans themselves."""
        return [self._spans[i] for i in self.selected]

    @traitlets.observe("selected")  # type: ignore[untyped-decorator, unused-ignore]
    def _selected_changed(self, change: Any) -> None:
        self.selected_rows = [self._row_of[i] for i in change["new"]]

    @traitlets.validate("selected")  # type: ignore[untyped-decorator, unused-ignore]
    def _selected_valid(self, proposal: Any) -> list[str]:
        for span_id in proposal["value"]:
            if span_id not in self._row_of:
                raise unknown("span in this trace", str(span_id), list(self._row_of))
        return list(proposal["value"])

    def _heard(self, _: Any, content: Any, buffers: Any) -> None:
        """Messages from the browser, judged as strangers' words: rows that do not exist are passed over."""
        if not isinstance(content, dict):
            return
        ids = self.layout_.ids
        if content.get("type") == "select" and isinstance(content.get("rows"), list):
            rows = [r for r in content["rows"] if isinstance(r, int) and 0 <= r < len(ids)]
            self.selected = [ids[r] for r in rows]
        row = content.get("row")
        if content.get("type") == "detail" and isinstance(row, int) and 0 <= row < len(ids):
            self.send({"type": "detail", "row": row, "detail": detail(self._spans[ids[row]])})

    def words(self) -> str:
        """What the picture shows, in a few sentences."""
        return trace_words(self.layout_)

    def still_bundle(self) -> dict[str, Any]:
        """The still, the words, and where the trace lies."""
        return trace_bundle(self.layout_, self._source, self.by, self.critical)
