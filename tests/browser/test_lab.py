"""JupyterLab 4 and Notebook 7 as users have them: drawn, zoomed, panned, selected and seen in Python, live, stopped, both themes.

PICTURES=folder keeps screenshots there (docs/pictures holds those of the last look).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nbformat
import pytest
from playwright.sync_api import TimeoutError, expect

from tests.browser.pictures import keep

pytestmark = pytest.mark.slow

SETUP = """
import workbench as wb
from tests import weaving
graph = wb.TraceGraph(weaving.decompose())
graph
"""
LIVE = """
tasks = wb.load_tasks("arithmetic", n=200, difficulty=(1, 2), seed=0)
model = wb.Scripted(lambda r: "so I think that the answer must be 3", latency_s=1.5)
mix = wb.ModelMix({"scripted": 3})
run = await wb.run(tasks, wb.Parallel(agents=3), mix, models={"scripted": model}, stream=True, at_once=1,
                   out=OUT, limits=wb.Limits(max_tokens=90_000))
print("the run is", run.manifest["status"])
"""
PLACES = {"lab": "/lab/tree/{}?reset", "notebook": "/notebooks/{}"}
GROUND = """() => {
  const host = [...document.querySelectorAll('.jp-OutputArea-output *')].find(e => e.shadowRoot?.querySelector('.wb'));
  return getComputedStyle(host.shadowRoot.querySelector('.wb')).backgroundColor.match(/\\d+/g).slice(0, 3).map(Number);
}"""
TOLD = "() => [...document.querySelectorAll('.jp-OutputArea-output *')].some(e => e.shadowRoot?.querySelector('.panel dl'))"


def opened(chromium: Any, lab: tuple[str, Path], place: str, name: str, cells: list[str], theme: str = "Light") -> Any:
    """A page with a new notebook whose kernel is ready."""
    url, folder = lab
    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c.strip()) for c in cells])
    nb.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    (folder / name).write_text(nbformat.writes(nb))
    settings = folder.parent / "jupyter-config/lab/user-settings/@jupyterlab/apputils-extension"
    settings.mkdir(parents=True, exist_ok=True)
    (settings / "themes.jupyterlab-settings").write_text(json.dumps({"theme": f"JupyterLab {theme}"}))
    quiet = {"fetchNews": "false", "checkForUpdates": False, "doNotDisturbMode": True}
    (settings / "notification.jupyterlab-settings").write_text(json.dumps(quiet))
    page = chromium.new_context(viewport={"width": 1300, "height": 760}).new_page()
    page.set_default_timeout(90_000)
    page.goto(url + PLACES[place].format(name))
    page.wait_for_selector(".jp-Notebook .jp-Cell")
    page.wait_for_selector(f'body[data-jp-theme-light="{str(theme == "Light").lower()}"]', state="attached")
    return page


IDLE = "() => document.querySelector('.jp-Notebook-ExecutionIndicator')?.dataset.status === 'idle'"


def run_all(page: Any) -> None:
    """Run > Run All Cells, once the kernel has come. Before, a star may be taken away again and the cells run all the same:
    asked again they would run twice, and the second time draw all anew under the test's hands.
    """
    begun = "() => /[\\d*]/.test(document.querySelector('.jp-Notebook .jp-InputPrompt')?.textContent ?? '')"
    accept = page.locator(".jp-Dialog .jp-mod-accept")
    for _ in range(20):
        try:
            if accept.count():
                accept.click(timeout=5_000)
            page.wait_for_function(IDLE, timeout=5_000)
            page.wait_for_timeout(500)
            if not page.evaluate(IDLE):
                continue
            page.get_by_role("menuitem", name="Run", exact=True).click(timeout=5_000)
            page.get_by_role("menuitem", name="Run All Cells", exact=True).click(timeout=5_000)
            page.wait_for_function(begun, timeout=20_000)
        except TimeoutError:  # a dialog came between, or the click went nowhere: again
            continue
        return
    raise AssertionError("the notebook never began to run")


def all_ran(page: Any) -> None:
    """Wait until the first cell has its number: its still comes last, and with it the output is drawn anew."""
    page.wait_for_function("() => /\\d/.test(document.querySelector('.jp-Notebook .jp-InputPrompt')?.textContent ?? '')")


@pytest.mark.parametrize("theme", ["Light", "Dark"])
@pytest.mark.parametrize("place", list(PLACES))
def test_drawn_zoomed_selected_and_seen_in_python(chromium: Any, lab: tuple[str, Path], place: str, theme: str) -> None:
    page = opened(chromium, lab, place, f"trace-{place}-{theme}.ipynb", [SETUP, ""], theme)
    run_all(page)
    all_ran(page)
    page.wait_for_selector(".wb[data-drawn]")
    wb, ticks = page.locator(".wb"), page.locator(".tick:visible")
    expect(ticks).not_to_have_count(0)
    before = ticks.all_inner_texts()
    wb.focus()
    page.keyboard.press("+")
    page.keyboard.press("+")
    expect(ticks).not_to_have_text(before)
    box = page.locator(".stage > canvas").bounding_box()
    page.mouse.move(box["x"] + 500, box["y"] + 200)
    page.mouse.down()
    zoomed = ticks.first.get_attribute("style")
    page.mouse.move(box["x"] + 80, box["y"] + 200, steps=4)
    page.mouse.up()
    expect(ticks.first).not_to_have_attribute("style", zoomed)  # panned: the moments are elsewhere
    page.wait_for_function("() => document.activeElement?.shadowRoot?.activeElement?.matches('.wb')")
    page.keyboard.press("0")
    expect(ticks).to_have_text(before)
    page.keyboard.press("ArrowRight")
    page.wait_for_function(TOLD)
    keep(page, f"jupyter-{place}-{theme.lower()}.png", clip_to=".jp-Notebook" if place == "notebook" else None)
    ground = page.evaluate(GROUND)
    assert (sum(ground) > 380) == (theme == "Light")
    code = "print('selected', len(graph.selected), graph.selection['output_tokens'].tolist())"
    page.locator(".jp-Cell").nth(1).locator(".cm-content").fill(code)
    page.locator(".jp-Cell").nth(1).locator(".cm-content").press("Shift+Enter")
    page.wait_for_selector("text=selected 1 [60]")
    page.context.close()


@pytest.mark.parametrize("place", list(PLACES))
def test_live_and_stopped_while_the_cell_awaits(chromium: Any, lab: tuple[str, Path], place: str) -> None:
    out = f"live-{place}"
    page = opened(chromium, lab, place, f"{out}.ipynb", ["import workbench as wb", LIVE.replace("OUT", repr(out))])
    run_all(page)
    page.wait_for_selector(".wb[data-drawn]")
    page.wait_for_selector(".tail:visible:not(:empty)")
    expect(page.locator(".subtitle")).to_contain_text("3 agents")
    keep(page, f"jupyter-{place}-live.png", clip_to=".jp-Notebook" if place == "notebook" else None)
    page.get_by_role("button", name="Stop the run").click()
    page.wait_for_selector("text=the run is stopped")
    assert json.loads((lab[1] / out / "run.json").read_text())["status"] == "stopped"
    expect(page.get_by_role("button", name="Stop the run")).to_be_hidden()
    page.context.close()
