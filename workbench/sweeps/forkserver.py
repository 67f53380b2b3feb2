"""The fork server: one process that has imported the heavy modules once and forks a kernel per notebook.

    python -P -m workbench.sweeps.forkserver SOCKET KIND MODULE…

It has one thread of Python's, ever: a module that starts another on import, prints or warns is left to the notebooks
that want it. It ends, with all its kernels, when its standard input does: that is the sweep's hand on it.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import selectors
import signal
import socket
import sys
import threading
import warnings
from collections.abc import Sequence
from typing import Any


def preload(modules: Sequence[str], template: Any) -> list[str]:
    """Import modules; return those that cannot be shared: they start threads, print, warn or display when imported."""
    unfit = []
    for name in modules:
        said = io.StringIO()
        with (
            warnings.catch_warnings(record=True) as warned,
            contextlib.redirect_stdout(said),
            contextlib.redirect_stderr(said),
        ):
            try:
                exec(_statement(name), {"__name__": "__main__"})  # as a notebook would, for the warnings it would see
            except Exception:  # noqa: BLE001 - whatever it is, the notebook that imports it shall see it
                unfit.append(name)
                continue
        displayed = template is not None and template.iopub_socket.unsent
        if said.getvalue() or warned or displayed or threading.active_count() > 1:
            unfit.append(name)
    return unfit


def _statement(name: str) -> str:
    module, _, attribute = name.partition(":")
    if not all(part.isidentifier() for part in [*module.split("."), attribute or "x"]):
        raise ValueError(name)
    return f"from {module} import {attribute}" if attribute else f"import {module}"


class Server:
    """Forks on request. A request is one JSON line; so is the answer, and for a bare kernel the line stays open to it."""

    def __init__(self, path: str, template: Any, unfit: Sequence[str]) -> None:
        self.unfit, self.template = list(unfit), template
        self.kernels: set[int] = set()
        self.ended: dict[int, int] = {}
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(128)
        self.wake_read, self.wake_write = os.pipe()
        os.set_blocking(self.wake_write, False)
        os.set_blocking(self.wake_read, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self.wake_write, warn_on_full_buffer=False)

    def run(self) -> None:
        """Until the end of standard input."""
        with selectors.DefaultSelector() as selector:
            selector.register(self.listener, selectors.EVENT_READ)
            selector.register(self.wake_read, selectors.EVENT_READ)
            selector.register(0, selectors.EVENT_READ)
            self.selector = selector
            while True:
                ready = {key.fileobj for key, _ in selector.select()}
                self.reap()
                if 0 in ready and not os.read(0, 4096):
                    return self.close()
                if self.wake_read in ready:
                    with contextlib.suppress(BlockingIOError):
                        os.read(self.wake_read, 4096)
                if self.listener in ready:
                    with contextlib.suppress(OSError, ValueError):
                        self.answer(self.listener.accept()[0])

    def answer(self, connection: socket.socket) -> None:
        """One request: a new kernel, a signal to one, or how one ended."""
        with connection:
            connection.settimeout(10)
            line = b""
            while not line.endswith(b"\n"):
                if not (data := connection.recv(1 << 16)):
                    return
                line += data
            request = json.loads(line)
            reply: dict[str, Any] = {"unfit": self.unfit}
            if "fork" in request:
                self.fork(request["fork"], connection)  # the child answers, so that its first message comes after that
                return
            if "signal" in request:
                reply["sent"] = self.signal(*request["signal"])
            elif "ended" in request:
                reply["status"] = self.ended.pop(request["ended"], None)
            connection.sendall(json.dumps(reply).encode() + b"\n")

    def fork(self, request: dict[str, Any], connection: socket.socket) -> None:
        """Fork a kernel; in the child this never returns."""
        pid = os.fork()
        if pid == 0:
            from workbench.sweeps import child

            signal.set_wakeup_fd(-1)
            self.selector.close()
            for fd in (self.wake_read, self.wake_write):
                os.close(fd)
            self.listener.close()
            connection.sendall(json.dumps({"pid": os.getpid()}).encode() + b"\n")
            child.become(self.template, request, connection)
        with contextlib.suppress(OSError):
            os.setpgid(pid, pid)
        self.kernels.add(pid)

    def signal(self, pid: int, number: int) -> bool:
        """Signal a kernel and all it started, if it still is one."""
        if pid in self.kernels:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, number)
            return True
        return False

    def reap(self) -> None:
        """Note how ended kernels ended, and end what they left running."""
        while self.kernels:
            try:
                info = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if info is None:
                return
            self.signal(info.si_pid, signal.SIGKILL)
            _, status = os.waitpid(info.si_pid, 0)
            self.kernels.discard(info.si_pid)
            self.ended[info.si_pid] = os.waitstatus_to_exitcode(status)

    def close(self) -> None:
        """End every kernel."""
        for pid in list(self.kernels):
            self.signal(pid, signal.SIGKILL)


def main(path: str, kind: str, *modules: str) -> None:
    """Serve; imports again from the start where a module turned out unfit to be shared."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    from workbench.sweeps import child

    dropped = [m.removeprefix("-") for m in modules if m.startswith("-")]
    wanted = [m for m in modules if not m.startswith("-")]
    template = child.prepare(kind)  # first the shell, then the modules: some look for it when they are imported
    if unfit := preload(wanted, template):
        arguments = [path, kind, *(m for m in wanted if m not in unfit), *(f"-{m}" for m in [*dropped, *unfit])]
        os.execv(sys.executable, [sys.executable, "-P", "-m", "workbench.sweeps.forkserver", *arguments])
    server = Server(path, template, dropped)
    child.warm_up(template)
    if threading.active_count() > 1:
        raise SystemExit("the fork server has more than one thread")
    import gc

    gc.collect()
    gc.freeze()
    print("ready", flush=True)
    server.run()


if __name__ == "__main__":
    from workbench.sweeps import forkserver

    forkserver.main(*sys.argv[1:])
