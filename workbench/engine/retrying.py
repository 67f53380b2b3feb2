"""Retry: which failed calls are tried again, and how long to wait before."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt

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

    def attempts_of(self, on_retry: Callable[[BaseException, float], None]) -> AsyncRetrying:
        """Iterate over the tries; `on_retry(error, wait_s)` is called before each wait."""

        def before_sleep(state: RetryCallState) -> None:
            error = state.outcome.exception() if state.outcome else None
            if error is not None and state.next_action is not None:
                on_retry(error, state.next_action.sleep)

        return AsyncRetrying(
            stop=stop_after_attempt(self.attempts),
            wait=self._wait,
            retry=retry_if_exception(lambda e: isinstance(e, ModelError) and e.retryable),
            before_sleep=before_sleep,
            reraise=True,
        )

    def _wait(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = getattr(error, "retry_after_s", None)
        if asked is not None:
            return float(min(asked, self.max_s)) + random.uniform(0, 0.1)
        return random.uniform(0, min(self.max_s, self.base_s * 2 ** (state.attempt_number - 1)))
