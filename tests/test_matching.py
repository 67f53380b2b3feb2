"""Runs as the engine records them, through the statistics: budget matching, where the time went, resampling a Run."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

import workbench as wb
from tests.making import attempt
from tests.scripted import by_sample, play
from tests.voting import threads_frame
from workbench import stats
from workbench.errors import UsageError
from workbench.matching import budget_match
from workbench.resampling import resample
from workbench.store import SpanSet
from workbench.timing import compute_multiples, time_shares

TASKS = [
    wb.Task(f"t{i}", f"What is {i} + {i}?", str(2 * i), category="even" if i % 2 == 0 else "odd") for i in range(4)
]


def adds(request: wb.Request) -> wb.Reply:
    """Right on every thread but the second; 30 tokens a call."""
    number = int(re.findall(r"What is (\d+)", request.messages[-1].content)[0])
    said = 2 * number + (request.sample % 3 == 1)
    return wb.Reply(f"Answer: {said}.0", input_tokens=20, output_tokens=10, cost_usd=0.01)


async def test_a_run_is_resampled_with_its_own_grader(tmp_path: Path) -> None:
    run = await play(adds, wb.Parallel(agents=3), tmp_path / "r", TASKS)
    found = resample(run, synthesis=["majority", "any"]).set_index(["synthesis", "agents"])
    assert found.loc[("majority", 1), "accuracy"] == pytest.approx(2 / 3)
    assert found.loc[("majority", 3), "accuracy"] == wb.accuracy(run).value == 1.0
    assert found.loc[("majority", 3), "tokens"] == pytest.approx(90)
    assert found.loc[("majority", 2), "cost_usd"] == pytest.approx(0.02)
    assert found.loc[("any", 2), "accuracy"] == 1.0
    by = stats.accuracy_by(run, "category").set_index("category")
    assert by["tasks"].to_dict() == {"even": 2, "odd": 2}
    pool = stats.votes(run)
    assert set(pool.category) == {"even", "odd"} and pool.size == 3
    assert stats.calibration(run).brier == pytest.approx((1 / 3) ** 2)  # two of three agree and are right


async def test_threads_that_depend_on_each_other_are_refused(tmp_path: Path) -> None:
    run = await play(adds, wb.Adaptive(agents=6), tmp_path / "r", TASKS)
    with pytest.raises(UsageError, match="'adaptive' depend on what other threads said"):
        resample(run)
    debate = await play(adds, wb.Debate(agents=3), tmp_path / "d", TASKS)
    with pytest.raises(UsageError, match="which round"):
        resample(debate)
    assert len(resample(stats.votes(debate, round=0))) == 3


async def test_the_single_agent_gets_what_the_team_spent(tmp_path: Path) -> None:
    team = await play(adds, wb.Parallel(agents=3), tmp_path / "team", TASKS)
    single = await play(adds, wb.Single(), tmp_path / "single", TASKS, repeats=5)
    got = budget_match(team, single)
    assert got.samples == pytest.approx(3.0) and not got.capped
    assert got.team_cost == got.single_cost == pytest.approx(90)
    assert got.difference.difference == pytest.approx(got.team.value - got.single.value)
    assert budget_match(team, single, by="cost_usd").samples == pytest.approx(3.0)


def team(score: float, tokens: int) -> pd.DataFrame:
    return pd.DataFrame({"task_id": ["t0", "t1"], "score": score, "input_tokens": tokens, "output_tokens": 0})


def test_a_budget_between_two_sizes_is_a_mixture_of_both() -> None:
    samples = threads_frame([["a", "a", "b", "a"]] * 2, input_tokens=[[10] * 4] * 2)
    found = resample(samples).set_index("agents")["accuracy"]
    got = budget_match(team(0.5, 25), samples)
    assert got.samples == 2.5 and got.single.value == pytest.approx((found[2] + found[3]) / 2)
    most = budget_match(team(0.5, 4000), samples)
    assert most.capped and most.samples == 4 and most.single_cost == 40
    assert "only 40 tokens" in str(most)
    assert budget_match(team(0.5, 3), samples).samples == 1.0  # at least one answer is needed
    with pytest.raises(UsageError, match="did you mean 'tokens'"):
        budget_match(team(0.5, 25), samples, by="token")
    with pytest.raises(UsageError, match="single agent has no recorded"):
        budget_match(team(0.5, 25), threads_frame([["a"]] * 2))


def test_where_the_time_went() -> None:
    spans = attempt(
        0, agents=3, seconds=1.0, queue_s=0.25
    )  # threads of 1.25, 2.25 and 3.25 s, 0.5 s synthesis, 4.1 s in all
    row = time_shares(SpanSet(spans)).iloc[0]
    assert row["slowest"] == "a#2"
    wall = row["wall_s"]
    assert row["thread_share"] * wall == pytest.approx(3.0)
    assert row["queue_share"] * wall == pytest.approx(0.25)
    assert row["synthesis_share"] * wall == pytest.approx(0.5, abs=0.01)
    shares = row[["thread_share", "queue_share", "synthesis_share", "other_share"]].astype(float)
    assert shares.sum() == pytest.approx(1.0) and (shares >= 0).all()
    assert row["spread"] == pytest.approx(3.25 / 2.25)


async def test_compute_multiple_of_every_attempt(tmp_path: Path) -> None:
    run = await play(adds, wb.Parallel(agents=3), tmp_path / "r", TASKS)
    single = await play(by_sample("4"), wb.Single(), tmp_path / "s", TASKS)
    assert compute_multiples(run).tolist() == pytest.approx([3.0] * 4)
    assert len(compute_multiples(run, single)) == 4
    shares = time_shares(run)
    assert len(shares) == 4 and shares[["thread_share", "other_share"]].notna().all().all()
