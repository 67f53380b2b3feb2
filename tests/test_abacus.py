"""The offline model: its tokens, its calls, its batching; how well it reasons is measured in its card, not asserted here."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import AsyncIterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.agents import ROLES, STYLES, Message, Reply, ToolCall
from workbench.arithmetic import problems
from workbench.errors import UsageError
from workbench.models.abacus import Abacus
from workbench.models.abacus.formats import ACT_WINDOW, CONTEXT, call_text, condensed, prompt, read_call, row
from workbench.models.abacus.tokens import SIZE, SPECIALS, decode, encode
from workbench.models.base import Request
from workbench.models.offline import note
from workbench.synthesis.verify import probability_right as read_probability


def request(text: str, **more: object) -> Request:
    return Request("abacus-s", (Message("system", "ignored"), Message("user", text)), **{"seed": 0, **more})  # type: ignore[arg-type]


@pytest.fixture
async def model() -> AsyncIterator[Abacus]:
    made = Abacus("abacus-s", threads=1)
    yield made
    await made.aclose()


@given(st.text(max_size=60))
@settings(max_examples=200, deadline=None)
def test_any_text_survives_the_tokenizer(text: str) -> None:
    ids = encode(text)
    assert decode(ids) == text.encode("utf-8", "replace").decode()
    assert all(len(SPECIALS) <= i < SIZE for i in ids)  # no text can write a special token


def test_problems_are_short_in_tokens() -> None:
    for p in problems(50, (1, 8)):
        assert len(encode(p.prompt)) <= 5 + 18 * len(p.terms)


def test_a_prompt_too_long_keeps_head_and_tail() -> None:
    ids, cut = prompt(request("é" * 3000))
    assert (
        cut and len(ids) < CONTEXT and ids[:1] == row("solve", None, "")[:1] and ids[-1] == row("solve", None, "")[-1]
    )


def test_long_threads_are_read_by_their_last_line() -> None:
    threads = "\n\n".join(f"Thread {i}:\n" + "1 + 1 = 2\n" * 50 + f"Answer: {i}" for i in range(1, 4))
    assert condensed(f"What is 2 * 3?\n\n{threads}") == (
        "What is 2 * 3?\n\nThread 1:\nAnswer: 1\n\nThread 2:\nAnswer: 2\n\nThread 3:\nAnswer: 3"
    )


async def test_text_depends_on_the_seed_not_on_the_batch(model: Abacus) -> None:
    asked = [
        request(p.prompt, seed=i, role=("solve", "revise", "subtask")[i % 3], style=STYLES[i % 4], temperature=1.2)
        for i, p in enumerate(problems(64, (1, 8), seed=2))
    ]
    alone = [await model.complete(r) for r in asked[::4]]
    together = await asyncio.gather(*(model.complete(r) for r in asked))
    assert together[::4] == alone
    shuffled = list(enumerate(asked))
    random.Random(1).shuffle(shuffled)
    again = dict(
        zip((i for i, _ in shuffled), await asyncio.gather(*(model.complete(r) for _, r in shuffled)), strict=True)
    )
    assert [again[i] for i in range(64)] == list(together)


async def test_threads_of_the_runtime_do_not_change_the_text(model: Abacus) -> None:
    other = Abacus("abacus-s", threads=2)
    for seed in range(4):
        r = request("What is 47 * 6 + 82 * 7?", seed=seed)
        assert await model.complete(r) == await other.complete(r)
    await other.aclose()


async def test_seeds_differ_and_greedy_does_not_care(model: Abacus) -> None:
    p = problems(1, 7, seed=1)[0].prompt
    hot = {(await model.complete(request(p, seed=s, temperature=1.5))).text for s in range(6)}
    cold = {(await model.complete(request(p, seed=s, temperature=0.0))).text for s in range(6)}
    assert len(hot) > 1 and len(cold) == 1


async def test_easy_problems_are_solved(model: Abacus) -> None:
    asked = problems(24, 1, seed=8)
    replies = await asyncio.gather(*(model.complete(request(p.prompt, temperature=0.0)) for p in asked))
    right = sum(r.text.endswith(f"Answer: {p.target}") for r, p in zip(replies, asked, strict=True))
    assert right >= 18  # the card says how many really; this catches weights that do not fit the code


async def test_reply_counts_real_tokens_and_costs_nothing(model: Abacus) -> None:
    reply = await model.complete(request("What is 47 * 6?"))
    ids, _ = prompt(request("What is 47 * 6?"))
    assert reply.input_tokens == len(ids)
    assert reply.output_tokens == len(encode(reply.text)) + 1  # and <end>
    assert reply.cost_usd == 0.0 and reply.logprob is not None and reply.logprob <= 0 and reply.finish_reason == "stop"


async def test_max_tokens_cuts(model: Abacus) -> None:
    reply = await model.complete(request("What is 47 * 6 + 31 * 4?", max_tokens=5))
    assert (reply.output_tokens, reply.finish_reason) == (5, "length")


async def test_stream_is_the_reply_in_pieces(model: Abacus) -> None:
    solution = "What is 47 * 6?\n\nProposed solution:\nAnswer: 282"
    for role, text in (("solve", "What is 47 * 6?"), ("check", solution), ("plan", "ö")):
        pieces = [piece async for piece in model.stream(request(text, role=role))]
        assert isinstance(pieces[-1], Reply) and "".join(map(str, pieces[:-1])) == pieces[-1].text


async def test_calls_given_up_free_their_rows(model: Abacus) -> None:
    for p in problems(70, 8, seed=3):  # more than there are rows
        stream = model.stream(request(p.prompt))
        assert await anext(stream)
        await stream.aclose()  # type: ignore[attr-defined]
    reply = await asyncio.wait_for(model.complete(request("What is 47 * 6?")), 20)
    assert reply.finish_reason == "stop"


async def test_a_cancelled_call_is_cancelled(model: Abacus) -> None:
    call = asyncio.create_task(model.complete(request(problems(1, 8)[0].prompt)))
    await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call


@pytest.mark.parametrize("role", [*ROLES, "poet"])
async def test_every_role_answers_anything(model: Abacus, role: str) -> None:
    for text in ("Who wrote Faust? 漢字 🙂", " "):
        reply = await model.complete(request(text, role=role, style="haiku", max_tokens=30))
        assert reply.output_tokens >= 1


async def test_a_checker_says_a_probability(model: Abacus) -> None:
    text = "What is 40 * 6?\n\nProposed solution:\n40 * 6 = 240\nAnswer: 240"
    reply = await model.complete(request(text, role="check"))
    found = re.search(r"Verdict: (?:right|wrong) \((\d\.\d\d)\)$", reply.text)
    assert found and read_probability(reply.text) == float(found.group(1))


async def test_a_tool_episode_calls_and_reads_the_result(model: Abacus) -> None:
    chat = [Message("user", "Keep a ledger. Rule: write every value as name: value.\nSet eggs to 12.")]
    first = await model.complete(Request("abacus-s", tuple(chat), role="act"))
    chat += [Message("assistant", first.text, first.tool_calls), Message("user", "Add 5 to eggs.")]
    second = await model.complete(Request("abacus-s", tuple(chat), role="act"))
    call = second.tool_calls[0] if second.tool_calls else ToolCall("none", "calc", '{"expression": "12 + 5"}')
    chat += [Message("assistant", "", (call,)), Message("tool", "17", tool_call_id=call.id)]
    third = await model.complete(Request("abacus-s", tuple(chat), role="act"))
    assert second.tool_calls or second.text
    assert third.text or third.tool_calls


def test_an_unknown_size_is_named() -> None:
    with pytest.raises(UsageError, match="abacus-s"):
        Abacus("abacus-xl")


async def test_it_can_be_closed_and_used_again() -> None:
    model = Abacus("abacus-s", threads=1)
    first = await model.complete(request("What is 47 * 6?"))
    await model.aclose()
    assert await model.complete(request("What is 47 * 6?")) == first
    await model.aclose()


def test_one_model_serves_several_event_loops() -> None:
    model = Abacus("abacus-s", threads=1)
    assert asyncio.run(model.complete(request("What is 47 * 6?"))) == asyncio.run(
        model.complete(request("What is 47 * 6?"))
    )
    asyncio.run(model.aclose())


def test_a_run_on_something_else_says_so() -> None:
    ours = problems(1, 3)[0].prompt
    assert note(["abacus-s"], [ours]) is None and note(["openai/gpt-4o"], ["Who wrote Faust?"]) is None
    said = note(["abacus-s", "abacus-m", "openai/gpt-4o"], [ours, "Who wrote Faust?"])
    assert said and "abacus-s and abacus-m" in said and "1 of 2" in said and "gpt" not in said


def test_a_long_chat_is_read_by_its_rule_and_its_newest_turns() -> None:
    rule = "Keep a ledger. Rule: write every value as name: value."
    chat = [
        Message("system", "You keep books."),
        Message("user", f"{rule}\nSet eggs to 12."),
        Message("assistant", "eggs: 12"),
    ]
    for i in range(200):
        chat += [Message("user", f"Set pens to {i}."), Message("assistant", f"pens: {i}")]
    chat.append(Message("user", "What is in pens?"))
    ids, cut = prompt(Request("abacus-s", tuple(chat), role="act"))
    text = decode(ids)
    assert not cut and len(ids) <= ACT_WINDOW + 30
    assert (
        text.startswith(rule + "\n")
        and text.endswith("What is in pens?")
        and "pens: 199" in text
        and "eggs" not in text
    )


def test_a_tool_call_fills_the_first_argument_of_its_tool() -> None:
    schema = {
        "type": "function",
        "function": {"name": "calc", "parameters": {"properties": {"sum": {"type": "string"}}}},
    }
    assert read_call("calc 12 + 5", 1, [schema]).arguments == '{"sum": "12 + 5"}'
    assert read_call("calc 12 + 5", 1).arguments == '{"expression": "12 + 5"}'
    assert call_text(read_call("calc 12 + 5", 1, [schema])) == "calc 12 + 5"


async def test_agents_of_one_task_share_what_they_read_and_nothing_else(model: Abacus) -> None:
    text = problems(1, 5, seed=4)[0].prompt
    asked = [request(text, seed=i, style=STYLES[i % 4]) for i in range(9)]
    alone = [await model.complete(r) for r in asked]
    assert list(await asyncio.gather(*(model.complete(r) for r in asked))) == alone
    assert len({r.text for r in alone}) > 1
