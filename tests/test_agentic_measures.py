"""The agentic measures against slow and plain versions of themselves, and against what is known to be true."""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import workbench as wb
from tests.trajectories import call, run_of, say, trajectory
from workbench import agentic
from workbench import semconv as s
from workbench.agentic import decay, estimates, survival
from workbench.agentic.correlation import kendall, spearman
from workbench.errors import UsageError


def measure(table: pd.DataFrame, name: str) -> Any:
    """The row of one measure."""
    return next(table[table["measure"] == name].itertuples())


# -- error recovery ------------------------------------------------------------------------------------------------------

OUTCOMES = {
    "recovered": [call("a", {"x": 1}, error="e"), call("a", {"x": 2})],
    "changed approach": [call("a", error="e"), call("b"), say("done")],
    "retried the same": [call("a", error="e"), call("a", error="e"), call("a", error="e")],
    "cascaded": [call("a", error="e"), call("b", error="e"), call("a", {"x": 2}, error="e")],
    "gave up": [call("a", error="e"), say("sorry")],
}


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_what_came_of_a_failure(outcome: str) -> None:
    found = wb.incidents(wb.steps(run_of(trajectory("k", [call("z"), *OUTCOMES[outcome]]))))
    assert found["outcome"].iloc[0] == outcome and found["step"].iloc[0] == 1
    assert (
        found["steps"].iloc[0] == 1
        if outcome in ("recovered", "changed approach")
        else np.isnan(found["steps"].iloc[0])
    )


def test_the_first_response() -> None:
    moves = [call("a", error="e"), call("a"), call("b", error="e"), call("b", {"x": 1}), call("c", error="e"), say("hm"),
             call("d", error="e"), call("a"), "error", call("a"), call("e", error="e")]  # fmt: skip
    found = wb.incidents(wb.steps(run_of(trajectory("k", moves))))
    assert found["response"].tolist() == [
        "retried the same", "changed the arguments", "told the user", "changed the tool", "retried the same", "gave up",
    ]  # fmt: skip
    assert found["kind"].tolist() == ["tool"] * 4 + ["model_error", "tool"]
    assert [None if pd.isna(a) else bool(a) for a in found["again"]] == [False, False, True, False, False, None]


def test_a_silent_fault_is_an_incident() -> None:
    moves = [call("a", {"x": 1}, "old", **{s.FAULT: "stale"}), call("a", {"x": 1}, "new")]
    found = wb.incidents(wb.steps(run_of(trajectory("k", moves))))
    assert found["silent"].tolist() == [True] and found["outcome"].tolist() == ["recovered"]


def test_later_than_within_is_no_recovery() -> None:
    frame = wb.steps(
        run_of(trajectory("k", [call("a", error="e"), call("b", error="e"), call("b", error="e"), call("a")]))
    )
    assert wb.incidents(frame)["outcome"].iloc[0] == "recovered"
    assert wb.incidents(frame, within=2)["outcome"].iloc[0] == "cascaded"


MOVE = st.one_of(
    st.builds(
        call, st.sampled_from("ab"), st.sampled_from([{"x": 1}, {"x": 2}]), error=st.sampled_from([None, None, "e"])
    ),
    st.just(say("words")),
    st.just("error"),
)


@settings(max_examples=25)
@given(st.lists(st.lists(MOVE, max_size=9), min_size=1, max_size=3), st.integers(1, 4))
def test_incidents_as_a_person_would_count_them(runs: list[list[Any]], within: int) -> None:
    frame = wb.steps(run_of(*(trajectory(str(i), moves) for i, moves in enumerate(runs))))
    found = wb.incidents(frame, within=within)
    expected = []
    for _, part in frame.groupby("trace_id", sort=False):
        acting = [r for r in part.itertuples() if r.kind != "message"]
        last_of_tool: dict[Any, bool] = {}
        for i, row in enumerate(acting):
            tool, bad = (row.tool if row.kind == "tool" else None), isinstance(row.error, str)
            if bad and not last_of_tool.get(tool, False):
                after = acting[i + 1 : i + 1 + within]
                same = [
                    n
                    for n, r in enumerate(after, 1)
                    if (r.tool if r.kind == "tool" else None) == tool and not isinstance(r.error, str)
                ]
                other = [n for n, r in enumerate(after, 1) if not isinstance(r.error, str)]
                if not after:
                    expected.append(("gave up", None))
                elif same:
                    expected.append(("recovered", same[0]))
                elif other:
                    expected.append(("changed approach", other[0]))
                elif all(
                    r.kind == row.kind and (not tool or (r.tool, r.arguments) == (tool, row.arguments)) for r in after
                ):
                    expected.append(("retried the same", None))
                else:
                    expected.append(("cascaded", None))
            last_of_tool[tool] = bad
    assert [(o, None if np.isnan(n) else n) for o, n in zip(found["outcome"], found["steps"], strict=True)] == expected
    shares = agentic.recovery(frame, within=within).set_index("measure")["value"]
    if expected:
        assert shares[
            ["recovered", "changed approach", "retried the same", "cascaded", "gave up"]
        ].sum() == pytest.approx(1)


# -- context persistence ---------------------------------------------------------------------------------------------------


def test_a_half_life_is_found_again() -> None:
    rng = np.random.default_rng(0)
    distance = rng.integers(0, 60, 6000)
    held = rng.random(6000) < 0.95 * 2 ** (-distance / 20)
    got = agentic.half_life(held, distance, np.arange(6000) // 10)
    assert (
        got.low < 20 < got.high
        and got.steps == pytest.approx(20, rel=0.1)
        and got.start == pytest.approx(0.95, abs=0.04)
    )
    assert got.at(20) == pytest.approx(got.start / 2, rel=0.1)


def test_nothing_falls_where_nothing_falls() -> None:
    got = agentic.half_life(np.ones(200, bool), np.arange(200) % 50, np.arange(200))
    assert got.steps == math.inf and got.as_dict()["steps"] is None and got.start == pytest.approx(1)
    got = agentic.half_life(np.zeros(20, bool), np.arange(20), np.arange(20))
    assert got.start < 1e-6
    with pytest.raises(UsageError, match="at least 0"):
        agentic.half_life([True], [-1], ["t"])
    with pytest.raises(UsageError, match="no outcome"):
        agentic.half_life([None], [1], ["t"])


@pytest.mark.slow
def test_the_half_lifes_interval_holds_its_coverage() -> None:
    """Of 200 times 30 tasks; tasks differ in their chance, none of which would exceed 1, so that the truth is 25 steps."""
    held = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        task = np.repeat(np.arange(30), 12)
        distance = np.tile(np.arange(12) * 5, 30)
        p = 0.65 * rng.uniform(0.5, 1.5, 30)[task] * 2 ** (-distance / 25)
        got = decay.half_life(rng.random(len(task)) < p, distance, task, draws=100, seed=seed)
        held += got.low <= 25 <= got.high
    assert held / 200 > 0.88


def test_recall_is_counted_by_distance() -> None:
    def asks(distance: int, right: bool) -> Any:
        return say("?", **{s.FACT: "f", s.FACT_DISTANCE: distance, s.RECALLED: right})

    traces = [trajectory(str(i), [asks(1, True), asks(5, i % 2 == 0), asks(9, False)], task=f"t{i}") for i in range(6)]
    frame = wb.steps(run_of(*traces))
    curve = agentic.recall(frame)
    assert (
        curve["distance"].tolist() == [1, 5, 9] and curve["value"].tolist() == [1, 0.5, 0] and (curve["n"] == 6).all()
    )
    assert measure(agentic.persistence(frame), "recall").value == pytest.approx(0.5)
    got = agentic.recall_half_life(frame)
    assert 1 < got.steps < 9


@given(st.lists(st.tuples(st.integers(0, 300), st.booleans()), min_size=1, max_size=80), st.integers(1, 15))
def test_a_curve_loses_nobody(points: list[tuple[int, bool]], bins: int) -> None:
    x, y = np.array([p[0] for p in points]), np.array([p[1] for p in points])
    got = estimates.curve(x, y, np.arange(len(points)), bins=bins)
    assert got["n"].sum() == len(points) and len(got) <= max(bins, 1)
    assert (got["value"] * got["n"]).sum() == pytest.approx(y.sum())
    assert (got["from"].to_numpy()[1:] > got["to"].to_numpy()[:-1]).all()


def test_a_slope_is_that_of_least_squares_with_a_clustered_interval() -> None:
    rng = np.random.default_rng(1)
    x, task = np.tile(np.arange(20), 50), np.repeat(np.arange(50), 20)
    y = (rng.random(1000) < 0.3 + 0.01 * x).astype(float)
    row = estimates.slope("s", x, y, task, "")
    assert row["value"] == pytest.approx(10 * stats.linregress(x, y).slope)
    assert row["low"] < 0.1 < row["high"] and row["tasks"] == 50


# -- tool orchestration ----------------------------------------------------------------------------------------------------


def test_parallel_where_it_was_possible() -> None:
    moves = [
        [call("a", {"id": "X-1"}, {"v": 11}), call("b", {"id": "X-2"}, {"v": 12})],  # together
        call("c", {"id": "X-3"}, {"next": "N-9"}),  # alone, though it needed nothing
        call("d", {"id": "N-9"}, {"v": 14}),  # needed the one before
    ]
    frame = wb.steps(run_of(trajectory("k", moves, task_text="See to X-1, X-2 and X-3.")))
    row = measure(agentic.orchestration(frame), "parallel where possible")
    assert (row.value, row.n) == (0.5, 2)


def test_right_arguments_count_only_for_the_right_tool() -> None:
    truth = {s.EXPECTED_TOOL: "a", s.EXPECTED_ARGUMENTS: "{}"}
    frame = wb.steps(run_of(trajectory("k", [call("a", **truth), call("b", **truth), call("a", {"x": 1}, **truth)])))
    table = agentic.orchestration(frame)
    assert measure(table, "right tool").value == pytest.approx(2 / 3)
    assert measure(table, "right arguments").value == pytest.approx(1 / 2)
    assert measure(table, "right calls").value == pytest.approx(1 / 3)


# -- instruction adherence ---------------------------------------------------------------------------------------------------


def no_x(step: Any, before: Any) -> bool | None:
    """A rule: never an argument x above 1."""
    return bool(step.arguments.get("x", 0) > 1) if step.kind == "tool" else None


def test_rules_as_functions_and_as_recorded_events() -> None:
    from dataclasses import replace

    from workbench.spans import Event

    spans = trajectory("k", [call("a", {"x": 1}), say("hm"), call("a", {"x": 2})], numbered=True)
    checked = Event(s.RULE_CHECK, 0, {s.RULE: "polite", s.VIOLATED: True})
    spans = [replace(x, events=(checked,)) if x.name == "chat" and x.attributes[s.STEP] == 1 else x for x in spans]
    checks = wb.rule_checks(run_of(spans), [no_x])
    assert checks[["step", "rule", "violated"]].to_numpy().tolist() == [
        [1, "polite", True],
        [0, "no x", False],
        [2, "no x", True],
    ]
    table = agentic.adherence(checks)
    assert measure(table, "violations per check").value == pytest.approx(2 / 3)
    assert measure(table, "violated: no x").value == 0.5
    q = wb.qualities(run_of(spans), [no_x])
    pd.testing.assert_frame_equal(q.checks, checks)


def test_rules_over_steps_and_until_the_first_is_broken() -> None:
    given_x = {"k": (1, 2, 2), "l": (2, 1, 2), "m": (1, 1, 1)}
    spans = [
        x for task, xs in given_x.items() for x in trajectory(task, [call("a", {"x": v}) for v in xs], numbered=True)
    ]
    checks = wb.rule_checks(run_of(spans), [no_x])
    over = agentic.violations_over_steps(checks)
    assert over["step"].tolist() == [0, 1, 2] and over["value"].tolist() == pytest.approx([1 / 3, 1 / 3, 2 / 3])
    kept = agentic.survival_of_rules(checks).set_index("step")["survival"]
    assert kept.to_dict() == pytest.approx({0: 1, 1: 2 / 3, 2: 1 / 3, 3: 1 / 3})


@given(st.lists(st.tuples(st.integers(1, 12), st.booleans()), min_size=1, max_size=40))
def test_survival_is_kaplan_and_meiers(cases: list[tuple[int, bool]]) -> None:
    time, event = np.array([c[0] for c in cases]), np.array([c[1] for c in cases])
    got = survival.survival(time, event, np.arange(len(cases)))
    for row in got.itertuples():
        left = math.prod(
            1 - ((time == u) & event).sum() / (time >= u).sum()
            for u in range(1, int(row.step) + 1)
            if (time >= u).any()
        )
        assert row.survival == pytest.approx(left)
        assert 0 <= row.low <= row.survival + 1e-9 and row.survival - 1e-9 <= row.high <= 1
    assert got["step"].is_monotonic_increasing and got["step"].iat[0] == 0 and got["step"].iat[-1] == time.max()


def test_survivals_interval_is_greenwoods_where_nothing_is_clustered() -> None:
    rng = np.random.default_rng(0)
    time, event = rng.integers(1, 30, 800), rng.random(800) < 0.7
    got = survival.survival(time, event, np.arange(800)).set_index("step")
    at = 15
    greenwood = sum(
        ((time == u) & event).sum() / ((time >= u).sum() * ((time >= u).sum() - ((time == u) & event).sum()))
        for u in range(1, at + 1)
    )
    half = 1.96 * got.loc[at, "survival"] * math.sqrt(greenwood)
    assert (got.loc[at, "high"] - got.loc[at, "low"]) / 2 == pytest.approx(half, rel=0.05)
    copies = survival.survival(
        np.repeat(time[:200], 4), np.repeat(event[:200], 4), np.repeat(np.arange(200), 4)
    ).set_index("step")
    alone = survival.survival(time[:200], event[:200], np.arange(200)).set_index("step")
    assert copies.loc[at, "high"] - copies.loc[at, "low"] == pytest.approx(
        alone.loc[at, "high"] - alone.loc[at, "low"], rel=0.02
    )


# -- reliability ---------------------------------------------------------------------------------------------------------------


@given(st.lists(st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=1, max_size=5), min_size=1, max_size=5))
def test_pass_hat_k_is_the_mean_over_all_draws(trials: list[list[float]]) -> None:
    rows = [(f"t{i}", score) for i, scores in enumerate(trials) for score in scores]
    got = wb.pass_hat_k(pd.DataFrame(rows, columns=["task_id", "score"]))
    for k, value in zip(got["k"], got["value"], strict=True):
        each = [np.mean([min(draw) for draw in itertools.combinations(t, k)]) for t in trials if len(t) >= k]
        assert value == pytest.approx(np.mean(each))


def test_pass_hat_k_of_taubench(shared: Path) -> None:
    got = wb.pass_hat_k(wb.read(shared / "data" / "taubench_airline" / "gpt4o_airline.jsonl.gz"))
    assert got["k"].tolist() == [1, 2, 3, 4]
    assert got["value"].is_monotonic_decreasing and got["low"].iat[0] < 0.42 < got["high"].iat[0]
    assert got["low"].iat[3] < 0.20 < got["high"].iat[3]


# -- divergence -----------------------------------------------------------------------------------------------------------------

PAIRS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=3, max_size=8)


@given(PAIRS)
def test_rank_correlations_are_scipys(pairs: list[tuple[int, int]]) -> None:
    x, y = (np.array([float(p[i]) for p in pairs]) for i in (0, 1))
    if len(set(x)) == 1 or len(set(y)) == 1:
        assert math.isnan(spearman(x, y)) and math.isnan(kendall(x, y))
        return
    assert spearman(x, y) == pytest.approx(stats.spearmanr(x, y).statistic)
    assert kendall(x, y) == pytest.approx(stats.kendalltau(x, y).statistic)


def test_divergence_says_how_far_the_orders_part() -> None:
    names = {f"m{i}": (i / 10, i / 12) for i in range(6)}
    same = wb.divergence(names)
    assert (
        same.spearman.value == same.kendall.value == 1
        and same.divergence == 0
        and same.spearman.p == pytest.approx(2 / 720)
    )
    turned = wb.divergence({k: (a, 1 - b) for k, (a, b) in names.items()})
    assert turned.divergence == 1 and turned.table["moved"].tolist() == [-5, -3, -1, 1, 3, 5]
    assert turned.spearman.low <= -1 + 1e-9 and turned.as_dict()["n"] == 6


def test_divergence_over_steps_and_tasks() -> None:
    rng = np.random.default_rng(0)
    rows = [
        (f"m{m}", n, float(rng.random() < 0.3 + m / 10), float(rng.random() < (0.3 + m / 10 if n == 10 else 0.8 - m / 10)))
        for m in range(6) for n in (10, 60) for _ in range(300)
    ]  # fmt: skip
    got = wb.divergence(pd.DataFrame(rows, columns=["name", "steps", "single", "agentic"]), by="steps", draws=300)
    assert got.curve["steps"].tolist() == [10, 60]
    near, far = got.curve["spearman"]
    assert near > 0.8 and far < -0.8
    assert (got.curve["spearman_low"] <= got.curve["spearman"]).all()


def test_divergence_refuses_what_it_cannot_rank() -> None:
    with pytest.raises(UsageError, match="at least 3"):
        wb.divergence({"a": (1, 2), "b": (2, 1)})
    with pytest.raises(UsageError, match="lack the column"):
        wb.divergence(pd.DataFrame({"name": ["a"], "single": [1.0]}))
    with pytest.raises(UsageError, match="two numbers"):
        wb.divergence({"a": (1, "x"), "b": (1, 1), "c": (2, 2)})


# -- the summary, its pictures, the command -------------------------------------------------------------------------------


def test_the_summary_says_what_it_could_not_know() -> None:
    q = wb.qualities(run_of(trajectory("k", [call("a", error="e"), call("a")], **{s.SCORE: 1.0})))
    assert "workbench.fact" in q.unknown["recall"] and "recovered" not in q.unknown
    assert q.as_dict()["recovery"]["recovered"]["value"] == 1.0
    assert q.as_dict()["reliability"]["pass^1"]["note"] == "only one trial per task was recorded"
    assert "not known: recall" in repr(q) and "<table" in q._repr_html_()


def test_figures_are_drawn_with_and_without_truth() -> None:
    asked = {s.FACT: "f", s.FACT_DISTANCE: 3, s.RECALLED: True, s.EXPECTED_TOOL: ""}
    for moves in ([say("a"), call("b", error="e"), call("b")], [say("a", **asked)] * 3):
        q = wb.qualities(run_of(*(trajectory(f"{i}", moves, task=f"t{i}") for i in range(4))), [no_x])
        figure = agentic.figure(q)
        titles = [ax.get_title(loc="left") for ax in figure.axes]
        assert titles[0] == "recall of planted facts" and len(titles) == 4
    found = wb.divergence({"a": (0.1, 0.2), "b": (0.2, 0.1), "c": (0.9, 0.8)})
    assert [t.get_text() for t in agentic.diverging(found).texts][:3] == ["c", "b", "a"]


def test_the_command_reads_any_trace_file(shared: Path) -> None:
    import json

    from click.testing import CliRunner

    from workbench.commands.agentic import agentic_cmd

    path = shared / "data" / "reflexion" / "hotpot_base.jsonl.gz"
    done = CliRunner().invoke(agentic_cmd, [str(path), "--json"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.output)
    assert told["trajectories"] == 275 and told["reliability"]["pass^1"]["value"] == pytest.approx(0.418, abs=0.001)
    assert told["persistence"]["recall"]["value"] is None and "workbench.fact" in told["persistence"]["recall"]["note"]
