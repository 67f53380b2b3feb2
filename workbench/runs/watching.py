"""Brake and live picture: how somebody in front of a notebook sees a run and stops it."""

from __future__ import annotations

import asyncio
import os
import pkgutil
import sys
from collections.abc import Callable

from workbench.recording import Listener


class Brake:
    """Stops a run by hand, from any thread: nothing more is started, what is in flight is cancelled, what is done stays."""

    def __init__(self) -> None:
        self._pull: Callable[[], None] | None = None

    def bind(self, pull: Callable[[], None]) -> None:
        """The run that goes on now; `pull` is called on its event loop."""
        loop = asyncio.get_running_loop()

        def on_its_loop() -> None:
            loop.call_soon_threadsafe(pull)

        self._pull = on_its_loop

    def __call__(self) -> None:
        if self._pull is not None:
            self._pull()


LIVE = "workbench.widgets.live:attach"  # found by name when it is there: the writing side does not know the widgets


def live_listeners(live: bool | None, total: int, brake: Brake) -> list[Listener]:
    """The live picture as a listener, where it is wanted and somebody can see it."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if live is False or shell is None or not hasattr(shell, "kernel"):
        return []
    # Jupyter's server names the session in whose browser somebody looks; papermill and nbconvert have none
    if live is None and "JPY_SESSION_NAME" not in os.environ:
        return []
    try:
        attach: Callable[..., Listener | None] = pkgutil.resolve_name(LIVE)
    except (ImportError, AttributeError):
        return []
    listener = attach(total=total, stop=brake, force=live is True)
    return [listener] if listener is not None else []
