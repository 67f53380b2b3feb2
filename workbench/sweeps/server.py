"""The sweep's end of the fork server: started when first needed, started again when it dies, gone when the sweep is."""

from __future__ import annotations

import atexit
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from workbench.errors import WorkbenchError

START_S = 120.0
KERNEL_LOST = "KernelLost"
"""The error's name where a kernel went down with its fork server: no fault of the notebook's."""


KERNEL_ENVIRONMENT = {"WORKBENCH_STILLS": "1"}
"""Nobody looks at a notebook of a sweep while it runs: pictures are stills, and no widget state empties the exported page."""


class ServerLost(WorkbenchError):
    """The fork server does not answer, and a new one could not be started."""


class ForkServer:
    """A running fork server for one kind of kernel and one list of modules. Raises ServerLost when it cannot start."""

    def __init__(self, kind: str, modules: Sequence[str]) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="wb-", dir=_short_temp()))
        self._path = str(self._folder / "s")
        environment = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True", **KERNEL_ENVIRONMENT}
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "workbench.sweeps.forkserver", self._path, kind, *modules],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            start_new_session=True,
        )
        assert self._process.stdout is not None
        timer = threading.Timer(START_S, self._process.kill)
        timer.start()
        try:
            said = self._process.stdout.readline()
        finally:
            timer.cancel()
        if said != b"ready\n":
            self.close()
            raise ServerLost(f"the fork server did not start (exit {self._process.wait()})")

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process.poll() is None

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def ask(self, **request: Any) -> tuple[dict[str, Any], socket.socket]:
        """Send one request; return the answer and the connection. Raises OSError when the server is gone."""
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.settimeout(30)
            connection.connect(self._path)
            connection.sendall(json.dumps(request).encode() + b"\n")
            line = b""
            while not line.endswith(b"\n"):
                byte = connection.recv(1)  # not a byte more: what follows belongs to the kernel
                if not byte:
                    raise ConnectionError("the fork server closed the connection")
                line += byte
        except BaseException:  # Ctrl-C too: a connection left open is a kernel's line nobody holds
            connection.close()
            raise
        return json.loads(line), connection

    def signal(self, pid: int, number: int) -> None:
        """Signal a kernel and what it started."""
        with suppress(OSError):
            self.ask(signal=[pid, number])[1].close()

    def ended(self, pid: int) -> int | None:
        """A kernel's exit code (negative: the signal that killed it); None while it runs. Raises OSError."""
        answer, connection = self.ask(ended=pid)
        connection.close()
        status: int | None = answer["status"]
        return status

    def close(self) -> None:
        """End the server and all its kernels."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        shutil.rmtree(self._folder, ignore_errors=True)


_servers: dict[tuple[str, tuple[str, ...]], ForkServer] = {}
_lock = threading.Lock()


def get(kind: str, modules: Sequence[str]) -> ForkServer:
    """This process' fork server for these modules; a new one if there is none or it died."""
    key = kind, tuple(modules)
    with _lock:
        server = _servers.get(key)
        if server is None or not server.alive:
            if server is not None:
                server.close()
            _servers[key] = server = ForkServer(kind, modules)
        return server


class ForkedKernels:
    """One kernel from the fork server at a time: fork it, signal it, ask how it ended. `lost` once its server is gone."""

    def __init__(self, kind: str, modules: Sequence[str]) -> None:
        self._kind, self._modules = kind, tuple(modules)
        self._server: ForkServer | None = None
        self._status: int | None = None
        self.pid = 0
        self.lost = False

    def fork(self, **request: Any) -> socket.socket:
        """Fork; return the connection. A server that died is started again. Raises ServerLost when that fails too."""
        for _ in range(3):
            self._server = get(self._kind, self._modules)
            try:
                answer, connection = self._server.ask(fork=request)
            except OSError:
                continue
            self.pid, self._status, self.lost = answer["pid"], None, False
            return connection
        raise ServerLost("the fork server does not answer")

    def signal(self, number: int) -> None:
        """Signal the kernel and what it started."""
        if self._server is not None and self.pid and self._status is None:
            self._server.signal(self.pid, number)

    def poll(self) -> int | None:
        """Its exit code (negative: the signal that killed it), None while it runs."""
        if self._status is None and self._server is not None:
            try:
                self._status = self._server.ended(self.pid)
            except OSError:
                self.lost, self._status = True, -9
        return self._status


def close_all() -> None:
    """End every fork server of this process."""
    with _lock:
        for server in _servers.values():
            server.close()
        _servers.clear()


def _short_temp() -> str | None:
    """A socket's path may have about 100 characters."""
    return None if len(tempfile.gettempdir()) < 60 else "/tmp"


atexit.register(close_all)
