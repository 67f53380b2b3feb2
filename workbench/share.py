"""Share: a run, a trace or a notebook as one HTML file that is interactive offline and can connect to nothing."""

from __future__ import annotations

import html
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from workbench.errors import DataError
from workbench.graphs import trace_of
from workbench.spans import Span
from workbench.store.spanlike import Spans
from workbench.widgets.page import page, trace_page, trace_view

WIDGET_STATE = "application/vnd.jupyter.widget-state+json"
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
MAX_TRACES = 60


def share(run: Spans | Iterable[Span], path: str | os.PathLike[str], *, task: object = None) -> Path:
    """Write one page: of one task's trace, or of a whole run (its first 60 traces, each behind its task's name).

    Raises:
        UsageError: for a task that the run does not have.
    """
    place = Path(path)
    if task is not None or not isinstance(run, Spans):
        place.write_text(trace_page(trace_of(run, task)), encoding="utf-8")
        return place
    traces: dict[str, list[Span]] = {}
    for span in run.spans():
        traces.setdefault(span.trace_id, []).append(span)
    views = {f"t{i}": trace_view(spans) for i, spans in enumerate(list(traces.values())[:MAX_TRACES])}
    body = [f"<h1>{html.escape(run.id)}</h1>"]
    if len(traces) > MAX_TRACES:
        body.append(f"<p>{MAX_TRACES} of {len(traces)} traces</p>")
    for number, (name, view) in enumerate(views.items()):
        text = view["state"]["head"]["text"]
        title = html.escape(f"{text['title']} · {text['answer']}"[:200])
        opened = " open" if number == 0 else ""
        body.append(f'<details{opened}><summary><bdi>{title}</bdi></summary><div data-view="{name}"></div></details>')
    place.write_text(page(run.id, "".join(body), views), encoding="utf-8")
    return place


def strip_widgets(notebook: Mapping[str, Any]) -> dict[str, Any]:
    """A notebook (as JSON) without saved widget state, so that every viewer shows the stills its outputs carry.

    Saved state wins over stills in nbconvert's page, which then waits for scripts from a CDN and stays blank offline; and a
    code host refuses a notebook whose `metadata.widgets` lacks `state`. Outputs that had nothing but a widget are kept.
    """
    if not isinstance(notebook.get("cells"), list):
        raise DataError("this is no notebook: it has no list of cells")
    cells = []
    for cell in notebook["cells"]:
        outputs = [_still(output) for output in cell.get("outputs", [])]
        cells.append({**cell, "outputs": outputs} if "outputs" in cell else cell)
    metadata = {k: v for k, v in notebook.get("metadata", {}).items() if k != "widgets"}
    return {**notebook, "cells": cells, "metadata": metadata}


def _still(output: Mapping[str, Any]) -> Mapping[str, Any]:
    data = output.get("data")
    if not isinstance(data, dict) or WIDGET_VIEW not in data or not any(k.startswith("image/") for k in data):
        return output
    return {**output, "data": {k: v for k, v in data.items() if k != WIDGET_VIEW}}
