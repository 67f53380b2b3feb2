"""Votes, agreement, pass@k, contribution: what must always hold of recorded threads."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings

from tests.voting import all_votes, plurality, threads_frame
from workbench import stats
from workbench.errors import UsageError
from workbench.stats.contribution import sampled_shapley, shapley


def _value(row: list[str | None], members: tuple[int, ...]) -> float:
    return plurality([row[i] for i in members], [1] * len(members)) if members else 0.0


@settings(deadline=None)
@given(all_votes(3, 6))
def test_shapley_is_its_definition_and_sums_to_the_vote(answers: list[list[str | None]]) -> None:
    n = len(answers[0])
    got = shapley(stats.votes(threads_frame(answers)))
    for row, values in zip(answers, got, strict=True):
        slow = np.zeros(n)
        for order in itertools.permutations(range(n)) if n <= 4 else []:
            for i, who in enumerate(order):
                slow[who] += _value(row, order[: i + 1]) - _value(row, order[:i])
        if n <= 4:
            assert values == pytest.approx(slow / math.factorial(n), abs=1e-9)
        assert values.sum() == pytest.approx(_value(row, tuple(range(n))), abs=1e-9)


@settings(deadline=None, max_examples=20)
@given(all_votes(4, 6))
def test_sampled_shapley_comes_near_and_sums_exactly(answers: list[list[str | None]]) -> None:
    pool = stats.votes(threads_frame(answers))
    near, exact = sampled_shapley(pool, 1500, 0), shapley(pool)
    assert np.abs(near - exact).max() < 0.08
    assert near.sum(axis=1) == pytest.approx(exact.sum(axis=1), abs=1e-9)


@settings(deadline=None)
@given(all_votes(4, 6))
def test_contribution_table(answers: list[list[str | None]]) -> None:
    table = stats.contribution(threads_frame(answers))
    full = np.mean([_value(row, tuple(range(len(row)))) for row in answers])
    assert table["shapley"].sum() == pytest.approx(full, abs=1e-9)
    assert ((table["low"] <= table["shapley"]) & (table["shapley"] <= table["high"])).all()
    for i, loss in enumerate(table["leave_one_out"]):
        rest = tuple(j for j in range(len(table)) if j != i)
        assert loss == pytest.approx(full - np.mean([_value(row, rest) for row in answers]), abs=1e-9)


def test_a_useless_thread_adds_nothing_and_twins_add_the_same() -> None:
    table = stats.contribution(threads_frame([["a", "a", None], ["a", "a", None], ["b", "b", None]]))
    assert table["shapley"].tolist() == pytest.approx([1 / 3, 1 / 3, 0.0])
    many = stats.contribution(threads_frame([["a"] * 6 + ["b"] * 8] * 4), draws=50)
    assert not many["exact"].any() and many["shapley"].sum() == pytest.approx(0.0, abs=1e-9)


@settings(deadline=None)
@given(all_votes(5, 7))
def test_pass_at_k(answers: list[list[str | None]]) -> None:
    found = stats.pass_at_k(threads_frame(answers))
    n = len(answers[0])
    for k, got in zip(found["k"], found["accuracy"], strict=True):
        right = [sum(a == "a" for a in row) for row in answers]
        assert got == pytest.approx(np.mean([1 - math.comb(n - c, k) / math.comb(n, k) for c in right]), abs=1e-9)
    assert (np.diff(found["accuracy"]) >= -1e-12).all()
    vote = stats.majority_at_k(threads_frame(answers))
    assert vote["accuracy"].iloc[-1] == pytest.approx(np.mean([plurality(r, [1] * n) for r in answers]))


def test_a_hundred_different_answers_do_not_overflow() -> None:
    frame = threads_frame([[("a" if j < 3 else f"x{j}") for j in range(100)]])
    found = stats.majority_at_k(frame, [1, 3, 50, 100]).set_index("k")["accuracy"]
    assert found[1] == pytest.approx(0.03)
    assert found[100] == 1.0
    # three agents: all differ in the end or two of the three right ones meet
    both = 3 * 97 / math.comb(100, 3) + 1 / math.comb(100, 3)
    one = 3 * math.comb(97, 2) / math.comb(100, 3) / 3
    assert found[3] == pytest.approx(both + one)


@settings(deadline=None)
@given(all_votes(5, 6))
def test_agreement(answers: list[list[str | None]]) -> None:
    frame = stats.agreement(threads_frame(answers))
    assert frame["support"].between(0, 1).all() and (frame["margin"] <= frame["support"] + 1e-12).all()
    for row, line in zip(answers, frame.itertuples(), strict=True):
        said = [a for a in row if a is not None]
        assert line.silent == len(row) - len(said) and line.answers == len(set(said))
        shares = [said.count(a) / len(said) for a in set(said)]
        assert line.entropy == pytest.approx(-sum(p * math.log2(p) for p in shares), abs=1e-9)
        assert line.any == ("a" in said)


def test_fleiss_kappa_of_the_published_example() -> None:
    """Fleiss 1971 as tabulated in the literature: 10 subjects, 14 raters, 5 categories, kappa = 0.210."""
    table = [[0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
             [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7]]  # fmt: skip
    answers = [[letter for letter, times in zip("abcde", row, strict=True) for _ in range(times)] for row in table]
    got = stats.fleiss_kappa(threads_frame(answers))
    assert got.value == pytest.approx(0.210, abs=5e-4)
    assert got.low < got.value < got.high


def test_fleiss_kappa_at_its_ends() -> None:
    assert stats.fleiss_kappa(threads_frame([["a", "a"], ["b", "b"], ["c", "c"]])).value == pytest.approx(1.0)
    assert math.isnan(stats.fleiss_kappa(threads_frame([["a", "a"], ["a", "a"]])).value)
    silent = stats.fleiss_kappa(threads_frame([["a", "a", None], ["b", "b", "b"], ["c", None, None]]))
    assert silent.value == pytest.approx(1.0) and silent.attempts == 2  # one answer alone agrees with nobody


def test_disagreement_map_names_what_to_look_at() -> None:
    answers = [["a", "a", "a"], ["b", "b", "b"], ["b", "b", "a"], ["a", "b", "c"], ["a", "a", "b"]]
    found = stats.disagreement(threads_frame(answers), agreed=0.6).set_index("task_id")["look"].astype(str)
    assert found["t0"] == "agreed" and found["t1"] == "nobody is right" and found["t2"] == "agreed and wrong"
    assert found["t3"] == "outvoted" and found["t4"] == "agreed"
    assert stats.disagreement(threads_frame(answers))["task_id"].iloc[0] == "t1"


def test_errors_that_go_together() -> None:
    answers = [["a", "a", "b"], ["b", "b", "a"], ["a", "a", "b"], ["c", "b", "a"]]
    table = stats.error_correlation(threads_frame(answers))
    assert table.loc["agent 0", "agent 1"] == pytest.approx(1.0) and table.loc["agent 0", "agent 2"] == pytest.approx(
        -1.0
    )
    assert stats.same_mistake(threads_frame(answers)).loc["agent 0", "agent 1"] == 0.5


def test_groups_are_numbered_by_first_appearance_within_each_attempt() -> None:
    pool = stats.votes(threads_frame([["b", "a", "b", None], [None, "c", "c", "a"]]))
    assert pool.group.tolist() == [[0, 1, 0, -1], [-1, 0, 0, 1]]
    assert pool.code[0, 0] != pool.code[1, 1] and pool.code[0, 1] == pool.code[1, 3]
    assert pool.voters == ("agent 0", "agent 1", "agent 2", "agent 3") and pool.silent.tolist() == [1, 1]


def test_a_thread_that_was_lost_is_silent() -> None:
    frame = threads_frame([["a", "a", "b"], ["a", "b", "b"]]).drop(index=[4])
    assert stats.votes(frame).silent.tolist() == [0, 1]


def test_repeats_are_attempts_at_one_task() -> None:
    frame = pd.concat([threads_frame([["a", "b"]]).assign(repeat=r) for r in range(3)])
    pool = stats.votes(frame)
    assert len(pool) == 3 and set(pool.task) == {"t0"}


@pytest.mark.parametrize("missing", ["task_id", "answer", "score", "thread"])
def test_a_frame_that_lacks_a_column_says_which(missing: str) -> None:
    with pytest.raises(UsageError, match=missing):
        stats.votes(threads_frame([["a"]]).drop(columns=missing))
