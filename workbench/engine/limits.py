"""Limits: what a run may do at once and in all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from workbench.engine.retrying import Retry
from workbench.errors import UsageError

DEFAULT_SLOTS = 64


@dataclass(frozen=True)
class Limits:
    """What a run may do at once and in all.

    Args:
        slots: calls in flight per model (one number, or by model name; the rest gets 64).
        timeout_s: of one call, the wait for a slot not counted.
        deadline_s: of the whole run; what is not done by then is stopped and recorded as such.
        max_tokens, max_cost_usd: of the whole run; a call that could pass them is not started.
        max_output_tokens: of one call, where the strategy names none; with a limit on spending it is what gets reserved.

    >>> limits = wb.Limits(slots={"abacus-s": 4}, deadline_s=600, max_cost_usd=2.0)
    """

    slots: int | Mapping[str, int] = 64
    timeout_s: float = 120.0
    deadline_s: float | None = None
    max_tokens: int | None = None
    max_cost_usd: float | None = None
    max_output_tokens: int | None = None
    retry: Retry = field(default_factory=Retry)

    def __post_init__(self) -> None:
        for name in ("timeout_s", "deadline_s", "max_output_tokens"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise UsageError(f"{name} must be more than 0, got {value!r}")
        for count in [self.slots] if isinstance(self.slots, int) else self.slots.values():
            if count < 1:
                raise UsageError(f"slots must be at least 1, got {count!r}")
