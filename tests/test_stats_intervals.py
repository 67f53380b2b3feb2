"""Intervals, paired tests and calibration: they keep what their level promises."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as reference

from workbench import stats
from workbench.errors import UsageError
from workbench.stats.pairing import holm, mcnemar, sign_flip

scores = st.lists(st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=1, max_size=4), min_size=1, max_size=20)


def answers_frame(by_task: list[list[float]]) -> pd.DataFrame:
    return pd.DataFrame(
        [{"task_id": f"t{i}", "repeat": r, "score": s} for i, row in enumerate(by_task) for r, s in enumerate(row)]
    )


@settings(deadline=None)
@given(scores)
def test_an_interval_holds_its_estimate_and_stays_in_range(by_task: list[list[float]]) -> None:
    got = stats.accuracy(answers_frame(by_task))
    assert 0 <= got.low <= got.value <= got.high <= 1
    assert got.high - got.low > 0  # no number of tasks makes certain
    assert got.tasks == len(by_task)
    wide = stats.accuracy(answers_frame(by_task), level=0.99)
    assert wide.low <= got.low + 1e-12 and wide.high >= got.high - 1e-12


@settings(deadline=None)
@given(scores, st.integers(2, 4))
def test_repeating_every_attempt_adds_no_evidence(by_task: list[list[float]], times: int) -> None:
    once, often = (
        stats.accuracy(answers_frame(by_task)),
        stats.accuracy(answers_frame([row * times for row in by_task])),
    )
    assert (often.low, often.high) == pytest.approx((once.low, once.high))


def test_single_attempts_at_many_tasks_give_wilson() -> None:
    right = [1.0] * 130 + [0.0] * 70
    got = stats.accuracy(answers_frame([[s] for s in right]))
    assert (got.low, got.high) == pytest.approx(reference.binomtest(130, 200).proportion_ci(method="wilson"), abs=2e-3)


@pytest.mark.parametrize(
    ("tasks", "attempts", "share", "together"), [(20, 1, 0.9, 0.0), (15, 4, 0.5, 1.0), (60, 5, 0.95, 0.5)]
)
def test_coverage(tasks: int, attempts: int, share: float, together: float) -> None:
    """Of 600 samples at least 92 % of the 95 % intervals hold the truth; attempts at one task may be copies of each other."""
    rng = np.random.default_rng(tasks)
    task = np.repeat(np.arange(tasks), attempts)
    held = 0
    for _ in range(600):
        own = rng.random((tasks, attempts)) < share
        shared = np.repeat(rng.random((tasks, 1)) < share, attempts, axis=1)
        score = np.where(rng.random((tasks, 1)) < together, shared, own).astype(float).ravel()
        got = stats.clustered(score, task)
        held += got.low <= share <= got.high
    assert held >= 0.92 * 600


def test_failed_attempts_are_wrong_unless_dropped() -> None:
    frame = pd.DataFrame(
        {"task_id": list("abcd"), "score": [1.0, 1.0, None, None], "error": [None, None, "Timeout", None]}
    )
    got, dropped = stats.accuracy(frame), stats.accuracy(frame, failed="drop")
    assert (got.value, got.failed, got.unscored) == (pytest.approx(2 / 3), 1, 1)
    assert dropped.value == 1.0 and dropped.attempts == 2
    with pytest.raises(UsageError, match="'wrong' or 'drop'"):
        stats.accuracy(frame, failed="ignore")
    with pytest.raises(UsageError, match="no scored answer"):
        stats.accuracy(frame.assign(score=np.nan, error=None))


def test_accuracy_by_group() -> None:
    frame = answers_frame([[1.0], [0.0], [1.0], [1.0]]).assign(category=["x", "x", "y", "y"])
    found = stats.accuracy_by(frame, "category").set_index("category")
    assert found["accuracy"].to_dict() == {"x": 0.5, "y": 1.0} and found.loc["y", "high"] == 1.0
    with pytest.raises(UsageError, match="'kind'"):
        stats.accuracy_by(frame, "kind")


# -- two runs --------------------------------------------------------------------------------------------------------------


def series(values: list[float]) -> pd.Series[float]:
    return pd.Series(values, index=[f"t{i}" for i in range(len(values))])


pairs = st.lists(st.tuples(st.sampled_from([0.0, 1.0]), st.sampled_from([0.0, 1.0])), min_size=1, max_size=60)


@settings(deadline=None)
@given(pairs)
def test_paired_difference(found: list[tuple[float, float]]) -> None:
    a, b = series([x for x, _ in found]), series([y for _, y in found])
    got, back = stats.paired(a, b), stats.paired(b, a)
    assert got.difference == pytest.approx(b.mean() - a.mean())
    assert -1 <= got.low <= got.difference <= got.high <= 1
    assert (back.low, back.high) == pytest.approx((-got.high, -got.low))
    assert back.permutation_p == pytest.approx(got.permutation_p)
    # on yes/no scores the sign-flip test is McNemar's
    assert got.permutation_p == pytest.approx(got.mcnemar_p, abs=0.02)
    assert got.mcnemar_p == pytest.approx(mcnemar(got.b_only, got.a_only))


def test_equal_runs_are_not_separated_yet_not_certain() -> None:
    got = stats.paired(series([1.0] * 30), series([1.0] * 30))
    assert got.difference == 0 and not got.separated and 0 < got.high < 0.15 and got.permutation_p == 1.0
    assert got.tasks_needed() == math.inf


def test_mcnemar_is_the_binomial_test() -> None:
    assert mcnemar(10, 2) == pytest.approx(reference.binomtest(2, 12).pvalue)
    assert mcnemar(0, 0) == 1.0


def test_sign_flip_draws_agree_with_the_exact_test() -> None:
    rng = np.random.default_rng(3)
    d = np.round(rng.normal(0.1, 0.3, 14), 2)
    exact = np.mean(
        [abs((d * [(1, -1)[(i >> j) & 1] for j in range(14)]).sum()) >= abs(d.sum()) - 1e-9 for i in range(2**14)]
    )
    assert sign_flip(d) == pytest.approx(exact, abs=1e-9)
    long = np.concatenate([d] * 3 + [rng.normal(0, 0.3, 30)])
    assert sign_flip(long, seed=1) == pytest.approx(sign_flip(long, seed=2), abs=0.02)


def test_paired_interval_coverage() -> None:
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(600):
        kind = rng.choice(4, 40, p=[0.6, 0.25, 0.12, 0.03])
        a, b = (
            series(np.isin(kind, [0, 2]).astype(float).tolist()),
            series(np.isin(kind, [0, 1]).astype(float).tolist()),
        )
        got = stats.paired(a, b)
        held += got.low <= 0.13 <= got.high
    assert held >= 0.92 * 600


def test_tasks_needed_gives_the_power_it_promises() -> None:
    rng = np.random.default_rng(1)
    p = [0.5, 0.2, 0.1, 0.2]  # both right, only b, only a, none

    def sample(n: int) -> stats.Paired:
        kind = rng.choice(4, n, p=p)
        return stats.paired(
            series(np.isin(kind, [0, 2]).astype(float).tolist()), series(np.isin(kind, [0, 1]).astype(float).tolist())
        )

    truth = stats.paired(series(([1.0] * 5 + [0.0] * 2 + [1.0] + [0.0] * 2) * 50), series(([1.0] * 7 + [0.0] * 3) * 50))
    needed = int(truth.tasks_needed(0.8))
    assert np.mean([sample(needed).separated for _ in range(300)]) == pytest.approx(0.8, abs=0.08)


def test_only_common_tasks_are_compared() -> None:
    a, b = series([1.0, 0.0, 1.0]), series([1.0, 1.0, 1.0, 0.0])
    got = stats.paired(a, b)
    assert got.tasks == 3 and got.left_out == 1
    with pytest.raises(UsageError, match="no scored task in common"):
        stats.paired(a, pd.Series([1.0], index=["other"]))


def test_partial_scores_have_no_mcnemar() -> None:
    got = stats.paired(series([0.5, 1.0, 0.0]), series([1.0, 1.0, 0.25]))
    assert math.isnan(got.mcnemar_p) and 0 < got.permutation_p <= 1


def test_table_of_pairs_corrects_for_their_number() -> None:
    rng = np.random.default_rng(0)
    runs = {
        name: series((rng.random(80) < p).astype(float).tolist()) for name, p in [("a", 0.3), ("b", 0.5), ("c", 0.7)]
    }
    table = stats.paired_table(runs)
    assert list(zip(table["a"], table["b"], strict=True)) == [("a", "b"), ("a", "c"), ("b", "c")]
    assert (table["p_holm"] >= table["p"]).all()
    assert len(stats.paired_table(runs, "b")) == 2
    with pytest.raises(UsageError, match="baseline"):
        stats.paired_table(runs, "d")


def test_holm() -> None:
    assert holm(np.array([0.01, 0.04, 0.03])) == pytest.approx([0.03, 0.06, 0.06])


# -- calibration -------------------------------------------------------------------------------------------------------------


def test_calibrated_and_overconfident() -> None:
    rng = np.random.default_rng(0)
    sure = rng.random(4000)
    frame = pd.DataFrame(
        {"task_id": np.arange(4000), "confidence": sure, "score": (rng.random(4000) < sure).astype(float)}
    )
    good = stats.calibration(frame, "confidence")
    assert good.ece == pytest.approx(good.ece_chance, abs=0.01) and good.auroc.value == pytest.approx(5 / 6, abs=0.02)
    bad = stats.calibration(frame.assign(confidence=0.5 + frame["confidence"] / 2), "confidence")
    assert bad.ece > 0.2 and bad.brier > good.brier
    assert bad.auroc.value == pytest.approx(good.auroc.value)  # rank is not calibration
    inside = (good.curve["accuracy_low"] <= good.curve["confidence"]) & (
        good.curve["confidence"] <= good.curve["accuracy_high"]
    )
    assert inside.sum() >= 8 and good.curve["n"].sum() == 4000


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from([0.2, 0.4, 0.6, 0.8]), st.booleans()), min_size=2, max_size=40))
def test_auroc_is_the_share_of_pairs_in_order(found: list[tuple[float, bool]]) -> None:
    sure, score = np.array([s for s, _ in found]), np.array([float(r) for _, r in found])
    got = stats.auroc(sure, score)
    good, bad = sure[score == 1], sure[score == 0]
    if len(good) == 0 or len(bad) == 0:
        assert math.isnan(got.value)
        return
    order = (good[:, None] > bad).mean() + (good[:, None] == bad).mean() / 2
    assert got.value == pytest.approx(order) and 0 <= got.low <= got.value <= got.high <= 1


def test_auroc_interval_covers_and_knows_clusters() -> None:
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(300):
        score = (rng.random(120) < 0.6).astype(float)
        sure = rng.normal(score * 1.0, 1.0)
        got = stats.auroc(sure, score)
        held += got.low <= reference.norm.cdf(1 / math.sqrt(2)) <= got.high
    assert held >= 0.92 * 300
    once = stats.auroc(sure, score)
    copied = stats.auroc(np.tile(sure, 3), np.tile(score, 3), np.tile(np.arange(120), 3))
    assert copied.value == pytest.approx(once.value) and copied.high - copied.low == pytest.approx(
        once.high - once.low, rel=0.05
    )


def test_a_confidence_that_is_none_is_named() -> None:
    frame = pd.DataFrame({"task_id": [1, 2], "score": [1.0, 0.0], "logprob": [-1.0, -2.0]})
    with pytest.raises(UsageError, match="no column 'support'"):
        stats.calibration(frame)
    with pytest.raises(UsageError, match=r"must be 0\.\.1"):
        stats.calibration(frame, "logprob")
