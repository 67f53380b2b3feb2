"""Widgets: stills, messages between browser and kernel, and what each place gets to see."""

from __future__ import annotations

import base64
import io
import itertools
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests import weaving
from tests.hostile import TEXTS
from tests.making import attempt
from workbench import LiveRun, ModelMix, Scripted, TraceGraph, UsageError, load_tasks, run, save_picture
from workbench import semconv as s
from workbench.layout import layout
from workbench.store import SpanSet
from workbench.widgets.display import run_bundle
from workbench.widgets.draw import draw
from workbench.widgets.letters import clean, elide, width
from workbench.widgets.palette import DARK, LIGHT, Palette
from workbench.widgets.scene import Scene, Words
from workbench.widgets.still import still_png, still_svg
from workbench.widgets.trace import STATIC
from workbench.widgets.wording import standing

SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("name", list(weaving.TRACES))
@pytest.mark.parametrize("by", ["time", "structure"])
def test_a_still_is_one_vector_file_that_needs_nothing_else(name: str, by: str) -> None:
    root = ET.fromstring(still_svg(layout(weaving.TRACES[name]()), by=by))
    assert {e.tag for e in root.iter()} <= {SVG + t for t in ("svg", "title", "desc", "rect", "path")}
    assert not [a for e in root.iter() for a in e.attrib if "href" in a or a.startswith("on")]


def all_words_lie_inside_and_apart(scene: Scene, width_px: float) -> None:
    boxes = []
    for w in (i for i in scene.items if isinstance(i, Words) and i.text):
        wide = width(w.text, w.size, w.bold)
        left = w.x - {"start": 0.0, "middle": 0.5, "end": 1.0}[w.anchor] * wide
        assert left >= -1 and left + wide <= width_px + 1, w.text
        boxes.append((left, w.y - w.size * 0.72, left + wide, w.y, w.text))
    for a, b in itertools.combinations(boxes, 2):
        assert min(a[2], b[2]) - max(a[0], b[0]) <= 1 or min(a[3], b[3]) - max(a[1], b[1]) <= 1, (a, b)


@pytest.mark.parametrize("name", list(weaving.TRACES))
@pytest.mark.parametrize("width_px", [480, 960])
def test_all_words_lie_inside_the_picture_and_apart(name: str, width_px: float) -> None:
    all_words_lie_inside_and_apart(draw(layout(weaving.TRACES[name]()), width_px=width_px), width_px)


def test_png_is_the_same_picture() -> None:
    image = Image.open(io.BytesIO(still_png(layout(weaving.sketch()), scale=1)))
    scene = draw(layout(weaving.sketch()))
    assert image.size == (round(scene.width), round(scene.height))
    colours = {c for _, c in image.convert("RGB").getcolors(1 << 20) or []}
    assert any(max(abs(a - b) for a, b in zip(c, (0x0B, 0x72, 0x85), strict=True)) < 8 for c in colours)


def test_pictures_go_to_the_file_one_names(tmp_path: Path) -> None:
    run_ = SpanSet([*attempt(1, task="7"), *attempt(2, task="8")])
    for suffix in ("svg", "png", "html"):
        assert save_picture(run_, "8", tmp_path / f"p.{suffix}").stat().st_size > 1000
    with pytest.raises(UsageError, match=r"\.pdf.*\.svg"):
        save_picture(run_, "8", tmp_path / "p.pdf")


@pytest.mark.parametrize("palette", [LIGHT, DARK])
def test_colours_pass_aa_on_their_ground_and_stay_apart_for_colour_blind_readers(palette: Palette) -> None:
    for colour in (palette.ink, palette.soft, palette.error, *palette.answers):
        assert contrast(colour, palette.ground) >= 4.5, colour
    assert contrast(palette.none, palette.ground) >= 3  # a mark, not text
    for matrix in VISIONS:
        seen = [lab(matrix @ linear(c)) for c in palette.answers]
        assert min(np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2)) > 20


# simulated with Machado, Oliveira & Fernandes (2009), severity 1
VISIONS = [
    np.eye(3),
    np.array([[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]),
    np.array([[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]),
    np.array([[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]),
]


def linear(colour: str) -> Any:
    c = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def contrast(a: str, b: str) -> float:
    low, high = sorted(float(linear(c) @ [0.2126, 0.7152, 0.0722]) for c in (a, b))
    return (high + 0.05) / (low + 0.05)


def lab(rgb: Any) -> Any:
    m = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = m @ np.clip(rgb, 0, 1) / np.array([0.9505, 1, 1.089])
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


# -- the widget -----------------------------------------------------------------------------------------------------


class Browser:
    """The other side of the comm: what the widget sends, and a way to speak to it."""

    def __init__(self, widget: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.heard: list[tuple[Any, Any]] = []
        monkeypatch.setattr(widget, "send", lambda content, buffers=None: self.heard.append((content, buffers)))
        self.say = lambda content: widget._handle_custom_msg(content, [])


def test_a_click_becomes_a_selection_and_a_selection_a_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = TraceGraph(attempt(1, agents=3))
    browser = Browser(graph, monkeypatch)
    chat = next(i for i, x in enumerate(graph.layout_.ids) if graph._spans[x].attributes[s.OPERATION] == s.CHAT)
    browser.say({"type": "select", "rows": [chat]})
    assert graph.selected == [graph.layout_.ids[chat]] and graph.selected_rows == [chat]
    assert graph.selection["output_tokens"].tolist() == [5]
    browser.say({"type": "detail", "row": chat})
    assert dict(browser.heard[-1][0]["detail"]["facts"])["tokens out"] == "5"


@pytest.mark.parametrize(
    "message", [None, 3, {}, {"type": "select", "rows": "x"}, {"type": "select", "rows": [-1, 10**9, None]},
                {"type": "detail", "row": 10**9}, {"type": "detail"}, {"type": "stop"}]
)  # fmt: skip
def test_nonsense_from_the_browser_changes_nothing(message: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = TraceGraph(attempt(1))
    browser = Browser(graph, monkeypatch)
    browser.say(message)
    assert graph.selected == [] and browser.heard == []


def test_wrong_arguments_name_what_is_allowed() -> None:
    with pytest.raises(UsageError, match=r"tims.*time"):
        TraceGraph(attempt(1), by="tims")
    with pytest.raises(UsageError, match="nowhere"):
        TraceGraph(attempt(1)).selected = ["nowhere"]


def test_every_place_gets_what_it_can_show(monkeypatch: pytest.MonkeyPatch) -> None:
    data, _ = TraceGraph(attempt(1))._repr_mimebundle_()
    assert {"application/vnd.jupyter.widget-view+json", "image/png", "text/plain"} <= set(data)
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG") and "threads" in data["text/plain"]
    monkeypatch.setenv("WORKBENCH_STILLS", "1")
    still, size = TraceGraph(attempt(1))._repr_mimebundle_()
    assert set(still) == {"image/png", "text/plain"} and size == {"image/png": {"width": 960}}
    assert set(run_bundle(SpanSet(attempt(1)))) == {"image/png"} and run_bundle(SpanSet([])) == {}


def test_state_of_ten_thousand_spans_is_small() -> None:
    w = weaving.Weaver()
    for i in range(20):
        thread = w.thread(i, 0, 5000, "1")
        for k in range(500):
            w.call(thread, k * 10, k * 10 + 8, text="x" * 2000)
    graph = TraceGraph(w.done())
    assert len(graph.marks) + len(str(graph.head)) < 1_000_000
    data, _ = graph._repr_mimebundle_()
    saved = (
        len(graph.marks) * 4 / 3
        + len(str(graph.head))
        + len(data["image/png"])
        + len((STATIC / "trace.js").read_text())
    )
    assert saved < 3_000_000  # of a notebook that keeps the widget's state


@pytest.mark.parametrize("name", list(TEXTS))
def test_hostile_text_is_only_text(name: str) -> None:
    text = TEXTS[name]
    w = weaving.Weaver(**{s.TASK_PROMPT: text, s.STRATEGY: text})
    thread = w.thread(0, 0, 100, text, agent=text)
    w.call(thread, 0, 100, **{s.REQUEST_MODEL: text, s.OUTPUT_MESSAGES: text})
    spans = w.done(text)
    svg = still_svg(layout(spans))
    ET.fromstring(svg)
    assert "<script" not in svg and "\x1b" not in svg
    TraceGraph(spans)._heard(None, {"type": "detail", "row": 2}, [])
    line = clean(text)
    assert "\n" not in line and not set(line) & set("\x00\x1b\u202e\u2066\u200f") and len(line) <= 400


def test_elided_text_fits() -> None:
    for room in (14, 50, 200):
        assert width(elide("the quick brown fox jumps over the lazy dog", room, 12), 12) <= room


# -- live ---------------------------------------------------------------------------------------------------------------


async def test_a_run_is_seen_while_it_goes_on_and_stops_when_asked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pulled: list[int] = []
    live = LiveRun(lambda: pulled.append(1))
    browser = Browser(live, monkeypatch)
    model = Scripted(lambda r: "I think that the answer is 3", latency_s=0.3)
    tasks = load_tasks("arithmetic", n=4, difficulty=(1, 2), seed=0)
    await run(tasks, "parallel", ModelMix({"scripted": 3}), models={"scripted": model}, listeners=[live], stream=True,
              at_once=2, out=tmp_path / "r")  # fmt: skip
    frames = [content["head"] for content, _ in browser.heard if content["type"] == "frame"]
    assert any("think" in text for frame in frames for _, text in frame["live"]["tails"])
    assert len(frames) <= 25  # 24 calls of 7 pieces in about a second
    assert {frame["text"]["subtitle"].split(" · ")[1] for frame in frames} == {
        "5 agents"
    }  # from the start, not as they come
    assert any(frame["text"]["notes"][-1:] == [["5 at work", None]] and not frame["text"]["answer"] for frame in frames)
    assert frames[-1]["live"]["state"] == "ended" and frames[-1]["live"]["done"] == 4
    assert pulled == []


def test_stop_reaches_the_run_once(monkeypatch: pytest.MonkeyPatch) -> None:
    pulled: list[int] = []
    live = LiveRun(lambda: pulled.append(1))
    browser = Browser(live, monkeypatch)
    browser.say({"type": "stop"})
    browser.say({"type": "stop"})
    assert pulled == [1]


def test_answers_so_far_are_seen_before_the_synthesis() -> None:
    w = weaving.Weaver(**{s.AGENTS: 4})
    for i, answer in enumerate(("562", "562", "526", None)):
        w.call(w.thread(i, 0, 100 + i, answer), 0, 100 + i)
    of = layout(w.done(None))
    assert [text for text, _ in standing(of)] == ["562  × 2", "526  × 1", "1 at work"]


def test_where_the_kernel_hears_no_button_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workbench.widgets.live.hears", lambda: False)
    words = LiveRun(lambda: None)._words()
    assert not words["can_stop"] and "I twice" in words["hint"]
    monkeypatch.undo()
    assert LiveRun(lambda: None)._words()["can_stop"] and not LiveRun(lambda: None)._words()["hint"]
