"""Spending: what a run has used and may still use; a call is reserved before it starts, so a limit is never passed."""

from __future__ import annotations

from dataclasses import dataclass, field

from workbench.agents import Reply
from workbench.errors import BudgetExceeded, UsageError


@dataclass(frozen=True, slots=True)
class Reservation:
    """The most that one call can use."""

    tokens: int
    cost_usd: float


@dataclass
class Spending:
    """Tokens (input + output) and dollars, spent and reserved; the limits are for the whole run. None is no limit."""

    max_tokens: int | None = None
    max_cost_usd: float | None = None
    tokens: int = 0
    cost_usd: float = 0.0
    calls: int = 0
    _reserved_tokens: int = field(default=0, repr=False)
    _reserved_usd: float = field(default=0.0, repr=False)

    def __post_init__(self) -> None:
        for name in ("max_tokens", "max_cost_usd"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise UsageError(f"{name} must be more than 0 (or None for no limit), got {value!r}")

    @property
    def limited(self) -> bool:
        """Whether there is any limit."""
        return self.max_tokens is not None or self.max_cost_usd is not None

    def reserve(self, tokens: int, cost_usd: float) -> Reservation:
        """Set aside the most that a call can use. Raises BudgetExceeded where that is more than is left."""
        if self.max_tokens is not None and self.tokens + self._reserved_tokens + tokens > self.max_tokens:
            left = self.max_tokens - self.tokens - self._reserved_tokens
            raise BudgetExceeded(
                f"the next call could use {tokens} tokens, and {max(0, left)} of {self.max_tokens} are left"
            )
        if self.max_cost_usd is not None and self.cost_usd + self._reserved_usd + cost_usd > self.max_cost_usd:
            left_usd = self.max_cost_usd - self.cost_usd - self._reserved_usd
            raise BudgetExceeded(
                f"the next call could cost ${cost_usd:.6f}, and ${max(0.0, left_usd):.6f} of ${self.max_cost_usd} is left"
            )
        self._reserved_tokens += tokens
        self._reserved_usd += cost_usd
        return Reservation(tokens, cost_usd)

    def release(self, held: Reservation) -> None:
        """Give a reservation back, after its call ended."""
        self._reserved_tokens -= held.tokens
        self._reserved_usd -= held.cost_usd

    def count(self, reply: Reply) -> None:
        """Count what a call really used."""
        self.tokens += reply.input_tokens + reply.output_tokens
        self.cost_usd += reply.cost_usd or 0.0
        self.calls += 1
