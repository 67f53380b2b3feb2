"""What every strategy promises: thinking is asked for and kept, lost threads are never silent, prompts are files to replace."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import workbench as wb
from tests.chat_server import ChatServer, Fault
from tests.scripted import by_sample, play, says
from workbench.errors import ModelRefused, UsageError

TASK = wb.Task("t", "What is 2 + 2?", "4")
SOLVED = {"role": "assistant", "content": "Answer: 4"}


# -- thinking ---------------------------------------------------------------------------------------------------------


async def test_an_effort_reaches_the_provider_and_its_thinking_the_record(tmp_path: Path) -> None:
    said = SOLVED | {"reasoning_content": "Two and two."}
    usage = {"prompt_tokens": 9, "completion_tokens": 50, "total_tokens": 59}
    usage["completion_tokens_details"] = {"reasoning_tokens": 40}  # type: ignore[assignment]
    choice = {"index": 0, "finish_reason": "stop", "message": said}
    body = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage}
    with ChatServer(fault=lambda n, asked: Fault(body=json.dumps(body))) as server:
        single = wb.Single(reasoning="extended", effort="low")
        run = await wb.run([TASK], single, "hosted_vllm/thinker", out=tmp_path / "r", api_base=server.api_base)
    assert server.requests[0]["reasoning_effort"] == "low"
    assert wb.answers(run)["reasoning_tokens"].tolist() == [40]
    (span,) = [s for s in run.spans() if s.name.startswith("chat")]
    parts = json.loads(str(span.attributes["gen_ai.output.messages"]))[0]["parts"]
    assert parts[0] == {"type": "reasoning", "content": "Two and two."} and parts[1]["content"] == "Answer: 4"


async def test_a_thinking_budget_reaches_anthropic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = [
        {"type": "thinking", "thinking": "Two and two.", "signature": "s"},
        {"type": "text", "text": "Answer: 4"},
    ]
    body = {
        "id": "m", "type": "message", "role": "assistant", "model": "claude", "content": content,
        "stop_reason": "end_turn", "usage": {"input_tokens": 9, "output_tokens": 50},
    }  # fmt: skip
    monkeypatch.setenv("ANTHROPIC_API_KEY", "a-key-for-the-loopback")
    with ChatServer(fault=lambda n, asked: Fault(body=json.dumps(body))) as server:
        model = "anthropic/claude-sonnet-4-20250514"
        single = wb.Single(reasoning="extended", thinking_tokens=2000, max_tokens=4000)
        base = server.api_base.removesuffix("/v1")
        run = await wb.run([TASK], single, model, out=tmp_path / "r", api_base=base)
    assert server.requests[0]["thinking"] == {"type": "enabled", "budget_tokens": 2000}
    assert wb.answers(run)["answer"].tolist() == ["4"]
    assert any("Two and two." in str(s.attributes.get("gen_ai.output.messages")) for s in run.spans())


# -- lost threads -----------------------------------------------------------------------------------------------------

TEAMS = {
    "parallel": {"agents": 3},
    "contemplate": {"agents": 3},
    "debate": {"agents": 3},
    "mixture": {"agents": 3, "synthesis": "majority"},
    "adaptive": {"agents": 3, "wave": 3, "rule": "certain"},
    "cascade": {"agents": 3, "threshold": 0.5},
}


@pytest.mark.parametrize("name", TEAMS)
async def test_min_threads_is_explicit_in_every_strategy(tmp_path: Path, name: str) -> None:
    def first_fails(request: wb.Request) -> str:
        if request.sample == 0 and request.role == "solve":
            raise ModelRefused("no")
        return "Answer: 4"

    mix = wb.ModelMix({"a": 1, "b": 1})
    run = await play(first_fails, wb.strategy(name, **TEAMS[name]), tmp_path / "two", mix=mix)
    assert wb.answers(run)["answer"].tolist() == ["4"]
    assert (wb.threads(run)["error"] == "ModelRefused").any()
    if name in ("parallel", "adaptive", "cascade"):  # in the others the lost agent takes part again in the next round
        assert "lost" in wb.decisions(run)["kind"].tolist()
        run = await play(first_fails, wb.strategy(name, **TEAMS[name], min_threads=3), tmp_path / "strict", mix=mix)
        assert wb.answers(run)["error"].tolist() == ["TooFewThreads"]


@pytest.mark.parametrize("name", TEAMS)
async def test_where_all_fail_the_task_is_failed_not_lost(tmp_path: Path, name: str) -> None:
    def fails(request: wb.Request) -> str:
        raise ModelRefused("no")

    tasks = [TASK, wb.Task("u", "What is 3 + 3?", "6")]
    run = await play(fails, wb.strategy(name, **TEAMS[name]), tmp_path / "r", tasks, wb.ModelMix({"a": 1, "b": 1}))
    answers = wb.answers(run)
    assert answers["task_id"].tolist() == ["t", "u"] and set(answers["error"]) == {"TooFewThreads"}


async def test_a_cancelled_straggler_costs_what_it_had_said(tmp_path: Path) -> None:
    class Slow(wb.Scripted):
        async def stream(self, request: wb.Request) -> AsyncIterator[str | wb.Reply]:
            for _ in range(500 if request.sample == 3 else 1):
                yield "word "
                await asyncio.sleep(0.005)
            yield wb.Reply("Answer: 4", input_tokens=10, output_tokens=1)

    heard: list[dict[str, object]] = []

    class Listener:
        def on_start(self, span: object) -> None: ...
        def on_piece(self, span_id: str, text: str) -> None: ...
        def on_end(self, span: object) -> None: ...
        def on_progress(self, progress: dict[str, object]) -> None:
            heard.append(dict(progress))

    run = await wb.run(
        [TASK],
        wb.Adaptive(agents=8, wave=4, rule="window", window=3),
        wb.ModelMix({"m": 1}, prices={"m": (1e6, 1e6)}),  # a dollar a token
        out=tmp_path / "r",
        models={"m": Slow(lambda r: "", name="m")},
        listeners=[Listener()],  # type: ignore[list-item]
    )
    calls, answer = wb.calls(run), wb.answers(run).iloc[0]
    (cut,) = calls[calls["cancelled"]].itertuples()
    assert cut.output_tokens >= 1 and cut.cost_usd == cut.input_tokens + cut.output_tokens
    assert answer["cost_usd"] == answer["input_tokens"] + answer["output_tokens"] == calls["cost_usd"].sum()
    assert heard[-1]["cost_usd"] == pytest.approx(answer["cost_usd"]) and heard[-1]["tokens"] == answer["cost_usd"]


# -- prompts and strategies of one's own ------------------------------------------------------------------------------


async def test_a_folder_of_prompts_replaces_ours_per_run_and_strategy(tmp_path: Path) -> None:
    folder = tmp_path / "prompts"
    (folder / "debate").mkdir(parents=True)
    (folder / "solve.md").write_text("Say it in one word.\n---\nQ: $task")
    (folder / "debate" / "solve.md").write_text("You are on a podium.\n---\n$task")
    asked: list[wb.Request] = []

    def answer(request: wb.Request) -> str:
        asked.append(request)
        return "Answer: 4"

    hashes = set()
    for strategy, words in ((wb.Parallel(agents=1), "one word"), (wb.Debate(agents=1, rounds=1), "podium")):
        run = await play(answer, strategy, tmp_path / strategy.name, prompts=folder)
        assert words in asked[-1].messages[0].content
        hashes.add(run.manifest["prompts_sha256"])
    plain = await play(answer, wb.Parallel(agents=1), tmp_path / "plain")
    assert "one word" not in asked[-1].messages[0].content
    assert len(hashes | {plain.manifest["prompts_sha256"]}) == 3  # the manifest tells which words were used
    (folder / "solve.md").write_text("Say it in two words.\n---\n$task")
    with pytest.raises(UsageError, match="another run"):
        await play(answer, wb.Parallel(agents=1), tmp_path / "parallel", prompts=folder)


async def test_a_package_offers_a_strategy_and_a_synthesis_by_entry_point(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "site"
    info = site / "theirs-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[workbench.strategies]\nask-last = theirs:AskLast\n[workbench.syntheses]\nfirst = theirs:First\n"
    )
    (site / "theirs.py").write_text(
        "from dataclasses import dataclass\n"
        "from typing import ClassVar\n"
        "import workbench as wb\n"
        "@dataclass(frozen=True)\n"
        "class AskLast:\n"
        "    name: ClassVar[str] = 'ask-last'\n"
        "    agents: int = 2\n"
        "    async def solve(self, task, team, engine):\n"
        "        threads = await engine.together(engine.work(a, task.prompt) for a in team.agents(self.agents))\n"
        "        return wb.Synthesis(threads[-1].answer, 1.0, 1.0, (threads[-1].index,), 'last')\n"
        "@dataclass(frozen=True)\n"
        "class First:\n"
        "    name: ClassVar[str] = 'first'\n"
        "    async def merge(self, task, threads, team, engine):\n"
        "        return wb.Synthesis(threads[0].answer, 1.0, 1.0, (threads[0].index,), 'first')\n"
    )
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.delitem(sys.modules, "theirs", raising=False)
    made = wb.strategy("ask-last", agents=3)
    run = await play(says("4"), made, tmp_path / "r")
    assert wb.answers(run)["score"].tolist() == [1.0] and wb.answers(run)["threads"].tolist() == [3]
    assert run.manifest["strategy"] == {"name": "ask-last", "agents": 3}
    first = await play(by_sample("3", "4", "4"), wb.Parallel(agents=3, synthesis="first"), tmp_path / "first")
    assert wb.answers(first)["answer"].tolist() == ["3"]
    with pytest.raises(UsageError, match="did you mean 'ask-last'"):
        wb.strategy("ask-lst")
    with pytest.raises(UsageError, match="did you mean 'agents'"):
        wb.strategy("ask-last", agent=3)
