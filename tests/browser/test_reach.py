"""For everybody and against attackers: names and roles (axe-core), contrast as drawn, reduced motion, ten-megabyte answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests import weaving
from tests.browser.pages import axe_finds_nothing, opened
from tests.hostile import TEXTS
from tests.test_widgets import contrast
from workbench import semconv as s

pytestmark = pytest.mark.slow
COLOURS = """() => {
  const root = document.querySelector('[data-view] > div').shadowRoot;
  const hex = c => '#' + c.match(/[\\d.]+/g).slice(0, 3).map(v => Math.round(v).toString(16).padStart(2, '0')).join('');
  const ground = el => { for (let e = el; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor; if (!/, 0\\)$|transparent/.test(c)) return hex(c); } return hex(getComputedStyle(root.querySelector('.wb')).backgroundColor); };
  return [...root.querySelectorAll('*')].filter(e => e.checkVisibility() && [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()))
    .map(e => [e.textContent.slice(0, 40), hex(getComputedStyle(e).color), ground(e)]);
}"""  # noqa: E501


INSIDE = """e => {
  const right = e.getBoundingClientRect().right + 1, seen = [...e.querySelectorAll('*')].filter(x => x.checkVisibility());
  return seen.every(x => x.getBoundingClientRect().right <= right || x.closest('.words, .panel'));
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["sketch", "decompose", "nested"])
def test_every_word_as_drawn_passes_aa(chromium: Any, tmp_path: Path, name: str, scheme: str) -> None:
    page, _, _ = opened(chromium, tmp_path / "p.html", weaving.TRACES[name](), color_scheme=scheme)
    page.locator(".wb").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".panel dl")).to_be_visible()
    found = page.evaluate(COLOURS)
    assert len(found) > 15
    weak = [(text, ink, ground) for text, ink, ground in found if contrast(ink, ground) < 4.5]
    assert weak == []
    page.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(chromium: Any, tmp_path: Path, scheme: str) -> None:
    page, _, _ = opened(chromium, tmp_path / "p.html", weaving.nested(), color_scheme=scheme, bypass_csp=True)
    page.locator(".wb").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".panel dl")).to_be_visible()
    axe_finds_nothing(page)
    page.context.close()


def test_names_and_roles_say_what_the_picture_shows(chromium: Any, tmp_path: Path) -> None:
    page, _, _ = opened(chromium, tmp_path / "p.html", weaving.sketch())
    expect(page.get_by_role("img", name="3 of 5 agree")).to_be_visible()
    expect(page.get_by_role("toolbar", name="View")).to_be_visible()
    page.get_by_role("group", name="Arrow keys move").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("[aria-live=polite]")).to_contain_text("left-to-right")
    expect(page.get_by_role("region", name="Selected span")).to_be_visible()
    for control in page.get_by_role("button").all():
        assert (control.get_attribute("aria-label") or control.inner_text()).strip()
    page.context.close()


def test_who_wants_no_motion_gets_none(chromium: Any, tmp_path: Path) -> None:
    running = (
        "() => document.querySelector('[data-view] > div').shadowRoot.querySelector('.panel').getAnimations().length"
    )
    for motion, most in (("reduce", 0), ("no-preference", 1)):
        page, _, _ = opened(chromium, tmp_path / "p.html", weaving.sketch(), reduced_motion=motion)
        page.locator(".wb").focus()
        page.keyboard.press("ArrowRight")
        expect(page.locator(".panel dl")).to_be_visible()
        assert page.evaluate(running) <= most
        page.context.close()


@pytest.mark.parametrize("name", list(TEXTS))
def test_each_attack_alone_is_only_words(chromium: Any, tmp_path: Path, name: str) -> None:
    """As task, agent, model, answer and message, ten megabytes of it in the end."""
    text = TEXTS[name]
    w = weaving.Weaver(**{s.TASK_PROMPT: text, s.STRATEGY: text})
    thread = w.thread(0, 0, 100, text, agent=text)
    w.call(thread, 0, 100, **{s.REQUEST_MODEL: text, s.OUTPUT_MESSAGES: text * (10_000_000 // len(text))})
    w.call(w.thread(1, 0, 90, "1"), 0, 90)
    w.synthesis("majority", 101, 102, [thread], text)
    page, asked, errors = opened(chromium, tmp_path / "p.html", w.done(text))
    page.locator(".wb").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".panel dl")).to_be_visible()
    assert page.evaluate("window.hacked") is None and asked == [] and errors == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    words = page.locator(".wb").evaluate("e => e.innerText")
    assert not set(words) & set("\x00\x07\x1b\u202e\u2066\u2069\u200f\u061c\u2028\ufeff")
    assert page.locator(".wb").evaluate(INSIDE)
    page.context.close()
