"""The still of SweepExplorer: accuracy against each cost, with intervals, the front and the recommendation."""

from __future__ import annotations

import math
from typing import Any

from workbench.widgets.letters import elide, width
from workbench.widgets.paper import PAD, Paper
from workbench.widgets.scene import Scene, capsule, line

HIGH, LEFT, GAP = 250.0, 48.0, 44.0


def pareto_sheet(data: dict[str, Any], width_px: float, theme: str) -> Scene:
    """One panel per cost, side by side where there is room."""
    paper = Paper(data["title"], data["subtitle"], data["description"], width_px, theme)
    count = max(1, len(data["costs"]))
    beside = count if width_px >= 700 else 1
    wide = (width_px - 2 * PAD - GAP * (beside - 1)) / beside
    top = paper.y
    for i, cost in enumerate(data["costs"]):
        x, y = PAD + (i % beside) * (wide + GAP), top + (i // beside) * (HIGH + 20)
        _panel(paper, data["choices"], i, cost, x, y, wide)
    paper.y = top + math.ceil(count / beside) * (HIGH + 20)
    _reason(paper, data["reason"])
    return paper.done()


def _panel(
    paper: Paper, choices: list[dict[str, Any]], i: int, cost: dict[str, str], x: float, y: float, wide: float
) -> None:
    c = paper.c
    points = sorted((p for p in choices if p["values"][i] is not None), key=lambda p: float(p["values"][i]))
    if not points:
        return
    low = max(0.0, float(min(p["low"] for p in points)) - 0.02)
    high = min(1.0, float(max(p["high"] for p in points)) + 0.02)
    least, most = float(points[0]["values"][i]), float(points[-1]["values"][i])
    log = least > 0 and most / least > 25
    begin, end = (math.log10(least / 1.3), math.log10(most * 1.3)) if log else (0.0, most * 1.06 or 1.0)
    left, right, top, foot = x + LEFT, x + wide - 12, y + 14, y + HIGH - 40

    def px(value: float) -> float:
        place = math.log10(value) if log else value
        return float(left + (place - begin) / (end - begin) * (right - left))

    def py(value: float) -> float:
        return foot - (value - low) / ((high - low) or 1) * (foot - top)

    paper.text(x, y + 2, "accuracy ↑", size=11)
    for tick in ticks(low, high, 5):
        paper.shape(line(left, py(tick), right, py(tick)), stroke=c.line)
        paper.text(left - 8, py(tick) + 4, f"{tick:.0%}", size=10, fill=c.soft, anchor="end")
    for tick in decades(least / 1.3, most * 1.3) if log else ticks(0, most * 1.06, 5):
        paper.text(px(tick), foot + 17, short(tick, cost["unit"]), size=10, fill=c.soft, anchor="middle")
    paper.text(right, foot + 34, f"{cost['title']} →", size=11, anchor="end")
    _front(paper, [(px(float(p["values"][i])), py(p["accuracy"]), p["accuracy"]) for p in points if p["front"]])
    for p in sorted(points, key=lambda p: bool(p["best"])):  # its words over the others' intervals
        at, mid = px(float(p["values"][i])), py(p["accuracy"])
        paper.shape(line(at, py(p["low"]), at, py(p["high"])), stroke=c.none, line_px=1.2)
        edge = c.answers[0] if p["front"] else c.none
        paper.shape(capsule(at - 4.5, mid, 9, 9), fill=edge if p["front"] else c.ground, stroke=edge, line_px=1.5)
        if p["best"]:
            paper.shape(capsule(at - 9, mid, 18, 18), stroke=c.answers[0], line_px=2)
            back = at > right - 110
            paper.text(at + (-14 if back else 14), mid - 9, "recommended", size=11, bold=True, halo=True,
                       anchor="end" if back else "start")  # fmt: skip


def _front(paper: Paper, at: list[tuple[float, float, float]]) -> None:
    best, before = -1.0, None
    for x, y, accuracy in at:
        if accuracy <= best:
            continue
        if before:
            paper.shape(line(before[0], before[1], x, before[1]), stroke=paper.c.answers[0], line_px=1.5, opacity=0.55)
            paper.shape(line(x, before[1], x, y), stroke=paper.c.answers[0], line_px=1.5, opacity=0.55)
        best, before = accuracy, (x, y)


def _reason(paper: Paper, reason: str) -> None:
    """The reason, in lines."""
    room = paper.wide - 2 * PAD - 14
    top = paper.y
    for text in wrap(reason, room, 12):
        paper.text(PAD + 14, paper.y + 10, text, size=12, room=room + 1)
        paper.y += 18
    if paper.y > top:
        paper.shape(capsule(PAD, (top + paper.y) / 2 - 1, 3, paper.y - top), fill=paper.c.answers[0])


def wrap(text: str, room: float, size: float) -> list[str]:
    """A text in lines that fit."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and width(longer, size) <= room:
            lines[-1] = longer
        else:
            lines.append(elide(word, room, size))
    return lines


def ticks(low: float, high: float, count: int) -> list[float]:
    """Round numbers between two (1, 2 or 5 times a power of ten)."""
    raw = (high - low) / count or 1.0
    power = 10 ** math.floor(math.log10(raw))
    step = next((m * power for m in (1, 2, 5, 10) if m * power >= raw), 10 * power)
    return [i * step for i in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def decades(low: float, high: float) -> list[float]:
    """1 and 3 times the powers of ten between two."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    return [m * 10.0**e for e in powers for m in (1, 3) if low <= m * 10.0**e <= high]


def short(x: float, unit: str) -> str:
    """A number as an axis says it."""
    text = (
        "0"
        if x == 0
        else f"{x / 1000:.3g}k"
        if x >= 1000
        else f"{x:.0e}".replace("e-0", "e−")
        if x < 0.001
        else f"{x:.3g}"
    )
    return f"${text}" if unit == "$" else f"{text} {unit}".strip()
