"""The engine: limits are kept, failures are data, everything is recorded, nothing is paid for twice."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import workbench as wb
from tests.scripted import MIX, TASK, by_sample, play, says
from workbench import semconv
from workbench.engine.call import derived_seed
from workbench.engine.spending import Spending
from workbench.errors import BadReply, BudgetExceeded, DataError, ModelOverloaded, ModelRefused, UsageError

TASKS = [wb.Task(str(i), f"What is {i} + 1?", str(i + 1)) for i in range(12)]


async def test_a_run_records_who_worked_and_what_was_merged(tmp_path: Path) -> None:
    run = await play(by_sample("4", "5", "4"), wb.Parallel(agents=3), tmp_path / "r")
    answer = wb.answers(run).iloc[0]
    assert (answer.answer, answer.score, answer.threads, answer.calls) == ("4", 1.0, 3, 3)
    assert answer.support == pytest.approx(2 / 3)
    threads = wb.threads(run)
    assert threads.answer.tolist() == ["4", "5", "4"] and threads.score.tolist() == [1, 0, 1]
    spans = {s.span_id: s for s in run.spans()}
    merge = next(s for s in spans.values() if s.attributes[semconv.OPERATION] == semconv.SYNTHESIS)
    root = next(s for s in spans.values() if s.parent_id is None)
    assert {li.span_id for li in merge.links} == set(threads.span_id)
    assert all(li.attributes[semconv.LINK_KIND] == semconv.JOIN for li in merge.links)
    assert merge.parent_id == root.span_id and len({s.trace_id for s in spans.values()}) == 1
    vote = wb.decisions(run).iloc[0]
    assert vote.kind == "vote" and vote.reason == "2 of 3 threads agree"


async def test_the_same_seed_asks_the_same_whatever_the_order(tmp_path: Path) -> None:
    asked: list[dict[tuple[str, int], int | None]] = []
    for at_once in (1, 8):
        seeds: dict[tuple[str, int], int | None] = {}

        def answer(request: wb.Request, seeds: dict[tuple[str, int], int | None] = seeds) -> str:
            seeds[request.task_id or "", request.sample] = request.seed
            return "Answer: 1"

        await play(answer, wb.Parallel(agents=3), tmp_path / str(at_once), TASKS, at_once=at_once, seed=5)
        asked.append(seeds)
    assert asked[0] == asked[1] and len(set(asked[0].values())) == len(TASKS) * 3


@given(st.integers(), st.text(), st.integers(0, 100))
def test_a_seed_is_what_providers_take(seed: int, task: str, place: int) -> None:
    assert 0 <= derived_seed(seed, task, place) < 2**31
    assert derived_seed(seed, task, place) == derived_seed(seed, task, place)


async def test_only_retryable_errors_are_tried_again(tmp_path: Path) -> None:
    seen: list[str] = []

    def answer(request: wb.Request) -> str:
        seen.append(request.task_id or "")
        if request.task_id == "0":
            raise ModelRefused("no")
        if request.task_id == "1" and seen.count("1") < 3:
            raise ModelOverloaded("busy", retry_after_s=0.01)
        return f"Answer: {int(request.task_id or 0) + 1}"

    limits = wb.Limits(retry=wb.Retry(attempts=3, base_s=0.001))
    run = await play(answer, wb.Single(), tmp_path / "r", TASKS[:3], limits=limits)
    answers = wb.answers(run).set_index("task_id")
    assert (seen.count("0"), seen.count("1"), seen.count("2")) == (1, 3, 1)
    assert answers.error["0"] == "ModelRefused" and answers.score.dropna().tolist() == [1, 1]


async def test_a_bug_of_ours_is_raised_and_cancels_the_rest(tmp_path: Path) -> None:
    def answer(request: wb.Request) -> str:
        raise ZeroDivisionError("a bug")

    with pytest.raises(ZeroDivisionError, match="a bug"):  # itself, not in a group: IPython and papermill show it
        await play(answer, wb.Parallel(agents=2), tmp_path / "r", TASKS)


@settings(max_examples=30, deadline=None)
@given(st.integers(50, 3000), st.lists(st.integers(1, 60), min_size=1, max_size=30))
def test_a_token_budget_is_never_passed(budget: int, lengths: list[int]) -> None:
    import tempfile

    tasks = [wb.Task(str(i), "x " * n, "1") for i, n in enumerate(lengths)]

    def answer(request: wb.Request) -> wb.Reply:
        return wb.Reply("Answer: 1", input_tokens=len(request.user_text), output_tokens=request.max_tokens or 0)

    with tempfile.TemporaryDirectory() as place:
        limits = wb.Limits(max_tokens=budget, max_output_tokens=20)
        run = asyncio.run(play(answer, wb.Parallel(agents=2), Path(place) / "r", tasks, limits=limits))
        used = wb.calls(run)
        assert used.input_tokens.sum() + used.output_tokens.sum() <= budget
        answered = len(wb.answers(run))
        assert answered == len(tasks) or "BudgetExceeded" in run.manifest["stopped"]


async def test_a_dollar_budget_stops_before_overspending_and_can_be_raised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(request: wb.Request) -> wb.Reply:
        return wb.Reply("Answer: 1", input_tokens=10, output_tokens=10, cost_usd=0.01)

    models = {"m": wb.Scripted(answer)}

    # 10 output tokens cost a cent
    monkeypatch.setattr("workbench.runs.running.price_per_token", lambda name: (0.0, 0.001))
    for dollars, answered in ((0.045, 4), (1.0, 12)):
        limits = wb.Limits(max_cost_usd=dollars, max_output_tokens=10)
        run = await wb.run(TASKS, wb.Single(), MIX, out=tmp_path / "r", models=models, limits=limits, at_once=1)
        assert len(wb.answers(run)) == answered
        assert wb.calls(run).cost_usd.sum() <= dollars


async def test_a_budget_in_dollars_for_a_model_of_unknown_price_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:

    monkeypatch.setattr("workbench.runs.running.price_per_token", lambda name: None)
    with pytest.raises(UsageError, match="nobody knows what m costs"):
        await play(says("4"), wb.Single(), tmp_path / "r", limits=wb.Limits(max_cost_usd=1))


def test_reservations_count_until_they_are_released() -> None:
    spending = Spending(max_tokens=100)
    held = spending.reserve(60, 0)
    with pytest.raises(BudgetExceeded, match="40 of 100 are left"):
        spending.reserve(41, 0)
    spending.release(held)
    spending.count(wb.Reply("", input_tokens=30, output_tokens=5))
    assert spending.reserve(65, 0) and spending.tokens == 35


async def test_a_deadline_ends_the_run_and_what_is_done_stays(tmp_path: Path) -> None:
    models = {"m": wb.Scripted(says("1"), latency_s=0.1)}
    limits = wb.Limits(deadline_s=0.35)
    run = await wb.run(TASKS, wb.Single(), MIX, out=tmp_path / "r", models=models, limits=limits, at_once=1)
    assert 1 <= len(wb.answers(run)) <= 3 and "DeadlineExceeded" in run.manifest["stopped"]
    rest = await wb.run(TASKS, wb.Single(), MIX, out=tmp_path / "r", models={"m": wb.Scripted(says("1"))})
    assert sorted(wb.answers(rest).task_id, key=int) == [t.id for t in TASKS]


async def test_spent_tokens_of_a_bad_reply_are_counted(tmp_path: Path) -> None:
    def answer(request: wb.Request) -> str:
        raise BadReply("empty", wb.Reply("", input_tokens=7, output_tokens=3))

    spent: list[int] = []

    class Hear:
        def on_start(self, span: object) -> None: ...
        def on_piece(self, span_id: str, text: str) -> None: ...
        def on_end(self, span: object) -> None: ...
        def on_progress(self, progress: dict[str, int]) -> None:
            spent.append(progress["tokens"])

    limits = wb.Limits(retry=wb.Retry(attempts=2, base_s=0))
    await play(answer, wb.Single(), tmp_path / "r", limits=limits, listeners=[Hear()])
    assert spent == [20]


async def test_listeners_hear_every_piece_in_its_span(tmp_path: Path) -> None:
    heard: dict[str, str] = {}
    ended: dict[str, str] = {}

    class Hear:
        def on_start(self, span: object) -> None: ...
        def on_piece(self, span_id: str, text: str) -> None:
            heard[span_id] = heard.get(span_id, "") + text

        def on_end(self, span: object) -> None:
            ended[format(span.context.span_id, "016x")] = span.name  # type: ignore[attr-defined]

        def on_progress(self, progress: object) -> None: ...

    await play(lambda r: "one two three", wb.Parallel(agents=2), tmp_path / "r", stream=True, listeners=[Hear()])
    assert list(heard.values()) == ["one two three"] * 2 and {ended[i] for i in heard} == {"chat m"}


async def test_content_can_be_left_out(tmp_path: Path) -> None:
    secret = "the capital of nowhere"
    task = wb.Task("t", secret, secret)
    await play(says(secret), wb.Parallel(agents=2), tmp_path / "r", [task], record_content=False)
    for file in (tmp_path / "r").iterdir():
        assert secret.encode() not in file.read_bytes()


async def test_a_resumed_run_pays_only_for_what_is_missing(tmp_path: Path) -> None:
    asked: list[tuple[str, int]] = []
    going: list[asyncio.Task[wb.Run]] = []

    def answer(request: wb.Request) -> str:
        if len(asked) == 20 and going:
            going.pop().cancel()
        asked.append((request.task_id or "", request.sample))
        return f"Answer: {int(request.task_id or 0) + 1}"

    def start() -> asyncio.Task[wb.Run]:
        return asyncio.ensure_future(play(answer, wb.Parallel(agents=3), tmp_path / "r", TASKS, at_once=2))

    going.append(start())
    with pytest.raises(asyncio.CancelledError):
        await going[0]
    recorded = {(c.task_id, c.thread) for c in wb.calls(str(tmp_path / "r")).itertuples() if not c.cancelled}
    first = list(asked)
    assert 0 < len(first) < 36
    asked.clear()
    run = await start()
    assert not recorded & set(asked) and len(recorded | set(asked)) == 36
    answers = wb.answers(run)
    assert sorted(answers.task_id, key=int) == [t.id for t in TASKS] and (answers.score == 1).all()
    calls = wb.calls(run)
    assert len(calls[~calls.cancelled.fillna(False).astype(bool)]) == 36


async def test_another_run_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    await play(says("4"), wb.Parallel(agents=2), tmp_path / "r")
    with pytest.raises(DataError, match=r"another run.*strategy differ"):
        await play(says("4"), wb.Parallel(agents=3), tmp_path / "r")


async def test_the_manifest_tells_what_the_run_was(tmp_path: Path) -> None:
    run = await play(says("4"), wb.Parallel(agents=2, synthesis="majority"), tmp_path / "r", seed=7)
    manifest = json.loads((tmp_path / "r" / "run.json").read_text())
    assert manifest["strategy"]["name"] == "parallel" and manifest["strategy"]["agents"] == 2 and manifest["seed"] == 7
    assert (
        manifest["status"] == "closed" and len(manifest["prompts_sha256"]) == 64 and manifest["versions"]["workbench"]
    )
    assert wb.strategy(manifest["strategy"]) == wb.Parallel(agents=2, synthesis="majority")
    assert run.verify() == []


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda: wb.Limits(slots=0), "slots must be at least 1, got 0"),
        (lambda: wb.Limits(timeout_s=-1), "timeout_s must be more than 0"),
        (lambda: wb.Retry(attempts=0), "attempts must be at least 1"),
        (lambda: wb.ModelMix({"m": 0}), "at least one agent per model, got 0 for 'm'"),
        (lambda: wb.ModelMix({}), "needs at least one model"),
        (lambda: wb.ModelMix({"m": 1}, prices={"m": (1, -2)}), "dollars per million tokens for 'm'"),
        (lambda: wb.Agent("a", "m", temperature=-1), "temperature"),
        (lambda: wb.Task("", "x"), "Task.id"),
        (lambda: wb.Message("boss", "x"), "Message.role"),
    ],
)
def test_wrong_arguments_raise_at_once(wrong: object, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        wrong()  # type: ignore[operator]


@given(st.dictionaries(st.sampled_from("abcd"), st.integers(1, 9), min_size=1), st.integers(1, 40))
def test_a_team_keeps_the_proportions_of_its_mix(counts: dict[str, int], size: int) -> None:
    team = wb.ModelMix(counts).team(size)
    assert len(team) == size and len({a.name for a in team}) == size
    total = sum(counts.values())
    for model, count in counts.items():
        assert abs(sum(a.model == model for a in team) - size * count / total) < 2


async def test_the_default_task_is_asked_with_the_prompt_of_its_role(tmp_path: Path) -> None:
    seen: list[wb.Request] = []
    await play(lambda r: (seen.append(r), "Answer: 4")[1], wb.Single(), tmp_path / "r")
    (request,) = seen
    assert request.user_text == TASK.prompt and request.messages[0].role == "system" and request.role == "solve"


async def test_stop_by_hand_cancels_what_is_in_flight_and_the_run_can_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from workbench.runs.watching import Brake

    brakes: list[Brake] = []

    def made() -> Brake:
        brakes.append(Brake())
        return brakes[0]

    monkeypatch.setattr("workbench.runs.running.Brake", made)
    asked: list[wb.Request] = []
    fifth = asyncio.Event()

    def answer(request: wb.Request) -> str:
        asked.append(request)
        if len(asked) == 5:  # two tasks of two calls are in work at a time: by now one of them has ended
            fifth.set()
        return "Answer: 1"

    models = {"m": wb.Scripted(answer, latency_s=0.05)}
    running = asyncio.ensure_future(
        wb.run(TASKS, wb.Parallel(agents=2), MIX, out=tmp_path / "r", models=models, at_once=2)
    )
    await fifth.wait()
    brakes[0]()
    run = await running
    assert run.manifest["status"] == "stopped" and "by hand" in run.manifest["stopped"]
    assert 0 < len(wb.answers(run)) < len(TASKS)
    monkeypatch.undo()
    rest = await wb.run(TASKS, wb.Parallel(agents=2), MIX, out=tmp_path / "r", models={"m": wb.Scripted(says("1"))})
    assert len(wb.answers(rest)) == len(TASKS) and rest.closed


async def test_a_price_of_ones_own_is_what_a_call_costs_and_what_the_budget_counts(tmp_path: Path) -> None:
    mix = wb.ModelMix({"m": 1}, prices={"m": (1.0, 4.0)})
    run = await play(lambda r: "Answer: 5", wb.Single(), tmp_path / "a", mix=mix)
    calls = wb.calls(run)
    expected = (calls["input_tokens"] * 1.0 + calls["output_tokens"] * 4.0) / 1e6
    assert calls["cost_usd"].tolist() == pytest.approx(expected.tolist()) and (expected > 0).all()
    dear = wb.ModelMix({"m": 1}, prices={"m": (1e6, 1e6)})  # a dollar a token: nothing can be started for a cent
    stopped = await play(
        lambda r: "Answer: 5", wb.Single(), tmp_path / "b", mix=dear, limits=wb.Limits(max_cost_usd=0.01)
    )
    assert stopped.manifest["status"] == "stopped" and not wb.answers(stopped)["answer"].notna().any()
