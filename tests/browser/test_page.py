"""A page of its own in a real browser: it draws, it is used by mouse and keyboard, and nothing gets in or out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests import weaving
from tests.browser.pages import opened
from tests.hostile import TEXTS
from workbench import semconv as s

pytestmark = pytest.mark.slow

FITS = (
    "w => document.querySelector('[data-view] > div').shadowRoot.querySelector('.stage > canvas').clientWidth <= w - 48"
)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", list(weaving.TRACES))
def test_every_trace_draws_without_an_error(chromium: Any, tmp_path: Path, name: str, scheme: str) -> None:
    page, asked, errors = opened(chromium, tmp_path / "p.html", weaving.TRACES[name](), color_scheme=scheme)
    assert errors == [] and asked == []
    drawn = page.evaluate(
        "() => { const c = document.querySelector('[data-view] > div').shadowRoot.querySelector('canvas');"
        "const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data; const seen = new Set();"
        "for (let i = 0; i < d.length; i += 4) if (d[i + 3] > 250) seen.add(`${d[i]},${d[i+1]},${d[i+2]}`); return seen.size; }"
    )
    assert drawn >= 3
    page.context.close()


def test_mouse_and_keyboard_reach_everything(chromium: Any, tmp_path: Path) -> None:
    """What a key changes is seen in the next frame: every step waits for what it expects (`expect` does), for no time."""
    page, _, errors = opened(chromium, tmp_path / "p.html", weaving.sketch())
    panel, ticks, pressed = page.locator(".panel"), page.locator(".tick:visible"), re.compile("true")
    page.locator(".wb").focus()
    page.keyboard.press("ArrowRight")
    expect(panel).to_contain_text("took")
    first = panel.inner_text()
    page.keyboard.press("ArrowDown")
    expect(panel).not_to_have_text(first, use_inner_text=True)
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    page.keyboard.press("s")
    expect(page.get_by_role("button", name="Read by structure")).to_have_attribute("aria-pressed", pressed)
    expect(ticks).to_have_count(0)
    page.keyboard.press("s")
    expect(ticks).not_to_have_count(0)
    before = ticks.all_inner_texts()
    for _ in range(3):
        page.keyboard.press("+")
    expect(ticks).not_to_have_text(before)
    page.keyboard.press("0")
    expect(ticks).to_have_text(before)
    page.keyboard.press("c")
    expect(page.get_by_role("button", name="critical path")).to_have_attribute("aria-pressed", pressed)
    page.get_by_role("searchbox").fill("calculator")
    expect(page.locator(".gone")).to_have_text("1 found")
    box = page.locator(".stage > canvas").bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.3, box["y"] + 97)
    expect(panel).to_be_visible()
    assert errors == []
    page.context.close()


def test_hostile_text_runs_nothing_asks_for_nothing_and_stays_inside(chromium: Any, tmp_path: Path) -> None:
    w = weaving.Weaver(**{s.TASK_PROMPT: TEXTS["script"], s.STRATEGY: TEXTS["image"]})
    for i, text in enumerate(TEXTS.values()):
        w.call(w.thread(i, 0, 100, text, agent=text), 0, 100, **{s.REQUEST_MODEL: text, s.OUTPUT_MESSAGES: text})
    page, asked, errors = opened(chromium, tmp_path / "p.html", w.done(TEXTS["svg"]))
    page.locator(".wb").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".panel dl")).to_be_visible()
    for _ in range(len(TEXTS) - 1):
        before = page.locator(".panel").inner_text()
        page.keyboard.press("ArrowDown")
        expect(page.locator(".panel")).not_to_have_text(before, use_inner_text=True)
    assert page.evaluate("window.hacked") is None
    assert asked == [] and errors == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.locator(".wb script, .wb img, .wb svg, .wb iframe, .wb a").count() == 0
    page.context.close()


def test_a_long_answer_does_not_stall_the_panel(chromium: Any, tmp_path: Path) -> None:
    w = weaving.Weaver()
    w.call(w.thread(0, 0, 100, "1"), 0, 100, **{s.OUTPUT_MESSAGES: "word " * 2_000_000})
    page, _, _ = opened(chromium, tmp_path / "p.html", w.done("1"))
    page.locator(".wb").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".panel")).to_contain_text("more characters")
    page.context.close()


def test_small_and_large_windows(chromium: Any, tmp_path: Path) -> None:
    for width in (420, 800, 1600):
        page, _, errors = opened(chromium, tmp_path / "p.html", weaving.fan(15))
        page.set_viewport_size({"width": width, "height": 700})
        page.wait_for_function(FITS, arg=width)
        assert errors == [] and page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.context.close()
