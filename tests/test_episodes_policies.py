"""Policies: who decides, what is on record of it, and that the measures see what is good and what is bad about an actor."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

import workbench as wb
from tests.acting import Actor
from workbench import semconv as s
from workbench.agentic import calling, failing, forgetting, keeping, qualities
from workbench.agents import ToolCall
from workbench.arithmetic import ITEMS
from workbench.episodes import Faults, Setup, environment, policy
from workbench.episodes.ledger import values
from workbench.episodes.probing import probe
from workbench.errors import ModelRefused, UsageError

FAST = wb.Limits(retry=wb.Retry(attempts=1))


async def tried(out: Path, name: str = "repair", strategy: Any = "single", *, steps: int = 40, **how: Any) -> wb.Run:
    """A probe of a programmatic actor; what `how` holds for `probe` goes there, the rest makes the actor."""
    to_probe = {
        k: how.pop(k)
        for k in ("faults", "fault_kinds", "rules", "trials", "episodes", "limits", "models", "seed")
        if k in how
    }
    to_probe = {"faults": 0.2, "rules": 4, "trials": 1, "episodes": 3, "limits": FAST, **to_probe}
    world = environment(name)
    faults = Faults(to_probe["faults"], tuple(to_probe.get("fault_kinds", Faults().kinds)))
    actor = Actor(Setup(world, steps, faults, to_probe["rules"], 0), **how)
    models = to_probe.pop("models", None) or {"m": wb.Scripted(actor, name="m")}
    return await probe(wb.ModelMix({"m": 1}), name, steps=steps, strategy=strategy, out=out, models=models, **to_probe)


def value(run: wb.Run, quality: str, measure: str) -> float:
    measured = {
        "persistence": forgetting.persistence,
        "orchestration": calling.orchestration,
        "recovery": failing.recovery,
        "adherence": keeping.adherence,
    }[quality](wb.rule_checks(run) if quality == "adherence" else wb.steps(run))
    return float(measured.set_index("measure").loc[measure, "value"])


@pytest.mark.parametrize("name", ["travel", "repair", "ledger"])
@pytest.mark.parametrize("strategy", ["single", {"name": "parallel", "agents": 3}, {"name": "checked", "by": "rules"}])
async def test_a_perfect_actor_has_full_marks_by_any_policy(tmp_path: Path, name: str, strategy: Any) -> None:
    run = await tried(tmp_path / "r", name, strategy, episodes=2, steps=24)
    answers, found = wb.answers(run), qualities(run)
    assert (answers["score"] == 1).all() and answers["error"].isna().all()
    steps = found.steps
    assert steps["right"].dropna().all() and steps["recalled"].dropna().all() and steps["state_right"].dropna().all()
    assert not found.checks["violated"].any() and len(found.checks) > 10 and not found.odd
    assert steps.loc[steps["kind"] == "tool", "valid"].all()
    per = steps.groupby("trace_id")["step"]
    assert (per.min() == 0).all() and (per.max() + 1 == per.nunique()).all()
    assert set(answers["strategy"]) == {strategy if isinstance(strategy, str) else strategy["name"]}


async def test_the_record_holds_the_contract(tmp_path: Path) -> None:
    run = await tried(tmp_path / "r", "travel", faults=0.3)
    spans = list(run.spans())
    tools = [x for x in spans if x.attributes[s.OPERATION] == s.TOOL]
    failed = [x for x in tools if x.status == "ERROR"]
    assert {x.attributes[s.ERROR_TYPE] for x in failed} == {"timeout", "error"} and all(
        s.FAULT in x.attributes for x in failed
    )
    assert any(x.attributes.get(s.FAULT) == "wrong_type" and x.status != "ERROR" for x in tools)
    for x in tools:
        assert {s.STEP, s.TOOL_NAME, s.TOOL_RESULT, s.EXPECTED_TOOL, s.EXPECTED_ARGUMENTS, s.TASK_ID} <= set(
            x.attributes
        )
        assert json.loads(x.attributes[s.TOOL_ARGUMENTS]) == json.loads(x.attributes[s.EXPECTED_ARGUMENTS])
    chats = [x for x in spans if x.attributes[s.OPERATION] == s.CHAT]
    assert all(s.STEP in x.attributes for x in chats)
    asked = [x.attributes for x in chats if s.FACT in x.attributes]
    assert asked and all(a[s.FACT_DISTANCE] > 0 and a[s.RECALLED] for a in asked)
    checks = [e for x in chats for e in x.events if e.name == s.RULE_CHECK]
    assert {e.attributes[s.RULE] for e in checks} == {"limit", "profile_first", "reference", "eur"}
    roots = [x.attributes for x in spans if x.parent_id is None]
    assert [a[s.TASK_ID] for a in sorted(roots, key=lambda a: a[s.TASK_ID])] == ["travel/0", "travel/1", "travel/2"]


async def test_the_same_seed_gives_the_same_run(tmp_path: Path) -> None:
    runs = [await tried(tmp_path / str(i), "repair", "single", slips=0.3) for i in range(2)]
    columns = ["task_id", "step", "kind", "tool", "arguments", "result", "error", "fault", "right", "said"]
    one, other = (wb.steps(r, text=True)[columns] for r in runs)
    assert one.equals(other)


# -- what the measures see ----------------------------------------------------------------------------------------------


async def test_a_forgetful_actor_loses_facts_by_distance(tmp_path: Path) -> None:
    run = await tried(tmp_path / "r", "travel", forgets=20, steps=90, faults=0.0, rules=3)
    asked = wb.steps(run).dropna(subset=["fact"])
    assert len(asked) > 6 and (asked["recalled"] == (asked["distance"] <= 20)).all()
    assert 0 < value(run, "persistence", "recall") < 1 and (wb.answers(run)["score"] < 1).all()


async def test_a_stubborn_actor_gives_up_and_a_good_one_recovers(tmp_path: Path) -> None:
    good = await tried(tmp_path / "good", faults=0.3)
    bad = await tried(tmp_path / "bad", faults=0.3, stubborn=True)
    answered = [wb.incidents(wb.steps(r))["response"].isin(("told the user", "gave up")).mean() for r in (good, bad)]
    assert answered[0] < 0.1 and answered[1] > 0.5
    assert value(good, "recovery", "recovered") > value(bad, "recovery", "recovered")
    assert wb.answers(good)["score"].mean() == 1 and wb.answers(bad)["score"].mean() < 0.5


async def test_who_believes_everything_is_wrong_where_faults_are_silent(tmp_path: Path) -> None:
    kinds = ("stale", "wrong_type")
    good = await tried(tmp_path / "good", "travel", faults=0.3, fault_kinds=kinds)
    bad = await tried(tmp_path / "bad", "travel", faults=0.3, fault_kinds=kinds, gullible=True)
    assert (wb.steps(bad)["fault"].dropna().isin(kinds)).all() and wb.steps(bad)["error"].isna().all()
    assert value(good, "orchestration", "right calls") == 1 > value(bad, "orchestration", "right calls")


async def test_rules_that_are_forgotten_drift(tmp_path: Path) -> None:
    good = await tried(tmp_path / "good", steps=70)
    bad = await tried(tmp_path / "bad", steps=70, breaks=4)
    assert value(good, "adherence", "violations per check") == 0 < value(bad, "adherence", "violations per check")
    assert value(bad, "adherence", "drift per 10 steps") > 0.01 and value(bad, "adherence", "violated: off") == 0


async def test_calls_made_at_once_are_seen(tmp_path: Path) -> None:
    together = await tried(tmp_path / "t", "travel", steps=60, faults=0.0)
    alone = await tried(tmp_path / "a", "travel", steps=60, faults=0.0, one_by_one=True)
    name = "parallel where possible"
    assert value(together, "orchestration", name) > 0.8 > value(alone, "orchestration", name) == 0
    assert len(wb.calls(together)) < len(wb.calls(alone))


# -- parallel against agentic -------------------------------------------------------------------------------------------


async def test_a_vote_outdoes_its_voters(tmp_path: Path) -> None:
    one = await tried(tmp_path / "one", slips=0.3, one_by_one=True)
    five = await tried(tmp_path / "five", strategy={"name": "parallel", "agents": 5}, slips=0.3, one_by_one=True)
    assert value(one, "orchestration", "right calls") < 0.8 < 0.95 < value(five, "orchestration", "right calls")
    threads = wb.threads(five)
    assert 0.6 < threads["score"].mean() < 0.95  # what a single proposal is worth
    steps = wb.steps(five)
    assert len(wb.calls(five)) == 5 * steps.groupby("trace_id")["step"].nunique().sum()
    assert (
        steps["output_tokens"].sum() == wb.calls(five)["output_tokens"].sum()
    )  # the cost of every vote is at its step
    votes = wb.decisions(five)
    assert (votes["kind"] == "vote").all() and votes["reason"].str.contains("of 5 threads agree").all()


@pytest.mark.parametrize("synthesis", ["majority", "weighted", "judge", "verify"])
async def test_any_synthesis_that_picks_can_decide(tmp_path: Path, synthesis: str) -> None:
    actor = Actor(Setup(environment("repair"), 8, Faults(0.2), 2, 0), slips=0.3)

    def answer(request: wb.Request) -> str | wb.Reply:
        if request.role == "judge":
            assert "What should it do next?" in request.user_text and "Candidate 1" in request.user_text
            good = [c for c in request.user_text.split("Candidate ")[1:] if "nonsense" not in c]
            return f"Best: {good[0][0] if good else 1}"
        if request.role == "check":
            return (
                "Verdict: wrong (0.1)"
                if "nonsense" in request.user_text.split("solution:")[1]
                else "Verdict: right (0.9)"
            )
        return actor(request)

    strategy = {"name": "parallel", "agents": 3, "synthesis": synthesis}
    run = await tried(tmp_path / "r", "repair", strategy, steps=8, rules=2, models={"m": wb.Scripted(answer, name="m")})
    assert wb.answers(run)["score"].mean() > 0.6


async def test_a_checker_mends_what_it_sees(tmp_path: Path) -> None:
    actor = Actor(Setup(environment("repair"), 30, Faults(0.2), 4, 0), slips=0.4)

    def answer(request: wb.Request) -> str | wb.Reply:
        if request.role == "check":
            wrong = "nonsense" in request.user_text.split("Proposed solution:")[1]
            return "That is nonsense.\nVerdict: wrong (0.05)" if wrong else "Verdict: right (0.9)"
        if "A colleague who checks your actions" in request.messages[-1].content:
            assert "That is nonsense." in request.messages[-1].content
            return actor._act_again(request)  # type: ignore[attr-defined]
        return actor(request)

    clean = dataclasses.replace(actor, slips=0.0)
    actor._act_again = lambda request: clean(dataclasses.replace(request, messages=request.messages[:-1]))  # type: ignore[attr-defined]
    run = await tried(tmp_path / "r", "repair", "checked", steps=30, models={"m": wb.Scripted(answer, name="m")})
    steps, kinds = wb.steps(run), wb.decisions(run)["kind"].value_counts()
    assert (wb.answers(run)["score"] == 1).all() and steps["right"].dropna().all()
    assert kinds["refine"] > 5 and len(wb.calls(run)) == 2 * (kinds["refine"] + kinds["vote"]) + kinds["refine"]


async def test_a_digest_keeps_what_the_actor_would_forget(tmp_path: Path) -> None:
    """The actor cannot look back further than its last messages; notes taken in time carry the facts over."""

    models = {"m": wb.Scripted(short_sighted, name="m")}
    how: dict[str, Any] = {"steps": 80, "faults": 0.0, "rules": 1, "models": models, "seed": 0, "episodes": 4}
    without = await tried(tmp_path / "without", "ledger", "single", **how)
    noted = await tried(tmp_path / "with", "ledger", {"name": "synthesis", "every": 6, "synthesis": "majority"}, **how)
    recall = [wb.steps(r).dropna(subset=["recalled"])["recalled"].mean() for r in (without, noted)]
    assert recall[0] < 0.9 and recall[1] > recall[0] + 0.05
    threads = wb.threads(noted)
    assert threads.groupby("round").size().iloc[1::2].unique().tolist() == [12]  # three notes of four episodes
    assert wb.calls(noted)["output_tokens"].sum() == wb.steps(noted)["output_tokens"].sum()


def short_sighted(request: wb.Request) -> wb.Reply:
    """Keeps a ledger, but knows only values that stand in its last 30 messages."""
    known: dict[str, int] = {}
    for m in request.messages[-30:]:
        known |= values(m.content) if m.role == "assistant" else {}
    turn = max(i for i, m in enumerate(request.messages) if m.role == "user")
    words = request.messages[turn].content.splitlines()[-1].rstrip(".?").split()
    results = [int(m.content) for m in request.messages[turn:] if m.role == "tool"]
    names = [w for w in words if w in ITEMS]
    numbers = [w for w in words if w.isdigit()]
    if words[0] in ("Set", "What"):
        return wb.Reply(
            f"{names[0]} = {numbers[0] if numbers else known.get(names[0], 0)}", output_tokens=4, cost_usd=0.0
        )
    if len(results) < len(names):
        sign = "+" if words[0] == "Add" or results else "-"
        expression = f"{max(0, known.get(names[len(results)], 0))} {sign} {numbers[0]}"
        call = wb_call(str(len(request.messages)), expression)
        return wb.Reply("", tool_calls=(call,), output_tokens=4, cost_usd=0.0)
    said = "\n".join(f"{n} = {r}" for n, r in zip(names, results, strict=True))
    return wb.Reply(said, output_tokens=4, cost_usd=0.0)


def wb_call(ident: str, expression: str) -> ToolCall:
    return ToolCall(ident, "calc", json.dumps({"expression": expression}))


# -- what goes wrong ----------------------------------------------------------------------------------------------------


async def test_model_errors_are_steps_and_too_many_end_the_episode(tmp_path: Path) -> None:
    actor = Actor(Setup(environment("repair"), 20, Faults(0.0), 2, 0))
    asked = {"n": 0}

    def flaky(request: wb.Request) -> wb.Reply:
        asked["n"] += 1
        if asked["n"] % 4 == 0:
            raise ModelRefused("no")
        return actor(request)

    models = {"m": wb.Scripted(flaky, name="m")}
    run = await tried(tmp_path / "r", steps=20, rules=2, faults=0.0, episodes=2, models=models)
    steps = wb.steps(run)
    assert (steps["kind"] == "model_error").sum() > 5 and (wb.answers(run)["score"] == 1).all()

    def dead(request: wb.Request) -> wb.Reply:
        raise ModelRefused("never")

    models = {"m": wb.Scripted(dead, name="m")}
    for strategy in ("single", "parallel", "checked", "synthesis"):
        run = await tried(tmp_path / strategy, strategy=strategy, rules=2, episodes=1, models=models)
        answers = wb.answers(run)
        assert answers["error"].notna().all() and answers["score"].isna().all()
        assert wb.steps(run)["step"].tolist() == [0, 1, 2] and set(wb.steps(run)["kind"]) == {"model_error"}


async def test_a_stopped_probe_is_resumed_and_pays_nothing_twice(tmp_path: Path) -> None:
    whole = await tried(tmp_path / "whole", slips=0.2)
    tokens = int(wb.calls(whole)[["input_tokens", "output_tokens"]].sum().sum())
    limits = wb.Limits(max_tokens=tokens // 2, max_output_tokens=20, retry=wb.Retry(attempts=1))
    stopped = await tried(tmp_path / "r", slips=0.2, limits=limits)
    first = len(wb.calls(stopped))
    assert stopped.manifest["stopped"].startswith("BudgetExceeded") and 0 < first < len(wb.calls(whole))
    paid = int(wb.calls(stopped)[["input_tokens", "output_tokens"]].sum().sum())
    assert paid <= tokens // 2
    done = await tried(tmp_path / "r", slips=0.2, limits=dataclasses.replace(FAST, max_output_tokens=20))
    columns = ["task_id", "step", "kind", "tool", "arguments", "result", "right"]
    again, once = (wb.steps(r).sort_values(["task_id", "step"])[columns].reset_index(drop=True) for r in (done, whole))
    assert again.equals(once) and wb.calls(done)["reused"].sum() >= 1
    assert sorted(wb.answers(done)["answer"]) == sorted(wb.answers(whole)["answer"])


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"strategy": "paralel"}, "unknown policy 'paralel'; did you mean 'parallel'"),
        ({"strategy": {"name": "parallel", "synthesis": "merge"}}, "must pick one of the proposals"),
        ({"strategy": {"name": "parallel", "agents": 0}}, "agents must be at least 1"),
        ({"strategy": {"name": "checked", "by": "me"}}, "by must be one of model, rules"),
        ({"strategy": {"name": "synthesis", "evry": 3}}, "did you mean 'every'"),
        ({"environment": "ledgr"}, "did you mean 'ledger'"),
        ({"episodes": 0}, "episodes must be at least 1"),
        ({"steps": -1}, "steps must be a whole number from 1"),
        ({"faults": 2}, "fault rate"),
    ],
)
async def test_wrong_arguments_raise_at_once(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        await probe("abacus-s", **wrong)


async def test_a_policy_needs_an_episode() -> None:
    with pytest.raises(UsageError, match="is no episode"):
        await wb.run(
            [wb.Task("t", "1 + 1", "2")], policy("single"), "m", models={"m": wb.Scripted(lambda r: "2", name="m")}
        )
