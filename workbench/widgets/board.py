"""Board: what Compare, Disagreement and SweepExplorer share: a view, a selection, the traces that it opens, a still, a page."""

from __future__ import annotations

import html
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import ipywidgets as ipw
import traitlets

from workbench.errors import unknown
from workbench.spans import Span
from workbench.store import Run, SpanSet
from workbench.store.spanlike import Spans
from workbench.widgets.display import encode
from workbench.widgets.letters import clean
from workbench.widgets.paint import png
from workbench.widgets.palette import DARK, LIGHT
from workbench.widgets.scene import Scene
from workbench.widgets.showing import Showing
from workbench.widgets.trace import STATIC, TraceGraph

if TYPE_CHECKING:
    import pandas as pd

SUFFIXES = (".svg", ".png", ".html")
MAX_PAGE_TRACES = 60
"""Traces that a page of its own carries; the rows beyond are there without them."""

Opened = tuple[str, list[Span]]


def as_spans(source: Any) -> Spans:
    """A Run, a SpanSet, the folder of a Run, or any spans as something that holds spans."""
    if isinstance(source, Spans):
        return source
    if isinstance(source, (str, os.PathLike)):
        return Run(source)
    return SpanSet(source)


class View(anywidget.AnyWidget):  # type: ignore[misc]
    """The browser's side; everything it says comes as a message, since traitlets do not all arrive while a cell awaits."""

    _esm: Path | str = ""
    data = traitlets.Dict().tag(sync=True)
    chosen = traitlets.List(traitlets.Unicode()).tag(sync=True)


class Board(Showing, ipw.VBox):  # type: ignore[misc]
    """A view whose rows are selected by mouse, by keyboard or from Python; the selected row's traces open below it.

    `selected` holds the keys of the selected rows. `traitlets.link((a, "selected"), (b, "selected"))` lets one widget drive
    another; `selection` is the same as a DataFrame; `graphs` are the TraceGraphs that are open.
    """

    module = ""
    selected = traitlets.List(traitlets.Unicode())

    def __init__(self, view: View) -> None:
        self.view = view
        self.graphs: tuple[TraceGraph, ...] = ()
        super().__init__([view])
        view.on_msg(self._heard)

    # -- what each board says -------------------------------------------------------------------------------------------

    @property
    def row_keys(self) -> list[str]:
        """Of the rows, in order."""
        raise NotImplementedError

    @property
    def selection(self) -> pd.DataFrame:
        """The selected rows."""
        raise NotImplementedError

    def scene(self, *, width_px: float = 960, theme: str = "light") -> Scene:
        """The still."""
        raise NotImplementedError

    def opens(self, key: str) -> list[Opened]:
        """The traces of a row, each with its title."""
        raise NotImplementedError

    def extra(self, key: str) -> dict[str, Any]:
        """What else the view is told when a row is selected: names of its traitlets and their values."""
        return {}

    def message(self, content: Mapping[str, Any]) -> None:
        """Anything else that the browser says."""

    def opened(self, column: int) -> None:
        """The traces of the selected row were opened; `column` is the agent that was clicked, -1 for none."""

    # -- selection -------------------------------------------------------------------------------------------------------

    @traitlets.validate("selected")  # type: ignore[untyped-decorator, unused-ignore]
    def _valid(self, proposal: Any) -> list[str]:
        keys = self.row_keys
        for key in proposal["value"]:
            if key not in keys:
                raise unknown("row", str(key), keys)
        return list(proposal["value"])

    @traitlets.observe("selected")  # type: ignore[untyped-decorator, unused-ignore]
    def _changed(self, change: Any) -> None:
        self._show(change["new"], -1)

    def _show(self, keys: Sequence[str], column: int) -> None:
        first = keys[0] if keys else ""
        with self.view.hold_sync():
            self.view.chosen = list(keys)
            for name, value in self.extra(first).items():
                setattr(self.view, name, value)
        self.show_traces(self.opens(first) if first else [])
        self.opened(column)

    def show_traces(self, traces: Iterable[Opened]) -> None:
        """Show traces below, in place of those shown before."""
        before: tuple[Any, ...] = self.children[1:]  # type: ignore[has-type]
        made: list[Any] = []
        graphs = []
        for title, spans in traces:
            made.append(ipw.HTML(f"<b>{html.escape(clean(title))}</b>", layout=ipw.Layout(margin="14px 24px 0")))
            graphs.append(TraceGraph(spans))
            made.append(graphs[-1])
        self.graphs = tuple(graphs)
        self.children = (self.view, *made)
        for old in before:
            old.close()

    def _heard(self, _: Any, content: Any, buffers: Any) -> None:
        """Messages from the browser, judged as strangers' words: what does not exist is passed over."""
        if not isinstance(content, dict):
            return
        keys = content.get("keys")
        if content.get("type") == "select":
            if isinstance(keys, list) and all(isinstance(key, str) for key in keys):
                known = set(self.row_keys)
                column = content.get("column")
                self._select([key for key in keys if key in known], column if isinstance(column, int) else -1)
            return
        self.message(content)

    def _select(self, keys: list[str], column: int) -> None:
        if keys == self.selected:
            self.opened(column)
        else:
            self.selected = keys
            self.opened(column)

    # -- where no kernel is -----------------------------------------------------------------------------------------------

    def save(self, path: str | os.PathLike[str], *, width_px: float = 960, theme: str = "light") -> Path:
        """Write the still (.svg, .png) or a page of its own that is alive offline (.html)."""
        place = Path(path)
        suffix = place.suffix.lower()
        if suffix not in SUFFIXES:
            raise unknown("picture type", place.suffix, SUFFIXES)
        if suffix == ".html":
            place.write_text(self.page(), encoding="utf-8")
        elif suffix == ".svg":
            place.write_text(self.scene(width_px=width_px, theme=theme).svg(), encoding="utf-8")
        else:
            place.write_bytes(png(self.scene(width_px=width_px, theme=theme)))
        return place

    def page(self) -> str:
        """One HTML file: the view with the traces of its first rows, interactive offline, every connection forbidden."""
        from workbench.widgets.page import page, trace_view

        views: dict[str, Any] = {}
        opens: dict[str, Any] = {}
        for key, extra, traces in self.page_rows():
            shown: list[list[str]] = []
            full = len(views) + len(traces) > MAX_PAGE_TRACES
            for title, spans in [] if full else traces:
                name = f"t{len(views)}"
                views[name] = trace_view(spans)
                shown.append([clean(title), name])
            opens[key] = {"set": extra, "views": shown, "left_out": full and bool(traces)}
        state = {"data": self.view.data, "chosen": []}
        views["board"] = {"module": self.module, "state": state, "details": {}, "opens": opens}
        return page(self.view.data["title"], '<div data-view="board"></div>', views)

    def page_rows(self) -> Iterable[tuple[str, dict[str, Any], list[Opened]]]:
        """Of each row: its key, what else is told when it is selected, and its traces."""
        return ((key, self.extra(key), self.opens(key)) for key in self.row_keys)

    def words(self) -> str:
        """What the still shows, in a few sentences."""
        scene = self.scene()
        return f"{scene.title}\n{scene.description}"

    def still_bundle(self) -> dict[str, Any]:
        """The still and its words."""
        scene = self.scene()
        return {"image/png": encode(png(scene)), "text/plain": f"{scene.title}\n{scene.description}"}


def common(title: str, subtitle: str, description: str) -> dict[str, Any]:
    """What every board's data carries."""
    return {
        "palettes": {"light": asdict(LIGHT), "dark": asdict(DARK)},
        "title": clean(title),
        "subtitle": clean(subtitle),
        "description": clean(description, 1000),
    }


def esm(name: str) -> Path:
    """The bundle of a view."""
    return STATIC / f"{name}.js"


def or_none(value: Any, limit: int = 120) -> str | None:
    """A value of a frame as a clean text; None where there is none."""
    import pandas as pd

    return None if value is None or (not isinstance(value, str) and pd.isna(value)) else clean(value, limit)
