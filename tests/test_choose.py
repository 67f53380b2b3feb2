"""Choosing: the front, the recommendation under limits, and that it says what the data cannot tell."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.choose import Choices, choices, recommend
from workbench.errors import UsageError


def run(right: float, tasks: int = 200, cost_usd: float = 0.01, seconds: float = 1.0, seed: int = 0) -> pd.DataFrame:
    """Answers to tasks of which the easiest share `right` succeed: runs differ only where one is better."""
    order = np.random.default_rng(seed).permutation(tasks)
    return pd.DataFrame(
        {
            "task_id": [f"t{i}" for i in range(tasks)],
            "score": (order < right * tasks).astype(float),
            "cost_usd": cost_usd,
            "wall_s": seconds,
            "input_tokens": 10,
            "output_tokens": 5,
            "error": None,
        }
    )


rows = st.lists(st.tuples(*[st.integers(0, 5)] * 3), min_size=1, max_size=12)


def table(found: list[tuple[int, int, int]]) -> Choices:
    frame = pd.DataFrame(found, columns=["accuracy", "cost_usd", "p95_s"]) / 5
    return Choices(frame.assign(choice=[f"c{i}" for i in range(len(found))], low=0.0, high=1.0, tasks=50))


@settings(deadline=None)  # the machine may be busy
@given(rows)
def test_the_front_is_what_nothing_beats(found: list[tuple[int, int, int]]) -> None:
    got = table(found).pareto().set_index("choice")["front"]
    for i, one in enumerate(found):
        beaten = any(
            o[0] >= one[0] and o[1] <= one[1] and o[2] <= one[2] and o != one for o in found
        )  # at least as good in all and not the same
        assert got[f"c{i}"] == (not beaten)
    assert got.any()


@settings(deadline=None)  # the machine may be busy
@given(rows, st.integers(0, 5), st.integers(0, 5))
def test_a_recommendation_keeps_its_limits_and_is_the_best_of_those(
    found: list[tuple[int, int, int]], cost: int, seconds: int
) -> None:
    got = table(found).recommend(max_cost_usd=cost / 5, max_p95_s=seconds / 5)
    allowed = [i for i, row in enumerate(found) if row[1] <= cost and row[2] <= seconds]
    if not allowed:
        assert not got and "no choice meets" in got.reason
        return
    assert got.choice is not None
    chosen = found[int(got.choice[1:])]
    assert chosen[1] <= cost and chosen[2] <= seconds
    assert chosen == max((found[i] for i in allowed), key=lambda r: (r[0], -r[1], -r[2]))
    assert 0 <= got.chance <= 1 and got.choice not in set(got.rivals["choice"])


def test_a_clear_winner_is_called_clear() -> None:
    got = recommend({"single": run(0.5), "five": run(0.8, cost_usd=0.05)})
    assert got.choice == "five" and got.chance > 0.99 and got.rivals.empty
    assert "Every other choice within the limits is separated" in got.reason


def test_what_cannot_be_told_apart_is_said_with_the_tasks_that_would() -> None:
    got = recommend({"five": run(0.71, seed=1, cost_usd=0.05), "three": run(0.70, seed=2, cost_usd=0.03)})
    assert got.choice == "five" and got.chance < 0.9
    assert "cannot separate it from three" in got.reason and "more tasks would show" in got.reason
    assert "three costs 40% less" in got.reason
    more = got.rivals["more_tasks"].iloc[0]
    assert more > 5000  # one point apart, with half the tasks differing


def test_a_floor_asks_for_the_cheapest() -> None:
    runs = {"small": run(0.5, cost_usd=0.01), "middle": run(0.75, cost_usd=0.03), "large": run(0.9, cost_usd=0.2)}
    assert recommend(runs, min_accuracy=0.7).choice == "middle"
    assert recommend(runs, min_accuracy=0.7, prefer="accuracy").choice == "large"
    assert recommend(runs, max_cost_usd=0.05).choice == "middle"
    assert recommend(runs, max_cost_usd=0.02, min_accuracy=0.7).choice is None
    assert "at least 0.7 in" in recommend(runs, min_accuracy=0.7).reason


def test_no_choice_names_what_comes_nearest() -> None:
    got = recommend({"a": run(0.5, seconds=3.0), "b": run(0.6, seconds=9.0)}, max_p95_s=2.0, min_accuracy=0.9)
    assert got.reason == (
        "no choice meets p95_s <= 2 (lowest: a with 3) and accuracy >= 0.9 (highest: b with 0.600, up to 0.666)."
    )


def test_the_front_says_how_sure_it_is() -> None:
    found = choices(
        {"a": run(0.60, seed=1), "b": run(0.61, seed=2, cost_usd=0.02), "c": run(0.3, cost_usd=0.05)}
    ).pareto(["cost_usd"]).set_index("choice")  # fmt: skip
    assert found["front"].to_dict() == {"b": True, "a": True, "c": False}
    assert found.loc["a", "front_chance"] == 1.0  # the cheapest is always on it
    assert 0.3 < found.loc["b", "front_chance"] < 0.9
    assert found.loc["c", "front_chance"] == 0.0


def test_pairing_sees_more_than_two_intervals() -> None:
    runs = {"a": run(0.60), "b": run(0.66)}
    both = choices(runs)
    alone = Choices(both.frame)
    assert both.difference("a", "b")[1] > 0  # twelve tasks up and none down
    assert alone.difference("a", "b")[1] < 0
    assert both.difference("a", "b")[0] == pytest.approx(alone.difference("a", "b")[0])


def test_failed_attempts_count() -> None:
    frame = run(1.0, tasks=10)
    frame.loc[:4, ["score", "error"]] = [None, "Timeout"]
    assert choices({"a": frame}).frame["accuracy"].iloc[0] == 0.5
    assert choices({"a": frame}, failed="drop").frame["accuracy"].iloc[0] == 1.0


def test_wrong_arguments_are_named() -> None:
    some = choices({"a": run(0.5)})
    with pytest.raises(UsageError, match="nothing to choose"):
        choices({})
    with pytest.raises(UsageError, match="did you mean 'latency'"):
        some.recommend(prefer="latencies")
    with pytest.raises(UsageError, match="'cost_eur'"):
        some.pareto(["cost_eur"])
    with pytest.raises(UsageError, match="no choice has a recorded p95_s"):
        choices({"a": run(0.5).drop(columns="wall_s")}).recommend(max_p95_s=1.0)
    with pytest.raises(UsageError, match="unknown choice 'b'"):
        some.difference("a", "b")
    with pytest.raises(UsageError, match="stands twice"):
        Choices(pd.concat([some.frame, some.frame]))
