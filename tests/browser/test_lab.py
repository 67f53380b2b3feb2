"""JupyterLab as users have it: drawn, selected in the browser and seen in Python, live, stopped."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nbformat
import pytest

pytestmark = pytest.mark.slow

SETUP = """
import workbench as wb
from tests import weaving
graph = wb.TraceGraph(weaving.sketch())
graph
"""
LIVE = """
tasks = wb.load_tasks("arithmetic", n=200, difficulty=(1, 2), seed=0)
model = wb.Scripted(lambda r: "so I think that the answer must be 3", latency_s=1.5)
mix = wb.ModelMix({"scripted": 3})
run = await wb.run(tasks, "parallel", mix, models={"scripted": model}, stream=True, at_once=1, out="live-run")
print("the run is", run.manifest["status"])
"""


def opened(chromium: Any, lab: tuple[str, Path], name: str, cells: list[str]) -> Any:
    url, folder = lab
    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c.strip()) for c in cells])
    nb.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    (folder / name).write_text(nbformat.writes(nb))
    page = chromium.new_context(viewport={"width": 1400, "height": 900}).new_page()
    page.goto(f"{url}/lab/tree/{name}?reset")
    page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
    page.wait_for_function(
        "() => document.querySelector('.jp-Notebook-ExecutionIndicator')?.dataset.status === 'idle'", timeout=60_000
    )
    return page


def run_all(page: Any) -> None:
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    page.wait_for_timeout(1500)
    choose = page.locator(".jp-Dialog .jp-mod-accept")
    if choose.count():  # the session was not there yet: JupyterLab asks which kernel, and then runs nothing
        choose.click()
        page.wait_for_timeout(3000)
        run_all(page)


def test_drawn_selected_and_seen_in_python(chromium: Any, lab: tuple[str, Path]) -> None:
    page = opened(chromium, lab, "trace.ipynb", [SETUP, ""])
    run_all(page)
    page.wait_for_selector(".wb[data-drawn]", timeout=60_000)
    page.locator(".wb").focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function(
        "() => [...document.querySelectorAll('.jp-OutputArea-output *')].some(e => e.shadowRoot?.querySelector('.panel dl'))"
    )
    page.locator(".jp-Cell").nth(1).locator(".cm-content").fill(
        "print('selected', len(graph.selected), graph.selection['output_tokens'].tolist())"
    )
    page.locator(".jp-Cell").nth(1).locator(".cm-content").press("Shift+Enter")
    page.wait_for_selector("text=selected 1 [60]", timeout=30_000)
    page.context.close()


def test_live_and_stopped_while_the_cell_awaits(chromium: Any, lab: tuple[str, Path]) -> None:
    page = opened(chromium, lab, "live.ipynb", ["import workbench as wb", LIVE])
    run_all(page)
    page.wait_for_selector(".wb[data-drawn]", timeout=60_000)
    page.wait_for_selector(".tail:visible:not(:empty)", timeout=30_000)
    page.get_by_role("button", name="Stop the run").click()
    page.wait_for_selector("text=the run is stopped", timeout=30_000)
    assert json.loads((lab[1] / "live-run" / "run.json").read_text())["status"] == "stopped"
    page.context.close()
