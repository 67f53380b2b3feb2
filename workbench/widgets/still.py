"""The still: one trace as a picture file, drawn by us from the layout; SVG, PNG, or a page that is alive."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from workbench.errors import unknown
from workbench.graphs import trace_of
from workbench.layout import Layout, layout
from workbench.spans import Span
from workbench.store.spanlike import Spans
from workbench.widgets.draw import draw
from workbench.widgets.paint import png

SUFFIXES = (".svg", ".png", ".html")


def still_svg(
    of: Layout, *, width_px: float = 960, theme: str = "light", by: str = "time", critical: bool = False
) -> str:
    """The picture as SVG: vector, text outlined, nothing loaded from elsewhere. A journal's column is about 480 px."""
    return draw(of, width_px=width_px, theme=theme, by=by, critical=critical).svg()


def still_png(
    of: Layout,
    *,
    width_px: float = 960,
    theme: str = "light",
    by: str = "time",
    critical: bool = False,
    scale: float = 2,
) -> bytes:
    """The picture as PNG, `scale` pixels per px."""
    return png(draw(of, width_px=width_px, theme=theme, by=by, critical=critical), scale)


def save_picture(
    run: Spans | Iterable[Span],
    task: object,
    path: str | os.PathLike[str],
    *,
    width_px: float = 960,
    theme: str = "light",
    by: str = "time",
    critical: bool = False,
) -> Path:
    """Write the picture of one task's trace; the suffix says which kind (.svg, .png, or .html: one interactive file)."""
    place = Path(path)
    if place.suffix.lower() not in SUFFIXES:
        raise unknown("picture type", place.suffix, SUFFIXES)
    spans = trace_of(run, task)
    if place.suffix.lower() == ".html":
        from workbench.widgets.page import trace_page

        place.write_text(trace_page(spans), encoding="utf-8")
    elif place.suffix.lower() == ".svg":
        place.write_text(
            still_svg(layout(spans), width_px=width_px, theme=theme, by=by, critical=critical), encoding="utf-8"
        )
    else:
        place.write_bytes(still_png(layout(spans), width_px=width_px, theme=theme, by=by, critical=critical))
    return place
