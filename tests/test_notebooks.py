"""The notebooks of the repository: each has parameters, opens with its question, holds no outputs, and runs offline."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from workbench import Sweep
from workbench.sweeps import catalogue
from workbench.sweeps.parameters import load_notebook

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
SMALL = {"agent_count": [{"agents": 3, "limit": 6}, {"strategy": "single", "limit": 6}, {"strategy": "decompose", "limit": 4}]}
"""Cells that show that a notebook's parameters do something; the others run with their defaults."""


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_notebook_is_committed_clean_and_asks_first(path: Path) -> None:
    cells = load_notebook(path)["cells"]
    assert cells[0]["cell_type"] == "markdown" and "".join(cells[0]["source"]).startswith("# ")
    assert all(not c.get("outputs") and c.get("execution_count") is None for c in cells)
    assert "widgets" not in json.loads(path.read_text())["metadata"]


def test_the_catalogue_names_every_notebook_with_parameters() -> None:
    entry = catalogue.entries()["agent_count"]
    assert entry.question == "How many agents does it take?" and entry.parameters["agents"].default == 5
    assert catalogue.find("agent_count") == entry.path


def test_a_copy_goes_where_nothing_is(tmp_path: Path) -> None:
    copied = catalogue.copy("agent_count", tmp_path)
    assert load_notebook(copied)["cells"]
    with pytest.raises(ValueError, match="is there already"):
        catalogue.copy("agent_count", copied)


@pytest.mark.parametrize("name", sorted(catalogue.entries()))
def test_a_notebook_runs_offline(name: str, tmp_path: Path) -> None:
    sweep = Sweep(catalogue.find(name), SMALL.get(name, [{}]), out=tmp_path / name).run(timeout_s=300)
    frame = sweep.frame()
    assert set(frame["status"]) == {"done"}, frame["error"].tolist()
    if name == "agent_count":
        assert frame["run"].notna().all() and (frame["accuracy_low"] <= frame["accuracy_high"]).all()
