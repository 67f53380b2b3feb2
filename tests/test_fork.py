"""fork: one call is another; what stands before it and beside it is reused, what follows from it is made again and paid once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import workbench as wb
from tests.scripted import TASK, play
from workbench import semconv as s
from workbench.errors import DataError, ModelRefused, UsageError
from workbench.models.base import Request
from workbench.spans import Span

MIX = wb.ModelMix({"m": 3}, synthesizer="boss")


class Asked:
    """A model that says what it was asked for, and remembers being asked."""

    def __init__(self, **by_role: str) -> None:
        self.requests: list[Request] = []
        self.by_role = by_role

    def __call__(self, request: Request) -> str:
        self.requests.append(request)
        return self.by_role.get(request.role) or f"Answer: {[4, 4, 5][request.sample % 3]}"

    def models(self, *names: str) -> dict[str, wb.Scripted]:
        return {name: wb.Scripted(self, name=name) for name in names}


def spans(run: wb.Run, operation: str) -> list[Span]:
    return sorted((x for x in run.spans() if x.attributes[s.OPERATION] == operation), key=lambda x: x.start_ns)


def thread(run: wb.Run, index: int) -> Span:
    return next(x for x in spans(run, s.THREAD) if x.attributes[s.THREAD_INDEX] == index)


async def merged(tmp_path: Path, **settings: Any) -> wb.Run:
    asked = Asked(revise="Answer: 4")
    return await play(asked, wb.Parallel(agents=3, synthesis="merge"), tmp_path / "before", mix=MIX, **settings)


async def test_another_answer_is_read_by_those_after_it_and_by_nobody_else(tmp_path: Path) -> None:
    before = await merged(tmp_path)
    asked = Asked(revise="Answer: 9")
    after = await wb.fork(
        before, thread(before, 2), answer="9", models=asked.models("m", "boss"), out=tmp_path / "after"
    )
    assert {r.role for r in asked.requests} == {"revise"}
    assert all("9" in r.user_text for r in asked.requests)
    calls = wb.calls(after)
    assert calls[calls["reused"]]["role"].tolist() == ["solve", "solve"] and len(asked.requests) == len(calls) - 3
    assert wb.answers(after)["answer"].tolist() == ["9"]
    changed = [x.attributes[s.CHANGED] for x in spans(after, s.CHAT) if s.CHANGED in x.attributes]
    assert changed == ["answer"]
    was = {x.attributes[s.CALL_KEY]: x.attributes[s.OUTPUT_MESSAGES] for x in spans(before, s.CHAT)}
    for call in spans(after, s.CHAT):
        if call.attributes.get(s.REUSED):
            assert call.attributes[s.OUTPUT_MESSAGES] == was[call.attributes[s.CALL_KEY]]


async def test_the_manifest_says_where_it_came_from(tmp_path: Path) -> None:
    before = await merged(tmp_path)
    chat = next(x for x in spans(before, s.CHAT) if x.attributes[s.ROLE] == "revise")
    after = await wb.fork(
        before,
        chat.span_id,
        prompt="Say seven.",
        models=Asked(revise="Answer: 7").models("m", "boss"),
        out=tmp_path / "a",
    )
    came = after.manifest["forked_from"]
    assert came["run"] == before.id and came["span_id"] == chat.span_id and came["trace_id"] == chat.trace_id
    assert came["changed"] == {"prompt": "Say seven."} and came["reused_calls"] == 3
    assert after.manifest["identity"] != before.manifest["identity"]
    assert after.closed and wb.answers(after)["answer"].tolist() == ["7"]


async def test_a_new_model_answers_and_the_next_round_reads_it(tmp_path: Path) -> None:
    before = await play(Asked(), wb.Debate(agents=3, rounds=2), tmp_path / "before", mix=MIX)
    target = thread(before, 1)
    same = Asked()
    await wb.fork(before, target, model="new", models=same.models("m", "boss", "new"), out=tmp_path / "same")
    assert [r.model for r in same.requests] == [
        "new"
    ]  # it says what the old one said: the others need not read it again
    other = Asked(solve="Answer: 9", direct="Answer: 9")
    after = await wb.fork(before, target, model="new", models=other.models("m", "boss", "new"), out=tmp_path / "other")
    assert [r.model for r in other.requests] == ["new", "m", "m"]  # a debater reads the others, not itself
    assert wb.calls(after)["reused"].sum() == 3


async def test_where_nothing_changes_for_the_others_nobody_is_asked(tmp_path: Path) -> None:
    before = await play(Asked(), wb.Parallel(agents=3), tmp_path / "before", mix=wb.ModelMix({"m": 3}))
    asked = Asked()
    after = await wb.fork(before, thread(before, 1), answer="5", models=asked.models("m"), out=tmp_path / "after")
    assert asked.requests == [] and wb.answers(after)["answer"].tolist() == ["5"]
    assert wb.answers(before)["answer"].tolist() == ["4"]


async def test_failures_are_replayed_not_tried_again(tmp_path: Path) -> None:
    def answer(request: Request) -> str:
        if request.sample == 0:
            raise ModelRefused("no")
        return f"Answer: {4 + request.sample}"

    before = await play(answer, wb.Parallel(agents=3), tmp_path / "before", mix=wb.ModelMix({"m": 3}))
    asked = Asked()
    after = await wb.fork(before, thread(before, 1), answer="6", models=asked.models("m"), out=tmp_path / "after")
    assert asked.requests == []
    assert wb.threads(after)["error"].tolist().count("ModelRefused") == 1
    assert wb.answers(after)["answer"].tolist() == ["6"]


async def test_a_fork_can_be_forked(tmp_path: Path) -> None:
    before = await merged(tmp_path)
    models = Asked(revise="Answer: 9").models("m", "boss")
    one = await wb.fork(before, thread(before, 2), answer="9", models=models, out=tmp_path / "one")
    again = Asked(revise="Answer: 8")
    two = await wb.fork(one, thread(one, 0), answer="8", models=again.models("m", "boss"), out=tmp_path / "two")
    assert {r.role for r in again.requests} == {"revise"} and "9" in again.requests[0].user_text
    assert two.manifest["forked_from"]["run"] == one.id


async def test_the_offline_model_reuses_and_runs_again(tmp_path: Path) -> None:
    tasks = wb.load_tasks("arithmetic", n=1, difficulty=(2, 2), seed=3)
    before = await wb.run(tasks, "parallel", wb.ModelMix({"abacus-s": 2}), out=tmp_path / "before")
    chat = spans(before, s.CHAT)[0]
    after = await wb.fork(before, chat, model="abacus-m", out=tmp_path / "after")
    calls = wb.calls(after).set_index("model")
    assert not calls.loc["abacus-m", "reused"] and calls.loc["abacus-s", "reused"].all()


async def test_what_cannot_be_forked_says_why_and_asks_nobody(tmp_path: Path) -> None:
    before = await merged(tmp_path, limits=wb.Limits(max_output_tokens=50))
    target, root = thread(before, 0), spans(before, s.WORKFLOW)[0]
    asked = Asked()
    models = asked.models("m", "boss")
    with pytest.raises(UsageError, match="needs a change"):
        await wb.fork(before, target)
    with pytest.raises(UsageError, match="either it or them"):
        await wb.fork(before, target, answer="1", model="m")
    with pytest.raises(UsageError, match="unknown span"):
        await wb.fork(before, "nowhere", answer="1")
    with pytest.raises(UsageError, match="no model call"):
        await wb.fork(before, root, answer="1")
    with pytest.raises(UsageError, match="holds a run already"):
        await wb.fork(before, target, answer="1", out=before.path)
    with pytest.raises(DataError, match="max_output_tokens"):
        await wb.fork(before, target, answer="1", models=models, limits=wb.Limits(), out=tmp_path / "x")
    assert asked.requests == []
    empty = await play(Asked(), wb.Single(), tmp_path / "bare", [TASK], wb.ModelMix({"m": 1}), record_content=False)
    with pytest.raises(DataError, match="without content"):
        await wb.fork(empty, spans(empty, s.CHAT)[0], answer="1")
