"""Retry: which failed calls are tried again, and how long to wait before."""

from __future__ import annotations

import random
from dataclasses import dataclass

from workbench.errors import ModelError, UsageError


@dataclass(frozen=True)
class Retry:
    """At most `attempts` tries of a call whose error says that another may succeed.

    Waits what the provider asked for (Retry-After, up to `max_s`), else a random time up to base_s * 2^n ("full jitter",
    Brooker, AWS Architecture Blog 2015), so that agents that failed together do not come back together.
    """

    attempts: int = 4
    base_s: float = 0.5
    max_s: float = 30.0

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise UsageError(f"Retry.attempts must be at least 1, got {self.attempts!r}")
        if self.base_s < 0 or self.max_s < 0:
            raise UsageError(f"Retry waits cannot be negative, got base_s={self.base_s!r}, max_s={self.max_s!r}")

    def wait_s(self, error: ModelError, tries: int) -> float | None:
        """Seconds until the next try after `tries` that failed, the last with `error`; None: it failed for good."""
        if not error.retryable or tries >= self.attempts:
            return None
        asked: float | None = getattr(error, "retry_after_s", None)
        if asked is not None:
            return min(asked, self.max_s) + random.uniform(0, 0.1)
        return random.uniform(0, min(self.max_s, self.base_s * 2 ** (tries - 1)))
