"""A bare kernel: ipykernel itself, all of it but its sockets and their threads, made ready once and then forked.

Everything a cell can notice is ipykernel's own: the shell, the display hooks, top-level await, comms, interrupts, the
order of messages. Only the way a message travels is ours (see wire.py).
"""

from __future__ import annotations

import asyncio
import codecs
import glob
import os
import select
import socket
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from ipykernel.iostream import IOPubThread
from ipykernel.ipkernel import IPythonKernel
from ipykernel.kernelapp import IPKernelApp
from IPython.core.application import ENV_CONFIG_DIRS, SYSTEM_CONFIG_DIRS
from traitlets import Any as AnyTrait
from traitlets import Type
from zmq import Frame  # type: ignore[attr-defined,unused-ignore]

from workbench.sweeps import wire
from workbench.sweeps.streams import PacedStream

CHUNK = 1 << 18


class Channel:
    """What ipykernel takes for a ZeroMQ stream; bound to the connection after the fork."""

    def __init__(self, letter: bytes) -> None:
        self._letter = letter
        self._pid = 0
        self.unsent = 0
        self._tasks: set[asyncio.Future[Any]] = set()

    def bind(self, connection: socket.socket, writer: wire.Writer) -> None:
        """Use this connection from now on, in this process only."""
        self._connection, self._writer, self._pid = connection, writer, os.getpid()

    def send_multipart(self, parts: Sequence[Any], *_: Any, **__: Any) -> None:
        """Send a message; a process that the notebook forks, or the server before it forks, has no voice here."""
        if os.getpid() != self._pid:
            self.unsent += 1
        else:
            self._writer.send(self._letter, [p.bytes if isinstance(p, Frame) else p for p in parts])

    def on_recv(self, handle: Callable[[list[Frame]], Awaitable[Any]], copy: bool = False) -> None:
        """Hand every message to `handle` from the running loop; at the end of the stream, stop the loop."""
        loop = asyncio.get_event_loop()
        reader = wire.Reader()

        def readable() -> None:
            data = self._connection.recv(CHUNK)
            if not data:
                loop.remove_reader(self._connection)
                loop.stop()
            for _, parts in reader.feed(data):
                task = asyncio.ensure_future(handle([Frame(part) for part in parts]))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

        loop.add_reader(self._connection, readable)

    def flush(self, *_: Any) -> None:
        """Messages leave at once."""


class Publisher(IOPubThread):  # type: ignore[misc]
    """In the place of ipykernel's publishing thread: sends at once; one small thread minds the time between flushes."""

    thread = None

    def __init__(self, channel: Channel) -> None:
        self.io_loop, self._channel = self, channel
        self._due: list[Callable[[], None]] = []
        self._armed = threading.Event()
        self._clock: threading.Thread | None = None

    def __del__(self) -> None:
        """Nothing of the parent class's to close."""

    def schedule(self, f: Callable[[], None]) -> None:
        """Do it now."""
        f()

    def call_later(self, delay: float, f: Callable[[], None]) -> None:
        """Flush after a while, so that what a cell printed before it hung is not lost."""
        self._due.append(f)
        if self._clock is None:
            self._clock = threading.Thread(target=self._tick, args=(delay,), daemon=True, name="flush")
            self._clock.start()
        self._armed.set()

    def send_multipart(self, parts: Sequence[Any], *_: Any, **__: Any) -> None:
        """Send now."""
        self._channel.send_multipart(parts)

    def _tick(self, delay: float) -> None:
        while self._armed.wait():
            self._armed.clear()
            time.sleep(delay)
            due, self._due = self._due, []
            for f in due:
                f()


class Stream(PacedStream):
    """ipykernel's text stream. A flush also takes what was written past it, to the file descriptor, up to that moment."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self._drain_lock = threading.RLock()
        self._decode = codecs.getincrementaldecoder("utf-8")(errors="replace").decode
        super().__init__(*args, **options)

    def write(self, string: str) -> int | None:
        """Take text; in a process that the notebook forked, pass it to this one."""
        if isinstance(string, str) and not self._is_master_process():
            os.write(self._original_stdstream_fd, string.encode(errors="replace"))
            return len(string)
        return super().write(string)

    def flush(self) -> None:
        """Send what there is."""
        if self._is_master_process():
            self._drain()
            super().flush()

    def _drain(self) -> bool:
        with self._drain_lock:
            while self._fid is not None and select.select([self._fid], [], [], 0)[0]:
                data = os.read(self._fid, CHUNK)
                if not data:
                    return False
                super().write(self._decode(data))
        return True

    def _watch_pipe_fd(self) -> None:
        while select.select([self._fid], [], [])[0] and self._drain():
            pass


class NoThread:
    """Stands for the thread that reads the shell channel of a full kernel; here the main thread does."""

    parent_thread = property(lambda self: threading.main_thread())

    def __bool__(self) -> bool:
        return False


class Kernel(IPythonKernel):  # type: ignore[misc]
    """ipykernel's kernel, not particular about what its streams are, and with no subshells."""

    shell_stream = AnyTrait()
    _supports_kernel_subshells = False


class App(IPKernelApp):  # type: ignore[misc]
    """ipykernel's application in two parts: all that can be done before the fork, and the rest."""

    kernel_class = Type(Kernel)
    code_done = False

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.outstream_class = f"{Stream.__module__}.{Stream.__qualname__}"
        self.shell_stream, self.iopub_socket = Channel(wire.SHELL), Channel(wire.IOPUB)
        self.session.key = b""  # no signature: nobody else can reach the socket

    def init_kernel(self) -> None:
        """Make the kernel and its shell."""
        self.kernel = Kernel.instance(
            parent=self,
            session=self.session,
            shell_stream=self.shell_stream,
            iopub_socket=self.iopub_socket,
            shell_channel_thread=NoThread(),
            log=self.log,
            profile_dir=self.profile_dir,
            user_ns=self.user_ns,
        )

    def _not_before_the_fork(self) -> None:
        """A step of ipykernel's that has no place here, or only in `serve`."""

    init_connection_file = init_poller = init_sockets = init_heartbeat = write_connection_file = _not_before_the_fork
    log_connection_info = init_io = init_extensions = init_code = _not_before_the_fork

    def code_before_fork(self) -> None:
        """Run ipykernel's start-up code already in the server where the user has none of their own: it looks at every
        loaded module, and in a child each look copies a page."""
        own = self.exec_lines or self.exec_files or (self.exec_PYTHONSTARTUP and os.environ.get("PYTHONSTARTUP"))
        folders = [
            self.profile_dir.startup_dir,
            *(os.path.join(d, "startup") for d in (*ENV_CONFIG_DIRS, *SYSTEM_CONFIG_DIRS)),
        ]
        if not own and not any(glob.glob(os.path.join(f, "*.[ip]*y")) for f in folders):
            IPKernelApp.init_code(self)
            self.code_done = True

    def serve(self, connection: socket.socket) -> None:
        """After the fork: speak on `connection` until the other side closes it."""
        writer = wire.Writer(connection)
        for channel in (self.shell_stream, self.iopub_socket):
            channel.bind(connection, writer)
        self.session.pid = os.getpid()
        self.session.session = os.urandom(8).hex()
        self.iopub_thread = self.kernel.iopub_thread = Publisher(self.iopub_socket)
        IPKernelApp.init_io(self)
        self.displayhook.get_execution_count = lambda: self.kernel.execution_count
        IPKernelApp.init_extensions(self)
        if not self.code_done:
            IPKernelApp.init_code(self)
        sys.stdout.flush()
        sys.stderr.flush()
        self.start()
