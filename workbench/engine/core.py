"""Core: what all tasks of a run share: models, slots, spending, the clock and the record."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from workbench.agents import Message, Reply
from workbench.engine.limits import DEFAULT_SLOTS, Limits
from workbench.engine.spending import Reservation, Spending
from workbench.errors import ModelError, Stopped, UsageError
from workbench.grading import Grader
from workbench.models.base import Model, Request
from workbench.recording import Recorder

MESSAGE_TOKENS = 16
"""Upper bound of what a chat template adds to a message, for reservations."""
DEFAULT_OUTPUT_TOKENS = 4096
"""What is reserved for an answer whose length nobody bounded."""


@dataclass(frozen=True)
class Revision:
    """What becomes of one call of a forked run: another request, a reply given by hand, or the recorded failure once more."""

    changed: str = ""
    request: Request | None = None
    reply: Reply | None = None
    error: ModelError | None = None


class Core:
    """One per run; `prices` gives dollars per input and output token, `recorded` the replies a resumed run has paid for.

    `revise` is told every call's key and request before it is made; what it returns happens instead (a forked run's seam).
    """

    def __init__(
        self,
        models: Mapping[str, Model],
        recorder: Recorder,
        grader: Grader,
        *,
        limits: Limits | None = None,
        seed: int = 0,
        prices: Callable[[str], tuple[float, float] | None] = lambda name: (0.0, 0.0),
        recorded: Mapping[str, Reply] | None = None,
        stream: bool = False,
        revise: Callable[[str, Request], Revision | None] = lambda key, request: None,
    ) -> None:
        self.models, self.recorder, self.grader, self.seed, self.stream = dict(models), recorder, grader, seed, stream
        self.limits = limits or Limits()
        self.spending = Spending(self.limits.max_tokens, self.limits.max_cost_usd)
        self.recorded, self.revise = dict(recorded or {}), revise
        self.stopped: Stopped | None = None
        self._prices = prices
        self._price_of: dict[str, tuple[float, float] | None] = {}
        self._slots: dict[str, asyncio.Semaphore] = {}
        self._began = time.monotonic()

    def slot(self, model: str) -> asyncio.Semaphore:
        """The semaphore of a model's slots."""
        if model not in self._slots:
            slots = self.limits.slots
            self._slots[model] = asyncio.Semaphore(slots if isinstance(slots, int) else slots.get(model, DEFAULT_SLOTS))
        return self._slots[model]

    def seconds_left(self) -> float | None:
        """Until the deadline, None where there is none."""
        if self.limits.deadline_s is None:
            return None
        return self.limits.deadline_s - (time.monotonic() - self._began)

    def reserve(self, request: Request) -> Reservation | None:
        """Set aside the most that a request can use; a text has at most as many tokens as bytes."""
        if not self.spending.limited:
            return None
        tokens_in = sum(_bytes(m) + MESSAGE_TOKENS for m in request.messages)
        tokens_in += len(repr(dict(request.options)).encode())  # tools are read as a part of the prompt
        tokens_out = request.max_tokens or DEFAULT_OUTPUT_TOKENS
        price = self._price(request.model)
        if price is None and self.spending.max_cost_usd is not None:
            raise UsageError(
                f"max_cost_usd was given, but nobody knows what {request.model} costs; limit max_tokens instead, "
                "or name its price: ModelMix(prices=…)"
            )
        price = price or (0.0, 0.0)
        return self.spending.reserve(tokens_in + tokens_out, tokens_in * price[0] + tokens_out * price[1])

    def _price(self, model: str) -> tuple[float, float] | None:
        if model not in self._price_of:
            self._price_of[model] = self._prices(model)
        return self._price_of[model]

    def stop(self, reason: Stopped) -> None:
        """Start no further call. What is in flight ends by itself."""
        self.stopped = self.stopped or reason


def _bytes(message: Message) -> int:
    """Of all that a message says, its tool calls too."""
    calls = sum(len(f"{c.id}{c.name}{c.arguments}".encode("utf-8", "surrogatepass")) for c in message.tool_calls)
    return len(message.content.encode("utf-8", "surrogatepass")) + calls
