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
from workbench.share import WIDGET_STATE, WIDGET_VIEW, share, strip_widgets
from workbench.store import SpanSet
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
    assert '<img' not in body["before"]  # the trap: this page is blank where the network is cut
    assert '<img' in body["after"] and "widget-view" not in body["after"]


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
