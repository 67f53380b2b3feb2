"""Where a call stands: the thread that is current, and how many calls it made before."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from workbench.engine.thread import Thread

_thread: ContextVar[Thread | None] = ContextVar("workbench_thread", default=None)
_calls: ContextVar[dict[str, int] | None] = ContextVar("workbench_calls", default=None)
racing: ContextVar[bool] = ContextVar("workbench_racing", default=False)
"""True inside a race: answers are streamed there, so that a loser's tokens are known."""


def current_thread() -> Thread | None:
    """The thread whose work is going on, None outside of one."""
    return _thread.get()


@contextmanager
def inside(thread: Thread | None) -> Iterator[None]:
    """What is asked in here belongs to this thread (None: to no thread)."""
    tokens = _thread.set(thread), _calls.set({"n": 0})
    try:
        yield
    finally:
        _thread.reset(tokens[0])
        _calls.reset(tokens[1])


def place() -> str:
    """Name the next call: its thread's path, round, and how many calls came before; the same in every run of the task."""
    thread, calls = _thread.get(), _calls.get()
    number = 0
    if calls is not None:
        number = calls["n"]
        calls["n"] += 1
    return f"{thread.path if thread else '-'}.{thread.round if thread else 0}.{number}"
