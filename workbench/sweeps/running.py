"""The kernels that run now in this process, so that a sweep that is stopped stops its own."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

_clients: dict[Any, str] = {}
_stopped: set[str] = set()
_lock = threading.Lock()


@contextmanager
def kernel(client: Any, campaign: str) -> Iterator[None]:
    """Keep `client`'s kernel in the list of its campaign (one run of a sweep) while it runs."""
    with _lock:
        _clients[client] = campaign
    try:
        yield
    finally:
        with _lock:
            _clients.pop(client, None)


def stop(campaign: str) -> None:
    """Kill every kernel of a campaign in this process; their cells end unfinished."""
    with _lock:
        _stopped.add(campaign)
        clients = [client for client, of in _clients.items() if of == campaign]
    for client in clients:
        with suppress(ProcessLookupError, AttributeError):
            client.kill()


def stopped(campaign: str) -> bool:
    """Whether the campaign was stopped."""
    return campaign in _stopped
