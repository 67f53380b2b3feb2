"""What a forked process does to be a kernel of its own: nothing shared with the server or with another kernel."""

from __future__ import annotations

import gc
import io
import os
import random
import signal
import socket
import sys
import threading
from contextlib import suppress
from importlib.util import find_spec
from typing import Any, NoReturn


def prepare(kind: str) -> Any:
    """Before any fork: all of the kernel that has no thread, no socket and no loop."""
    os.environ.setdefault("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    launcher = find_spec("ipykernel_launcher")
    sys.argv = [str(launcher.origin if launcher else "ipykernel_launcher")]
    if kind == "fork":
        import ipykernel.debugger
        import ipykernel.ipkernel
        import ipykernel.kernelapp  # noqa: F401

        import workbench.sweeps.streams  # noqa: F401

        return None
    from workbench.sweeps.barekernel import App

    app = App.instance()
    app.initialize(["--HistoryManager.hist_file=:memory:", "--log-level=CRITICAL"])
    return app


def warm_up(template: Any) -> None:
    """Take the way of a cell once, so that no child has to be the first; it leaves no trace in the shell."""
    import IPython.extensions.storemagic  # noqa: F401 - every shell loads it, after the fork

    if template is not None:
        template.kernel.shell.run_cell("pass", store_history=False, silent=True)
        template.code_before_fork()


def become(template: Any, request: dict[str, Any], connection: socket.socket) -> NoReturn:
    """In the child: be the kernel, then end without unwinding what belongs to the server."""
    code = 1
    try:
        os.setpgid(0, 0)
        _die_with_parent()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.close(null)
        reseed()
        if request.get("cwd"):
            os.chdir(request["cwd"])
        if template is None:
            connection.close()
            _full(request["arguments"])
        else:
            connection.settimeout(None)
            template.serve(connection)
        code = 0
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else 0 if stop.code is None else 1
    finally:
        finish(code, connection)


def reseed() -> None:
    """Every kernel draws its own random numbers, as a new process would."""
    random.seed()
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()
    if "torch" in sys.modules:
        sys.modules["torch"].seed()


def finish(code: int, connection: socket.socket | None = None) -> NoReturn:
    """End as an interpreter does, as far as the notebook can tell: threads, exit handlers, destructors, open files."""
    import atexit

    with suppress(BaseException):
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        shell = getattr(sys.modules.get("IPython.core.interactiveshell"), "InteractiveShell", None)
        if shell is not None and shell.initialized():
            shell.instance().user_ns.clear()
        for thing in gc.get_objects():
            if isinstance(thing, io.TextIOWrapper | io.BufferedWriter):
                with suppress(OSError, ValueError):
                    thing.flush()
    if connection is not None:
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)  # all is done: nobody need wait while the memory is given back
    os._exit(code)


def _full(arguments: list[str]) -> None:
    """An ipykernel with its sockets."""
    from ipykernel.kernelapp import IPKernelApp

    app = IPKernelApp.instance()
    app.outstream_class = "workbench.sweeps.streams.PacedStream"
    app.initialize(arguments)
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].install_repl_displayhook()  # there was no shell when it was imported
    app.start()


def _die_with_parent() -> None:
    """Where the system can: no kernel outlives its server."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
        if os.getppid() == 1:
            os._exit(1)
