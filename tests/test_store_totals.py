"""The table of traces says what SQL over all spans says, however the spans come in batches."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.making import attempt
from workbench.spans import Link, Span
from workbench.store import Run, RunWriter, SpanSet, columns, seal, totals
from workbench.store.places import Place
from workbench.store.queries import sql


def rows(table: Any) -> list[dict[str, Any]]:
    found = table.sort_by("trace_id").to_pylist()
    return [{k: round(v, 9) if isinstance(v, float) else v for k, v in row.items()} for row in found]


def linked(spans: list[Span], rng: random.Random, across: bool) -> list[Span]:
    """Some spans wait for others: of their own trace, or of any."""
    out = []
    for i, span in enumerate(spans):
        near = spans[max(0, i - 9) : i + 9] if across else [s for s in spans if s.trace_id == span.trace_id]
        links = tuple(Link(t.trace_id, t.span_id) for t in rng.sample(near, min(len(near), rng.randrange(3))))
        out.append(replace(span, links=links) if span.parent_id is not None and rng.random() < 0.3 else span)
    return out


@given(
    seed=st.integers(0, 10**6),
    traces=st.integers(0, 8),
    batch=st.sampled_from([1, 5, 16, 1_000]),
    group=st.sampled_from([1, 4, 50]),
    mixed=st.booleans(),
    across=st.booleans(),
)
@settings(max_examples=40, deadline=None)
def test_batches_say_what_all_spans_say(
    tmp_path_factory: pytest.TempPathFactory, seed: int, traces: int, batch: int, group: int, mixed: bool, across: bool
) -> None:
    folder, rng = tmp_path_factory.mktemp("totals") / "r", random.Random(seed)
    spans = linked([s for t in range(traces) for s in attempt(t, f"t{t}", agents=1 + t % 3)], rng, across)
    if mixed:
        rng.shuffle(spans)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(totals, "BATCH", batch)
        patch.setattr(seal, "ROW_GROUP", group)
        note = seal.write(Place(folder), (columns.table(spans[i : i + 3], "r") for i in range(0, len(spans), 3)))
    told = pq.read_table(folder / seal.TRACES)
    assert note["traces"] == told.num_rows == traces and note["spans"] == len(spans)
    assert told["start_ns"].to_pylist() == sorted(told["start_ns"].to_pylist())
    import duckdb

    with duckdb.connect() as whole:
        whole.register("everything", columns.table(spans, "r"))
        assert rows(told) == rows(whole.sql(totals.views.totals("everything")).to_arrow_table())


def test_sql_for_one_trace_reads_few_row_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seal, "ROW_GROUP", 50)
    spans = [s for t in range(120) for s in attempt(t, f"t{t}")]
    with RunWriter(tmp_path / "r") as writer:
        for span in spans:
            writer.write(span)
    wanted = spans[400].trace_id
    found = sql("select span_id from spans where trace_id = ?", Run(tmp_path / "r"), [wanted])
    assert set(found["span_id"]) == {s.span_id for s in spans if s.trace_id == wanted}
    probe = f"from parquet_bloom_probe('{tmp_path}/r/{seal.FILE}', 'trace_id', '{wanted}') select *"
    excluded = sql(probe, SpanSet(spans))["bloom_filter_excludes"].tolist()
    assert len(excluded) >= 15 and excluded.count(False) <= 3
