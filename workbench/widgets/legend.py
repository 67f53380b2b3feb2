"""Legend: what the marks of a still mean; only what occurs in it is named."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from workbench.layout.marks import CANCELLED, CHAT, ERROR, RETRIED, TOOL
from workbench.widgets.bars import mark
from workbench.widgets.glyphs import MOST, glyph
from workbench.widgets.letters import elide, width
from workbench.widgets.scene import Words, line
from workbench.widgets.sheet import PAD, Sheet

Entry = tuple[str, float, Callable[[Sheet, float, float], None]]
ROW_PX = 20.0


def entries(on: Sheet, critical: bool) -> list[Entry]:
    """The words, the sample's width, and how to draw the sample."""
    columns = on.of.columns
    flags = columns["flags"].astype(int)
    out: list[Entry] = []
    if on.glyphs:
        for number, name in enumerate(on.of.models[:MOST]):
            out.append((elide(name, 150, 11), 12, _glyph(number)))
        if len(on.of.models) > MOST:
            out.append((f"{len(on.of.models) - MOST} other models", 12, _glyph(MOST)))
    if on.by == "time" and bool(np.any(columns["begin_ms"] - columns["start_ms"] > on.of.duration_ms * 0.01)):
        out.append(("waiting for a slot", 22, _wait))
    if bool(np.any(columns["kind"] == TOOL)):
        out.append(("tool", 22, _mark(TOOL, 0)))
    if bool(np.any(flags & ERROR)):
        out.append(("failed", 22, _mark(CHAT, ERROR)))
    if bool(np.any(flags & RETRIED)) and on.by == "time":
        out.append(("tried again", 22, _retried))
    if bool(np.any(flags & CANCELLED)):
        out.append(("cancelled", 22, _mark(CHAT, CANCELLED)))
    if critical:
        out.append(("critical path", 22, _path))
    return out


def place(on: Sheet, found: list[Entry]) -> list[tuple[float, float, Entry]]:
    """Left to right from the axis' start, in as many rows as it takes: [x, row, entry]."""
    out, x, row, first = [], on.v.left, 0, on.v.left
    if first + sum(e[1] + width(e[0], 11) + 30 for e in found) > on.scene.width - PAD:
        first = x = PAD
    for entry in found:
        wide = entry[1] + 6 + width(entry[0], 11)
        if x > first and x + wide > on.scene.width - PAD:
            x, row = first, row + 1
        out.append((x, float(row), entry))
        x += wide + 24
    return out


def draw_key(on: Sheet, placed: list[tuple[float, float, Entry]]) -> None:
    """The samples and their words, under the axis."""
    for x, row, (text, room, sample) in placed:
        y = on.v.bottom + 42 + ROW_PX * row
        sample(on, x, y - 4)
        on.scene.add(Words(x + room + 6, y, text, 11, on.c.soft))


def _glyph(number: int) -> Callable[[Sheet, float, float], None]:
    return lambda on, x, y: on.add(glyph(number, x + 6, y, 4), fill=on.c.soft)


def _mark(kind: int, flags: int) -> Callable[[Sheet, float, float], None]:
    return lambda on, x, y: mark(on, kind, flags, x, x + 22, y, on.c.soft, 10.0)


def _wait(on: Sheet, x: float, y: float) -> None:
    on.add(line(x, y, x + 20, y), stroke=on.c.soft, line_px=2, dash=(0.01, 4.5), round_ends=True)


def _retried(on: Sheet, x: float, y: float) -> None:
    mark(on, CHAT, 0, x, x + 22, y, on.c.soft, 10.0)
    on.add(line(x + 11, y - 4, x + 11, y + 4), stroke=on.c.ground, line_px=2)


def _path(on: Sheet, x: float, y: float) -> None:
    on.add(line(x, y, x + 22, y), stroke=on.c.ink, line_px=1.5)
