"""Scripted: a model that answers from a function, for tests, teaching and examples."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

from workbench.agents import Reply
from workbench.models.base import Request


class Scripted:
    """Answers with `answer(request)`, a text or a whole Reply, after `latency_s` seconds; an error it raises is the call's.

    >>> model = wb.Scripted(lambda request: "Answer: 4", name="always-4")
    """

    def __init__(
        self, answer: Callable[[Request], str | Reply], *, name: str = "scripted", latency_s: float = 0.0
    ) -> None:
        self.name, self._answer, self._latency_s = name, answer, latency_s

    async def complete(self, request: Request) -> Reply:
        """Answer one request."""
        await asyncio.sleep(self._latency_s)
        return self._reply(request)

    async def stream(self, request: Request) -> AsyncIterator[str | Reply]:
        """The same text word by word, then the Reply."""
        reply = self._reply(request)
        words = reply.text.split(" ")
        for i, word in enumerate(words):
            await asyncio.sleep(self._latency_s / len(words))
            yield word if i == 0 else " " + word
        yield reply

    async def aclose(self) -> None:
        """Nothing to free."""

    def _reply(self, request: Request) -> Reply:
        said = self._answer(request)
        if isinstance(said, Reply):
            return said
        words_in = sum(len(m.content.split()) for m in request.messages)
        return Reply(said, input_tokens=words_in, output_tokens=max(1, len(said.split())), response_model=self.name)
