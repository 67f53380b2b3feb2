"""Notebooks: an executed notebook as one page: its words, code, tables and pictures, its widgets alive where their runs are."""

from __future__ import annotations

import html
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from workbench.errors import DataError
from workbench.graphs import trace_of
from workbench.share.cells import cell_html
from workbench.share.strip import WIDGET_STATE, WIDGET_VIEW
from workbench.store import Run
from workbench.widgets.display import VIEW
from workbench.widgets.page import page, trace_view

MAX_VIEWS = 60
WIDGETS = ("workbench.widgets.trace.TraceGraph", "workbench.widgets.live.LiveRun")
STYLE = (
    "main{max-width:960px}section{margin:0 0 14px}h1,h2,h3{line-height:1.25;margin:28px 0 8px}p{margin:8px 0}"
    "pre{font:12.5px/1.5 ui-monospace,monospace;white-space:pre-wrap;overflow-wrap:anywhere;margin:6px 0;max-height:480px;"
    "overflow:auto}pre.code{background:#f5f6f8;border-radius:4px;padding:10px 14px}pre.err{border-left:3px solid #b42318;"
    "padding-left:10px}table{border-collapse:collapse;font-size:13px;display:block;overflow-x:auto}"
    "td,th{padding:3px 10px;border-bottom:1px solid #e9ecef;text-align:right}a{color:#0b7285}"
    ".k,.kn,.kc,.kd,.ow{color:#5d1a7e}.s1,.s2,.sa,.sd,.si{color:#0b6b3a}.c1{color:#5f6b7a;font-style:italic}.mi,.mf{color:#a33408}"
    "@media(prefers-color-scheme:dark){pre.code{background:#1b2026}td,th{border-color:#262c33}a{color:#4fc3d9}"
    ".k,.kn,.kc,.kd,.ow{color:#c3a6f7}.s1,.s2,.sa,.sd,.si{color:#7fd6a3}.c1{color:#9aa5b1}.mi,.mf{color:#ff9b5e}}"
)


def share_notebook(notebook: str | os.PathLike[str], path: str | os.PathLike[str]) -> Path:
    """Write the page of an executed notebook to `path`.

    A picture of a trace is alive in the page where its Run still lies where the notebook saw it, or where the notebook holds
    the widget's state; else it is the still.

    Raises:
        DataError: where `notebook` is no notebook, or was never run.
    """
    source, place = Path(notebook), Path(path)
    try:
        held = orjson.loads(source.read_bytes())
    except (OSError, ValueError) as error:
        raise DataError(f"no notebook at {str(source)!r}: {error}") from None
    if not isinstance(held, dict) or not isinstance(held.get("cells"), list):
        raise DataError(f"{str(source)!r} is no notebook: it has no list of cells")
    views = _Views(held, source.parent)
    body = "".join(cell_html(cell, views.name) for cell in held["cells"])
    title = _title(held) or source.stem
    place.write_text(page(title, f"<article>{body}</article>", views.made, style=STYLE), encoding="utf-8")
    return place


class _Views:
    """The live views of a notebook, made when an output asks for one."""

    def __init__(self, notebook: Mapping[str, Any], folder: Path) -> None:
        state = notebook.get("metadata", {}).get("widgets", {}).get(WIDGET_STATE, {}).get("state", {})
        self._state: Mapping[str, Any] = state if isinstance(state, Mapping) else {}
        self._folder = folder
        self._runs: dict[str, Run | None] = {}
        self.made: dict[str, Any] = {}

    def name(self, data: Mapping[str, Any]) -> str | None:
        """The view's name in the page, None where the output has no live form."""
        if len(self.made) >= MAX_VIEWS:
            return None
        view = self._from_run(data.get(VIEW)) or self._from_state(data.get(WIDGET_VIEW))
        if view is None:
            return None
        name = f"v{len(self.made)}"
        self.made[name] = view
        return name

    def _from_run(self, told: Any) -> dict[str, Any] | None:
        if not isinstance(told, Mapping) or told.get("widget") != "trace" or not isinstance(told.get("run"), str):
            return None
        run, trace = self._run(told["run"]), str(told.get("trace"))
        spans = [] if run is None else run.trace(trace)
        if not spans:
            return None
        by = "structure" if told.get("by") == "structure" else "time"
        return trace_view(trace_of(spans, trace), by=by, critical=bool(told.get("critical")))

    def _run(self, path: str) -> Run | None:
        if path not in self._runs:
            found = None
            for place in (self._folder / path, Path(path)):  # as the kernel saw it; then as we do
                try:
                    found = found or Run(place)
                except DataError:
                    continue
            self._runs[path] = found
        return self._runs[path]

    def _from_state(self, told: Any) -> dict[str, Any] | None:
        """From the state that a front end saved: the picture, without the stories of its spans."""
        model = self._state.get(str(told.get("model_id"))) if isinstance(told, Mapping) else None
        state = model.get("state") if isinstance(model, Mapping) else None
        if not isinstance(model, Mapping) or not isinstance(state, Mapping):
            return None
        if state.get("_anywidget_id") not in WIDGETS:  # only our own modules run in the page, never a notebook's
            return None
        buffers = {tuple(b["path"]): b["data"] for b in model.get("buffers", ()) if b.get("encoding") == "base64"}
        marks = buffers.get(("marks",))
        if marks is None or not isinstance(state.get("head"), Mapping):
            return None
        head = {**state["head"], "live": None}
        return {"state": {"head": head, "marks": marks, "by": state.get("by", "time"), "critical": bool(state.get("critical"))},
                "details": {}}  # fmt: skip


def _title(notebook: Mapping[str, Any]) -> str | None:
    for cell in notebook["cells"]:
        for line in "".join(cell.get("source", "")).splitlines():
            if cell.get("cell_type") == "markdown" and line.startswith("# "):
                return html.unescape(line[2:].strip())
    return None
