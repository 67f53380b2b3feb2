"""Late: a model that is opened when it is first asked, so that what is only replayed needs no key."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from workbench.agents import Reply
from workbench.models.base import Model, Request


class Late:
    """Opens `open_()` on the first call."""

    def __init__(self, name: str, open_: Callable[[], Model]) -> None:
        self.name, self._open = name, open_
        self._model: Model | None = None

    async def complete(self, request: Request) -> Reply:
        """What the model says."""
        return await self._opened().complete(request)

    async def stream(self, request: Request) -> AsyncIterator[str | Reply]:
        """Its pieces as they come."""
        async for piece in self._opened().stream(request):
            yield piece

    async def aclose(self) -> None:
        """Free what the model holds, where it was opened."""
        if self._model is not None:
            await self._model.aclose()

    def _opened(self) -> Model:
        if self._model is None:
            self._model = self._open()
        return self._model
