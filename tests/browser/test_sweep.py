"""A sweep in JupyterLab: its cells change colour while the notebook's cell awaits, a click opens a notebook, Stop stops."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.browser.test_lab import opened, run_all
from tests.sweeping import notebook

pytestmark = pytest.mark.slow

PICTURE = os.environ.get("WORKBENCH_PICTURE")
"""Where to put a screenshot, to renew docs/pictures/sweep.png."""
SWEEP = """
import workbench as wb
grid = {"agents": [1, 2, 3, 4, 5, 6, 8, 10], "strategy": ["parallel", "debate", "decompose"]}
sweep = wb.Sweep("n.ipynb", grid, out="my-sweep")
await sweep.arun(jobs=2, kernel="bare")
print("ended with", sweep.frame()["status"].value_counts().to_dict())
"""


def test_cells_change_colour_open_and_stop(chromium: Any, lab: tuple[str, Path]) -> None:
    notebook(
        lab[1] / "n.ipynb",
        "import time\nassert not (agents == 2 and strategy == 'debate'), 'two cannot agree'\ntime.sleep(0 if agents < 6 else 30)",
        "print('said', agents)",
        parameters="agents = 1\nstrategy = 'parallel'",
    )
    page = opened(chromium, lab, "lab", "sweep.ipynb", [SWEEP])
    errors: list[str] = []
    page.on("pageerror", lambda e: errors.append(str(e)))
    run_all(page)
    page.wait_for_selector(".sg[data-drawn='24']", timeout=120_000)
    squares = page.locator(".grid a")
    page.wait_for_function(
        "() => [...document.querySelectorAll('.jp-OutputArea-output *')].some(e => "
        "e.shadowRoot?.querySelectorAll('.grid a[data-state=d]').length === 14 && "
        "e.shadowRoot?.querySelectorAll('.grid a[data-state=f]').length === 1 && "
        "e.shadowRoot?.querySelectorAll('.grid a[data-state=r]').length === 2)",
        timeout=120_000,
    )
    assert squares.count() == 24
    failed = page.locator(".grid a[data-state=f]")
    failed.focus()
    assert "two cannot agree" in page.locator(".said").inner_text()
    assert "left" in page.locator(".sg [role=status]").inner_text()
    if PICTURE:
        page.locator(".jp-Notebook .jp-Cell").first.screenshot(path=PICTURE)
    with page.context.expect_page() as tab:
        page.locator(".grid a[data-state=d]").first.click()
    other = tab.value
    other.wait_for_selector("text=said 1", timeout=60_000)
    assert "/lab/tree/my-sweep/cells/" in other.url or "/lab/workspaces/" in other.url
    other.close()
    page.get_by_role("button", name="Stop the sweep").click()
    page.wait_for_selector("text=ended with {", timeout=60_000)
    assert page.locator(".grid a[data-state=r]").count() == 0 and page.locator(".grid a[data-state=d]").count() == 14
    assert page.get_by_role("button", name="Stop the sweep").count() == 0 and errors == []
    assert page.locator(".jp-OutputArea-output[data-mime-type*=stderr]").count() == 0  # stopping is no error
    page.context.close()
