"""Bars: calls, tools and waits on the lanes of a still; where they are too many to be told apart, how dense they are."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from workbench.layout.marks import CANCELLED, CHAT, ERROR, REUSED, TOOL
from workbench.widgets.glyphs import glyph
from workbench.widgets.scene import Command, capsule, line
from workbench.widgets.sheet import Sheet

NARROW_PX = 2.5
THIN_PX = 5.0  # bars of lower lanes are no capsules any more
GLYPH_FROM_PX = 18.0
FAILED = -9.0  # in place of an answer's group

Values = npt.NDArray[np.float64]


def lanes(on: Sheet) -> None:
    """The line of each thread, under its marks."""
    for node in on.of.nodes:
        if node.kind == "synthesis":
            continue
        (x1, x2), y = on.span(node), on.v.y(node.lane)
        on.add(line(x1, y, x2, y), stroke=on.colour(node.group), opacity=0.4, line_px=min(2.0, on.v.bar / 3))


def marks(on: Sheet) -> None:
    """Every call: what can be seen by itself as a capsule, the rest as strips, as dark as they are dense."""
    columns = on.of.columns
    time = on.by == "time"
    x1 = on.v.xs_start(columns["begin_ms"] if time else columns["step"] + 0.06)
    x2 = np.maximum(on.v.xs_end(columns["end_ms"] if time else columns["step"] + 0.94), x1)
    seen = columns["lane"] >= 0
    small = seen & ((x2 - x1 < NARROW_PX) | (on.v.bar < THIN_PX))
    _strips(on, np.flatnonzero(small), x1, x2)
    waits = on.v.xs_start(columns["start_ms"]) if time else x1
    for i in np.flatnonzero(seen & ~small).tolist():
        y = on.v.y_mark(int(columns["lane"][i]), float(columns["sub"][i]))
        left, right = float(x1[i]), float(x2[i])
        if left - waits[i] > 3:
            _wait(on, float(waits[i]), left, y)
        _one(on, i, left, right, y)
    if time:
        _retries(on)


def _one(on: Sheet, i: int, left: float, right: float, y: float) -> None:
    columns = on.of.columns
    kind, flags = int(columns["kind"][i]), int(columns["flags"][i])
    mark(on, kind, flags, left, right, y, on.colour(int(columns["group"][i])), on.v.bar)
    number = on.glyph(on.of.words[int(columns["word"][i])]) if kind == CHAT and not flags & (ERROR | CANCELLED) else -1
    if number >= 0 and right - left >= GLYPH_FROM_PX and on.v.bar >= 9:
        on.add(glyph(number, left + on.v.bar * 0.62, y, on.v.bar * 0.2), fill=on.c.ground)


def mark(on: Sheet, kind: int, flags: int, x1: float, x2: float, y: float, colour: str, h: float) -> None:
    """One call, tool or other leaf."""
    path = capsule(x1, y, x2 - x1, h)
    if flags & ERROR:
        on.add(path, fill=on.c.ground, stroke=on.c.error, line_px=1.4, dash=(3.0, 2.6))
    elif flags & CANCELLED:
        on.add(path, fill=on.c.ground, stroke=on.c.none, line_px=1.2, dash=(1.5, 2.5))
    elif kind == TOOL:
        on.add(capsule(x1, y, x2 - x1, h * 0.72, h * 0.2), fill=on.c.ground, stroke=colour, line_px=1.4)
    elif kind == CHAT:
        on.add(path, fill=colour, opacity=0.55 if flags & REUSED else 1.0)
    else:
        on.add(capsule(x1, y, x2 - x1, h * 0.6, h * 0.2), fill=colour, opacity=0.6)


def _wait(on: Sheet, x1: float, x2: float, y: float) -> None:
    on.add(line(x1 + 2, y, x2 - 3, y), stroke=on.c.ground, line_px=4)
    on.add(line(x1 + 2, y, x2 - 3, y), stroke=on.c.soft, line_px=2, dash=(0.01, 4.5), round_ends=True)


def _strips(on: Sheet, rows: npt.NDArray[np.int64], x1: Values, x2: Values) -> None:
    """Neighbours of one colour on one row, less than a pixel apart, as one strip: its opacity is the part that they fill."""
    if not len(rows):
        return
    columns = on.of.columns
    failed = (columns["flags"][rows].astype(int) & ERROR) > 0
    keys = np.stack([columns["lane"][rows], columns["sub"][rows], np.where(failed, FAILED, columns["group"][rows])])
    order = np.lexsort((x1[rows], *keys[::-1]))
    rows, keys = rows[order], keys[:, order]
    left, right = x1[rows], np.maximum(x2[rows], x1[rows] + 0.4)
    far = np.ones(len(rows), dtype=bool)
    far[1:] = np.any(keys[:, 1:] != keys[:, :-1], axis=0) | (left[1:] - right[:-1] > 1)
    first = np.flatnonzero(far)
    ends, filled = np.maximum.reduceat(right, first), np.add.reduceat(right - left, first)
    right = np.maximum(ends, left[first] + 0.8)
    density = np.clip(filled / (right - left[first]), 0.3, 1.0).round(1)
    boxes: dict[tuple[float, float], list[Command]] = {}  # one path for all of a colour and a density
    strips = zip(keys[:, first].T.tolist(), left[first].tolist(), right.tolist(), density.tolist(), strict=True)
    for (lane, sub, group), a, b, dense in strips:
        y = on.v.y_mark(int(lane), sub)
        low, high = y - on.v.bar / 2, y + on.v.bar / 2
        box = ("M", (a, low)), ("L", (b, low)), ("L", (b, high)), ("L", (a, high)), ("Z", ())
        boxes.setdefault((group, dense), []).extend(box)
    for (group, dense), path in boxes.items():
        on.add(tuple(path), fill=on.c.error if group == FAILED else on.colour(int(group)), opacity=dense)


def _retries(on: Sheet) -> None:
    columns = on.of.columns
    for i, ms in on.of.retries:
        if columns["lane"][i] >= 0:
            x, y = on.v.x_start(ms), on.v.y_mark(int(columns["lane"][i]), float(columns["sub"][i]))
            on.add(line(x, y - on.v.bar / 2 + 1, x, y + on.v.bar / 2 - 1), stroke=on.c.ground, line_px=2)


def critical(on: Sheet) -> None:
    """The critical path, under the threads that it goes through."""
    for node in on.of.nodes:
        if node.critical:
            x1, x2 = on.span(node)
            y = on.v.y(node.lane) + on.v.bar / 2 + 4
            on.add(line(x1, y, max(x2, x1 + 2), y), stroke=on.c.ink, line_px=1.5)
