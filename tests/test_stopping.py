"""Stopping rules: the published ones by their formulas, and what must hold of any."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as reference

from tests.voting import threads_frame
from workbench import stats, stopping
from workbench.errors import UsageError

answers = st.lists(st.sampled_from(["a", "b", "c", None]), min_size=1, max_size=12)


@settings(deadline=None)
@given(st.integers(0, 30), st.integers(0, 30))
def test_beta_is_the_tail_of_the_beta_distribution(a: int, b: int) -> None:
    a, b = max(a, b), min(a, b)
    assert stopping.beta((a, b)) == pytest.approx(reference.beta.sf(0.5, a + 1, b + 1), abs=1e-9)


def test_beta_stops_where_adaptive_consistency_does() -> None:
    decide = stopping.rule("beta", threshold=0.95)
    assert decide(["a"] * 3, 40) is None
    assert decide(["a"] * 4, 40) == "4 of 4 agree: probability 0.969 by beta"
    assert decide(["a"] * 4 + ["b"], 40) is None


def test_dirichlet_agrees_with_drawing_and_with_beta_for_two() -> None:
    rng = np.random.default_rng(0)
    for counts in [(3, 1), (4, 2, 1), (2, 2, 1, 1), (6, 0), (20, 15, 3)]:
        drawn = rng.dirichlet(np.array(counts) + 1, 200_000)
        assert stopping.dirichlet(counts) == pytest.approx((drawn.argmax(axis=1) == 0).mean(), abs=0.005)
    assert stopping.dirichlet((5, 2)) == pytest.approx(stopping.beta((5, 2)), abs=1e-6)
    assert stopping.dirichlet((4,)) == pytest.approx(stopping.beta((4,)), abs=1e-6)


def test_outlook_is_the_chance_in_polya_urns() -> None:
    rng = np.random.default_rng(0)
    for counts, remaining in [((3, 1), 4), ((2, 1), 6), ((4,), 5)]:
        a, b = counts[0], counts[1] if len(counts) > 1 else 0
        more = rng.binomial(remaining, rng.beta(a + 1, b + 1, 200_000))
        lead = a + more - (b + remaining - more)
        assert stopping.outlook(counts, remaining) == pytest.approx(
            (lead > 0).mean() + (lead == 0).mean() / 2, abs=0.005
        )


def test_window_is_full_and_unanimous() -> None:
    assert stopping.unanimous(["a", "b", "c", "c"], 2)
    assert not stopping.unanimous(["a", "b", "b", "c"], 2)  # windows do not overlap
    assert stopping.unanimous(["a", "a", "b"], 2)  # the last full one
    assert not stopping.unanimous([None, None], 2)
    assert not stopping.unanimous(["a"], 2)


@settings(deadline=None)
@given(answers, st.lists(st.sampled_from(["a", "b", "c"]), min_size=0, max_size=8))
def test_certain_never_changes_the_vote(said: list[str | None], later: list[str]) -> None:
    counts = stopping.tally(said)
    if stopping.certain(counts, len(later)) and counts and later:
        leader = max(set(said) - {None}, key=said.count)
        votes = said + later
        assert all(votes.count(leader) > votes.count(other) for other in {"a", "b", "c"} - {leader})


@settings(deadline=None)
@given(answers, st.sampled_from(stopping.RULES), st.integers(0, 6))
def test_every_rule_is_a_function_of_the_votes_and_stops_at_the_end(
    said: list[str | None], name: str, left: int
) -> None:
    decide = stopping.rule(name, window=3)
    assert decide(said, len(said)) is not None
    renamed = [None if a is None else f"answer {a}" for a in said]
    assert (decide(said, len(said) + left) is None) == (decide(renamed, len(said) + left) is None)
    assert stopping.rule(name, minimum=len(said) + 1)(said, len(said)) is None
    for probability in (stopping.beta, stopping.dirichlet):
        assert 0 <= probability(stopping.tally(said)) <= 1


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ({"name": "betta"}, "did you mean 'beta'"),
        ({"threshold": 1.0}, "threshold"),
        ({"window": 0}, "window"),
        ({"minimum": 0}, "minimum"),
    ],
)
def test_wrong_settings_are_named(what: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        stopping.rule(**what)  # type: ignore[arg-type]


def test_certain_saves_threads_and_loses_nothing() -> None:
    rng = np.random.default_rng(0)
    frame = threads_frame(rng.choice(["a", "b", "c"], (60, 9), p=[0.6, 0.3, 0.1]).tolist())
    found = stats.savings(frame, {n: stopping.rule(n) for n in ("certain", "beta", "outlook")}, orders=5).set_index(
        "rule"
    )
    assert found.loc["certain", "lost"] == pytest.approx(0.0, abs=1e-12)
    assert 1 < found.loc["certain", "factor"] < found.loc["outlook", "factor"]
    assert (found["threads"] <= 9).all() and (found["most"] >= found["factor"]).all()
    waves = stats.savings(frame, {"beta": stopping.rule("beta")}, wave=4, orders=5)
    assert waves["threads"].iloc[0] >= found.loc["beta", "threads"]
