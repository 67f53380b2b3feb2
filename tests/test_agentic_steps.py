"""The steps of a trajectory: what counts as one, what is known of it, and that no record breaks it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import workbench as wb
from tests.trajectories import call, run_of, say, trajectory
from workbench import semconv as s
from workbench.agentic import oddities
from workbench.store import SpanSet


def column(frame: pd.DataFrame, name: str) -> list[Any]:
    """A column with None for missing."""
    return [None if pd.isna(v) else v for v in frame[name]]


def test_one_row_per_call_message_and_failed_model_call() -> None:
    moves = [
        call("look", {"id": "X1"}),
        say("Here it is."),
        "error",
        [call("a"), call("b")],
        call("c", error="timeout"),
    ]
    frame = wb.steps(run_of(trajectory("k", moves, task="t7", repeat=2)))
    assert frame["kind"].tolist() == ["tool", "message", "model_error", "tool", "tool", "tool"]
    assert frame["step"].tolist() == [0, 1, 2, 3, 4, 5]
    assert frame["batch"].tolist() == [0, 1, 2, 3, 3, 4]
    assert column(frame, "tool") == ["look", None, None, "a", "b", "c"]
    assert column(frame, "error")[-1] == "timeout" and column(frame, "error")[2] == "error"
    assert set(frame["task_id"]) == {"t7"} and set(frame["repeat"]) == {2} and set(frame["agent"]) == {"a"}
    # tokens and dollars of a message stand once, at its first call
    assert column(frame, "input_tokens") == [10, 10, 10, 10, None, 10]
    assert frame["cost_usd"].sum() == 2.5


def test_arguments_are_judged_by_their_values() -> None:
    truth = {s.EXPECTED_TOOL: "pay", s.EXPECTED_ARGUMENTS: '{"b": 1, "a": [1.0, {"y": 2, "x": "z"}]}'}
    moves = [
        call("pay", '{"a":[1,{"x":"z","y":2.0}],"b":1.0}', **truth),
        call("pay", {"a": 1}, **truth),
        call("ask", {"a": [1, {"x": "z", "y": 2}], "b": 1}, **truth),
        call("pay", "not JSON", **truth),
        call("pay", "[1]"),
        call("pay", "", error="invalid_arguments"),
    ]
    frame = wb.steps(run_of(trajectory("k", moves)))
    assert column(frame, "right_tool") == [True, True, False, True, None, None]
    assert column(frame, "right_arguments") == [True, False, True, False, None, None]
    assert column(frame, "right") == [True, False, False, False, None, None]
    assert column(frame, "valid") == [True, True, True, False, False, False]
    assert oddities(frame) == {"arguments that are not a JSON object": 2}


def test_a_message_is_judged_too() -> None:
    moves = [say("done", **{s.EXPECTED_TOOL: ""}), say("done", **{s.EXPECTED_TOOL: "pay", s.EXPECTED_ARGUMENTS: "{}"})]
    frame = wb.steps(run_of(trajectory("k", moves)))
    assert column(frame, "right") == [True, False]


def test_what_a_result_told_is_followed() -> None:
    moves = [
        call("find", {"name": "Ann"}, {"user_id": "ann_lee_77", "order_id": "W-55"}),
        call("order", {"id": "W-55"}, {"total": 129.5, "state": "open"}),
        call("order", {"id": "W-56"}, {"total": 80}),
        call("order", {"id": "W-55"}, {"total": 129.5, "state": "open"}),
        say("The total is $129.50 for W-55.\nThank you."),
    ]
    frame = wb.steps(run_of(trajectory("k", moves, task_text="Please look up W-56 for me.")), text=True)
    assert column(frame, "used") == [True, True, False, None, None]
    assert column(frame, "grounded") == [None, 1.0, 1.0, 1.0, None]
    assert column(frame, "waited") == [None, True, False, False, None]
    assert column(frame, "redundant") == [False, False, False, True, None]
    assert column(frame, "said")[-1] == "The total is $129.50 for W-55.\nThank you."
    assert column(frame, "heard")[0] == "Please look up W-56 for me."


def test_an_error_retried_is_a_repeat_not_redundant() -> None:
    moves = [call("a", {"x": 1}, error="timeout"), call("a", '{"x": 1.0}'), call("b"), call("a", {"x": 1})]
    frame = wb.steps(run_of(trajectory("k", moves)))
    assert column(frame, "repeats") == [False, True, False, False]
    assert column(frame, "redundant") == [None, False, False, True]


def test_voters_and_checkers_of_a_numbered_step_are_one_step() -> None:
    spans = trajectory("k", [call("a"), say("hm")], numbered=True)
    chats = [x for x in spans if x.attributes[s.OPERATION] == s.CHAT]
    votes = [
        replace(c, span_id=f"{i:016x}", start_ns=c.start_ns - 5, end_ns=c.end_ns) for i, c in enumerate(chats * 2, 1)
    ]
    frame = wb.steps(SpanSet([*votes, *spans], id="r", manifest={"status": "closed"}))
    assert frame["kind"].tolist() == ["tool", "message"]
    assert column(frame, "input_tokens") == [30, 30]
    assert oddities(frame) == {}


def test_a_synthesis_speaks_for_the_calls_it_merged() -> None:
    spans = trajectory(
        "k", [say("ID-1 is blue", heard="What colour is ID-1?"), call("a", {"id": "ID-1"})], numbered=True
    )
    chats = [x for x in spans if x.name == "chat"]
    merged = [
        wb.Span(c.trace_id, f"{i:016x}", c.parent_id, "synthesis majority", c.end_ns, c.end_ns,
                {s.OPERATION: s.SYNTHESIS, s.STEP: i - 1, s.ANSWER: answer})
        for i, (c, answer) in enumerate(zip(chats, ["say: it is red", 'do: a({"id": "ID-1"})'], strict=True), 1)
    ]  # fmt: skip
    frame = wb.steps(SpanSet([*spans, *merged], id="r", manifest={"status": "closed"}), text=True)
    assert frame["kind"].tolist() == ["message", "tool"]
    assert column(frame, "said") == ["it is red", None] and column(frame, "heard")[0] == "What colour is ID-1?"
    assert column(frame, "grounded") == [None, 1.0]


def test_truth_on_any_span_of_a_step_counts() -> None:
    spans = trajectory("k", [call("a"), say("blue")], numbered=True)
    at = {s.FACT: "colour", s.FACT_DISTANCE: 7, s.RECALLED: True, s.STATE_RIGHT: False}
    spans = [replace(x, attributes={**x.attributes, **at}) if x.name == "chat" else x for x in spans]
    frame = wb.steps(run_of(spans))
    assert column(frame, "recalled") == [True, True] and frame["distance"].tolist() == [7, 7]
    assert column(frame, "state_right") == [False, False] and column(frame, "fact") == ["colour", "colour"]


def test_calls_without_results_and_results_without_calls() -> None:
    spans = trajectory("k", [call("a", {"x": 1}), [call("b"), call("c")], say("end")])
    lost = [x for x in spans if x.attributes.get(s.TOOL_NAME) not in ("a", "c")]
    frame = wb.steps(run_of(lost))
    assert column(frame, "tool") == ["a", "c", "b", None]
    assert frame["answered"].tolist() == [False, False, True, True]
    assert column(frame, "arguments")[0] == '{"x":1}'
    assert oddities(frame) == {"calls without a recorded result": 2}
    stranger = [
        replace(x, attributes={**x.attributes, s.TOOL_CALL_ID: "other"}) if x.attributes.get(s.TOOL_NAME) == "b" else x
        for x in spans
    ]
    frame = wb.steps(run_of(stranger))
    assert frame.loc[~frame["called"], "tool"].tolist() == ["b"]
    assert oddities(frame) == {"calls without a recorded result": 1, "results without a call": 1}


def test_nothing_is_guessed_where_nothing_was_recorded() -> None:
    frame = wb.steps(run_of(trajectory("k", [call("a"), say("b")])))
    for name in ("right", "right_tool", "right_arguments", "state_right", "recalled", "fault", "fact", "distance"):
        assert frame[name].isna().all()


def test_a_run_without_any_span_is_an_empty_frame() -> None:
    frame = wb.steps(SpanSet([], id="none", manifest={"status": "closed"}))
    assert len(frame) == 0 and "right" in frame
    q = wb.qualities(SpanSet([], id="none", manifest={"status": "closed"}))
    assert q.table()["value"].isna().all()


def test_sealed_and_open_runs_give_the_same(tmp_path: Path) -> None:
    from workbench.store import Run, columns, seal
    from workbench.store import manifest as manifests
    from workbench.store.places import Place

    spans = trajectory("k", [call("a", {"x": "ID-1"}, {"next": "ID-2"}), call("b", {"x": "ID-2"}), say("bye")])
    place = Place(tmp_path / "r")
    note = seal.write(place, iter([columns.table(spans, "run")]))
    manifests.change(
        place, lambda m: {**m, "id": "run", "status": "closed", "sealed": note | {"files": {}, "skipped": 0}}
    )
    pd.testing.assert_frame_equal(wb.steps(Run(tmp_path / "r")), wb.steps(run_of(spans)))


def test_taubench_is_read_whole(shared: Path) -> None:
    frame = wb.steps(wb.read(shared / "data" / "taubench_airline" / "gpt4o_airline.jsonl.gz"))
    assert frame["trace_id"].nunique() == 80
    is_tool = frame["kind"] == "tool"
    assert is_tool.sum() > 500 and frame.loc[is_tool, "valid"].all()
    assert oddities(frame).keys() <= {"trajectories without a tool call"}


TEXT = st.text(st.characters(blacklist_categories=()), max_size=12)
JSONISH = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers(-(2**70), 2**70) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)


def messages(value: Any) -> str:
    try:
        return orjson.dumps(value, default=str).decode()
    except (TypeError, ValueError):
        return "[{"


MESSAGES = st.one_of(
    TEXT,
    JSONISH.map(messages),
    st.lists(
        st.fixed_dictionaries(
            {"role": st.sampled_from(["user", "assistant", "system", "tool"])},
            optional={
                "parts": st.lists(
                    st.fixed_dictionaries(
                        {"type": st.sampled_from(["text", "tool_call", "odd"])},
                        optional={"content": TEXT, "id": TEXT, "name": TEXT, "arguments": JSONISH},
                    )
                    | JSONISH,
                    max_size=3,
                )
            },
        ),
        max_size=3,
    ).map(messages),
)


@st.composite
def hostile_spans(draw: Any) -> list[wb.Span]:
    """Chat and tool spans with attributes of any type, in any order, with parents that may not exist."""
    value = st.one_of(TEXT, st.integers(-5, 5), st.booleans(), st.floats(), st.just('{"a": 1}'))
    found = []
    for i in range(draw(st.integers(0, 12))):
        tool = draw(st.booleans())
        names = [s.STEP, s.TOOL_NAME, s.TOOL_CALL_ID, s.TOOL_ARGUMENTS, s.TOOL_RESULT, s.ERROR_TYPE, s.EXPECTED_TOOL,
                 s.EXPECTED_ARGUMENTS, s.FAULT, s.FACT, s.FACT_DISTANCE, s.RECALLED, s.STATE_RIGHT]  # fmt: skip
        at = draw(st.dictionaries(st.sampled_from(names), value, max_size=8))
        if not tool:
            at |= draw(st.dictionaries(st.sampled_from([s.OUTPUT_MESSAGES, s.INPUT_MESSAGES]), MESSAGES))
        at[s.OPERATION] = s.TOOL if tool else s.CHAT
        parent = draw(st.sampled_from([None, "0" * 15 + "1", "f" * 16]))
        start = draw(st.integers(0, 5))
        trace = draw(st.sampled_from(["a" * 32, "b" * 32]))
        status = draw(st.sampled_from(["UNSET", "ERROR"]))
        events = draw(st.lists(st.just(s.RULE_CHECK) | TEXT, max_size=2))
        more = {s.RULE: draw(value), s.VIOLATED: draw(value)}
        found.append(
            wb.Span(trace, f"{i + 1:016x}", parent, "x", start, start + 1, at, tuple(_event(e, start, more) for e in events),
                    status=status)
        )  # fmt: skip
    return found


def _event(name: str, time_ns: int, attributes: Any) -> Any:
    from workbench.spans import Event

    return Event(name, time_ns, attributes)


@settings(max_examples=40)
@given(hostile_spans())
def test_no_record_breaks_the_measures(spans: list[wb.Span]) -> None:
    run = SpanSet(spans, id="hostile", manifest={"status": "open"})
    q = wb.qualities(run, [lambda step, before: len(before) % 2 == 0 if step.said or step.arguments else None])
    frame = q.steps
    rooted = {x.trace_id for x in spans if x.parent_id is None}  # an attempt without its root was given up
    tools = sum(x.attributes[s.OPERATION] == s.TOOL and x.trace_id in rooted for x in spans)
    assert (frame["kind"] == "tool").sum() >= tools  # every tool span keeps its row
    assert len(frame) <= len(spans) + sum(str(x.attributes.get(s.OUTPUT_MESSAGES)).count('"tool_call"') for x in spans)
    assert not frame["kind"].isna().any() and (frame["step"] >= 0).all()
    orjson.dumps(q.as_dict())
    known = q.table().dropna(subset=["value"])
    assert (known["low"] <= known["value"] + 1e-9).all() and (known["value"] <= known["high"] + 1e-9).all()


@pytest.mark.parametrize("size", [10_000])
def test_a_trajectory_of_ten_thousand_steps(size: int) -> None:
    moves = [call("a", {"x": i}, {"y": i + 1}, error="timeout" if i % 7 == 0 else None) for i in range(size)]
    frame = wb.steps(run_of(trajectory("long", moves)))
    assert len(frame) == size and frame["step"].iat[-1] == size - 1
    found = wb.incidents(frame)
    assert (found["outcome"] == "recovered").all() and np.isin(found["steps"], 1).all()
