"""Runs: one trace, or the traces of a whole run, as a page."""

from __future__ import annotations

import html
import os
from collections.abc import Iterable
from pathlib import Path

from workbench.graphs import trace_of
from workbench.spans import Span
from workbench.store.spanlike import Spans
from workbench.widgets.page import page, trace_page, trace_view

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
