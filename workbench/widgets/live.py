"""LiveRun: the picture of a run while it goes on; listens to the recorder and sends batches, never a message per token."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import anywidget
import traitlets
from opentelemetry.sdk.trace import ReadableSpan

from workbench import semconv as s
from workbench.layout import layout
from workbench.spans import Event, Link, Span
from workbench.widgets.data import detail, head
from workbench.widgets.display import trace_bundle, trace_words
from workbench.widgets.showing import Showing, stills_only
from workbench.widgets.trace import STATIC

LEAST_BETWEEN_S = 0.1  # ten pictures a second are fluent and leave the kernel alone
BEAT_S = 0.3  # what is under way grows, also while nobody says anything
TAIL_CHARS = 80
DEAF = "This kernel hears no button while a cell runs: interrupt it with ■, or by pressing I twice."


class LiveRun(Showing, anywidget.AnyWidget):  # type: ignore[misc]
    """The trace that began last among those under way, with what each thread is saying, spending, progress and Stop.

    Pass it to `wb.run(..., listeners=[live])`; `stop` is called, from whichever thread the message arrives on, when the
    reader presses Stop. It needs no event loop of its own: it sends when something happened, at most ten times a second.
    """

    _esm = STATIC / "trace.js"
    head = traitlets.Dict().tag(sync=True)
    marks = traitlets.Bytes().tag(sync=True)

    def __init__(self, stop: Callable[[], object] | None = None, *, clock: Callable[[], int] = time.time_ns) -> None:
        self._stop, self._clock = stop, clock
        self._traces: dict[str, dict[str, Span]] = {}
        self._shown = ""
        self._tails: dict[str, str] = {}
        self._progress: dict[str, Any] = {"done": 0, "total": 0}
        self._state = "running"
        self._sent_s = 0.0
        self._open: set[str] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._hears = hears()
        super().__init__()
        self.on_msg(self._heard)

    # -- what the recorder tells ----------------------------------------------------------------------------------------

    def on_start(self, span: ReadableSpan) -> None:
        """A span began."""
        began = span_of(span)
        self._open.add(began.span_id)
        self._keep(began)

    def on_piece(self, span_id: str, text: str) -> None:
        """A model said some more."""
        self._tails[span_id] = (self._tails.get(span_id, "") + text)[-TAIL_CHARS:]
        self._tell()

    def on_end(self, span: ReadableSpan) -> None:
        """A span ended."""
        done = span_of(span)
        self._open.discard(done.span_id)
        self._tails.pop(done.span_id, None)
        self._keep(done)
        if done.parent_id is None and done.trace_id != self._shown:
            self._traces.pop(done.trace_id, None)
        if not self._open and self._state == "stopping":
            self.end()

    def on_progress(self, progress: Mapping[str, Any]) -> None:
        """How far the run is."""
        self._progress = dict(progress)
        if self._progress.get("done") == self._progress.get("total") and not self._open:
            self.end()
        else:
            self._tell()

    def end(self) -> None:
        """The run is over: show it as it is."""
        self._state = "ended"
        self._tell(now=True)

    # -- to the browser -----------------------------------------------------------------------------------------------------

    def _keep(self, span: Span) -> None:
        trace = self._traces.setdefault(span.trace_id, {})
        trace[span.span_id] = span
        shown = self._traces.get(self._shown)
        finished = shown is None or any(x.parent_id is None and x.attributes.get(s.ANSWER) for x in shown.values())
        if finished and span.trace_id != self._shown and len(trace) > 1:
            self._traces.pop(self._shown, None)
            self._shown = span.trace_id
        self._tell()

    def _tell(self, *, now: bool = False) -> None:
        """Send what is new: at once where the last picture is old enough, else a little later."""
        wait = 0.0 if now else LEAST_BETWEEN_S - (time.monotonic() - self._sent_s)
        if wait <= 0:
            self._flush()
        elif self._timer is None:
            self._later(wait)

    def _later(self, seconds: float) -> None:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # told from a thread without a loop: the next event sends
            return
        self._timer = loop.call_later(seconds, self._flush)

    def _flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._sent_s = time.monotonic()
        made, packed = self._frame()
        if made is not None:
            if not self.head or self._state == "ended":  # for a view that opens later
                with self.hold_sync():
                    self.head, self.marks = made, packed
            self.send({"type": "frame", "head": made}, [packed])
        if self._open and self._state != "ended":
            self._later(BEAT_S)

    def _frame(self) -> tuple[dict[str, Any] | None, bytes]:
        spans = list(self._traces.get(self._shown, {}).values())
        if not spans:
            return None, b""
        at = self._clock()
        of = layout([_until(x, at) for x in spans])
        rows = {span_id: row for row, span_id in enumerate(of.ids)}
        parent = {x.span_id: x.parent_id for x in spans}
        node_of = {node.row: n for n, node in enumerate(of.nodes)}
        tails = []
        for span_id, text in self._tails.items():
            row = rows.get(parent.get(span_id) or "", -1)
            if row in node_of and text.strip():
                tails.append([node_of[row], " ".join(text.split())])
        return head(of, {"now_ms": of.duration_ms, "tails": tails, **self._words()}), of.packed()

    def _words(self) -> dict[str, Any]:
        p = self._progress
        tokens, cost = p.get("tokens"), p.get("cost_usd")
        spent = [f"{tokens:,} tokens" if tokens else "", f"${cost:.4f}" if cost else ""]
        left = [
            f"{max(0, p['max_tokens'] - (tokens or 0)):,} tokens left" if p.get("max_tokens") else "",
            f"${max(0.0, p['max_cost_usd'] - (cost or 0)):.4f} left" if p.get("max_cost_usd") else "",
        ]
        return {
            "done": p.get("done", 0),
            "total": p.get("total", 0),
            "spent": "  ·  ".join(x for x in spent if x),
            "left": "  ·  ".join(x for x in left if x),
            "state": self._state,
            "can_stop": self._stop is not None and self._hears,
            "hint": "" if self._hears or self._stop is None else DEAF,
        }

    def _heard(self, _: Any, content: Any, buffers: Any) -> None:
        kind = content.get("type") if isinstance(content, dict) else None
        if kind == "stop" and self._stop is not None and self._state == "running":
            self._state = "stopping"
            self._stop()
            self._tell(now=True)
        elif kind == "detail" and isinstance(content.get("row"), int):
            of = layout(self._traces.get(self._shown, {}).values())
            if 0 <= content["row"] < len(of.ids):
                span = self._traces[self._shown][of.ids[content["row"]]]
                self.send({"type": "detail", "row": content["row"], "detail": detail(span)})

    def words(self) -> str:
        """What it shows now, in a few sentences."""
        spans = list(self._traces.get(self._shown, {}).values())
        return trace_words(layout(spans)) if spans else "a run that has not begun"

    def still_bundle(self) -> dict[str, Any]:
        """The still of what it shows now."""
        spans = list(self._traces.get(self._shown, {}).values())
        return trace_bundle(layout(spans)) if spans else {"text/plain": self.words()}


def attach(total: int, stop: Callable[[], object], force: bool = False) -> LiveRun | None:
    """Show a LiveRun under the cell that runs, and return it as the run's listener; None where nobody can see it."""
    if stills_only() and not force:
        return None
    from IPython.display import display

    live = LiveRun(stop)
    live.on_progress({"done": 0, "total": total})
    display(live)
    return live


def hears() -> bool:
    """Whether a message from the browser arrives while a cell awaits: ipykernel's subshells (version 7); True outside Jupyter."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    kernel = getattr(shell, "kernel", None)
    return kernel is None or bool(getattr(kernel, "_supports_kernel_subshells", False))


def span_of(span: ReadableSpan) -> Span:
    """The SDK's span as it is now; one that goes on ends at 0."""
    context, parent = span.context, span.parent
    assert context is not None
    return Span(
        f"{context.trace_id:032x}",
        f"{context.span_id:016x}",
        None if parent is None else f"{parent.span_id:016x}",
        span.name,
        span.start_time or 0,
        span.end_time or 0,
        dict(span.attributes or {}),
        tuple(Event(e.name, e.timestamp, dict(e.attributes or {})) for e in span.events),
        tuple(
            Link(f"{k.context.trace_id:032x}", f"{k.context.span_id:016x}", dict(k.attributes or {}))
            for k in span.links
        ),
        status=span.status.status_code.name,
    )


def _until(span: Span, now_ns: int) -> Span:
    """A span under way lasts until now."""
    return span if span.end_ns > 0 else replace(span, end_ns=max(now_ns, span.start_ns))
