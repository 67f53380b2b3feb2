"""Grids, parameters and the identity of cells: what a sweep decides before anything runs."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.sweeping import notebook
from workbench import Grid, Sweep, UsageError
from workbench.errors import DataError
from workbench.sweeps.cells import plan
from workbench.sweeps.conditions import Condition
from workbench.sweeps.parameters import load_notebook, parse_axis, read_parameters

NAMES = st.sampled_from(["a", "b", "c", "d"])
VALUES = st.lists(st.integers(0, 9) | st.sampled_from(["x", "y"]), min_size=1, max_size=4, unique=True)


@given(st.dictionaries(NAMES, VALUES, min_size=1, max_size=4))
def test_a_product_has_every_combination_once(axes: dict[str, list[object]]) -> None:
    cells = Grid(axes).expand()
    assert [tuple(cell.values()) for cell in cells] == list(product(*axes.values()))


@given(st.dictionaries(NAMES, VALUES, min_size=1), st.integers(1, 4))
def test_repeats_count_up_from_the_seed(axes: dict[str, list[object]], repeats: int) -> None:
    cells = Grid(axes, repeats=repeats).expand({"seed": 7})
    assert len(cells) == repeats * len(Grid(axes).expand())
    if repeats > 1:
        assert {cell["seed"] for cell in cells} == set(range(7, 7 + repeats))


def test_zip_rows_lists_and_conditions() -> None:
    grid = Grid(
        {"agents": [1, 3]}, zip={"mix": ["s", "m"], "limit": [5, 9]}, cells=[{"agents": 8}], where="agents != 3"
    )
    assert grid.expand({"limit": 1}) == [
        {"agents": 1, "mix": "s", "limit": 5},
        {"agents": 1, "mix": "m", "limit": 9},
        {"agents": 8},
    ]


def test_a_file_says_the_same_as_python(tmp_path: Path) -> None:
    path = tmp_path / "grid.yaml"
    path.write_text("product: {agents: [1, 2], strategy: parallel}\nwhere: agents > 1\nrepeats: 2\n")
    assert Grid.of(path) == Grid({"agents": [1, 2], "strategy": ["parallel"]}, where=("agents > 1",), repeats=2)
    path.write_text("agents: [1, 2]\n")
    assert Grid.of(path).expand() == [{"agents": 1}, {"agents": 2}]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Grid({"a": []}), "no values"),
        (lambda: Grid(zip={"a": [1], "b": [1, 2]}), "equally long"),
        (lambda: Grid({"a": [1]}, zip={"a": [1]}), "in product and in zip"),
        (lambda: Grid({"a": [1]}, repeats=0), "repeats"),
        (lambda: Grid({"a": [1]}, where="a >"), "cannot be read"),
        (lambda: Grid({"agents": [1]}, where="agnets > 1").expand(), "did you mean 'agents'"),
        (lambda: Grid({"a": [1]}, where="__import__('os')").expand(), "may only compare"),
        (lambda: Grid({f"x{i}": range(100) for i in range(4)}).expand(), "surely a mistake"),
    ],
)
def test_a_wrong_grid_is_named(make: object, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        make()  # type: ignore[operator]


def test_the_grid_in_the_documentation_says_what_its_words_say(tmp_path: Path) -> None:
    import re

    page = (Path(__file__).parents[1] / "docs" / "howto" / "sweep.md").read_text()
    path = tmp_path / "grid.yaml"
    path.write_text(re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)[0])
    found = Sweep("agent_count", path, out=tmp_path / "out").cells
    rows = [dict(cell.parameters) for cell in found]
    assert len(rows) == 3 * ((4 + 3) * 2 + 1) and {row["seed"] for row in rows} == {0, 1, 2}
    assert {(row["mix"], row["limit"]) for row in rows if "mix" in row} == {("abacus-s", 60), ("abacus-m", 20)}
    assert {row["agents"] for row in rows if row["strategy"] == "debate"} == {3, 5, 8}


def test_a_wrong_key_in_a_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "grid.yaml"
    path.write_text("product: {a: [1]}\nrepeat: 3\n")
    with pytest.raises(DataError, match=r"unknown key 'repeat'.*'repeats'"):
        Grid.load(path)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text("ab,[]", max_size=4), st.lists, max_leaves=5))
def test_json_values_survive_the_command_line(value: object) -> None:
    assert parse_axis(f"a={json.dumps(value)},{json.dumps(value)}") == ("a", [value, value])


def test_a_text_parameter_keeps_its_text(tmp_path: Path) -> None:
    parameters = read_parameters(load_notebook(notebook(tmp_path / "n.ipynb", parameters="mix = 's'\nn = 1\nf = 0.5")))
    assert parse_axis("mix=1,true,a/b:c", parameters) == ("mix", ["1", "true", "a/b:c"])
    assert parse_axis("n=1,2", parameters) == ("n", [1, 2])
    with pytest.raises(UsageError, match="name=value"):
        parse_axis("n", parameters)


PARAMETERS = """strategy = "parallel"  # which one
agents: int = 5
mix: str | dict = "abacus-s"
limit: int | None = None
share = 0.5
out = None
"""


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ({"agnets": 3}, "no parameter 'agnets'; did you mean 'agents'"),
        ({"agents": "three"}, "'agents' is int .default 5., got 'three'"),
        ({"agents": True}, "'agents' is int"),
        ({"share": "x"}, "'share' is float"),
        ({"out": "here"}, "the sweep names the folder"),
    ],
)
def test_parameters_are_checked_before_anything_runs(tmp_path: Path, cell: dict[str, object], words: str) -> None:
    path = notebook(tmp_path / "n.ipynb", parameters=PARAMETERS)
    with pytest.raises(UsageError, match=words):
        Sweep(path, [cell], out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_types_follow_default_and_annotation(tmp_path: Path) -> None:
    path = notebook(tmp_path / "n.ipynb", parameters=PARAMETERS)
    cells = [{"agents": 3, "mix": {"a": 1}}, {"mix": "b", "limit": 3, "share": 1}, {"limit": None}]
    assert len(Sweep(path, cells, out=tmp_path / "out").cells) == 3
    assert read_parameters(load_notebook(path))["strategy"].comment == "which one"


def test_a_notebook_that_cannot_be_told_anything_is_refused(tmp_path: Path) -> None:
    path = notebook(tmp_path / "n.ipynb")
    path.write_text(path.read_text().replace('"parameters"', '"params"'))
    with pytest.raises(UsageError, match="no cell tagged 'parameters'"):
        Sweep(path, {"a": [1]}, out=tmp_path / "out")
    with pytest.raises(UsageError, match=r"did you mean 'n.ipynb'"):
        Sweep(tmp_path / "m.ipynb", {"a": [1]}, out=tmp_path / "out")


def test_identity_is_of_notebook_parameters_and_data_and_nothing_else(tmp_path: Path) -> None:
    data = tmp_path / "tasks.jsonl"
    data.write_text("1")
    path = notebook(tmp_path / "n.ipynb", "print(a)", parameters="a = 1\ntasks = ''")
    content = load_notebook(path)
    rows = [{"a": 1, "tasks": "tasks.jsonl"}]

    def identity() -> str:
        return plan(content, rows, tmp_path)[0].identity

    before = identity()
    content["cells"][1]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "x"}]
    content["metadata"]["widgets"] = {}
    assert identity() == before
    data.write_text("2")
    assert (changed := identity()) != before
    content["cells"][1]["source"] = "print(a, a)"
    assert identity() not in (before, changed)
    assert plan(content, rows, tmp_path)[0].given["tasks"] == str(data.resolve())


@given(st.lists(st.dictionaries(NAMES, st.integers() | st.text(max_size=5), min_size=1), max_size=20))
def test_different_parameters_never_share_a_folder(rows: list[dict[str, object]]) -> None:
    cells = plan({"cells": [], "metadata": {}}, rows)
    different = {json.dumps(row, sort_keys=True) for row in rows}
    assert len({cell.identity for cell in cells}) == len({cell.name for cell in cells}) == len(different)
    assert all("/" not in cell.name and len(cell.name) < 120 for cell in cells)


@given(st.integers(-5, 5), st.integers(-5, 5))
def test_conditions_mean_what_python_means(a: int, b: int) -> None:
    for text in ("a > b", "a == b or not a < 3", "a in [1, b]", "-a <= b < 4", "a * 2 + 1 != b", "a not in (b, 2)"):
        assert Condition(text)({"a": a, "b": b}) == bool(eval(text, {"a": a, "b": b}))
