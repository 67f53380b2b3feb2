"""Frames: the contract's columns, sums that agree, the critical path, and what a resumed run counts."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.making import attempt
from workbench import frames
from workbench import semconv as s
from workbench.spans import Link, Span
from workbench.store import Run, RunWriter, SpanSet
from workbench.store.queries import sql

ANSWERS = """run trace_id task_id repeat category difficulty strategy agents synthesis answer target score support confidence
threads calls input_tokens output_tokens reasoning_tokens cost_usd wall_s critical_path_s queue_s error"""
THREADS = """run trace_id span_id task_id repeat thread agent model role style round answer score start_ns end_ns seconds
input_tokens output_tokens reasoning_tokens cost_usd logprob cancelled error"""
CALLS = """run trace_id span_id parent_id task_id repeat thread agent model role style round start_ns end_ns seconds queue_s
first_token_s input_tokens output_tokens reasoning_tokens cost_usd logprob temperature seed attempts finish_reason reused
cancelled error"""
DECISIONS = "run trace_id span_id task_id time_ns kind reason attributes"


def test_the_columns_are_the_contract() -> None:
    run = SpanSet(attempt(1))
    for cut, names in (
        (frames.answers, ANSWERS),
        (frames.threads, THREADS),
        (frames.calls, CALLS),
        (frames.decisions, DECISIONS),
    ):
        assert list(cut(run).columns) == names.split()
        assert list(cut(SpanSet([])).columns) == names.split()


def test_one_attempt_in_numbers() -> None:
    run = SpanSet([*attempt(1, "t1", agents=3), *attempt(2, "t2", agents=2)])
    first, second = frames.answers(run).to_dict("records")
    assert (first["task_id"], first["threads"], first["calls"], first["input_tokens"], first["cost_usd"]) == (
        "t1",
        3,
        3,
        30,
        pytest.approx(0.003),
    )
    assert (second["task_id"], second["synthesis"], second["support"], second["answer"]) == (
        "t2",
        "majority",
        1.0,
        "42",
    )
    assert first["critical_path_s"] == pytest.approx(3.5)  # the third thread (3 s of work) and the synthesis (0.5 s)
    assert first["queue_s"] == pytest.approx(0.75) and first["wall_s"] == pytest.approx(3.85)
    threads = frames.threads(run)
    assert threads["thread"].tolist() == [0, 1, 2, 0, 1] and set(threads["model"]) == {"m"}
    assert threads["output_tokens"].tolist() == [5] * 5 and threads["logprob"].tolist() == [-0.5] * 5
    calls = frames.calls(run)
    assert (
        calls["agent"].tolist() == ["a#0", "a#1", "a#2", "a#0", "a#1"]
        and calls["task_id"].tolist() == ["t1"] * 3 + ["t2"] * 2
    )
    assert frames.decisions(run)["kind"].tolist() == ["vote", "vote"] and frames.decisions(run)["attributes"][0] == {
        "votes": 3
    }


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 6), st.floats(0.1, 5), st.floats(0, 2)), min_size=1, max_size=4))
def test_sums_agree_and_the_critical_path_is_bounded(shapes: list[tuple[int, float, float]]) -> None:
    spans = [
        x
        for i, (n, took, queue) in enumerate(shapes)
        for x in attempt(i, f"t{i}", agents=n, seconds=took, queue_s=queue)
    ]
    run = SpanSet(spans)
    answers, threads, calls = frames.answers(run), frames.threads(run), frames.calls(run)
    for name in ("input_tokens", "output_tokens", "cost_usd"):
        assert answers[name].sum() == pytest.approx(threads[name].sum()) == pytest.approx(calls[name].sum())
    assert answers["queue_s"].sum() == pytest.approx(calls["queue_s"].sum())
    assert (answers["critical_path_s"] <= answers["wall_s"] + 1e-6).all()
    for i, (n, took, _) in enumerate(shapes):
        assert answers["critical_path_s"][i] == pytest.approx(n * took + 0.5, abs=1e-6)


def test_forks_lengthen_the_critical_path() -> None:
    spans = attempt(1, agents=2)
    threads = [x for x in spans if x.attributes[s.OPERATION] == s.THREAD]
    later = replace(threads[1], links=(Link(threads[0].trace_id, threads[0].span_id, {s.LINK_KIND: s.FORK}),))
    run = SpanSet([later if x is threads[1] else x for x in spans])
    assert frames.answers(run)["critical_path_s"][0] == pytest.approx(1 + 2 + 0.5)


def test_a_resumed_run_counts_every_call_once() -> None:
    """A killed attempt left two calls; the later attempt took one of them over and paid for a third."""
    left = [x for x in attempt(1, "t1") if x.parent_id is not None and x.attributes[s.OPERATION] == s.CHAT][:2]
    new = attempt(2, "t1")
    first = next(i for i, x in enumerate(new) if x.attributes.get(s.CALL_KEY) == "t1/0")
    new[first] = replace(new[first], attributes={**new[first].attributes, s.REUSED: True})
    run = SpanSet([*left, *new])
    calls = frames.calls(run)
    assert len(frames.answers(run)) == 1 and len(frames.threads(run)) == 3
    assert (
        calls["reused"].sum() == 1 and len(calls) == 4
    )  # the second left-over call was paid for and was not taken over
    counted = sql("select count(*) as n, count(*) filter (reused) as again from calls", run)
    assert (counted["n"][0], counted["again"][0]) == (4, 1)


def test_an_open_run_shows_threads_of_attempts_under_way(tmp_path: Path) -> None:
    spans = [x for x in attempt(1) if x.parent_id is not None]
    with RunWriter(tmp_path / "r") as writer:
        for span in spans:
            writer.write(span)
        assert len(frames.threads(tmp_path / "r")) == 3 and len(frames.answers(tmp_path / "r")) == 0
    assert len(frames.threads(tmp_path / "r")) == 0  # closed: it was given up


@pytest.mark.parametrize("view", ["answers", "threads", "calls"])
def test_sql_says_what_the_frames_say(tmp_path: Path, view: str) -> None:
    with RunWriter(tmp_path / "a", {"id": "a"}) as writer:
        for i in range(4):
            for span in attempt(i, f"t{i}", agents=i + 1):
                writer.write(span)
    open_run = RunWriter(tmp_path / "b", {"id": "b"})
    for span in attempt(9, "t9"):
        open_run.write(span)
    key = "trace_id" if view == "answers" else "span_id"
    frame = getattr(frames, view)(tmp_path).set_index(key).sort_index()
    table = sql(f"select * from {view}", tmp_path).set_index(key).sort_index()
    assert set(frame.columns) <= set(table.columns)
    for name in set(frame.columns) & set(table.columns):
        ours, theirs = frame[name].tolist(), table[name].tolist()
        assert all(
            a == b or str(a) == str(b) or a == pytest.approx(b)
            for a, b in zip(_plain(ours), _plain(theirs), strict=True)
        ), name
    open_run.close()


def test_sql_finds_the_critical_path_of_the_frames_through_any_links() -> None:
    rng = random.Random(0)
    spans = [span for i in range(40) for span in attempt(i, f"t{i}", agents=1 + i % 5)]
    for i, span in enumerate(spans):  # links forward, backward, to itself, to another trace and to nowhere
        if span.parent_id is not None:
            targets = rng.sample(spans[max(0, i - 6) : i + 6], rng.randrange(3))
            links = tuple(Link(t.trace_id, t.span_id if rng.random() < 0.9 else "f" * 16) for t in targets)
            spans[i] = replace(
                span, links=links, start_ns=rng.choice([span.start_ns, span.start_ns + rng.randrange(10**9)])
            )
    found = SpanSet(spans)
    told = sql("select trace_id, critical_path_s from answers order by trace_id", found)["critical_path_s"].tolist()
    ours = frames.answers(found).sort_values("trace_id")["critical_path_s"].tolist()
    assert told == pytest.approx(ours) and len(set(ours)) > 20


def _plain(values: list[Any]) -> list[object]:
    return [None if pd.isna(v) else v for v in values]


def test_accuracy_over_many_runs_in_sql(tmp_path: Path) -> None:
    for n in (1, 3):
        with RunWriter(tmp_path / f"agents-{n}", {"id": f"agents-{n}"}) as writer:
            for i in range(3):
                for span in attempt(10 * n + i, f"t{i}", agents=n, **{s.SCORE: float(i < n)}):
                    writer.write(span)
    found = sql("select agents, avg(score) as accuracy from answers group by all order by agents", tmp_path)
    assert found.values.tolist() == [[1, pytest.approx(1 / 3)], [3, 1.0]]
    decided = sql("select kind, count(*) as n from decisions group by all", tmp_path)
    assert decided.values.tolist() == [["vote", 6]]
    assert len(sql("select * from spans where trace_id = ?", tmp_path, [attempt(10)[0].trace_id])) == 4


def test_a_span_without_a_root_of_its_own_is_no_answer() -> None:
    (call,) = [x for x in attempt(1, agents=1) if x.attributes[s.OPERATION] == s.CHAT]
    alone: Span = replace(call, parent_id=None)
    assert len(frames.answers(SpanSet([alone]))) == 1  # a lone call is its own attempt
    assert frames.answers(SpanSet([alone]))["critical_path_s"][0] == pytest.approx(1.0)


def test_the_critical_path_is_the_same_open_sealed_and_sealed_before_it_was_kept(tmp_path: Path) -> None:
    spans = [span for i in range(6) for span in attempt(i, f"t{i}", agents=1 + i % 3)]
    expected = frames.answers(SpanSet(spans)).sort_values("trace_id")["critical_path_s"].tolist()
    query = "select critical_path_s from answers order by trace_id"
    with RunWriter(tmp_path / "run") as writer:
        for span in spans:
            writer.write(span)
        assert sql(query, tmp_path)["critical_path_s"].tolist() == pytest.approx(expected)
    assert Run(tmp_path / "run").sealed
    assert "critical_path_s" in pq.read_schema(tmp_path / "run" / "traces.parquet").names
    assert sql(query, tmp_path)["critical_path_s"].tolist() == pytest.approx(expected)
    old = pq.read_table(tmp_path / "run" / "traces.parquet").drop_columns(["critical_path_s"])
    pq.write_table(old, tmp_path / "run" / "traces.parquet")
    about = json.loads((tmp_path / "run" / "run.json").read_text())
    del about["sealed"]["critical_path"]
    (tmp_path / "run" / "run.json").write_text(json.dumps(about))
    assert sql(query, tmp_path)["critical_path_s"].tolist() == pytest.approx(expected)
