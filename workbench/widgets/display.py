"""Display: what a Run or a widget shows where no kernel and no script runs: a still picture, and text."""

from __future__ import annotations

import base64
import os
from typing import Any

from workbench.graphs import trace_of
from workbench.layout import Layout, layout
from workbench.store.spanlike import Spans
from workbench.widgets.wording import describe, subtitle

VIEW = "application/vnd.workbench.view+json"
"""Beside a still: which run and trace it shows, so that `workbench share NOTEBOOK` can make it live again."""
MAX_SPANS = 20_000  # of the one trace that a Run's still shows


def run_bundle(run: Spans) -> dict[str, Any]:
    """The still of a Run's first trace as MIME data; empty where it has none or one too large to be a picture."""
    from workbench.widgets.still import still_png

    spans = trace_of(run)
    if not spans or len(spans) > MAX_SPANS:
        return {}
    of = layout(spans)
    return {"image/png": encode(still_png(of)), **reference(run, of.trace_id)}


def trace_bundle(of: Layout, source: object = None, by: str = "time", critical: bool = False) -> dict[str, Any]:
    """The still of one trace and its words, as MIME data; and where it comes from, if `source` is a Run on disk."""
    from workbench.widgets.still import still_png

    still = encode(still_png(of, by=by, critical=critical))
    return {
        "image/png": still,
        "text/plain": trace_words(of),
        **reference(source, of.trace_id, by=by, critical=critical),
    }


def trace_words(of: Layout) -> str:
    """What a trace shows, for terminals and screen readers."""
    return f"{of.facts['prompt'] or 'trace'}\n{subtitle(of)}\n{describe(of)}"


def reference(source: object, trace_id: str, **options: Any) -> dict[str, Any]:
    """The VIEW of a trace: the Run's folder as seen from here (a notebook's own folder); nothing where there is no folder."""
    path = getattr(source, "path", None)
    if not isinstance(path, str) or not os.path.exists(path):
        return {}
    return {VIEW: {"widget": "trace", "run": os.path.relpath(path), "trace": trace_id, **options}}


def encode(data: bytes) -> str:
    """Base64 as notebooks keep pictures."""
    return base64.b64encode(data).decode("ascii")
