"""Syntheses: the axis of its own; what each decides, and what it does when the model it asks goes wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

import workbench as wb
from tests.scripted import by_sample, play
from workbench.errors import ModelRefused, UsageError
from workbench.synthesis.verify import probability_right


async def merged(tmp_path: Path, synthesis: object, answer: object, agents: int = 3, **more: object) -> wb.Run:
    return await play(answer, wb.Parallel(agents=agents, synthesis=synthesis), tmp_path / "r", **more)  # type: ignore[arg-type]


async def test_equal_answers_are_one_group(tmp_path: Path) -> None:
    task = wb.Task("t", "half?", "0.5")
    answer = wb.answers(await merged(tmp_path, "majority", by_sample("1/2", "3", "0.50"), tasks=[task])).iloc[0]
    assert answer.score == 1 and answer.support == pytest.approx(2 / 3)


async def test_a_tie_is_recorded(tmp_path: Path) -> None:
    run = await merged(tmp_path, "majority", by_sample("3", "4"), agents=4)
    decision = wb.decisions(run).iloc[0]
    assert "a tie of 2 answers" in decision.reason and wb.answers(run).iloc[0].answer == "3"


async def test_weighted_by_logprob_lets_the_sure_thread_win(tmp_path: Path) -> None:
    def answer(request: wb.Request) -> wb.Reply:
        sure = request.sample == 2
        return wb.Reply("Answer: 4" if sure else "Answer: 5", logprob=-0.01 if sure else -4.0)

    assert wb.answers(await merged(tmp_path, "weighted", answer)).iloc[0].answer == "4"


async def test_weighted_by_record_trusts_the_better_model(tmp_path: Path) -> None:
    mix = wb.ModelMix({"weak": 2, "strong": 1})
    synthesis = {"name": "weighted", "by": "record", "record": {"weak": 0.55, "strong": 0.95}}
    run = await merged(tmp_path, synthesis, lambda r: "Answer: 4" if r.model == "strong" else "Answer: 5", mix=mix)
    assert wb.answers(run).iloc[0].answer == "4"
    with pytest.raises(UsageError, match="needs record="):
        wb.Parallel(synthesis={"name": "weighted", "by": "record"})


async def test_a_judge_picks_whatever_the_order(tmp_path: Path) -> None:
    def answer(request: wb.Request) -> str:
        if request.role != "judge":
            return f"Answer: {(5, 5, 4)[request.sample]}"
        shown = request.user_text.split("Candidate ")[1:]
        return "Best: " + next(c[0] for c in shown if "(answer 4)" in c)

    answer_row = wb.answers(await merged(tmp_path, {"name": "judge", "orders": 4}, answer)).iloc[0]
    assert answer_row.answer == "4" and answer_row.confidence == 1 and answer_row.support == pytest.approx(1 / 3)


async def test_position_bias_cancels_out(tmp_path: Path) -> None:
    def answer(request: wb.Request) -> str:
        return "Best: 1" if request.role == "judge" else f"Answer: {(5, 5, 4)[request.sample]}"

    run = await merged(tmp_path, {"name": "judge", "orders": 2}, answer)
    assert wb.answers(run).iloc[0].answer == "5"  # named once each; the one with more threads behind it stands
    assert wb.decisions(run).iloc[-1].attributes["tie"]


@pytest.mark.parametrize("said", ["I like them all.", "Best: 77", "Best: 0", ModelRefused("no")])
async def test_a_judge_that_names_no_candidate_leaves_the_majority(tmp_path: Path, said: object) -> None:
    def answer(request: wb.Request) -> str:
        if request.role == "judge":
            if isinstance(said, Exception):
                raise said
            return str(said)
        return f"Answer: {(5, 4, 4)[request.sample]}"

    run = await merged(tmp_path, "judge", answer)
    assert wb.answers(run).iloc[0].answer == "4"
    assert any("the judge named no candidate" in r for r in wb.decisions(run).reason)


async def test_merge_reads_all_threads(tmp_path: Path) -> None:
    seen: list[str] = []

    def answer(request: wb.Request) -> str:
        if request.role == "revise":
            seen.append(request.user_text)
            return "Thread 2 is right.\nAnswer: 4"
        return f"Answer: {(5, 4, 3)[request.sample]}"

    row = wb.answers(await merged(tmp_path, "merge", answer)).iloc[0]
    assert row.answer == "4" and row.support == pytest.approx(1 / 3)
    assert all(f"Thread {i}:\nAnswer: {a}" in seen[0] for i, a in ((1, 5), (2, 4), (3, 3)))


@pytest.mark.parametrize("said", [ModelRefused("no"), "   "])
async def test_a_synthesizer_that_fails_leaves_the_majority(tmp_path: Path, said: object) -> None:
    def answer(request: wb.Request) -> str:
        if request.role == "revise":
            if isinstance(said, Exception):
                raise said
            return str(said)
        return f"Answer: {(5, 4, 4)[request.sample]}"

    run = await merged(tmp_path, "merge", answer)
    assert wb.answers(run).iloc[0].answer == "4" and any("the synthesizer" in r for r in wb.decisions(run).reason)


async def test_verify_lets_the_right_minority_win(tmp_path: Path) -> None:
    def answer(request: wb.Request) -> str:
        if request.role == "check":
            return "Verdict: right (0.9)" if "Answer: 4" in request.user_text else "Verdict: wrong (0.2)"
        return f"Answer: {(5, 5, 4)[request.sample]}"

    row = wb.answers(await merged(tmp_path, "verify", answer)).iloc[0]
    assert row.answer == "4" and row.confidence == pytest.approx(0.9)


async def test_verify_without_a_passing_answer_takes_the_most_probable(tmp_path: Path) -> None:
    def answer(request: wb.Request) -> str:
        if request.role == "check":
            return "Verdict: wrong (0.4)" if "Answer: 4" in request.user_text else "Verdict: wrong (0.1)"
        return f"Answer: {(5, 5, 4)[request.sample]}"

    run = await merged(tmp_path, "verify", answer)
    assert wb.answers(run).iloc[0].answer == "4"
    assert any("0 of 2 answers pass" in r for r in wb.decisions(run).reason)


@pytest.mark.parametrize(
    ("text", "probability"),
    [
        ("Verdict: right", 1.0),
        ("**Verdict: wrong**", 0.0),
        ("verdict: right (0.85)", 0.85),
        ("Verdict: wrong 30%", 0.3),
        ("Verdict: right ... no, Verdict: wrong", 0.0),
        ("I cannot say", None),
    ],
)
def test_verdicts_are_read_as_checkers_write_them(text: str, probability: float | None) -> None:
    assert probability_right(text) == probability


async def test_threads_without_an_answer_support_nothing(tmp_path: Path) -> None:
    run = await merged(tmp_path, "majority", lambda r: "4" if r.sample == 0 else "hm", tasks=[wb.Task("t", "2+2", "4")])
    row = wb.answers(run).iloc[0]
    assert row.answer == "4" and row.support == pytest.approx(1 / 3)
    run = await play(lambda r: "hm", wb.Parallel(agents=2), tmp_path / "none", [wb.Task("t", "2+2", "4")])
    assert wb.answers(run).iloc[0].score == 0 and wb.answers(run).iloc[0].support == 0
