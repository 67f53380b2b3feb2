"""The readers of trajectories that come as turns or as one text: InterCode and ReAct logs."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

import workbench as wb
from workbench.errors import DataError


def written(tmp_path: Path, *records: Any) -> Path:
    path = tmp_path / "records.jsonl"
    path.write_text("\n".join(json.dumps(r) for r in records))
    return path


INTERCODE = {
    "environment": "ic_sql", "task_id": 3, "query": "How many?", "qid": "q3",
    "turn_history": {"thoughts": ["look first"], "actions": ["SELECT x", "SELECT y", ["odd"]],
                     "observations": ["Error: no x", "[(7,)]"],
                     "rewards": [0.0, 1.0], "valid_action": [False, True]},
    "summary": {"max_reward": 1.0},
}  # fmt: skip


def test_intercode_turns_are_calls_with_rewards(tmp_path: Path) -> None:
    run = wb.read(written(tmp_path, INTERCODE, {"nothing": 1}))
    assert run.manifest["format"] == "intercode" and "turn history" in run.warnings[0]
    frame = wb.steps(run, text=True)
    assert frame["tool"].tolist() == ["sql"] * 3 and frame["error"].notna().tolist() == [True, False, False]
    assert frame["score"].tolist()[:2] == [0.0, 1.0] and frame["answered"].tolist() == [True, True, False]
    assert json.loads(frame["arguments"].iat[0]) == {"action": "SELECT x"}
    assert frame["said"].iat[0] == "look first" and frame["heard"].iat[0] == "How many?"
    assert wb.answers(run)[["task_id", "score"]].to_numpy().tolist() == [["q3", 1.0]]


REACT = {
    "qid": "h1", "question": "Who?", "trial": 2, "status": "correct",
    "text": "Question: Who?\nThought 1: I need to\nsearch.\nAction 1: Search[Ann [sic]]\nObservation 1: Could not find Ann.\n"
    "Thought 2: done\nAction 2: Finish[Bob]\nObservation 2: Answer is CORRECT\nThought 3: hm\nAction 3: dance",
}  # fmt: skip


def test_react_logs_are_thoughts_and_calls(tmp_path: Path) -> None:
    run = wb.read(written(tmp_path, REACT))
    assert run.manifest["format"] == "react-text"
    frame = wb.steps(run, text=True)
    assert frame["tool"].tolist() == ["search", "finish", "act"]
    assert frame["error"].notna().tolist() == [True, False, True]
    assert json.loads(frame["arguments"].iat[0]) == {"input": "Ann [sic]"}
    assert frame["said"].tolist() == ["I need to\nsearch.", "done", "hm"] and frame["answered"].all()
    (answer,) = wb.answers(run).to_dict("records")
    assert (answer["task_id"], answer["repeat"], answer["answer"], answer["score"]) == ("h1", 2, "Bob", 1.0)


def test_recorded_files_are_read_whole(shared: Path) -> None:
    turns = wb.read(shared / "data" / "intercode" / "sql_gpt4_10t.jsonl.gz")
    assert len(wb.answers(turns)) == 508 and not turns.warnings
    logs = wb.read(shared / "data" / "reflexion" / "hotpot_base.jsonl.gz")
    rows = pd.read_json(shared / "data" / "reflexion" / "hotpot_base.jsonl.gz", lines=True)
    calls = wb.steps(logs).groupby("trace_id").size()
    assert len(rows) == wb.answers(logs)["trace_id"].nunique() == 275
    assert abs(int(calls.sum()) - int(rows["n_actions"].sum())) <= 0.02 * rows["n_actions"].sum()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=40)
@given(
    st.dictionaries(st.sampled_from(["thoughts", "actions", "observations", "rewards", "valid_action"]), JSON),
    JSON,
    st.text(max_size=80),
)
def test_no_record_breaks_them(tmp_path_factory: Any, turns: Any, other: Any, text: str) -> None:
    folder = tmp_path_factory.mktemp("odd")
    records = [
        {"turn_history": {"actions": [], "observations": [], **turns}, "summary": other, "query": other},
        {
            "text": f"Thought 1: {text}\nAction 1: {text}\nObservation 1: {text}",
            "status": other,
            "trial": other,
            "qid": other,
        },
    ]
    for record in records:
        with suppress(DataError):  # nothing in it, or no known format
            wb.steps(wb.read(written(folder, record)))
