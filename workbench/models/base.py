"""The one seam to the outside: a Model turns a Request into a Reply."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from workbench.agents import Message, Reply


@dataclass(frozen=True, slots=True)
class Request:
    """All that one call may say to a model; what a model does not understand it ignores.

    `role` and `style` say what the call is for (`workbench.agents.ROLES`, `STYLES`); `task_id` and `sample` let a replayed
    model find its recorded sample; `seed` makes a local model repeatable; `reasoning` is none, chain or extended.
    """

    model: str
    messages: tuple[Message, ...]
    role: str = "solve"
    style: str | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    seed: int | None = None
    reasoning: str = "chain"
    task_id: str | None = None
    sample: int = 0
    options: Mapping[str, Any] = field(default_factory=dict)
    """More keyword arguments for the provider, such as tools, reasoning_effort or response_format."""

    @property
    def user_text(self) -> str:
        """The last user message."""
        return next((m.content for m in reversed(self.messages) if m.role == "user"), "")


@runtime_checkable
class Model(Protocol):
    """What the engine calls. Raises nothing but `ModelError` (workbench.errors) for failures of the model's side."""

    name: str

    async def complete(self, request: Request) -> Reply:
        """Answer one request."""
        ...

    def stream(self, request: Request) -> AsyncIterator[str | Reply]:
        """Yield pieces of text as they come and, last, the whole Reply."""
        ...

    async def aclose(self) -> None:
        """Free what the model holds."""
        ...
