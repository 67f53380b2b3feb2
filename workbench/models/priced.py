"""Priced: a model whose price the user names, since nobody publishes one for a server of one's own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

from workbench.agents import Reply
from workbench.models.base import Model, Request


class Priced:
    """The model inside, its replies costing (input, output) dollars per million tokens; this price wins over any other."""

    def __init__(self, inside: Model, price: tuple[float, float]) -> None:
        self.inside, self.name = inside, inside.name
        self.per_token = (price[0] / 1e6, price[1] / 1e6)

    def __getattr__(self, name: str) -> object:
        return getattr(self.inside, name)

    async def complete(self, request: Request) -> Reply:
        """What the model inside says, with its cost."""
        return self._priced(await self.inside.complete(request))

    async def stream(self, request: Request) -> AsyncIterator[str | Reply]:
        """The pieces as they come; the whole reply at the end carries the cost."""
        async for piece in self.inside.stream(request):
            yield piece if isinstance(piece, str) else self._priced(piece)

    async def aclose(self) -> None:
        """Free what the model inside holds."""
        await self.inside.aclose()

    def _priced(self, reply: Reply) -> Reply:
        cost = reply.input_tokens * self.per_token[0] + reply.output_tokens * self.per_token[1]
        return replace(reply, cost_usd=cost)
