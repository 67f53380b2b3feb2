"""LiteLLM over the wire: a real server on loopback, and every way in which one fails."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

import workbench as wb
from tests.chat_server import ChatServer, Fault
from workbench.errors import MissingKey, UsageError
from workbench.models.registry import open_model

MODEL = "hosted_vllm/tiny"
FAST = wb.Limits(timeout_s=5, retry=wb.Retry(attempts=3, base_s=0.01, max_s=0.2))
TASKS = [wb.Task(str(i), f"What is {i} + 1?", str(i + 1)) for i in range(4)]


def right(body: dict) -> str:
    number = int(body["messages"][-1]["content"].split("What is ")[1].split()[0])
    return f"I add one.\nAnswer: {number + 1}"


async def do(server: ChatServer, out: Path, strategy: wb.Strategy | None = None, **more: object) -> wb.Run:
    server.answer = right
    limits = more.pop("limits", FAST)
    return await wb.run(
        TASKS, strategy or wb.Parallel(agents=2), MODEL, out=out, api_base=server.api_base, limits=limits, **more
    )


@pytest.mark.parametrize("stream", [False, True])
async def test_answers_tokens_and_models_are_recorded(chat_server: ChatServer, tmp_path: Path, stream: bool) -> None:
    run = await do(chat_server, tmp_path / "r", stream=stream)
    answers, calls = wb.answers(run), wb.calls(run)
    assert answers.score.tolist() == [1.0] * 4 and len(calls) == 8
    assert (calls.output_tokens == 5).all() and (calls.input_tokens > 10).all()
    assert (calls.seconds >= calls.queue_s).all()
    assert calls.first_token_s.notna().all() == stream
    seeds = [b["seed"] for b in chat_server.requests]
    assert len(set(seeds)) == 8  # agents of one task do not sample the same text


@pytest.mark.parametrize(
    "fault",
    [
        Fault(status=429, headers={"retry-after": "0.05"}),
        Fault(status=500),
        Fault(status=503),
        Fault(cut=True),
        Fault(body="{not json"),
        Fault(body='{"id":"x","object":"chat.completion","created":1,"model":"m","choices":[]}'),
    ],
    ids=["429", "500", "503", "cut", "invalid JSON", "no choices"],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_a_passing_fault_is_retried_and_recorded(
    chat_server: ChatServer, tmp_path: Path, fault: Fault, stream: bool
) -> None:
    chat_server.fault = lambda n, body: fault if n in (0, 1) else None
    run = await do(chat_server, tmp_path / "r", stream=stream)
    assert wb.answers(run).score.tolist() == [1.0] * 4
    assert sorted(wb.calls(run).attempts) == [1] * 6 + [2] * 2


async def test_empty_content_is_a_bad_reply_that_is_tried_again(chat_server: ChatServer, tmp_path: Path) -> None:
    texts = iter(["", " \n", "Answer: 1"])
    chat_server.answer = lambda body: next(texts)
    base = chat_server.api_base
    run = await wb.run(TASKS[:1], wb.Single(), MODEL, out=tmp_path / "r", api_base=base, limits=FAST)
    assert wb.answers(run).score.tolist() == [1.0]
    assert wb.calls(run).attempts.tolist() == [3]


async def test_retry_after_is_waited_for(chat_server: ChatServer, tmp_path: Path) -> None:
    chat_server.fault = lambda n, body: Fault(status=429, headers={"retry-after": "0.4"}) if n == 0 else None
    limits = wb.Limits(retry=wb.Retry(attempts=2, base_s=0, max_s=5))
    chat_server.answer = right
    run = await wb.run(TASKS[:1], wb.Single(), MODEL, out=tmp_path / "r", api_base=chat_server.api_base, limits=limits)
    assert wb.calls(run).seconds[0] >= 0.4


async def test_what_cannot_succeed_is_not_retried_and_the_run_goes_on(chat_server: ChatServer, tmp_path: Path) -> None:
    chat_server.fault = lambda n, body: Fault(status=400) if "What is 2 " in body["messages"][-1]["content"] else None
    run = await do(chat_server, tmp_path / "r", wb.Single())
    answers = wb.answers(run).set_index("task_id")
    assert answers.score.notna().sum() == 3 and answers.error["2"] == "ModelRefused"
    assert len(chat_server.requests) == 4


async def test_a_lasting_fault_loses_a_thread_not_the_task(chat_server: ChatServer, tmp_path: Path) -> None:
    bad = {}

    def fault(n: int, body: dict) -> Fault | None:
        seed = bad.setdefault("seed", body["seed"])
        return Fault(status=500) if body["seed"] == seed else None

    chat_server.fault = fault
    run = await do(chat_server, tmp_path / "r", wb.Parallel(agents=3, min_threads=2))
    assert wb.answers(run).score.tolist() == [1.0] * 4
    lost = wb.threads(run).query("error == error")
    assert lost.error.tolist() == ["ModelOverloaded"]
    assert "lost" in wb.decisions(run).kind.tolist()


async def test_fewer_threads_than_min_threads_fails_the_task(chat_server: ChatServer, tmp_path: Path) -> None:
    chat_server.fault = lambda n, body: Fault(status=500) if "What is 1 " in body["messages"][-1]["content"] else None
    run = await do(chat_server, tmp_path / "r", wb.Parallel(agents=2, min_threads=2))
    answers = wb.answers(run).set_index("task_id")
    assert answers.error["1"] == "TooFewThreads" and answers.score.isna()["1"] and answers.score.notna().sum() == 3


async def test_a_slow_answer_times_out(chat_server: ChatServer, tmp_path: Path) -> None:
    chat_server.fault = lambda n, body: Fault(delay_s=3) if n == 0 else None
    limits = wb.Limits(timeout_s=0.3, retry=wb.Retry(attempts=2, base_s=0.01))
    run = await do(chat_server, tmp_path / "r", wb.Single(), limits=limits)
    assert wb.answers(run).score.tolist() == [1.0] * 4
    assert chat_server.disconnects == 1  # the timeout closed the connection: nothing is paid for in vain


async def test_cancelling_a_run_closes_its_connections(chat_server: ChatServer, tmp_path: Path) -> None:
    chat_server.latency_s = 5
    running = asyncio.create_task(do(chat_server, tmp_path / "r"))
    while chat_server.in_flight < 8:  # noqa: ASYNC110 - the server counts on a thread of its own
        await asyncio.sleep(0.02)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    for _ in range(100):
        await asyncio.sleep(0.02)
        if chat_server.in_flight == 0:
            break
    assert chat_server.disconnects == 8


async def test_slots_bound_what_is_in_flight(chat_server: ChatServer, tmp_path: Path) -> None:
    chat_server.latency_s = 0.05
    limits = wb.Limits(slots=3)
    run = await do(chat_server, tmp_path / "r", wb.Parallel(agents=4), limits=limits)
    assert chat_server.most_in_flight == 3
    assert wb.calls(run).queue_s.max() >= 0.05


def test_a_model_without_a_key_names_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(MissingKey, match="OPENAI_API_KEY"):
        open_model("openai/gpt-4o")


def test_an_unknown_model_names_near_ones() -> None:
    with pytest.raises(UsageError, match="gpt-4o"):
        open_model("gpt-4oo")
    with pytest.raises(UsageError, match="abacus-s"):
        open_model("abacus-x")


async def test_no_key_reaches_the_record(
    chat_server: ChatServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "sk-verysecret0123456789abcdef"
    monkeypatch.setenv("OPENAI_API_KEY", secret)
    chat_server.fault = lambda n, body: Fault(status=400, body=f'{{"error": {{"message": "bad key {secret}"}}}}')
    await wb.run(TASKS, wb.Single(), "openai/tiny", out=tmp_path / "r", api_base=chat_server.api_base, limits=FAST)
    assert chat_server.headers[0]["authorization"] == f"Bearer {secret}"  # it was used
    for file in (tmp_path / "r").iterdir():
        assert secret.encode() not in file.read_bytes(), file


@pytest.mark.parametrize("listens", [False, True])
async def test_litellm_logs_a_call_only_for_callbacks_of_the_users(
    chat_server: ChatServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, listens: bool
) -> None:
    from workbench.models.litellm import load

    litellm = load()
    from litellm.integrations.custom_logger import CustomLogger
    from litellm.litellm_core_utils.logging_worker import GLOBAL_LOGGING_WORKER

    class Listener(CustomLogger):
        heard = 0

        async def async_log_success_event(self, *_: object, **__: object) -> None:
            self.heard += 1

    listener = Listener()
    monkeypatch.setattr(litellm, "callbacks", [listener] if listens else [])
    queued: list[object] = []
    enqueue = GLOBAL_LOGGING_WORKER.enqueue
    monkeypatch.setattr(GLOBAL_LOGGING_WORKER, "enqueue", lambda c: (queued.append(c), enqueue(c)))
    await do(chat_server, tmp_path / "r")
    for _ in range(100 if listens else 1):
        await asyncio.sleep(0.05)
        if listener.heard == 8:
            break
    assert len(queued) == listener.heard == (8 if listens else 0)


async def test_a_server_that_does_not_run_is_said_at_once_in_what_the_run_shows(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    run = await wb.run(TASKS[:1], wb.Single(), MODEL, api_base=nobody, limits=FAST, out=tmp_path / "r")
    assert "1 calls failed, most with ModelOverloaded" in repr(run) and "is the server running" in repr(run)
