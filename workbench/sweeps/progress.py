"""The progress of a sweep in a terminal: one bar, what runs now, what failed, the time and money left."""

from __future__ import annotations

import time
from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from workbench.sweeps.campaign import State

SHOWN = 8


class TerminalProgress:
    """A context manager whose instance is the sweep's `on_change`; off a terminal it prints a line per change."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True)
        self._live = Live(console=self.console, auto_refresh=False, transient=True)
        self._begin = time.monotonic()
        self._said = ""

    def __enter__(self) -> TerminalProgress:
        if self.console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.console.is_terminal:
            self._live.stop()

    def __call__(self, state: State) -> None:
        if self.console.is_terminal:
            self._live.update(picture(state, time.monotonic() - self._begin), refresh=True)
        elif (line := summary(state)) != self._said:
            self._said = line
            self.console.print(line, highlight=False)


def summary(state: State) -> str:
    """The state in one line."""
    parts = [f"{state.resumed + state.done}/{state.cells} cells done"]
    if state.resumed:
        parts.append(f"{state.resumed} of them from before")
    if state.failed:
        parts.append(f"{len(state.failed)} failed")
    if state.spent_usd:
        parts.append(f"${state.spent_usd:.4f} spent")
    if state.seconds_left is not None and state.left:
        parts.append(f"about {clock(state.seconds_left)} left")
    return ", ".join(parts)


def picture(state: State, elapsed_s: float) -> RenderableType:
    """The state as a small table for a live terminal."""
    bar = ProgressBar(total=max(1, state.cells), completed=state.cells - state.left, width=40)
    rows = Table.grid(padding=(0, 2))
    rows.add_row(bar, Text(summary(state)), Text(clock(elapsed_s), style="dim"))
    now = time.monotonic()
    lines: list[RenderableType] = [rows]
    for name, since in list(state.running.items())[:SHOWN]:
        lines.append(Text(f"  ▸ {name.rsplit('_', 1)[0]}  {clock(now - since)}", style="cyan"))
    for name, error in list(state.failed.items())[-SHOWN:]:
        lines.append(Text(f"  ✗ {name.rsplit('_', 1)[0]}  {error}", style="red", overflow="ellipsis", no_wrap=True))
    return Group(*lines)


def clock(seconds: float) -> str:
    """Seconds for people: 12 s, 3:20, 2:05:00."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
