"""Showing: a widget enters a notebook alive at once; its still, for places without a kernel, follows before the cell ends."""

from __future__ import annotations

import base64
import os
import sys
from collections.abc import Callable
from typing import Any

Bundle = dict[str, Any]
PIXELS_PER_PX = 2  # of a still: sharp on fine screens


class Showing:
    """Mixed in before a widget's class. A picture for the file must not stand between a reader and the live one: painting it
    takes longer than all the rest. In a kernel the output is therefore told twice, first alive, then, before the cell ends
    (so that papermill and nbconvert keep it), with the still beside.
    """

    def words(self) -> str:
        """The text for terminals and screen readers."""
        raise NotImplementedError

    def still_bundle(self) -> Bundle:
        """The still and the words as MIME data."""
        raise NotImplementedError

    def alive_bundle(self) -> tuple[Bundle, Bundle]:
        """What JupyterLab makes a live widget of: data and metadata."""
        made = super()._repr_mimebundle_()  # type: ignore[misc]
        return made if isinstance(made, tuple) else (made or {}, {})

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        """The widget, and the still and the text for places where it cannot live."""
        still, size = sized(self.still_bundle())
        if stills_only():
            return still, size
        data, metadata = self.alive_bundle()
        return {**data, **still}, {**metadata, **size}

    def _ipython_display_(self, **kwargs: Any) -> None:
        from IPython.display import display

        shell = sys.modules["IPython"].get_ipython()
        if stills_only():
            still, size = sized(self.still_bundle())
            display(still, metadata=size, raw=True)
        elif not hasattr(shell, "kernel"):
            print(self.words())
        else:
            alive, metadata = self.alive_bundle()
            shown = display({**alive, "text/plain": self.words()}, metadata=metadata, raw=True, display_id=True)

            def follow() -> None:
                still, size = sized(self.still_bundle())
                shown.update({**alive, **still}, metadata={**metadata, **size}, raw=True)

            after_cell(shell, follow)


def sized(bundle: Bundle) -> tuple[Bundle, Bundle]:
    """A bundle and its metadata: a still of 1,920 pixels is shown 960 px wide, not as wide as it is sharp."""
    picture = bundle.get("image/png")
    if not picture:
        return bundle, {}
    pixels = int.from_bytes(base64.b64decode(picture[:32])[16:20], "big")  # PNG's first chunk says its width
    return bundle, {"image/png": {"width": pixels // PIXELS_PER_PX}}


def after_cell(shell: Any, act: Callable[[], None]) -> None:
    """Call `act` once, after the cell's code and before its end is told."""

    def once() -> None:
        shell.events.unregister("post_execute", once)
        act()

    shell.events.register("post_execute", once)


def stills_only() -> bool:
    """Whether notebooks are being run without anybody looking (WORKBENCH_STILLS=1): then a picture says more than a widget.

    A notebook that saves a widget's state shows nothing when it is opened offline: the page waits for scripts of a CDN.
    """
    return os.environ.get("WORKBENCH_STILLS", "") not in ("", "0")
