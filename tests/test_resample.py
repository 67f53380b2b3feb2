"""resample: every smaller team of a recorded run, exact where it says so."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.voting import all_votes, over_subsets, plurality, threads_frame
from workbench.errors import UsageError
from workbench.resampling import resample, scores_at
from workbench.stats import drawing, paired, votes
from workbench.stats.rules import Subset, rule


@settings(deadline=None)
@given(all_votes())
def test_majority_is_the_mean_over_all_subsets(answers: list[list[str | None]]) -> None:
    found = resample(threads_frame(answers))
    n = len(answers[0])
    for k, got in zip(found["agents"], found["accuracy"], strict=True):
        slow = np.mean(
            [over_subsets(n, k, lambda s, row=row: plurality([row[i] for i in s], [1] * len(s))) for row in answers]
        )
        assert got == pytest.approx(slow, abs=1e-12)
    assert found["exact"].all()


@settings(deadline=None)
@given(all_votes(3, 5), st.data())
def test_weighted_vote_is_the_mean_over_all_subsets(answers: list[list[str | None]], data: st.DataObject) -> None:
    n = len(answers[0])
    numbers = data.draw(
        st.lists(st.lists(st.sampled_from([0.5, 1.0, 1.5, 2.25]), min_size=n, max_size=n), min_size=3, max_size=3)
    )
    frame = threads_frame(answers, trust=numbers)
    found = resample(frame, synthesis="weighted:trust")
    for k, got in zip(found["agents"], found["accuracy"], strict=True):
        slow = [
            over_subsets(n, k, lambda s, i=i: plurality([answers[i][j] for j in s], [numbers[i][j] for j in s]))
            for i in range(len(answers))
        ]
        assert got == pytest.approx(np.mean(slow), abs=1e-12)


@settings(deadline=None)
@given(all_votes(3, 6), st.data())
def test_best_of_k_is_the_mean_over_all_subsets(answers: list[list[str | None]], data: st.DataObject) -> None:
    n = len(answers[0])
    reward = data.draw(st.lists(st.lists(st.integers(0, 3), min_size=n, max_size=n), min_size=3, max_size=3))

    def slow(i: int, subset: tuple[int, ...]) -> float:
        spoke = [j for j in subset if answers[i][j] is not None]
        top = [j for j in spoke if reward[i][j] == max(reward[i][t] for t in spoke)]
        return float(np.mean([answers[i][j] == "a" for j in top])) if top else 0.0

    found = resample(threads_frame(answers, reward=reward), synthesis="best:reward")
    for k, got in zip(found["agents"], found["accuracy"], strict=True):
        assert got == pytest.approx(
            np.mean([over_subsets(n, k, lambda s, i=i: slow(i, s)) for i in range(len(answers))])
        )


@settings(deadline=None)
@given(all_votes(5, 7))
def test_what_always_holds(answers: list[list[str | None]]) -> None:
    found = resample(threads_frame(answers), synthesis=["majority", "any"])
    vote, oracle = (found[found["synthesis"] == s] for s in ("majority", "any"))
    assert ((found["low"] <= found["accuracy"]) & (found["accuracy"] <= found["high"])).all()
    assert np.all(np.diff(oracle["accuracy"]) >= -1e-12)  # one more try never hurts
    assert np.all(oracle["accuracy"].to_numpy() >= vote["accuracy"].to_numpy() - 1e-12)
    assert vote["accuracy"].iloc[0] == pytest.approx(oracle["accuracy"].iloc[0])  # one agent: nothing to synthesize
    full = np.mean([plurality(row, [1] * len(row)) for row in answers])
    assert vote["accuracy"].iloc[-1] == pytest.approx(full)  # all voters: the vote itself


@settings(deadline=None, max_examples=20)
@given(all_votes(6, 7), st.booleans())
def test_draws_agree_with_enumeration(answers: list[list[str | None]], signed: bool) -> None:
    n = len(answers[0])
    rng = np.random.default_rng(n)
    pool = votes(threads_frame(answers))
    weights = rng.integers(-2 if signed else 1, 4, (len(answers), n)).astype(float)
    near = drawing.drawn(pool, weights, range(1, n + 1), 4000, seed=1)
    for k in range(1, n + 1):
        assert np.abs(near[:, k - 1] - drawing.enumerated(pool, weights, k)).max() < 0.05


def test_draws_repeat_with_their_seed() -> None:
    rng = np.random.default_rng(0)
    answers = rng.choice(["a", "b", "c"], (40, 15)).tolist()
    frame = threads_frame(answers, trust=rng.random((40, 15)).tolist())
    one, two, other = (resample(frame, [7], "weighted:trust", draws=50, seed=s) for s in (1, 1, 2))
    pd.testing.assert_frame_equal(one, two)
    assert one["accuracy"].iloc[0] != other["accuracy"].iloc[0]
    assert not one["exact"].iloc[0] and one["subsets"].iloc[0] == 50


def test_cost_and_longest_thread() -> None:
    frame = threads_frame(
        [["a", "b", "a"]], seconds=[[1.0, 2.0, 6.0]], cost_usd=[[0.1, 0.1, 0.4]], input_tokens=[[10, 10, 10]],
        output_tokens=[[5, 5, 20]],
    )  # fmt: skip
    found = resample(frame).set_index("agents")
    assert found["tokens"].tolist() == pytest.approx([20, 40, 60])
    assert found["cost_usd"].tolist() == pytest.approx([0.2, 0.4, 0.6])
    assert found["seconds"].tolist() == pytest.approx([3.0, (2 + 6 + 6) / 3, 6.0])


def test_equal_answers_are_one_vote() -> None:
    frame = threads_frame([["1/2", "0.5", "7", "7", "0.50"]], right="0.5").assign(score=[1.0, 1.0, 0.0, 0.0, 1.0])
    from workbench.grading import grader

    assert resample(frame, [5])["accuracy"].iloc[0] == 0.0  # as texts the two 7 win
    assert resample(frame, [5], key=grader("numeric").key)["accuracy"].iloc[0] == 1.0


def test_a_synthesis_that_needs_calls_is_asked_once_and_for_all() -> None:
    asked: list[Subset] = []

    def judge(subsets: list[Subset]) -> list[float]:
        asked.extend(subsets)
        return [float(0 in s.threads) for s in subsets]

    frame = threads_frame([["a", "b", "a", "c"]] * 3)
    found = resample(frame, [2, 4], {"judge": judge}, calls=6)
    assert found["accuracy"].tolist() == pytest.approx([0.5, 1.0])
    assert found["exact"].tolist() == [True, True]
    assert len(asked) == 3 * 6 + 3 and len(set(asked)) == len(asked)
    assert resample(frame, [2], {"judge": judge}, calls=2)["subsets"].tolist() == [2]


def test_scores_at_are_for_paired_tests() -> None:
    frame = threads_frame([["a", "a", "b"]] * 30)
    got = paired(scores_at(frame, 1), scores_at(frame, 3))
    assert got.difference == pytest.approx(1 / 3) and got.separated


@pytest.mark.parametrize(
    ("what", "message"),
    [
        (dict(agents=[0]), "between 1 and the 3 threads"),
        (dict(agents=[4]), "between 1 and the 3 threads"),
        (dict(synthesis="majorty"), "did you mean 'majority'"),
        (dict(synthesis="judge"), "needs new calls"),
        (dict(synthesis="weighted:rewards"), "did you mean 'reward'"),
        (dict(synthesis={"name": "weighted", "buy": "reward"}), "unknown setting of weighted 'buy'"),
        (dict(synthesis="best"), "by what"),
        (dict(draws=0), "draws"),
    ],
)
def test_wrong_arguments_are_named(what: dict[str, object], message: str) -> None:
    frame = threads_frame([["a", "b", "a"]], reward=[[1, 2, 3]])
    with pytest.raises(UsageError, match=message):
        resample(frame, **what)  # type: ignore[arg-type]


def test_threads_that_read_each_other_are_refused() -> None:
    frame = threads_frame([["a", "b"]])
    debated = pd.concat([frame.assign(round=0), frame.assign(round=1)])
    with pytest.raises(UsageError, match="which round"):
        resample(debated)
    assert len(resample(votes(debated, round=0))) == 2
    with pytest.raises(UsageError, match="two answers"):
        resample(pd.concat([frame, frame]))


def test_record_weights_follow_the_models() -> None:
    frame = threads_frame([["a", "b", "b"]]).assign(model=["strong", "weak", "weak"])
    trusted = rule({"name": "weighted", "by": "record", "record": {"strong": 0.9, "weak": 0.55}})
    assert resample(frame, [3], trusted)["accuracy"].iloc[0] == 1.0
    assert resample(frame, [3], "majority")["accuracy"].iloc[0] == 0.0
