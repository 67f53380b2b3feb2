"""Rules of a real policy on steps, and who made a run fail: by program and by a judge model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import workbench as wb
from benchmarks.airline_rules import RULES
from tests.trajectories import call, run_of, say, trajectory
from workbench import agentic
from workbench.errors import UsageError

BOOKED = {"reservation_id": "R1", "cabin": "basic_economy", "flights": [{"flight_number": "F1", "date": "2024-05-20"}],
          "insurance": "no", "created_at": "2024-05-01T00:00:00", "passengers": [{}], "origin": "A", "destination": "B",
          "flight_type": "one_way", "total_baggages": 2}  # fmt: skip


def broken(*moves: Any) -> set[str]:
    """The airline rules that these moves break."""
    checks = wb.rule_checks(run_of(trajectory("k", list(moves))), RULES)
    return set(checks.loc[checks["violated"], "rule"])


def test_the_airlines_rules() -> None:
    look, yes = (
        call("get_reservation_details", {"reservation_id": "R1"}, BOOKED),
        say("Shall I?", heard="Yes, go ahead."),
    )
    cancel = call("cancel_reservation", {"reservation_id": "R1"})
    assert broken(look, yes, cancel) == {"cancelling is allowed"}
    assert (
        broken(call("get_reservation_details", {"reservation_id": "R1"}, {**BOOKED, "insurance": "yes"}), yes, cancel)
        == set()
    )
    assert broken(cancel) == {"looked up before a change", "confirmed before a change"}
    assert broken([look, call("think")]) == {"one call at a time"}
    change = {"reservation_id": "R1", "cabin": "economy", "flights": [{"flight_number": "F2", "date": "2024-05-20"}]}
    after = {"flights": [{"flight_number": "F2", "origin": "A", "destination": "C"}]}
    found = broken(look, yes, call("update_reservation_flights", change, after))
    assert found == {"basic economy flights are kept", "route is kept"}
    six = {"passengers": [{}] * 6, "payment_methods": [{"payment_id": f"certificate_{i}"} for i in range(2)]}
    assert broken(yes, call("book_reservation", six)) == {"at most five passengers", "payment methods within limits"}
    fewer = call("update_reservation_baggages", {"reservation_id": "R1", "total_baggages": 1})
    assert broken(look, yes, fewer) == {"bags are only added"}


def logs(n: int = 24) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Made-up failures: the mistake is the step of a worker right before a failing terminal, at another place in each."""
    rows, labels = [], []
    for i in range(n):
        at = 1 + i % 3
        for step in range(6):
            agent, said = (
                ("Coder", "Here is the plan and the next part of the work.")
                if step % 2
                else ("Writer", "I write on and on.")
            )
            if step == at + 1:
                agent, said = "Computer_terminal", "exitcode: 1 (execution failed)"
            rows.append((f"{i:032x}", f"t{i}", step, agent, said, None))
        labels.append((f"{i:032x}", f"t{i}", "made up", "Coder" if at % 2 else "Writer", at))
    steps = pd.DataFrame(rows, columns=["trace_id", "task_id", "step", "agent", "said", "error"])
    return steps, pd.DataFrame(labels, columns=["trace_id", "task_id", "category", "agent", "step"])


def test_a_fitted_model_finds_mistakes_in_tasks_it_did_not_see() -> None:
    steps, labels = logs()
    table = agentic.features(steps)
    got = agentic.located(agentic.localise(table, labels, folds=4), labels)
    assert got["step_right"].mean() == 1 and got["agent_right"].mean() == 1
    with pytest.raises(UsageError, match="at least 3"):
        agentic.localise(table, labels.head(2))


async def test_a_judge_model_is_asked_and_its_words_are_read(tmp_path: Path) -> None:
    steps, labels = logs(6)
    tasks = agentic.judge_tasks(steps, labels, {labels["trace_id"].iat[0]: "Add it up."})
    assert "Add it up." in tasks[0].prompt and "[2] Computer_terminal: exitcode: 1" in tasks[0].prompt
    answers = iter(
        [
            "Answer: Coder / 1",
            "Answer: writer / step 2",
            "Answer: Coder, 0",
            "no idea",
            "Answer: Writer / 2",
            "Answer: Coder / 3",
        ]
    )
    said = {task.id: answer for task, answer in zip(tasks, answers, strict=True)}

    def judge(request: Any) -> str:
        return next(a for task, a in ((t, said[t.id]) for t in tasks) if task.prompt in request.messages[-1].content)

    told = tasks[:1] + [
        wb.Task(id=t.id, prompt=f"{t.prompt}\n(case {i})", target=t.target) for i, t in enumerate(tasks[1:])
    ]
    tasks = told  # same logs stand in several cases: what tells them apart is their number
    run = await wb.run(
        tasks, "single", "judge", models={"judge": wb.Scripted(judge)}, out=tmp_path / "r", grade="exact", live=False
    )
    found = agentic.located(agentic.judged(wb.answers(run)), labels)
    assert found["step_right"].tolist() == [1, 1, 0, 0, 1, 1] and found["agent_right"].tolist() == [1, 1, 1, 0, 1, 1]


def test_who_and_when_by_rule(shared: Path) -> None:
    run = wb.read(shared / "data" / "whoandwhen_multiagent" / "whoandwhen.jsonl.gz")
    labels, table = agentic.failures(run), agentic.features(wb.steps(run, text=True))
    from workbench.agentic.localising import at_random, by_rule

    rule, lot = agentic.located(by_rule(table), labels), at_random(table, labels)
    assert len(labels) == 100
    for column in ("agent_right", "step_right"):
        assert rule[column].mean() > lot[column].mean() + 0.1
