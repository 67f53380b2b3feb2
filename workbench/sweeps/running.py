"""The kernels that run now in this process, so that a sweep that is stopped stops them all."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

_clients: set[Any] = set()
_lock = threading.Lock()
stopping = threading.Event()


@contextmanager
def kernel(client: Any) -> Iterator[None]:
    """Keep `client`'s kernel in the list while it runs."""
    with _lock:
        _clients.add(client)
    try:
        yield
    finally:
        with _lock:
            _clients.discard(client)


def stop_all() -> None:
    """Kill every kernel of this process; their cells end unfinished."""
    stopping.set()
    with _lock:
        clients = list(_clients)
    for client in clients:
        with suppress(ProcessLookupError, AttributeError):
            client.kill()
