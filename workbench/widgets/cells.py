"""SweepGrid: a sweep while it runs: a square per cell, coloured by its state, that opens its notebook; the time left."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import anywidget
import traitlets

from workbench.widgets.display import encode
from workbench.widgets.letters import clean, elide
from workbench.widgets.paint import png
from workbench.widgets.palette import THEMES, Palette
from workbench.widgets.scene import Scene, Shape, Words, capsule, line
from workbench.widgets.showing import Showing
from workbench.widgets.trace import STATIC

STATES = {".": "planned", "r": "running", "d": "done", "o": "done before", "f": "failed"}
"""A letter per state, so that ten thousand cells are ten thousand bytes."""
MOST_COLUMNS = 60


@dataclass(frozen=True, slots=True)
class Square:
    """One cell: its parameters in words, where it stands (row, column), and its notebook's path for the server, if any."""

    label: str
    row: int
    column: int
    path: str | None = None


class SweepGrid(Showing, anywidget.AnyWidget):  # type: ignore[misc]
    """Cells coloured by state. `squares`, row and column labels (of the axis `across`) say how it looks; `update` what becomes
    of it.

    `stop` is called when the reader presses Stop.
    """

    _esm = STATIC / "sweepgrid.js"
    table = traitlets.Dict().tag(sync=True)
    now = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        squares: Sequence[Square],
        rows: Sequence[str],
        columns: Sequence[str],
        title: str,
        stop: Callable[[], object] | None = None,
        across: str = "",
    ) -> None:
        self.stop = stop
        self._squares = list(squares)
        table = {
            "title": clean(title),
            "across": clean(across, 24),
            "rows": [clean(r, 60) for r in rows],
            "columns": [clean(c, 24) for c in columns],
            "cells": [[clean(q.label), q.row, q.column, q.path] for q in squares],
            "states": STATES,
            "palettes": {name: _colours(of) for name, of in THEMES.items()},
        }
        now = {"states": "." * len(squares), "words": "not begun", "errors": {}, "can_stop": False}
        super().__init__(table=table, now=now)
        self.on_msg(self._heard)

    def update(self, states: str, words: str, errors: Mapping[int, str], *, running: bool) -> None:
        """Show this: a letter per cell, a line of words, and why cells failed, by their number."""
        if len(states) != len(self._squares) or set(states) - set(STATES):
            raise ValueError(f"states must be {len(self._squares)} letters of {''.join(STATES)}")
        told = {str(i): clean(text, 300) for i, text in errors.items()}
        can_stop = running and self.stop is not None
        self.now = {"states": states, "words": clean(words), "errors": told, "can_stop": can_stop}

    def _heard(self, _: Any, content: Any, buffers: Any) -> None:
        if (
            isinstance(content, dict)
            and content.get("type") == "stop"
            and self.stop is not None
            and self.now["can_stop"]
        ):
            self.now = {**self.now, "can_stop": False, "words": "stopping"}
            self.stop()

    def still(self, theme: str = "light") -> Scene:
        """The picture of what it shows now."""
        return _draw(self.table, self.now, THEMES[theme])

    def words(self) -> str:
        """Title and progress."""
        return f"{self.table['title']}\n{self.now['words']}"

    def still_bundle(self) -> dict[str, Any]:
        """The still and the words."""
        return {"image/png": encode(png(self.still())), "text/plain": self.words()}


def _colours(of: Palette) -> dict[str, str]:
    plain = asdict(of)
    return {k: plain[k] for k in ("ground", "ink", "soft", "line", "error")} | {
        "accent": of.answers[0],
        "busy": of.answers[1],
    }


def _draw(table: Mapping[str, Any], now: Mapping[str, Any], of: Palette) -> Scene:
    """Header, column labels, a row of squares each, and the key; what is done is filled, what failed has a cross."""
    rows, columns = table["rows"], table["columns"]
    left, top, pad = (150.0 if any(rows) or table["across"] else 24.0), 84.0 if any(columns) else 68.0, 24.0
    size = max(5.0, min(26.0, (912.0 - left) / max(1, len(columns))))
    gap = 1.0 if size < 12 else 3.0
    scene = Scene(max(420.0, left + size * len(columns) + pad), top + size * len(rows) + 44, of.ground)
    scene.title, scene.description = table["title"], now["words"]
    room = scene.width - 2 * pad
    scene.add(Words(pad, 30, elide(table["title"], room, 15, True), 15, of.ink, True))
    scene.add(Words(pad, 50, elide(now["words"], room, 12), 12, of.soft))
    if size >= 16:
        scene.add(Words(left - 8, top - 8, elide(table["across"], left - 32, 10), 10, of.soft, anchor="end"))
        for i, name in enumerate(columns):
            scene.add(Words(left + size * (i + 0.5), top - 8, elide(name, size, 10), 10, of.soft, anchor="middle"))
    if size >= 10:
        for i, name in enumerate(rows):
            scene.add(
                Words(left - 8, top + size * (i + 0.5) + 4, elide(name, left - 32, 11), 11, of.soft, anchor="end")
            )
    for (_, row, column, _), state in zip(table["cells"], now["states"], strict=True):
        _square(scene, left + size * column, top + size * (row + 0.5), size - gap, state, of)
    x, y = pad, scene.height - 18
    for letter, name in STATES.items():
        if letter in now["states"]:
            _square(scene, x, y - 4, 12, letter, of)
            scene.add(Words(x + 18, y, f"{name} {now['states'].count(letter)}", 11, of.soft))
            x += 110
    return scene


def _square(scene: Scene, x: float, y: float, size: float, state: str, of: Palette) -> None:
    box = capsule(x, y, size, size, 0.2 * size)
    if state == ".":
        scene.add(Shape(box, fill=of.line))
    elif state == "r":
        scene.add(Shape(box, fill=of.line, stroke=of.answers[1], line_px=2))
    else:
        faint = 0.55 if state == "o" else 1.0
        scene.add(Shape(box, fill=of.error if state == "f" else of.answers[0], opacity=faint))
    if state == "f" and size >= 8:
        m = 0.28 * size
        for sign in (-1, 1):
            path = line(x + m, y - sign * (size / 2 - m), x + size - m, y + sign * (size / 2 - m))
            scene.add(Shape(path, stroke=of.ground, line_px=max(1.2, size / 9), round_ends=True))
