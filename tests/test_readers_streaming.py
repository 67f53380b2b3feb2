"""Large files of any format: read in a stream, where traces end while others are read, they give the Run of the whole file."""

from __future__ import annotations

import random
from dataclasses import replace

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.making import attempt
from tests.test_readers_blocks import imported
from workbench.otlp import encode as otlp
from workbench.otlp.notes import Notes
from workbench.readers import streaming
from workbench.spans import Span
from workbench.store import columns


def streamed(spans: list[Span], batch: int) -> tuple[list[list[Span]], Notes]:
    """What comes out of the stream, table by table."""
    notes = Notes()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streaming, "BATCH", batch)
        return [list(columns.spans(table)) for table in streaming.tables(spans, "r", notes)], notes


@given(
    seed=st.integers(0, 10**6),
    batch=st.integers(1, 40),
    oddity=st.sampled_from(["none", "no root", "no links", "twice"]),
)
@settings(max_examples=40, deadline=None)
def test_a_stream_says_what_the_whole_document_says(
    tmp_path_factory: pytest.TempPathFactory, seed: int, batch: int, oddity: str
) -> None:
    folder, rng = tmp_path_factory.mktemp("stream"), random.Random(seed)
    spans = [span for t in range(rng.randrange(1, 9)) for span in attempt(t, f"t{t}")]
    if oddity == "no root":
        spans = [span for span in spans if span.parent_id or rng.random() < 0.5]
    if oddity == "no links":
        spans = [replace(span, links=()) for span in spans]
    if oddity == "twice":
        spans = [span for span in spans for _ in range(1 + (rng.random() < 0.2))]
    file = folder / "f.json"
    file.write_bytes(orjson.dumps(otlp.request(spans)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streaming, "BATCH", batch)
        found = imported(file, folder / "a", large=0, block=10**9)
    assert found == imported(file, folder / "b", large=10**9, block=10**9)


def test_a_trace_ends_when_a_batch_went_by_without_it() -> None:
    first, second, third = attempt(1), attempt(2), attempt(3)
    tables, notes = streamed([*first, *second, *third], len(first))
    assert [{span.trace_id for span in table} for table in tables] == [
        {first[0].trace_id},
        {second[0].trace_id},
        {third[0].trace_id},
    ]
    assert not notes.counts


def test_a_trace_that_comes_again_after_its_end_is_kept_and_told() -> None:
    first, second = attempt(1), attempt(2)
    late = replace(first[1], span_id="f" * 16)
    tables, notes = streamed([*first, *second, *attempt(3), late], len(first))
    assert sum(late in table for table in tables) == 1 and sum(map(len, tables)) == 3 * len(first) + 1
    assert list(notes.counts) == [streaming.APART]


def test_a_trace_without_its_root_waits_for_it() -> None:
    first = attempt(1)
    root = next(span for span in first if span.parent_id is None)
    others = [span for span in first if span is not root]
    tables, notes = streamed([*others, *attempt(2), *attempt(3), root], len(first))
    assert {span.span_id for span in tables[-1]} >= {span.span_id for span in first}
    assert not notes.counts
