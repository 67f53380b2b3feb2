"""Strategies: who is asked what, what happens when a planner, an agent or the merge goes wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import workbench as wb
from tests.scripted import by_sample, play, says
from workbench.errors import ModelRefused, UsageError
from workbench.strategies import STRATEGIES, strategy
from workbench.strategies.planning import BadPlan, parse_plan

PLAN = json.dumps({"subtasks": ["1 + 1", "1 + 1"], "combine": "1 + 2"})


class Book:
    """Answers by role, and keeps what was asked."""

    def __init__(self, **by_role: object) -> None:
        self.by_role, self.asked = by_role, []

    def __call__(self, request: wb.Request) -> str:
        self.asked.append(request)
        said = self.by_role.get(request.role, "Answer: 4")
        if isinstance(said, Exception):
            raise said
        if callable(said):
            return said(request)
        if isinstance(said, list):
            return said[sum(r.role == request.role for r in self.asked) - 1]
        return str(said)

    def of(self, role: str) -> list[wb.Request]:
        return [r for r in self.asked if r.role == role]


async def answer_of(run: wb.Run) -> object:
    return wb.answers(run).iloc[0].answer


# -- Single -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("reasoning", "role"), [("none", "direct"), ("chain", "solve"), ("extended", "solve")])
async def test_single_asks_once(tmp_path: Path, reasoning: str, role: str) -> None:
    book = Book()
    run = await play(book, wb.Single(reasoning=reasoning), tmp_path / "r")
    assert [r.role for r in book.asked] == [role] and await answer_of(run) == "4"
    assert dict(book.asked[0].options) == ({"reasoning_effort": "high"} if reasoning == "extended" else {})


async def test_single_passes_a_thinking_budget_on(tmp_path: Path) -> None:
    book = Book()
    await play(book, wb.Single(reasoning="extended", thinking_tokens=2000), tmp_path / "r")
    assert book.asked[0].options["thinking"] == {"type": "enabled", "budget_tokens": 2000}


# -- Parallel ---------------------------------------------------------------------------------------------------------


async def test_parallel_deals_models_and_styles(tmp_path: Path) -> None:
    book = Book()
    mix = wb.ModelMix({"a": 2, "b": 1}, styles=("left-to-right", "pairs-first"))
    run = await play(book, wb.Parallel(agents=6), tmp_path / "r", mix=mix)
    threads = wb.threads(run)
    assert threads.model.value_counts().to_dict() == {"a": 4, "b": 2}
    assert threads["style"].tolist() == ["left-to-right", "pairs-first"] * 3
    assert "pairs" in next(r for r in book.asked if r.style == "pairs-first").messages[0].content


async def test_agents_have_roles_in_every_round(tmp_path: Path) -> None:
    book = Book(solve=by_sample("3", "5"), revise="Answer: 4")
    mix = wb.ModelMix({"m": 1}, roles=("You are a sceptic.", "You are an accountant."))
    run = await play(book, wb.Debate(agents=3), tmp_path / "r", mix=mix)
    told = [r.messages[0].content.split("\n")[0] for r in book.asked]
    assert told == ["You are a sceptic.", "You are an accountant.", "You are a sceptic."] * 2
    assert run.manifest["mix"]["roles"] == ["You are a sceptic.", "You are an accountant."]
    with pytest.raises(UsageError, match=r"ModelMix\.roles must be a list of texts, got 'sceptic'"):
        wb.ModelMix({"m": 1}, roles="sceptic")  # type: ignore[arg-type]


# -- Decompose --------------------------------------------------------------------------------------------------------


async def test_decompose_splits_works_and_merges(tmp_path: Path) -> None:
    book = Book(plan=PLAN, subtask="Answer: 2", merge="2 + 2 = 4\nAnswer: 4")
    run = await play(book, wb.Decompose(agents=5), tmp_path / "r")
    assert [r.role for r in book.asked] == ["plan", "subtask", "subtask", "merge"]
    assert book.of("merge")[0].user_text.endswith("Part 1: 1 + 1 = 2\nPart 2: 1 + 1 = 2")
    answer = wb.answers(run).iloc[0]
    assert answer.answer == "4" and answer.support == 1
    threads = wb.threads(run).set_index("role")
    spans = {s.span_id: s for s in run.spans()}
    for span_id in threads.span_id["subtask"]:  # the parts fork from the plan
        assert [link.span_id for link in spans[span_id].links] == [threads.span_id["plan"]]


async def test_parts_wait_for_what_they_need(tmp_path: Path) -> None:
    plan = {
        "subtasks": [
            {"id": "a", "task": "1 + 1"},
            {"id": "b", "task": "double it", "needs": ["a"]},
            {"id": "c", "task": "2 + 0"},
        ]
    }
    book = Book(plan=json.dumps(plan), subtask=lambda r: "Answer: 4" if "double" in r.user_text else "Answer: 2")
    run = await play(book, wb.Decompose(), tmp_path / "r")
    asked = [r.user_text for r in book.of("subtask")]
    assert set(asked[:2]) == {"1 + 1", "2 + 0"} and asked[2] == "double it\n\nGiven:\na: 2"
    assert await answer_of(run) == "4"


async def test_at_most_so_many_agents_at_once(tmp_path: Path) -> None:
    book = Book(plan=json.dumps({"subtasks": [f"part {i}" for i in range(7)]}))
    run = await play(book, wb.Decompose(agents=2), tmp_path / "r")
    calls = wb.calls(run).query("role == 'subtask'").sort_values("start_ns")
    overlap = [(calls.start_ns <= t).sum() - (calls.end_ns < t).sum() for t in calls.start_ns]
    assert len(calls) == 7 and max(overlap) <= 2


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ("I would rather not.", "neither JSON nor a numbered list"),
        ('{"subtasks": []}', "no subtasks"),
        (json.dumps({"subtasks": [f"p{i}" for i in range(500)]}), "500 subtasks"),
        (
            '{"subtasks": [{"id": "1", "task": "x", "needs": ["2"]}, {"id": "2", "task": "y", "needs": ["1"]}]}',
            "circle",
        ),
        ('{"subtasks": [{"id": "1", "task": "x", "needs": ["9"]}]}', "none of the subtasks"),
        ('{"subtasks": [7]}', "neither a text nor"),
        ("", "neither JSON"),
    ],
)
async def test_a_bad_plan_is_sent_back_once_and_then_the_task_is_solved_whole(
    tmp_path: Path, bad: str, words: str
) -> None:
    book = Book(plan=[bad or " ", PLAN], subtask="Answer: 2")
    run = await play(book, wb.Decompose(), tmp_path / "repaired")
    assert [r.role for r in book.asked] == ["plan", "plan", "subtask", "subtask", "merge"]
    assert words in book.asked[1].messages[0].content and await answer_of(run) == "4"
    book = Book(plan=[bad or " ", bad or " "])
    run = await play(book, wb.Decompose(), tmp_path / "whole")
    assert [r.role for r in book.asked] == ["plan", "plan", "solve"] and await answer_of(run) == "4"
    reasons = wb.decisions(run).reason.tolist()
    assert sum("cannot be used" in r for r in reasons) == 2 and any("solves the task whole" in r for r in reasons)


async def test_a_failing_planner_does_not_lose_the_task(tmp_path: Path) -> None:
    run = await play(Book(plan=ModelRefused("no")), wb.Decompose(), tmp_path / "r")
    assert await answer_of(run) == "4" and wb.threads(run).error.tolist()[0] == "ModelRefused"


async def test_a_lost_part_is_merged_as_unknown_down_to_min_threads(tmp_path: Path) -> None:
    parts = iter(["Answer: 2", ModelRefused("no")] * 2)

    def subtask(request: wb.Request) -> str:
        said = next(parts)
        if isinstance(said, Exception):
            raise said
        return said

    book = Book(plan=PLAN, subtask=subtask)
    run = await play(book, wb.Decompose(), tmp_path / "r")
    assert book.of("merge")[0].user_text.endswith("= 2\nPart 2: 1 + 1 = ?") and await answer_of(run) == "4"
    run = await play(book, wb.Decompose(min_threads=2), tmp_path / "strict")
    assert wb.answers(run).iloc[0].error == "TooFewThreads"


async def test_a_failing_merge_is_recorded_and_the_run_goes_on(tmp_path: Path) -> None:
    tasks = [wb.Task("1", "a", "4"), wb.Task("2", "b", "4")]
    book = Book(
        plan=PLAN, merge=lambda r: (_ for _ in ()).throw(ModelRefused("no")) if r.task_id == "1" else "Answer: 4"
    )
    run = await play(book, wb.Decompose(), tmp_path / "r", tasks)
    assert wb.answers(run).set_index("task_id").error.fillna("").to_dict() == {"1": "ModelRefused", "2": ""}


async def test_a_part_is_split_again_down_to_the_depth(tmp_path: Path) -> None:
    book = Book(plan=PLAN, subtask="Answer: 1", merge="Answer: 4")
    run = await play(book, wb.Decompose(depth=2), tmp_path / "r")
    assert [len(book.of(role)) for role in ("plan", "subtask", "merge")] == [3, 4, 3]
    assert wb.threads(run).thread.is_unique and await answer_of(run) == "4"


@given(st.text(max_size=300))
def test_any_text_is_a_plan_or_a_bad_plan(text: str) -> None:
    try:
        plan = parse_plan(text, 8)
    except BadPlan:
        return
    assert 1 <= len(plan.parts) <= 8 and sum(map(len, plan.waves())) == len(plan.parts)


@pytest.mark.parametrize(
    "text",
    [
        '{"subtasks": ["a", "b"], "combine": "1 + 2"}',
        'Here is my plan:\n```json\n{"subtasks": ["a", "b",],}\n```\nGood luck!',
        "1. a\n2. b",
        "- a\n- b",
        '["a", "b"]',
        '{"subtasks": [{"id": 1, "task": "a"}, {"id": 2, "question": "b", "depends_on": [1]}]}',
    ],
)
def test_plans_are_read_as_planners_write_them(text: str) -> None:
    assert [p.task for p in parse_plan(text, 8).parts] == ["a", "b"]


# -- rounds -----------------------------------------------------------------------------------------------------------


async def test_debate_reads_the_others_and_stops_on_agreement(tmp_path: Path) -> None:
    book = Book(solve=by_sample("3", "4", "5"), revise="Answer: 4")
    run = await play(book, wb.strategy("debate", agents=3, rounds=4), tmp_path / "r")
    assert len(book.of("solve")) == 3 and len(book.of("revise")) == 3
    first = book.of("revise")[0].user_text
    assert "Answer: 4" in first and "Answer: 5" in first and "Answer: 3" not in first
    assert await answer_of(run) == "4" and wb.threads(run)["round"].tolist() == [0, 0, 0, 1, 1, 1]
    assert "stop" in wb.decisions(run).kind.tolist()


async def test_contemplate_thinks_again_only_where_the_threads_disagree(tmp_path: Path) -> None:
    agree = Book()
    await play(agree, wb.strategy("contemplate", agents=3), tmp_path / "a")
    assert [r.role for r in agree.asked] == ["solve"] * 3
    differ = Book(solve=by_sample("3", "4", "5"), revise="Answer: 4")
    run = await play(differ, wb.strategy("contemplate", agents=3, reads="own"), tmp_path / "d")
    assert len(differ.of("revise")) == 3 and await answer_of(run) == "4"
    assert {d.kind for d in wb.decisions(run).itertuples()} == {"refine", "stop", "vote"}


async def test_mixture_layers_read_the_layer_before(tmp_path: Path) -> None:
    book = Book(revise="Answer: 4")
    run = await play(book, wb.strategy("mixture", agents=2, layers=3), tmp_path / "r")
    assert len(book.of("solve")) == 2 and len(book.of("revise")) == 4 + 1  # two layers and the merge
    assert await answer_of(run) == "4"


async def test_cascade_escalates_only_what_is_not_agreed(tmp_path: Path) -> None:
    tasks = [wb.Task("easy", "a", "4"), wb.Task("hard", "b", "4")]

    def answer(request: wb.Request) -> str:
        if request.model == "strong" or request.task_id == "easy":
            return "Answer: 4"
        return f"Answer: {request.sample}"

    mix = wb.ModelMix({"cheap": 1, "strong": 1})
    run = await play(answer, wb.strategy("cascade", agents=3), tmp_path / "r", tasks, mix)
    calls = wb.calls(run)
    assert (wb.answers(run).score == 1).all()
    assert calls[calls.model == "strong"].task_id.tolist() == ["hard"]
    assert wb.decisions(run).set_index("task_id").kind.groupby(level=0).first().to_dict() == {
        "easy": "stop",
        "hard": "escalate",
    }


async def test_cascade_by_logprob_escalates_what_the_cheap_thread_is_unsure_of(tmp_path: Path) -> None:
    logprobs = {"sure": -0.01, "unsure": -0.5, "silent": None}
    tasks = [wb.Task(name, "a", "4") for name in logprobs]

    def answer(request: wb.Request) -> wb.Reply:
        return wb.Reply(
            "Answer: 4" if request.model == "strong" else "Answer: 5", logprob=logprobs[request.task_id or ""]
        )

    mix = wb.ModelMix({"cheap": 1, "strong": 1})
    cascade = wb.Cascade(agents=1, by="logprob", threshold=0.9)
    run = await play(answer, cascade, tmp_path / "r", tasks, mix)  # type: ignore[arg-type]
    assert wb.answers(run).set_index("task_id").answer.to_dict() == {"sure": "5", "unsure": "4", "silent": "4"}
    two = {0: ("4", -0.01), 1: ("5", -0.01)}  # sure, but they disagree: each stands for half

    def apart(request: wb.Request) -> wb.Reply:
        text, logprob = ("4", -0.01) if request.model == "strong" else two[request.sample]
        return wb.Reply(f"Answer: {text}", logprob=logprob)

    run = await play(apart, wb.Cascade(agents=2, by="logprob", threshold=0.9), tmp_path / "two", mix=mix)
    assert "logprob 0.50 is under 0.9" in wb.decisions(run).reason.iloc[0]


async def test_later_rounds_think_as_the_first(tmp_path: Path) -> None:
    for made in (
        wb.Debate(agents=2, reasoning="extended"),
        wb.Contemplate(agents=2, reasoning="extended"),
        wb.Mixture(agents=2, reasoning="extended", synthesis="majority"),
        wb.Cascade(agents=2, reasoning="extended"),
    ):
        book = Book(solve=by_sample("3", "5"), revise="Answer: 4")
        await play(book, made, tmp_path / made.name, mix=wb.ModelMix({"a": 1, "b": 1}))
        later = book.of("revise") or [r for r in book.asked if r.model == "b"]
        assert later and {r.reasoning for r in book.asked} == {"extended"}


async def test_cascade_falls_back_where_the_strong_model_fails(tmp_path: Path) -> None:
    def answer(request: wb.Request) -> str:
        if request.model == "strong":
            raise ModelRefused("no")
        return f"Answer: {4 if request.sample else 5}"

    run = await play(answer, wb.strategy("cascade", agents=3), tmp_path / "r", mix=wb.ModelMix({"c": 1, "strong": 1}))
    assert await answer_of(run) == "4"


async def test_route_picks_strategy_and_model_by_difficulty_or_category(tmp_path: Path) -> None:
    tasks = [
        wb.Task("e", "a", "4", difficulty=1, category="x"),
        wb.Task("h", "b", "4", difficulty=7, category="y"),
        wb.Task("?", "c", "4"),
    ]
    rules = [
        {"max": 2, "strategy": {"name": "single"}},
        {"min": 3, "strategy": {"name": "parallel", "agents": 3}, "model": "b"},
    ]
    mix = wb.ModelMix({"a": 1, "b": 1})
    run = await play(says("4"), wb.strategy("route", rules=rules), tmp_path / "r", tasks, mix)
    calls = wb.calls(run).groupby("task_id").model.agg(list).to_dict()
    assert calls == {"e": ["a"], "h": ["b"] * 3, "?": ["a"]}
    run = await play(
        says("4"),
        wb.strategy("route", by="category", rules=[{"category": "y", "strategy": {"name": "parallel", "agents": 2}}]),
        tmp_path / "c",
        tasks,
        mix,
    )
    assert wb.calls(run).groupby("task_id").size().to_dict() == {"e": 1, "h": 2, "?": 1}


async def test_route_can_ask_how_hard_a_task_is(tmp_path: Path) -> None:
    book = Book(plan=lambda r: "Difficulty: 9" if r.task_id == "h" else "no idea")
    rules = [{"min": 5, "strategy": {"name": "parallel", "agents": 3}}]
    tasks = [wb.Task("h", "a", "4"), wb.Task("u", "b", "4")]
    run = await play(book, wb.strategy("route", by="estimate", rules=rules), tmp_path / "r", tasks)
    assert wb.calls(run).query("role == 'solve'").groupby("task_id").size().to_dict() == {"h": 3, "u": 1}


# -- names and settings -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_strategy_is_built_from_plain_values_and_back(name: str) -> None:
    from workbench.building import settings

    made = strategy(name)
    plain = json.loads(json.dumps({"name": made.name, **settings(made)}))
    assert strategy(plain) == made and type(made).__doc__


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda: strategy("paralel"), "unknown strategy 'paralel'; did you mean 'parallel'"),
        (lambda: strategy("parallel", agent=3), "no setting 'agent'; did you mean 'agents'"),
        (lambda: strategy("single", agents=3), "strategy 'single' has no setting 'agents'"),
        (lambda: strategy("parallel", agents=0), "Parallel.agents must be at least 1, got 0"),
        (lambda: strategy("parallel", agents="5"), "Parallel.agents must be at least 1, got '5'"),
        (lambda: strategy("parallel", synthesis="majorty"), "unknown synthesis 'majorty'; did you mean 'majority'"),
        (
            lambda: strategy("parallel", synthesis={"name": "judge", "order": 1}),
            "no setting 'order'; did you mean 'orders'",
        ),
        (lambda: strategy("parallel", agents=2, min_threads=3), "min_threads=3 is more than agents=2"),
        (lambda: strategy("single", reasoning="deep"), "Single.reasoning must be one of none, chain, extended"),
        (lambda: strategy("cascade", agents=1), "Cascade.agents must be at least 2"),
        (lambda: strategy("route", rules=[{"hard": 1}]), "no condition 'hard'"),
        (lambda: strategy(wb.Parallel), "a strategy is a name"),  # type: ignore[arg-type]
        (lambda: strategy({"agents": 3}), "a strategy is a name"),
        (lambda: strategy(wb.Parallel(), agents=3), "is already made; settings agents cannot be added"),
    ],
)
def test_wrong_settings_are_named(wrong: object, words: str) -> None:
    with pytest.raises(UsageError) as error:
        wrong()  # type: ignore[operator]
    assert words in str(error.value)


async def test_a_strategy_of_ones_own_is_a_class_in_a_cell(tmp_path: Path) -> None:
    from dataclasses import dataclass
    from typing import ClassVar

    @dataclass(frozen=True)
    class AskTwice:
        name: ClassVar[str] = "ask-twice"
        polite: bool = True

        async def solve(self, task: wb.Task, team: object, engine: wb.Engine) -> wb.Synthesis:
            one = await engine.work(team.agents(1)[0], task.prompt)  # type: ignore[attr-defined]
            two = await engine.work(team.agents(1)[0], "Sure? " + one.text, after=[one])  # type: ignore[attr-defined]
            return wb.Synthesis(two.answer, 1.0, 1.0, (two.index,), "last")

    run = await play(says("4"), AskTwice(), tmp_path / "r")
    assert await answer_of(run) == "4" and run.manifest["strategy"] == {"name": "ask-twice", "polite": True}


# -- Adaptive ---------------------------------------------------------------------------------------------------------


async def test_adaptive_stops_when_the_vote_is_decided(tmp_path: Path) -> None:
    agree = Book()
    run = await play(agree, wb.strategy("adaptive", agents=10, wave=1), tmp_path / "a")
    assert len(agree.asked) == 4  # P(leader) reaches .95 with four of four under Beta(5, 1)
    (stop,) = (d for d in wb.decisions(run).itertuples() if d.kind == "stop")
    assert "4 of 4 agree" in stop.reason
    differ = Book(solve=by_sample("1", "2", "3", "4", "5"))
    await play(differ, wb.strategy("adaptive", agents=5, wave=2), tmp_path / "d")
    assert len(differ.asked) == 5


async def test_adaptive_cancels_stragglers_and_counts_what_they_used(tmp_path: Path) -> None:
    import asyncio
    import time
    from collections.abc import AsyncIterator

    class Slow(wb.Scripted):
        async def stream(self, request: wb.Request) -> AsyncIterator[str | wb.Reply]:
            for i in range(200 if request.sample == 3 else 2):
                yield f"word{i} "
                await asyncio.sleep(0.01)
            yield wb.Reply("Answer: 4", output_tokens=2)

    begin = time.monotonic()
    run = await wb.run(
        [wb.Task("t", "2+2?", "4")],
        wb.strategy("adaptive", agents=8, wave=4, rule="window", window=3),
        wb.ModelMix({"m": 1}),
        out=tmp_path / "r",
        models={"m": Slow(lambda r: "", name="m")},
    )
    assert time.monotonic() - begin < 2 * 0.9
    calls = wb.calls(run)
    cancelled = calls[calls.cancelled.fillna(False).astype(bool)]
    assert len(cancelled) == 1 and 1 <= cancelled.output_tokens.iloc[0] < 100
    assert wb.answers(run).iloc[0].answer == "4" and wb.answers(run).iloc[0].support == 1
