"""The notebooks of the repository: each has parameters, opens with its question, holds no outputs, and runs offline."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.sweeping import notebook
from tools.gallery import GALLERY, ROOT, gallery
from workbench import Sweep
from workbench.errors import DataError
from workbench.sweeps import catalogue
from workbench.sweeps.parameters import load_notebook

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
SMALL = {
    "agent_count": [
        {"agents": 3, "limit": 6},
        {"strategy": "single", "limit": 6},
        {"strategy": "decompose", "limit": 4},
    ]
}
"""Cells that show that a notebook's parameters do something; the others run with their defaults."""


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_notebook_is_committed_clean_and_asks_first(path: Path) -> None:
    cells = load_notebook(path)["cells"]
    assert cells[0]["cell_type"] == "markdown" and "".join(cells[0]["source"]).startswith("# ")
    assert all(not c.get("outputs") and c.get("execution_count") is None for c in cells)
    assert "widgets" not in json.loads(path.read_text())["metadata"]


def test_start_here_runs_offline(tmp_path: Path) -> None:
    frame = Sweep("start_here", [{"limit": 4}], out=tmp_path / "s").run(timeout_s=300).frame()
    assert list(frame["status"]) == ["done"], frame["error"].tolist()


def test_the_catalogue_names_every_notebook_with_parameters() -> None:
    entry = catalogue.entries()["agent_count"]
    assert entry.question == "How many agents does it take?" and entry.parameters["agents"].default == 5
    assert catalogue.find("agent_count") == entry.path


def test_a_copy_goes_where_nothing_is(tmp_path: Path) -> None:
    copied = catalogue.copy("agent_count", tmp_path)
    assert load_notebook(copied)["cells"]
    with pytest.raises(ValueError, match="is there already"):
        catalogue.copy("agent_count", copied)


def test_the_gallery_keeps_what_was_said_and_drawn_and_nothing_of_the_machine(tmp_path: Path) -> None:
    path = notebook(
        tmp_path / "small.ipynb",
        "import os, matplotlib.pyplot as plt, numpy as np\nprint(out, os.path.abspath(np.__file__)[:0])",
        "plt.figure(figsize=(20, 12), dpi=150); plt.imshow(np.random.default_rng(0).random((600, 800, 3)));",
    )
    seconds = gallery([str(path)], tmp_path / "gallery", tmp_path / "work")
    made = tmp_path / "gallery" / "small.ipynb"
    text = made.read_text()
    assert seconds["small"] > 0 and len(text) < 1_000_000 and "papermill" not in text and "injected" not in text
    assert str(ROOT) not in text and "image/png" in text
    with pytest.raises(DataError, match="ZeroDivisionError"):
        gallery([str(notebook(tmp_path / "bad.ipynb", "1 / 0"))], tmp_path / "gallery", tmp_path / "work")


@pytest.mark.parametrize("path", sorted(GALLERY.glob("*.ipynb")), ids=lambda p: p.stem)
def test_an_executed_notebook_of_the_gallery_shows_its_answer(path: Path) -> None:
    notebook = load_notebook(path)
    said = [output for cell in notebook["cells"] for output in cell.get("outputs", ())]
    assert path.stem in catalogue.entries() and path.stat().st_size < 1_000_000
    assert any("image/png" in output.get("data", {}) for output in said)
    assert not any(output["output_type"] == "error" for output in said)
    text = path.read_text()
    assert "widget-state" not in text and "/work/" not in text and "/home/" not in text


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(catalogue.entries()))
def test_a_notebook_runs_offline(name: str, tmp_path: Path) -> None:
    sweep = Sweep(catalogue.find(name), SMALL.get(name, [{}]), out=tmp_path / name).run(timeout_s=300)
    frame = sweep.frame()
    assert set(frame["status"]) == {"done"}, frame["error"].tolist()
    if name == "agent_count":
        assert frame["run"].notna().all() and (frame["accuracy_low"] <= frame["accuracy_high"]).all()
