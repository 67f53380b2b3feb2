"""Compare, Disagreement and SweepExplorer in a real browser: as pages of their own, and linked in JupyterLab."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

import workbench as wb
from tests import weaving
from tests.browser.pages import axe_finds_nothing, opened
from tests.browser.test_lab import all_ran, run_all
from tests.browser.test_lab import opened as opened_in_lab
from tests.hostile import TEXTS
from tests.making import attempt
from workbench import semconv as s
from workbench.store import SpanSet
from workbench.widgets.board import Board

pytestmark = pytest.mark.slow


def many(seed: int, agents: int, tasks: int = 40) -> SpanSet:
    return SpanSet([span for i in range(tasks) for span in attempt(seed + i, f"t{i}", agents)])


def boards() -> dict[str, Board]:
    one, two = many(100, 3), many(500, 5)
    return {
        "compare": wb.Compare({"three": one, "five": two}),
        "disagreement": wb.Disagreement(two),
        "sweep": wb.SweepExplorer({"three": one, "five": two}),
    }


# the least contrast of any text with what is behind it
CONTRAST = """() => {
  const k = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const rgb = (c) => { k.clearRect(0, 0, 1, 1); k.fillStyle = c; k.fillRect(0, 0, 1, 1);
    return [...k.getImageData(0, 0, 1, 1).data]; };
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255).map((v) => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const root = document.querySelector('[data-view] > div').shadowRoot.querySelector('.wb');
  const ground = (el) => { for (let at = el; at; at = at.parentElement) { const c = getComputedStyle(at).backgroundColor;
    const [r, g, b, a] = rgb(c); if (a > 250) return [r, g, b]; } return [255, 255, 255]; };
  let least = [99, ''];
  for (const el of root.querySelectorAll('*')) {
    const said = [...el.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
    if (!said || el.closest('[hidden], svg, select, :disabled')) continue;
    const [a, b] = [light(rgb(getComputedStyle(el).color)), light(ground(el))].sort((x, y) => x - y);
    const found = (b + .05) / (a + .05);
    if (found < least[0]) least = [found, `${el.className}: ${el.textContent}`];
  }
  return least;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["compare", "disagreement", "sweep"])
def test_a_page_draws_reads_well_and_opens_traces(chromium: Any, tmp_path: Path, name: str, scheme: str) -> None:
    page, asked, errors = opened(chromium, tmp_path / "p.html", boards()[name], color_scheme=scheme)
    page.locator(".row").first.click()
    if name == "sweep":
        page.locator(".grid").nth(1).locator(".row").first.click()
    expect(page.locator("[data-view^=t] .stage").first).to_be_visible()
    least = page.evaluate(CONTRAST)
    assert least[0] >= 4.5, least
    for width in (420, 800, 1600):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert errors == [] and asked == []
    page.context.close()


@pytest.mark.parametrize("name", ["compare", "disagreement", "sweep"])
def test_axe_finds_nothing(chromium: Any, tmp_path: Path, name: str) -> None:
    page, _, _ = opened(chromium, tmp_path / "p.html", boards()[name], bypass_csp=True)
    page.locator(".row").first.click()
    axe_finds_nothing(page)
    page.context.close()


def test_the_matrix_is_walked_by_keyboard_and_told_to_screen_readers(chromium: Any, tmp_path: Path) -> None:
    page, _, errors = opened(chromium, tmp_path / "p.html", boards()["disagreement"])
    grid = page.get_by_role("grid", name="Agents by tasks")
    grid.focus()
    active = """() => { const r = document.querySelector('[data-view] > div').shadowRoot, g = r.querySelector('.grid');
      const e = r.getElementById(g.getAttribute('aria-activedescendant'));
      return e?.getAttribute('aria-label') ?? e?.textContent; }"""
    page.keyboard.press("ArrowRight")
    assert page.evaluate(active) == "a#0: 42"
    page.keyboard.press("Control+End")
    assert page.evaluate(active) == "agreed"
    assert page.locator(".row").count() < 40  # only what is seen is drawn
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    expect(page.locator("[data-title]")).to_have_text("Task t39")
    page.locator("select").nth(0).select_option("look")
    page.locator("select").nth(1).select_option("agreed")
    expect(grid).to_have_attribute("aria-rowcount", "41")
    assert errors == []
    page.context.close()


def test_points_are_brushed_switched_and_walked(chromium: Any, tmp_path: Path) -> None:
    page, _, errors = opened(chromium, tmp_path / "p.html", boards()["sweep"])
    table = page.get_by_role("grid", name="Choices")
    expect(table).to_have_attribute("aria-rowcount", "3")
    plot = page.locator("svg").first
    plot.scroll_into_view_if_needed()
    box = page.locator("svg .dot").first.bounding_box()
    page.mouse.move(box["x"] - 14, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + 14, box["y"] + 1, steps=4)
    page.mouse.up()
    expect(table).to_have_attribute("aria-rowcount", "2")
    page.get_by_role("button", name="show all").click()
    expect(table).to_have_attribute("aria-rowcount", "3")
    plot.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.locator("[aria-selected=true]")).to_have_count(1)
    assert errors == []
    page.context.close()


def test_hostile_text_runs_nothing_and_stays_inside(chromium: Any, tmp_path: Path) -> None:
    spans = []
    for text in TEXTS.values():
        root: dict[str, Any] = {s.TASK_ID: text, s.TASK_PROMPT: text, s.STRATEGY: text, s.TASK_TARGET: text}
        w = weaving.Weaver(**root)
        for i in range(3):
            call: dict[str, Any] = {s.REQUEST_MODEL: text, s.OUTPUT_MESSAGES: text}
            w.call(w.thread(i, 0, 100, text + str(i % 2), agent=text), 0, 100, **call)
        spans.append(w.done(text))
    one = SpanSet([x for trace in spans for x in trace])
    name = TEXTS["script"]
    for board in (
        wb.Compare({name: one, "b": SpanSet(attempt(1))}),
        wb.Disagreement(one),
        wb.SweepExplorer({name: SpanSet(attempt(2)), "b": SpanSet(attempt(1))}),
    ):
        page, asked, errors = opened(chromium, tmp_path / "p.html", board)
        for i in range(min(len(TEXTS), page.locator(".grid").first.locator(".row").count())):
            page.locator(".grid").first.locator(".row").nth(i).click()
        assert page.evaluate("window.hacked") is None
        assert asked == [] and errors == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert page.locator(".wb script, .wb img, .wb iframe, .wb a").count() == 0
        page.context.close()


SETUP = """
import asyncio, traitlets
import workbench as wb
tasks = [wb.Task(f"t{i}", f"What is {i} + 1?", str(i + 1)) for i in range(4)]
model = wb.Scripted(lambda r: f"Answer: {int(r.task_id[1:]) + 1 + r.sample % 2}", name="m")
async def made(n):
    return await wb.run(tasks, wb.Parallel(agents=n), wb.ModelMix({"m": n}), models={"m": model}, live=False, out=f"c{n}")
runs = {n: await made(n) for n in (3, 5)}
matrix = wb.Disagreement(runs[3])
compare = wb.Compare({"three": runs[3], "five": runs[5]}, settings={"models": {"m": model}})
link = traitlets.link((matrix, "selected"), (compare, "selected"))
matrix
"""
WAITS = """
for _ in range(600):
    await asyncio.sleep(0.1)
    if compare.selected == ["t2"]:
        break
print("while it waited:", compare.selected, len(compare.selection), len(matrix.selection))
"""
FORKED = "print('columns:', list(compare.runs), compare.selection['answer'].tolist())"


def test_linked_in_jupyterlab_while_a_cell_awaits_and_a_call_is_forked(chromium: Any, lab: tuple[str, Path]) -> None:
    page = opened_in_lab(chromium, lab, "lab", "boards.ipynb", [SETUP, "compare", WAITS, ""])
    run_all(page)
    all_ran(page)
    page.wait_for_selector(".jp-OutputArea-output .wb[data-drawn]", timeout=120_000)
    matrix = page.get_by_role("grid", name="Agents by tasks")
    matrix.scroll_into_view_if_needed()
    matrix.get_by_text("t2", exact=True).click()
    page.wait_for_selector("text=while it waited: ['t2'] 2 3", timeout=90_000)
    # the traces of the task opened in the other widget: the first thread's call is selected and its answer changed
    pictures = page.locator(".jp-Cell").nth(1).locator(".stage")
    pictures.first.scroll_into_view_if_needed()
    page.locator(".jp-Cell").nth(1).locator("[aria-roledescription='picture of parallel threads']").first.focus()
    page.keyboard.press("ArrowRight")
    form = page.locator("form.fork")
    expect(form).to_be_visible(timeout=60_000)
    form.get_by_label("What to change").select_option("answer")
    form.get_by_label("The new value").fill("Answer: 4")
    form.get_by_role("button", name="Fork and rerun").click()
    expect(form.get_by_role("status")).to_contain_text("0 calls made, 2 reused", timeout=60_000)
    last = page.locator(".jp-Cell").nth(3).locator(".cm-content")
    last.fill(FORKED)
    last.press("Shift+Enter")
    page.wait_for_selector("text=columns: ['three', 'five', 'three, another answer'] ['3', '3', '4']", timeout=60_000)
    page.context.close()
