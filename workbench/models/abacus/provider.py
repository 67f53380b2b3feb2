"""Abacus: the workbench's own tiny language models, on this machine's CPU, without key or network."""

from __future__ import annotations

import asyncio
import codecs
import secrets
from collections.abc import AsyncIterator
from functools import partial
from importlib.resources import files
from pathlib import Path

from workbench.agents import Reply, ToolCall
from workbench.errors import unknown
from workbench.models.abacus.batching import Batcher, Job
from workbench.models.abacus.formats import CONTEXT, prompt, read_call
from workbench.models.abacus.session import Session
from workbench.models.abacus.tokens import CALL, END, raw
from workbench.models.base import Request

MODELS = ("abacus-s", "abacus-m")
GREEDY_ROLES = ("plan", "check", "judge", "act")
TEMPERATURE = 1.0
"""Of roles that are not greedy, where a request names none."""


class Abacus:
    """`abacus-s` or `abacus-m`. It knows only its own family (`workbench.arithmetic`) and answers anything else with nonsense.

    Concurrent calls are batched; a call's text depends on its prompt, temperature and seed alone, whatever it is batched with.
    A check works the problem again in another style and ends in `Verdict: wrong (0.12)`: the probability that it is right.
    `weights` is the folder of the graphs: by default the shipped ones.
    `finish_reason` is stop, length (max_tokens reached) or context (the prompt was too long and its middle left out).
    """

    per_token = (0.0, 0.0)

    def __init__(self, name: str = "abacus-s", *, threads: int = 1, weights: Path | None = None) -> None:
        if name not in MODELS:
            raise unknown("abacus model", name, MODELS)
        self.name = name
        folder = weights or Path(str(files("workbench.models.abacus"))) / "weights"
        self._batcher = Batcher(partial(Session, folder / f"{name}.onnx", threads))

    async def complete(self, request: Request) -> Reply:
        """Answer one request. Cancelling the call frees its row."""
        async for piece in self._answer(request, each=False):
            if isinstance(piece, Reply):
                return piece
        raise AssertionError("a stream ends in a Reply")

    async def stream(self, request: Request) -> AsyncIterator[str | Reply]:
        """Yield the text piece by piece, then the Reply."""
        async for piece in self._answer(request, each=True):
            yield piece

    async def _answer(self, request: Request, each: bool) -> AsyncIterator[str | Reply]:
        ids, cut = prompt(request)
        loop = asyncio.get_running_loop()
        arrived: asyncio.Queue[int | BaseException | None] = asyncio.Queue()

        def tell(item: int | BaseException | None) -> None:
            if (each or not isinstance(item, int)) and not loop.is_closed():  # waking the loop costs as much as a token
                loop.call_soon_threadsafe(arrived.put_nowait, item)

        limit = max(1, min(request.max_tokens or CONTEXT, CONTEXT - len(ids)))
        seed = request.seed if request.seed is not None else secrets.randbits(63)
        job = Job(ids, limit, _temperature(request), abs(seed), tell, tell)
        self._batcher.submit(job)
        utf8 = codecs.getincrementaldecoder("utf-8")("replace")
        try:
            while (item := await arrived.get()) is not None:
                if isinstance(item, BaseException):
                    raise RuntimeError("abacus's worker stopped") from item
                if job.tokens[0] != CALL and (piece := utf8.decode(raw([item]))):
                    yield piece
        finally:
            job.cancelled = True
        reply = _reply(self.name, job, request, cut)
        if verdict := reply.text[len(reply.text.rstrip("0123456789.)(").rstrip()) :] if request.role == "check" else "":
            yield verdict
        yield reply

    async def aclose(self) -> None:
        """End the worker thread."""
        self._batcher.close()


def _temperature(request: Request) -> float:
    if request.temperature is not None:
        return request.temperature
    return 0.0 if request.role in GREEDY_ROLES else TEMPERATURE


def _reply(name: str, job: Job, request: Request, cut: bool) -> Reply:
    ended = job.tokens[-1] == END
    said = job.tokens[:-1] if ended else job.tokens
    text = raw(said).decode("utf-8", "replace")
    calls: tuple[ToolCall, ...] = ()
    if said[:1] == [CALL]:
        calls, text = (read_call(text, len(job.prompt), request.options.get("tools", ())),), ""
    if request.role == "check" and job.rights and ended:
        text += f" ({job.rights[-1]:.2f})"
    return Reply(
        text=text,
        input_tokens=len(job.prompt),
        output_tokens=len(job.tokens),
        cost_usd=0.0,
        logprob=sum(job.logprobs) / len(job.logprobs),
        finish_reason="context" if cut else "stop" if ended else "length",
        tool_calls=calls,
        response_model=name,
    )
