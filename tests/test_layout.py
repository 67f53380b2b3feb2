"""Layout: golden files of what every picture is drawn from, and what holds for any trace."""

from __future__ import annotations

import itertools
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.weaving import TRACES, fan, sketch
from workbench.layout import COLUMNS, Layout, layout
from workbench.layout.answers import key
from workbench.widgets.view import View, clock, slots, ticks

GOLDEN = Path(__file__).parent / "golden"


def text(of: Layout) -> str:
    """A layout as lines one can read in a diff."""
    head = of.head()
    lines = [f"{of.duration_ms:g} ms, {of.steps:g} steps"]
    lines += [f"group {g}" for g in head["groups"]]
    for name in ("lanes", "nodes", "joints"):
        lines += [f"{name[:-1]} {i} {json.dumps(x, ensure_ascii=False)}" for i, x in enumerate(head[name])]
    lines += [f"seam {at:g} {weight:g}" for at, weight in of.seams]
    rows = zip(*(of.columns[c] for c in COLUMNS), strict=True)
    lines += ["mark " + " ".join(f"{c}={v:g}" for c, v in zip(COLUMNS, row, strict=True)) for row in rows]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("name", ["sketch", "debate", "decompose", "nested", "foreign"])
def test_golden(name: str) -> None:
    place = GOLDEN / f"layout.{name}.txt"
    found = text(layout(TRACES[name]()))
    if os.environ.get("GOLDEN") == "write":
        place.write_text(found)
    assert found == place.read_text(), "GOLDEN=write rewrites it; look at the difference first"


def test_the_order_of_the_spans_does_not_matter() -> None:
    spans = sketch()
    assert text(layout(spans)) == text(layout(spans[::-1]))


def test_nothing_is_laid_out_as_nothing() -> None:
    empty = layout([])
    assert empty.lanes == [] and empty.packed() == b"" and empty.duration_ms == 0


@pytest.mark.parametrize("name", list(TRACES))
def test_marks_of_one_row_never_overlap(name: str) -> None:
    columns = layout(TRACES[name]()).columns
    for lane in np.unique(columns["lane"]):
        for sub in np.unique(columns["sub"]):
            mine = (columns["lane"] == lane) & (columns["sub"] == sub)
            order = np.argsort(columns["start_ms"][mine], kind="stable")
            start, end = columns["start_ms"][mine][order], columns["end_ms"][mine][order]
            assert np.all(start[1:] >= end[:-1])


@pytest.mark.parametrize("name", list(TRACES))
@pytest.mark.parametrize("by", ["time", "structure"])
def test_pixels_keep_the_order_of_time_and_lanes_do_not_touch(name: str, by: str) -> None:
    of = layout(TRACES[name]())
    view = View(of, 100, 800, 70, by)
    whole = of.duration_ms if by == "time" else of.steps
    at = np.linspace(0, whole, 200)
    assert np.all(np.diff([view.x_end(t) for t in at]) >= 0)
    assert all(view.x_end(t) <= view.x_start(t) for t in at)
    assert view.x_end(whole) <= 800 + 1e-6
    rows = [(view.y_mark(n, 0) - view.bar / 2, view.y_mark(n, lane.rows - 1) + view.bar / 2)
            for n, lane in enumerate(of.lanes) if not lane.among]  # fmt: skip
    assert all(low <= high for (_, low), (high, _) in itertools.pairwise(rows))


def test_the_share_of_the_bar_is_the_share_of_the_votes() -> None:
    of = layout(fan(9, ("1", "1", "2")))
    found, top, bottom = slots(View(of, 0, 500, 0), [n for n, x in enumerate(of.nodes) if x.kind == "thread"], 100)
    first = sum(w for n, _, w in found if of.nodes[n].group == 0)
    assert first / (bottom - top) == pytest.approx(6 / 9)


def test_answers_are_the_same_where_their_number_or_words_are() -> None:
    assert key("1,234") == key("1234.0") == key(" $1234 ")
    assert key("Paris ") == key("paris") != key("London")
    assert key(None) is None and key("  ") is None


@given(st.floats(1e-3, 1e9), st.floats(10, 4000))
def test_ticks_are_few_round_and_inside(whole: float, room: float) -> None:
    at = ticks(whole, room)
    assert at[0] == 0 and at[-1] <= whole * (1 + 1e-6) and len(at) <= room / 72 + 2
    if len(at) > 1:
        assert len({clock(v, at[1]) for v in at}) == len(at)


def placed(name: str) -> dict[str, Any]:
    """Where the still puts a trace; widgets/test/layout.test.ts asks the browser's side for the same."""
    of = layout(TRACES[name]())
    at = {}
    for by in ("time", "structure"):
        view = View(of, 100, 800, 70, by)
        whole = of.duration_ms if by == "time" else of.steps
        moments = sorted({*(i * whole / 20 for i in range(21)), *(at for at, _ in view.seams)})
        joins = [slots(view, j.sources, 200.0)[0] for j in of.joints if j.kind == "join"]
        at[by] = {
            "seams": view.seams,
            "scale": view.scale,
            "x": [(t, view.x_start(t), view.x_end(t)) for t in moments],
            "y": [[view.y_mark(n, sub) for sub in range(lane.rows)] for n, lane in enumerate(of.lanes)],
            "slots": joins,
        }
    return {"head": of.head(), "at": at}


def test_still_and_browser_put_everything_at_the_same_place() -> None:
    place = GOLDEN / "view.json"
    found = json.loads(json.dumps({name: placed(name) for name in ("sketch", "debate", "decompose", "nested", "two")}))
    if os.environ.get("GOLDEN") == "write":
        place.write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n")
    wanted = json.loads(place.read_text())
    assert found == rounded(wanted, found), (
        "GOLDEN=write rewrites it; then `npm test` in widgets/ checks the browser's side"
    )


def rounded(wanted: Any, found: Any) -> Any:
    """`wanted`, with numbers replaced by those of `found` that differ in the last places only."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        return {k: rounded(v, found.get(k)) for k, v in wanted.items()}
    if isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        return [rounded(a, b) for a, b in zip(wanted, found, strict=True)]
    both = isinstance(wanted, float) and isinstance(found, float)
    return found if both and found == pytest.approx(wanted, abs=1e-6) else wanted
