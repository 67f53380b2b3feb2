"""Share: pages that are whole, small and closed; notebooks whose stills are seen."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import nbformat
import pytest
from nbconvert import HTMLExporter

from tests import weaving
from tests.hostile import TEXTS
from tests.making import attempt
from workbench import TraceGraph
from workbench import semconv as s
from workbench.errors import DataError
from workbench.share import WIDGET_STATE, WIDGET_VIEW, share, share_notebook, strip_widgets
from workbench.share.cells import safe_html
from workbench.store import Run, SpanSet
from workbench.store.writer import RunWriter
from workbench.widgets.page import trace_page
from workbench.widgets.trace import STATIC


def data_of(page: str) -> dict[str, object]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)
    assert found is not None
    return dict(json.loads(found[1]))


def test_a_page_names_no_other_place_and_its_policy_forbids_every_connection(tmp_path: Path) -> None:
    page = share(SpanSet([*attempt(1, task="a"), *attempt(2, task="b")]), tmp_path / "p.html").read_text()
    assert "connect-src 'none'" in page and "default-src 'none'" in page
    assert not re.search(r"<(link|iframe|img|script)[^>]*\b(src|href)=", page)
    assert set(data_of(page)) == {"t0", "t1"}


def test_without_its_data_a_page_is_small() -> None:
    page = trace_page(attempt(1))
    rest = re.sub(r'(id="data">).*?(</script>)', r"\1\2", page, flags=re.S)
    assert len(rest.encode()) <= 400_000
    assert len(gzip.compress((STATIC / "trace.js").read_bytes())) <= 120_000


@pytest.mark.parametrize("name", list(TEXTS))
def test_no_text_breaks_out_of_the_page(name: str) -> None:
    w = weaving.Weaver(**{s.TASK_PROMPT: TEXTS[name]})
    w.call(w.thread(0, 0, 100, TEXTS[name], agent=TEXTS[name]), 0, 100, **{s.OUTPUT_MESSAGES: TEXTS[name]})
    page = trace_page(w.done(TEXTS[name]))
    plain = trace_page(attempt(1))
    assert page.lower().count("<script") == plain.lower().count("<script") == 3
    data_of(page).__getitem__("trace")


def notebook() -> dict[str, object]:
    """A notebook as papermill leaves it: a TraceGraph's output, and its state in the metadata."""
    graph = TraceGraph(attempt(1))
    data, metadata = graph._repr_mimebundle_()
    output = nbformat.v4.new_output("display_data", data, metadata=metadata)
    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("g", outputs=[output])])
    state = {
        graph.model_id: {"model_name": "AnyModel", "model_module": "anywidget", "state": {"_esm": "export default {}"}}
    }
    nb.metadata["widgets"] = {WIDGET_STATE: {"state": state, "version_major": 2, "version_minor": 0}}
    return dict(json.loads(nbformat.writes(nb)))


def test_an_exported_notebook_shows_the_still_and_waits_for_no_cdn() -> None:
    before = nbformat.reads(json.dumps(notebook()), 4)
    after = nbformat.reads(json.dumps(strip_widgets(notebook())), 4)
    nbformat.validate(after)
    body = {name: HTMLExporter().from_notebook_node(nb)[0] for name, nb in (("before", before), ("after", after))}
    assert "<img" not in body["before"]  # the trap: this page is blank where the network is cut
    assert "<img" in body["after"] and "widget-view" not in body["after"]


def test_what_has_no_still_is_left_alone() -> None:
    output = {
        "output_type": "display_data",
        "data": {WIDGET_VIEW: {"model_id": "x"}, "text/plain": "a slider"},
        "metadata": {},
    }
    found = strip_widgets({"cells": [{"cell_type": "code", "outputs": [output]}], "metadata": {}})
    assert found["cells"][0]["outputs"] == [output]
    with pytest.raises(DataError, match="no notebook"):
        strip_widgets({"worksheets": []})


# -- a whole notebook ---------------------------------------------------------------------------------------------------


def executed(folder: Path, monkeypatch: pytest.MonkeyPatch, stills: bool) -> Path:
    """A notebook whose kernel sat in `folder`, where a Run lies; with widget state, or with stills as papermill leaves them."""
    with RunWriter(folder / "r", {"id": "r"}) as writer:
        for span in weaving.debate():
            writer.write(span)
    monkeypatch.chdir(folder)
    if stills:
        monkeypatch.setenv("WORKBENCH_STILLS", "1")
    made = TraceGraph(Run("r"))._repr_mimebundle_()
    data = made[0] if isinstance(made, tuple) else made
    cells = [
        nbformat.v4.new_markdown_cell(f"# A debate\n\n{TEXTS['script']} \n\n[x](javascript:window.hacked=1) **bold**"),
        nbformat.v4.new_code_cell("wb.TraceGraph(run)", outputs=[nbformat.v4.new_output("display_data", data)]),
        nbformat.v4.new_code_cell(
            "frame",
            outputs=[
                nbformat.v4.new_output("stream", text=f"said \x1b[31m{TEXTS['image']}\n"),
                nbformat.v4.new_output(
                    "execute_result", {"text/html": f"<table><tr><td>7</td></tr></table>{TEXTS['svg']}"}
                ),
                nbformat.v4.new_output("error", ename="E", evalue="v", traceback=[TEXTS["end of script"]]),
            ],
        ),
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), folder / "n.ipynb")
    return folder / "n.ipynb"


@pytest.mark.parametrize("stills", [True, False])
def test_a_notebook_is_one_page_with_its_traces_alive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stills: bool
) -> None:
    page = share_notebook(executed(tmp_path, monkeypatch, stills), tmp_path / "n.html").read_text()
    view = data_of(page)["v0"]
    assert isinstance(view, dict) and len(view["details"]) == len(weaving.debate())  # with the stories of its spans
    assert "<strong>bold</strong>" in page and "<td>7</td>" in page and "<title>A debate</title>" in page
    assert page.lower().count("<script") == trace_page(attempt(1)).lower().count("<script")
    body = page[: page.index('<script type="application/json"')]
    assert not re.search(r"<(svg|iframe|style>\*|link)|javascript:|<[^>]*\bon\w+=|\x1b", body)
    assert not re.search(r'<(img|script|link)[^>]*\b(src|href)="(?!data:)', body)
    rest = re.sub(r'(id="data">).*?(</script>)|src="data:[^"]*"', r"\1\2", page, flags=re.S)
    assert len(rest.encode()) <= 400_000


def test_a_notebook_far_from_its_runs_shows_the_stills(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = executed(tmp_path, monkeypatch, True)
    (tmp_path / "far").mkdir()
    monkeypatch.chdir(tmp_path / "far")
    moved = place.rename(tmp_path / "far/n.ipynb")
    page = share_notebook(moved, tmp_path / "n.html").read_text()
    assert data_of(page) == {} and 'src="data:image/png;base64,' in page


def test_what_is_no_notebook_is_said_to_be_none(tmp_path: Path) -> None:
    (tmp_path / "a.ipynb").write_text("{}")
    with pytest.raises(DataError, match="no notebook"):
        share_notebook(tmp_path / "a.ipynb", tmp_path / "a.html")
    with pytest.raises(DataError, match="nowhere"):
        share_notebook(tmp_path / "nowhere.ipynb", tmp_path / "a.html")


@pytest.mark.parametrize("name", list(TEXTS))
def test_markup_of_a_notebook_keeps_only_words_and_tables(name: str) -> None:
    found = safe_html(TEXTS[name])
    assert not re.search(r"<(?!/?(b|a|i|img|p)\b)|<[^>]*\bon\w+\s*=|<[^>]*javascript:|<img[^>]*src=\"(?!data:)", found)
