"""A page of its own in a real browser, and what axe-core says of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from workbench.spans import Span
from workbench.widgets.board import Board
from workbench.widgets.page import trace_page

AXE = Path(__file__).parents[2] / "widgets/node_modules/axe-core/axe.min.js"


def opened(
    chromium: Any, place: Path, shown: Board | Sequence[Span], **context: Any
) -> tuple[Any, list[str], list[str]]:
    """The drawn page of a board or of a trace's spans, what it asked the network for, and its errors."""
    if isinstance(shown, Board):
        shown.save(place)
    else:
        place.write_text(trace_page(shown), encoding="utf-8")
    page = chromium.new_context(viewport={"width": 1060, "height": 700}, **context).new_page()
    asked: list[str] = []
    errors: list[str] = []
    page.on("request", lambda r: asked.append(r.url))
    page.on("pageerror", lambda e: errors.append(str(e)))
    page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
    page.goto(place.as_uri())
    page.wait_for_selector(".wb[data-drawn]")
    return page, [u for u in asked if not u.startswith(("file:", "blob:", "data:"))], errors


def axe_finds_nothing(page: Any) -> None:
    """Check names, roles and contrast by WCAG 2.2 AA; the page must have been opened with `bypass_csp=True`."""
    if not AXE.exists():
        pytest.skip("axe-core is not there (npm ci in widgets/ brings it)")
    page.add_script_tag(path=str(AXE))
    found = page.evaluate(
        "() => axe.run('[data-view]', {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']})"
    )
    told = [(v["id"], v["help"], [n["html"][:160] for n in v["nodes"]][:3]) for v in found["violations"]]
    assert told == [] and len(found["passes"]) >= 8
