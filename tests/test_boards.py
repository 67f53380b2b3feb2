"""Compare, Disagreement and SweepExplorer: what they say of runs, how they are driven and linked, and what every place gets."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
import traitlets

import workbench as wb
from tests import weaving
from tests.hostile import TEXTS
from tests.making import attempt
from tests.scripted import play
from tests.test_widgets import all_words_lie_inside_and_apart
from workbench import semconv as s
from workbench.errors import UsageError
from workbench.models.base import Request
from workbench.store import SpanSet
from workbench.widgets.board import Board

TASKS = [wb.Task(f"t{i}", f"What is {i} + 1?", str(i + 1)) for i in range(6)]


def said(request: Request) -> str:
    """All agree on even tasks; on odd ones thread 1 differs; nobody but thread 2 is right on t5."""
    i = int(str(request.task_id)[1:])
    wrong = (i % 2 == 1 and request.sample == 1) or (i == 5 and request.sample != 2)
    return f"Answer: {i + 1 + (10 + request.sample * (i == 5)) * wrong}"


async def made(tmp_path: Path, name: str, agents: int = 3, answer: Any = said) -> wb.Run:
    return await play(answer, wb.Parallel(agents=agents), tmp_path / name, TASKS, wb.ModelMix({"m": agents}))


def say(board: Board, content: Any) -> None:
    board.view._handle_custom_msg(content, [])


# -- disagreement -----------------------------------------------------------------------------------------------------


async def test_the_matrix_says_who_said_what_and_where_to_look(tmp_path: Path) -> None:
    board = wb.Disagreement(await made(tmp_path, "a"))
    rows = {row["key"]: row for row in board.view.data["rows"]}
    assert [cell["group"] for cell in rows["t2"]["cells"]] == [0, 0, 0] and rows["t2"]["support"] == 1
    assert [cell["group"] for cell in rows["t1"]["cells"]] == [0, 1, 0]
    assert rows["t1"]["support"] == pytest.approx(2 / 3)
    looks = board.to_look_at.set_index("key")["look"]
    assert board.to_look_at["key"].iloc[0] == "t5" and looks["t5"] in ("outvoted", "agreed and wrong")
    statistics = wb.disagreement(board.run).set_index("task_id")["look"]
    assert {k: looks[k] for k in rows if k != "t5"} == {k: statistics[k] for k in rows if k != "t5"}


async def test_a_cell_opens_its_trace_at_its_thread(tmp_path: Path) -> None:
    board = wb.Disagreement(await made(tmp_path, "a"))
    say(board, {"type": "select", "keys": ["t1"], "column": 1})
    assert board.selected == ["t1"] and board.view.chosen == ["t1"] and len(board.graphs) == 1
    assert board.selection["thread"].tolist() == [1] and board.selection["answer"].tolist() == ["12"]
    assert board.graphs[0].selected == board.selection["span_id"].tolist()
    say(board, {"type": "select", "keys": ["t1"], "column": -1})
    assert board.selection["thread"].tolist() == [0, 1, 2]
    board.selected = ["t3"]
    assert len(board.graphs) == 1 and len(board.children) == 3
    board.selected = []
    assert board.graphs == () and len(board.children) == 1 and board.selection.empty


@pytest.mark.parametrize("name", list(weaving.TRACES))
def test_any_trace_can_be_looked_at(name: str) -> None:
    spans = weaving.TRACES[name]()
    board = wb.Disagreement(spans)
    assert len(board.row_keys) == 1
    board.selected = board.row_keys
    ET.fromstring(board.scene().svg())
    two = wb.Compare(spans, attempt(1))
    assert two.selected == two.row_keys and len(two.graphs) == 2
    ET.fromstring(two.scene().svg())


# -- compare ------------------------------------------------------------------------------------------------------------


async def test_what_differs_is_marked_and_nothing_else(tmp_path: Path) -> None:
    def other(request: Request) -> str:
        return "Answer: 0" if request.task_id == "t2" else said(request)

    one, two = await made(tmp_path, "one"), await made(tmp_path, "two", answer=other)
    board = wb.Compare({"one": one, "two": two})
    differs = board.differences.set_index("key")["differs"]
    assert differs["t2"] == ["answer", "right"] and all(not differs[k] for k in differs.index if k != "t2")
    board.selected = ["t2"]
    assert [t["mark"] for t in board.view.threads] == ["answer"] * 3
    assert board.selection["compared"].tolist() == ["one", "two"] and board.selection["answer"].tolist() == ["3", "0"]
    accuracy = next(f for f in board.view.data["facts"] if f["name"].startswith("accuracy"))
    assert accuracy["values"][0] == "83.3%" and "-16.7" in accuracy["values"][1] and accuracy["better"] == [None, None]


async def test_threads_that_are_only_in_one_are_told(tmp_path: Path) -> None:
    three, two = await made(tmp_path, "three"), await made(tmp_path, "two", agents=2)
    board = wb.Compare(three, two)
    assert list(board.runs) == ["parallel × 3, m", "parallel × 2, m"]
    board.selected = ["t0"]
    assert [t["mark"] for t in board.view.threads] == ["", "", "only in parallel × 3, m"]
    assert board.differences.set_index("key").loc["t0", "differs"] == []  # how many agents there are is what was varied


async def test_a_fork_is_made_and_laid_beside_its_origin(tmp_path: Path) -> None:
    one, two = await made(tmp_path, "one"), await made(tmp_path, "two")
    asked: list[Request] = []

    def answer(request: Request) -> str:
        asked.append(request)
        return said(request)

    models = {"m": wb.Scripted(answer, name="m")}
    board = wb.Compare({"one": one, "two": two}, settings={"models": models, "out": tmp_path / "fork"})
    board.selected = ["t1"]
    graph = board.graphs[0]
    call = next(
        x for x in graph._spans.values() if x.attributes.get(s.OPERATION) == s.CHAT and x.attributes[s.SAMPLE] == 0
    )
    graph.selected = [call.span_id]
    assert board.view.target["answer"] == "Answer: 2" and board.view.target["model"] == "m"
    assert "What is 1 + 1?" in board.view.target["prompt"]
    say(board, {"type": "fork", "what": "answer", "value": "12"})
    assert board.view.forking["busy"]
    for task in list(board._tasks):
        await task
    assert asked == [] and "0 calls made, 2 reused" in board.view.forking["text"]
    assert list(board.runs) == ["one", "two", "one, another answer"] and board.selected == ["t1"]
    sides = next(r for r in board.view.data["rows"] if r["key"] == "t1")["sides"]
    assert [side["answer"] for side in sides] == ["2", "2", "12"]
    assert "forked from one" in board.view.data["runs"][2]["note"]


async def test_a_fork_that_fails_says_why_and_the_board_lives_on(tmp_path: Path) -> None:
    one, two = await made(tmp_path, "one"), await made(tmp_path, "two")
    board = wb.Compare(one, two, settings={"out": tmp_path / "one"})
    board.selected = ["t1"]
    board.graphs[0].selected = [next(iter(board.graphs[0]._spans))]
    say(board, {"type": "fork", "what": "model", "value": "no/such/model"})
    for task in list(board._tasks):
        await task
    assert board.view.forking["error"] and len(board.runs) == 2
    with pytest.raises(UsageError, match="unknown run"):
        await board.fork("three", "x", answer="1")


def test_a_foreign_trace_cannot_be_forked_and_says_so() -> None:
    board = wb.Compare(attempt(1), attempt(2))
    graph = board.graphs[1]
    graph.selected = [next(iter(graph._spans))]
    assert "not made by the workbench" in board.view.target["why_not"]


def test_wrong_numbers_of_runs_are_told() -> None:
    with pytest.raises(UsageError, match=r"2 to 8.*got 1"):
        wb.Compare(attempt(1))
    with pytest.raises(UsageError, match="Sweep or"):
        wb.SweepExplorer(3)


# -- sweeps -------------------------------------------------------------------------------------------------------------


async def test_the_front_the_recommendation_and_down_to_a_trace(tmp_path: Path) -> None:
    def worse(request: Request) -> str:
        return "Answer: 0" if request.task_id in ("t0", "t1", "t2") else said(request)

    runs = {"good": await made(tmp_path, "good"), "bad": await made(tmp_path, "bad", answer=worse)}
    board = wb.SweepExplorer(runs)
    assert board.recommendation.choice == "good"
    choice = {row["key"]: row for row in board.view.data["choices"]}
    assert choice["good"]["best"] and choice["good"]["front"] and not choice["bad"]["best"]
    assert "good: the most accurate" in board.view.data["reason"]
    say(board, {"type": "brush", "keys": ["bad", "nonsense"]})
    assert board.brushed == ["bad"] and board.shown["choice"].tolist() == ["bad"]
    say(board, {"type": "select", "keys": ["bad"]})
    assert board.selection["choice"].tolist() == ["bad"] and len(board.tasks) == 6
    assert [task["right"] for task in board.view.tasks][:3] == [False] * 3
    say(board, {"type": "open", "key": board.view.tasks[0]["key"]})
    assert len(board.graphs) == 1 and "of bad" in board.children[1].value


class Swept:
    """A sweep as the explorer sees it."""

    axes = ("agents", "gpu", "seed")

    def __init__(self, runs: dict[tuple[int, str, int], wb.Run]) -> None:
        import pandas as pd

        rows = [
            {"agents": a, "gpu": g, "seed": k, "status": "done", "run": str(run.path)}
            for (a, g, k), run in runs.items()
        ]
        self._frame = pd.DataFrame(rows)
        self.choices = wb.choices({f"agents={a}, gpu={g}": [r for (b, h, _), r in runs.items() if (a, g) == (b, h)]
                                   for a, g, _ in runs})  # fmt: skip

    def frame(self) -> Any:
        return self._frame

    def pareto(self, objectives: Any) -> Any:
        return self.choices.pareto(objectives)

    def recommend(self, **limits: Any) -> Any:
        return self.choices.recommend(**limits)


async def test_a_sweep_is_brushed_by_what_it_varied(tmp_path: Path) -> None:
    keys = [(1, "l4", 0), (1, "l4", 1), (3, "h200", 0), (3, "h200", 1)]
    runs = {k: await made(tmp_path, "-".join(map(str, k)), agents=k[0]) for k in keys}
    board = wb.SweepExplorer(Swept(runs))
    assert board.view.data["axes"] == [
        {"name": "agents", "values": ["1", "3"]},
        {"name": "gpu", "values": ["l4", "h200"]},
    ]
    board.selected = ["agents=3, gpu=h200"]
    assert len(board.tasks) == 12  # two seeds
    assert {task["key"].split("/")[0] for task in board.view.tasks} == {"0", "1"}


# -- linked, hostile, still ---------------------------------------------------------------------------------------------


async def test_one_drives_the_other(tmp_path: Path) -> None:
    one, two = await made(tmp_path, "one"), await made(tmp_path, "two")
    matrix, compare = wb.Disagreement(one), wb.Compare({"one": one, "two": two})
    link = traitlets.link((matrix, "selected"), (compare, "selected"))
    say(matrix, {"type": "select", "keys": ["t5"], "column": 0})
    assert compare.selected == ["t5"] and len(compare.graphs) == 2 and compare.view.chosen == ["t5"]
    compare.selected = ["t0"]
    assert matrix.selected == ["t0"] and matrix.view.chosen == ["t0"]
    link.unlink()


BAD: list[Any] = [None, 3, {}, {"type": "select"}, {"type": "select", "keys": "t1"}, {"type": "select", "keys": [{}]},
                  {"type": "select", "keys": ["nowhere"], "column": 10**9}, {"type": "open", "key": "9/x"},
                  {"type": "open", "key": "-1/t1"}, {"type": "brush", "keys": 7},
                  {"type": "fork", "what": "__class__", "value": "x"},
                  {"type": "fork", "what": "answer", "value": "x"}]  # fmt: skip


@pytest.mark.parametrize("message", BAD)
def test_nonsense_from_the_browser_changes_nothing(message: Any) -> None:
    one, two = SpanSet(attempt(1, task="t1")), SpanSet(attempt(2, task="t1"))
    for board in (wb.Disagreement(one), wb.Compare({"a": one, "b": two}), wb.SweepExplorer({"a": one, "b": two})):
        before = board.selected
        say(board, message)
        assert board.selected in (before, [])


def test_unknown_rows_are_refused() -> None:
    with pytest.raises(UsageError, match="unknown row 't2'"):
        wb.Disagreement(attempt(1, task="t1")).selected = ["t2"]


def boards(text: str) -> list[Board]:
    w = weaving.Weaver(**{s.TASK_ID: text, s.TASK_PROMPT: text, s.STRATEGY: text, s.TASK_TARGET: text})
    for i in range(3):
        w.call(
            w.thread(i, 0, 100, text + str(i % 2), agent=text),
            0,
            100,
            **{s.REQUEST_MODEL: text, s.OUTPUT_MESSAGES: text},
        )
    one = SpanSet(w.done(text))
    two = SpanSet(attempt(2))
    made = [
        wb.Disagreement(one),
        wb.Compare({text: one, "b": two}),
        wb.SweepExplorer({text: two, "b": SpanSet(attempt(3))}),
    ]
    made[0].selected = made[0].row_keys
    return made


@pytest.mark.parametrize("name", list(TEXTS))
def test_hostile_text_is_only_text(name: str) -> None:
    for board in boards(TEXTS[name]):
        svg = board.scene().svg()
        ET.fromstring(svg)
        assert "<script" not in svg and "\x1b" not in svg
        page = board.page()
        assert len(re.findall("<script", page)) == len(re.findall("</script>", page)) == 4
        assert not [child.value for child in board.children[1:] if "<script" in getattr(child, "value", "")]


@pytest.mark.parametrize(("width_px", "theme"), [(480, "light"), (960, "dark")])
def test_all_words_of_a_still_lie_inside_and_apart(width_px: float, theme: str) -> None:
    for board in boards("a plain question about nothing much"):
        all_words_lie_inside_and_apart(board.scene(width_px=width_px, theme=theme), width_px)


def test_every_place_gets_what_it_can_show(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for board in boards("x"):
        data, _ = board._repr_mimebundle_()
        assert {"application/vnd.jupyter.widget-view+json", "image/png", "text/plain"} <= set(data)
        for suffix, begin in (("svg", b"<svg"), ("png", b"\x89PNG"), ("html", b"<!doctype html>")):
            assert board.save(tmp_path / f"x.{suffix}").read_bytes().startswith(begin)
        with pytest.raises(UsageError, match=r"\.pdf"):
            board.save(tmp_path / "x.pdf")
    monkeypatch.setenv("WORKBENCH_STILLS", "1")
    still, size = boards("x")[0]._repr_mimebundle_()
    assert set(still) == {"image/png", "text/plain"} and size == {"image/png": {"width": 960}}


async def test_a_page_holds_the_traces_of_its_rows_and_their_details(tmp_path: Path) -> None:
    one, two = await made(tmp_path, "one"), await made(tmp_path, "two")
    page = wb.Compare({"one": one, "two": two}).page()
    data = json.loads(re.search(r'id="data">(.*?)</script>', page, re.S)[1])  # type: ignore[index]
    opens = data["board"]["opens"]
    assert len(opens) == 6 and all(len(row["views"]) == 2 and row["set"]["threads"] for row in opens.values())
    assert "connect-src 'none'" in page and len(data) == 13
