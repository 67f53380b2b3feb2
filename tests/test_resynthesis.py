"""resynthesize: only the synthesis' own calls, on subsets of recorded threads, each once, recorded with links to what it read."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

import workbench as wb
from tests.scripted import by_sample, play, says
from workbench.errors import DataError, ModelRefused, UsageError

TASKS = [wb.Task("a", "2 + 2?", "4"), wb.Task("b", "2 + 3?", "5")]
SAID = {"a": ("4", "3", "3", "4"), "b": ("5", "6", "7", "6")}


async def recorded(tmp_path: Path, **more: object) -> wb.Run:
    return await play(
        lambda r: f"I think so.\nAnswer: {SAID[str(r.task_id)][r.sample]}",
        wb.Parallel(agents=4),
        tmp_path / "run",
        TASKS,
        **more,
    )


class Judge:
    """Picks a candidate that is right where one is; counts what it is asked."""

    def __init__(self) -> None:
        self.asked: list[wb.Request] = []

    def __call__(self, request: wb.Request) -> wb.Reply:
        self.asked.append(request)
        right = "4" if "2 + 2?" in request.user_text else "5"
        shown = request.user_text.split("Candidate ")[1:]
        best = next((c.split(" ")[0] for c in shown if f"(answer {right})" in c), "none")
        return wb.Reply(f"Best: {best}", input_tokens=100, output_tokens=5, cost_usd=0.01)

    def model(self) -> dict[str, wb.Model]:
        return {"j": wb.Scripted(self, name="j")}


async def test_only_the_judge_is_asked_and_every_subset_once(tmp_path: Path) -> None:
    run, judge = await recorded(tmp_path), Judge()
    found = await wb.resynthesize(run, [1, 2, 4], "judge", "j", calls=6, out=tmp_path / "js", models=judge.model())
    table = found.set_index("agents")
    # a perfect judge is right exactly where the subset holds a right thread: what `any` gets without a call
    perfect = wb.resample(run, [1, 2, 4], "any").set_index("agents")
    assert table["accuracy"].tolist() == pytest.approx(perfect["accuracy"].tolist())
    assert table["exact"].tolist() == [True, True, True] and table["subsets"].tolist() == [4, 6, 1]
    disputed = [
        (t, s) for t, said in SAID.items() for k in (2, 4) for s in itertools.combinations(said, k) if len(set(s)) > 1
    ]
    assert len(judge.asked) == 2 * len(disputed)  # two orders each; where all agree nobody is asked
    assert {r.role for r in judge.asked} == {"judge"}
    assert table.loc[1, "calls"] == 0 and table.loc[4, "calls"] == 2
    threads = wb.resample(run, [4])
    assert table.loc[4, "tokens"] == pytest.approx(threads["tokens"].iloc[0] + 2 * 105)
    assert table.loc[4, "cost_usd"] == pytest.approx(0.02) or threads["cost_usd"].isna().all()


async def test_what_was_paid_for_is_never_paid_again(tmp_path: Path) -> None:
    run, judge = await recorded(tmp_path), Judge()
    more = {"mix": "j", "out": tmp_path / "js", "models": judge.model()}
    first = await wb.resynthesize(run, [3], "judge", calls=2, **more)  # type: ignore[arg-type]
    asked = len(judge.asked)
    again = await wb.resynthesize(run, [3], "judge", calls=2, **more)  # type: ignore[arg-type]
    assert len(judge.asked) == asked and again.equals(first)
    await wb.resynthesize(run, [3], "judge", calls=4, **more)  # type: ignore[arg-type]
    every = 2 * 2 * 4  # two tasks, two orders, four subsets of three, in all of which there is something to judge
    assert asked == every / 2 and len(judge.asked) == every
    await wb.resynthesize(run, [2, 3], "judge", calls=4, **more)  # type: ignore[arg-type]
    assert len(judge.asked) > every  # the new size only
    other = await wb.resynthesize(run, [3], {"name": "judge", "orders": 4}, calls=4, **more)  # type: ignore[arg-type]
    assert other["calls"].iloc[0] == 4  # other settings are other calls


async def test_the_record_links_to_the_threads_that_were_read(tmp_path: Path) -> None:
    run, judge = await recorded(tmp_path), Judge()
    await wb.resynthesize(run, [4], "judge", "j", out=tmp_path / "js", models=judge.model())
    (made,) = [wb.Run(p.parent) for p in (tmp_path / "js").rglob("run.json")]
    threads = {(s.trace_id, s.span_id) for s in run.spans() if s.name.startswith("invoke_agent")}
    joins = [link for s in made.spans() for link in s.links]
    assert len(joins) == 8 and {(k.trace_id, k.span_id) for k in joins} == threads
    assert made.manifest["strategy"] == {
        "name": "resynthesis", "source": run.id, "synthesis": "judge", "min_threads": 1, "agents": 0
    }  # fmt: skip
    assert set(wb.decisions(made).kind) == {"vote"}


@pytest.mark.parametrize("synthesis", ["merge", "verify", {"name": "weighted", "by": "verifier"}])
async def test_every_synthesis_that_asks_can_be_had(tmp_path: Path, synthesis: object) -> None:
    def answer(request: wb.Request) -> str:
        if request.role == "check":
            right = "4" if "2 + 2?" in request.user_text else "5"
            return "Verdict: right (0.9)" if f"Answer: {right}" in request.user_text else "Verdict: wrong (0.1)"
        return "Thread 1 is right.\nAnswer: " + ("4" if "2 + 2?" in request.user_text else "5")

    run = await recorded(tmp_path)
    found = await wb.resynthesize(
        run, [4], synthesis, "j", out=tmp_path / "o", models={"j": wb.Scripted(answer, name="j")}
    )  # type: ignore[arg-type]
    assert found["accuracy"].iloc[0] == 1.0


async def test_lost_threads_are_lost_again(tmp_path: Path) -> None:
    def answer(request: wb.Request) -> str:
        if request.sample == 0:
            raise ModelRefused("no")
        return "Answer: 4"

    run = await play(answer, wb.Parallel(agents=2), tmp_path / "run")
    more = {"out": tmp_path / "o", "models": {"m": wb.Scripted(answer, name="m")}}  # the run's own mix
    one = await wb.resynthesize(run, [1], "majority", calls=2, **more)  # type: ignore[arg-type]
    assert one["accuracy"].iloc[0] == 0.5  # the failed thread alone is a failed team, never a skipped one
    strict = await wb.resynthesize(run, [2], "majority", min_threads=2, **more)  # type: ignore[arg-type]
    assert strict["accuracy"].iloc[0] == 0.0


async def test_a_budget_stops_it_and_it_goes_on(tmp_path: Path) -> None:
    run, judge = await recorded(tmp_path), Judge()
    more = {"mix": "j", "out": tmp_path / "js", "models": judge.model(), "calls": 4, "at_once": 1}
    tight = wb.Limits(max_tokens=1200, max_output_tokens=10)
    with pytest.raises(DataError, match="call again"):
        await wb.resynthesize(run, [3], "judge", limits=tight, **more)  # type: ignore[arg-type]
    before = len(judge.asked)
    found = await wb.resynthesize(run, [3], "judge", **more)  # type: ignore[arg-type]
    assert (
        found["tasks"].iloc[0] == 2 and 0 < before < 16 and len(judge.asked) <= 17
    )  # at most one half-done is asked again


async def test_what_cannot_be_done_is_said_before_anything_is_asked(tmp_path: Path) -> None:
    run, judge = await recorded(tmp_path), Judge()
    with pytest.raises(UsageError, match="did you mean 'judge'"):
        await wb.resynthesize(run, [2], "jugde", "j", models=judge.model())
    with pytest.raises(UsageError, match="between 1 and the 4 threads"):
        await wb.resynthesize(run, [5], "judge", "j", models=judge.model())
    with pytest.raises(UsageError, match="calls must be at least 1"):
        await wb.resynthesize(run, [2], "judge", "j", calls=0, models=judge.model())
    with pytest.raises(UsageError, match=r"await wb\.resynthesize"):
        wb.resample(run, [2], "judge")
    bare = await play(by_sample("4", "5"), wb.Parallel(agents=2), tmp_path / "bare", record_content=False)
    with pytest.raises(DataError, match="without content"):
        await wb.resynthesize(bare, [2], "judge", "j", models=judge.model(), out=tmp_path / "o")
    chain = await play(says("4"), wb.Adaptive(agents=3), tmp_path / "adaptive")
    with pytest.raises(UsageError, match="not a fair"):
        await wb.resynthesize(chain, [2], "judge", "j", models=judge.model())
    assert not judge.asked
