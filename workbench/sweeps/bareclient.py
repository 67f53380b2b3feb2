"""The sweep's side of a bare kernel: what nbclient expects of a kernel manager and a client, over one socket."""

from __future__ import annotations

import asyncio
import queue
import signal
import socket
import time
from contextlib import suppress
from typing import Any

from jupyter_client.client import KernelClient

from workbench.sweeps import wire
from workbench.sweeps.server import ForkedKernels

CHUNK = 1 << 20
MOST_WAITING = 8 << 20
"""Bytes of unread messages above which no more are read: a kernel that floods its output waits, and we do not hold it all."""

GRACE_S = 5.0
"""How long a kernel may take to end by itself, as jupyter_client's own."""


class BareManager:
    """Starts, signals and ends one bare kernel. Has the part of a KernelManager's face that nbclient looks at."""

    ipykernel = True

    def __init__(self, kernels: ForkedKernels) -> None:
        self.kernels = kernels
        self._connection: socket.socket | None = None

    @property
    def has_kernel(self) -> bool:
        """Whether a kernel was started."""
        return self._connection is not None

    async def start_kernel(self, cwd: str | None = None, **_: Any) -> None:
        """Fork a kernel. Raises ServerLost."""
        self._connection = self.kernels.fork(cwd=cwd)

    def client(self) -> BareClient:
        """The client for the kernel."""
        assert self._connection is not None
        return BareClient(self._connection)

    async def is_alive(self) -> bool:
        """Whether the kernel was started and not yet put away; its death shows at the client."""
        return self._connection is not None

    async def interrupt_kernel(self) -> None:
        """As Ctrl-C."""
        self.kernels.signal(signal.SIGINT)

    async def shutdown_kernel(self, now: bool = False) -> None:
        """End the kernel: at once, or after it has done what it does at its end."""
        if self._connection is None:
            return
        if not now:
            with suppress(OSError):
                self._connection.setblocking(True)
                self._connection.shutdown(socket.SHUT_WR)
                now = not _ends_within(self._connection, GRACE_S)
        if now:
            self.kernels.signal(signal.SIGKILL)

    async def cleanup_resources(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class BareClient(KernelClient):  # type: ignore[misc]
    """jupyter_client's client with our channels."""

    def __init__(self, connection: socket.socket) -> None:
        super().__init__()
        self.session.key = b""
        self._connection = connection
        self._writer = wire.Writer(connection)
        self._reader = wire.Reader()
        self._channels = {wire.SHELL: Inbox(self), wire.IOPUB: Inbox(self)}
        self._waiting = 0
        self._open = True

    shell_channel = property(lambda self: self._channels[wire.SHELL])
    iopub_channel = property(lambda self: self._channels[wire.IOPUB])

    async def start_channels(self, **_: Any) -> None:
        """Listen."""
        self._connection.setblocking(False)
        asyncio.get_running_loop().add_reader(self._connection, self._readable)

    def stop_channels(self) -> None:
        """Listen no more."""
        if self._open:
            self._hang_up()

    async def wait_for_ready(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 - nbclient's name
        """A bare kernel is ready when it is forked."""

    async def is_alive(self) -> bool:
        """False once the kernel has closed the connection."""
        return self._open

    def send(self, message: dict[str, Any]) -> None:
        """Send a message to the kernel's shell channel. Requests are small; a kernel that takes none is busy or dead."""
        parts = self.session.serialize(message)
        self._connection.setblocking(True)
        try:
            self._writer.send(wire.SHELL, parts)
        except OSError:
            self._hang_up()
        finally:
            if self._open:
                self._connection.setblocking(False)

    def _readable(self) -> None:
        try:
            data = self._connection.recv(CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._hang_up()
        for channel, parts in self._reader.feed(data):
            size = sum(map(len, parts))
            _, frames = self.session.feed_identities(parts)
            self._channels[channel].queue.put_nowait((self.session.deserialize(frames), size))
            self._waiting += size
        if self._waiting > MOST_WAITING:
            asyncio.get_event_loop().remove_reader(self._connection)

    def taken(self, size: int) -> None:
        """A message of so many bytes was read: go on listening where too much had been waiting."""
        paused = self._waiting > MOST_WAITING
        self._waiting -= size
        if paused and self._waiting <= MOST_WAITING and self._open:
            asyncio.get_running_loop().add_reader(self._connection, self._readable)

    def _hang_up(self) -> None:
        self._open = False
        with suppress(RuntimeError, ValueError, OSError):
            asyncio.get_event_loop().remove_reader(self._connection)


class Inbox:
    """One channel: messages that came and were not yet read."""

    def __init__(self, client: BareClient) -> None:
        self.send = client.send
        self._taken = client.taken
        self.queue: asyncio.Queue[tuple[dict[str, Any], int]] = asyncio.Queue()

    async def get_msg(self, timeout: float | None = None) -> dict[str, Any]:  # noqa: ASYNC109
        """The next message. Raises queue.Empty when none comes in time."""
        try:
            message, size = await asyncio.wait_for(self.queue.get(), timeout)
        except TimeoutError:
            raise queue.Empty from None
        self._taken(size)
        return message


def _ends_within(connection: socket.socket, seconds: float) -> bool:
    """Read until the other side closes; False when it has not after that time."""
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        connection.settimeout(left)
        try:
            if not connection.recv(CHUNK):
                return True
        except TimeoutError:
            break
        except OSError:
            return True
    return False
