"""Every error the workbench raises on purpose, one small tree.

WorkbenchError
├── UsageError            a wrong argument, name or option (also a ValueError); names the value and what is allowed
│   └── DataError         a task file, a trace or a run that cannot be used; names file, line and field
├── ModelError            a model call failed; it is recorded in the call's span and becomes data, never a crash
│   ├── ModelTimeout      the call took longer than it was given
│   ├── ModelRefused      the provider answered that the request can never succeed (bad request, no such model, content filter)
│   │   └── MissingKey    the provider wants a key that is not set; names the environment variable
│   ├── ModelOverloaded   rate limit or a provider's own failure: worth another try (`retry_after_s` where it was told)
│   └── BadReply          an answer arrived but cannot be used (cut off, not JSON, empty)
└── Stopped               the run must end now: nothing more is started
    ├── BudgetExceeded    the next call could cost more than is left
    ├── DeadlineExceeded  the run's time is up
    └── StoppedByHand     somebody pressed Stop
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class WorkbenchError(Exception):
    """Base of all errors raised on purpose."""


class UsageError(WorkbenchError, ValueError):
    """A wrong argument, name or option."""


class DataError(UsageError):
    """A file that cannot be used as what it was given for."""


class ModelError(WorkbenchError):
    """A model call failed."""

    retryable = False


class ModelTimeout(ModelError):
    """The call took longer than it was given."""

    retryable = True


class ModelRefused(ModelError):
    """The provider said that this request can never succeed."""


class MissingKey(ModelRefused):
    """The provider wants a key that is not set."""


class ModelOverloaded(ModelError):
    """Rate limit, connection failure or a provider's own failure: worth another try."""

    retryable = True

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class BadReply(ModelError):
    """An answer arrived but cannot be used; `reply` is what did arrive and was paid for, where that is known."""

    retryable = True

    def __init__(self, message: str, reply: object = None) -> None:
        super().__init__(message)
        self.reply = reply


class Stopped(WorkbenchError):
    """The run must end now."""


class BudgetExceeded(Stopped):
    """The next call could cost more than is left."""


class DeadlineExceeded(Stopped):
    """The run's time is up."""


class StoppedByHand(Stopped):
    """Somebody pressed Stop."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a hint `; did you mean 'x'?` followed by all that is allowed, for the end of an error message."""
    known = sorted(map(str, known))
    close = difflib.get_close_matches(str(name), known, n=3, cutoff=0.5)
    hint = f"; did you mean {' or '.join(map(repr, close))}?" if close else "."
    shown = ", ".join(known[:30]) + (", …" if len(known) > 30 else "")
    return f"{hint} Known: {shown}" if known else hint


def unknown(kind: str, name: object, known: Iterable[str]) -> UsageError:
    """The error for a name that is not one of `known`."""
    return UsageError(f"unknown {kind} {str(name)!r}{nearest(str(name), known)}")
