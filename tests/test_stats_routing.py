"""Routes fitted on earlier runs: within a budget none of the same cost expects more, and a table becomes a Route strategy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import workbench as wb
from tests.scripted import play, says
from workbench import stats
from workbench.errors import UsageError


def test_routes_within_a_budget_spend_where_it_helps() -> None:
    """Three kinds of task: easy, helped by more agents, and hopeless; what the hopeless save pays for the others."""
    right = {"easy": (1.0, 1.0, 1.0), "helped": (0.5, 0.9, 1.0), "hopeless": (0.1, 0.1, 0.1)}
    kinds = pd.Series([k for k in right for _ in range(10)])
    scores = pd.DataFrame([right[k] for k in kinds], columns=["1", "3", "5"])
    cost = pd.Series({"1": 1.0, "3": 3.0, "5": 5.0})
    found = {b: stats.fit_routes(scores, kinds, cost=cost, budget=b, strength=0) for b in (1.0, 2.0, 2.5, 9.0)}
    assert {b: [r[k] for k in right] for b, r in found.items()} == {
        1.0: ["1", "1", "1"],
        2.0: ["1", "3", "1"],
        2.5: ["1", "5", "1"],
        9.0: ["1", "5", "1"],  # nothing is spent for no gain
    }
    for budget, routes in found.items():
        spent = routes.scores(pd.DataFrame([cost] * 30), kinds)
        assert spent.mean() <= budget
        fixed = scores["3"] if budget >= 3 else scores["1"]
        assert routes.scores(scores, kinds).mean() >= fixed.mean()
    with pytest.raises(UsageError, match="even the cheapest choices cost 1"):
        stats.fit_routes(scores, kinds, cost=cost, budget=0.5)
    with pytest.raises(UsageError, match="a budget needs cost"):
        stats.fit_routes(scores, kinds, budget=1.0)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10_000), st.floats(1.0, 6.0))
def test_no_routes_of_the_same_cost_expect_more(seed: int, budget: float) -> None:
    """Lagrange: whatever other choice per category costs no more expects no more."""
    import itertools

    rng = np.random.default_rng(seed)
    kinds = pd.Series(np.repeat([1.0, 2.0, 3.0], 4))
    scores = pd.DataFrame(rng.random((12, 3)), columns=list("abc"))
    cost = pd.Series({"a": 1.0, "b": 2.0, "c": 6.0})
    routes = stats.fit_routes(scores, kinds, cost=cost, budget=budget, strength=0)
    got, spent = routes.scores(scores, kinds).mean(), cost.loc[routes.table["choice"]].mean()
    assert spent <= budget + 1e-9
    means = scores.groupby(kinds).mean().to_numpy()
    for picked in itertools.product(range(3), repeat=3):
        if cost.to_numpy()[list(picked)].mean() <= spent:
            assert means[range(3), picked].mean() <= got + 1e-9


async def test_a_fitted_table_is_a_route(tmp_path: Path) -> None:
    """Earlier runs → fitted routes → the rules of a Route strategy, by difficulty and by category."""
    scores = pd.DataFrame({"one": [1.0, 1.0, 0.0, 0.0], "three": [1.0, 1.0, 1.0, 1.0]})
    cost = pd.Series({"one": 1.0, "three": 3.0})
    teams = {
        "one": {"strategy": {"name": "single"}},
        "three": {"strategy": {"name": "parallel", "agents": 3}, "model": "b"},
    }
    for by, kinds in (("difficulty", pd.Series([1.0, 1.0, 7.0, 7.0])), ("category", pd.Series(["e", "e", "h", "h"]))):
        rules = stats.fit_routes(scores, kinds, cost=cost, budget=2.0).rules(teams)
        tasks = [
            wb.Task("e", "a", "4", difficulty=1, category="e"),
            wb.Task("h", "b", "4", difficulty=7, category="h"),
        ]
        run = await play(says("4"), wb.Route(rules=rules, by=by), tmp_path / by, tasks, wb.ModelMix({"a": 1, "b": 1}))
        assert wb.calls(run).groupby("task_id").model.agg(list).to_dict() == {"e": ["a"], "h": ["b"] * 3}
    with pytest.raises(UsageError, match="three"):
        stats.fit_routes(scores, kinds).rules({"one": {}})
