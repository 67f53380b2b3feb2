"""Sheets: the stills of Disagreement and Compare."""

from __future__ import annotations

from typing import Any

from workbench.widgets.paper import PAD, Paper
from workbench.widgets.scene import Scene

MOST_ROWS = 40
LETTERS = "ABCDE"


def matrix_sheet(data: dict[str, Any], width_px: float, theme: str) -> Scene:
    """Agents × tasks, least agreement first."""
    paper = Paper(data["title"], data["subtitle"], data["description"], width_px, theme)
    agents = data["agents"]
    rows = sorted(data["rows"], key=lambda row: row["support"])
    right = 110.0 + 90.0 + 110.0 if width_px >= 700 else 110.0
    left = PAD + min(220.0, width_px * 0.24)
    room = width_px - PAD - right - left
    cell = min(92.0, room / max(1, len(agents)))
    many = cell < 54
    for i, name in enumerate(agents):
        paper.text(left + cell * (i + 0.5), paper.y, i + 1 if many else name, size=10, fill=paper.c.soft, anchor="middle",
                   room=cell - 4)  # fmt: skip
    x = width_px - PAD - right + 10
    paper.text(x, paper.y, "agreement", size=10, fill=paper.c.soft)
    if width_px >= 700:
        paper.text(x + 118, paper.y, "answer", size=10, fill=paper.c.soft)
        paper.text(x + 206, paper.y, "to look at", size=10, fill=paper.c.soft)
    paper.y += 8
    paper.rule(paper.y)
    paper.y += 14
    for row in rows[:MOST_ROWS]:
        _matrix_row(paper, row, left, cell, many, x)
        paper.y += 22
    paper.y -= 4
    if len(rows) > MOST_ROWS:
        rest = rows[MOST_ROWS:]
        paper.text(PAD, paper.y + 8, f"{len(rest)} more, all with {rest[0]['support']:.0%} or more behind one answer", size=11,
                   fill=paper.c.soft, room=width_px - 2 * PAD)  # fmt: skip
        paper.y += 14
    return paper.done()


def _matrix_row(paper: Paper, row: dict[str, Any], left: float, cell: float, many: bool, x: float) -> None:
    y, c = paper.y, paper.c
    paper.text(PAD, y + 4, row["task"], size=11, room=left - PAD - 12)
    for i, one in enumerate(row["cells"]):
        letter = LETTERS[one["group"]] if 0 <= one["group"] < len(LETTERS) else "·"
        gap = 1.0 if cell < 16 else 2.0
        text = (letter if cell >= 14 else "") if many else one["answer"]
        paper.chip(left + cell * i + gap, y, cell - 2 * gap, text, one["group"], one["state"])
    paper.meter(x, y, 100, row["support"])
    if paper.wide < 700:
        return
    mark = {True: "✓ ", False: "✗ ", None: ""}[row["right"]]
    paper.text(
        x + 118,
        y + 4,
        f"{mark}{row['answer'] or '–'}",
        size=11,
        fill=c.error if row["right"] is False else c.ink,
        room=82,
    )
    paper.text(x + 206, y + 4, row["look"], size=11, fill=c.soft if row["look"] == "agreed" else c.ink, room=106)


def compare_sheet(data: dict[str, Any], width_px: float, theme: str) -> Scene:
    """The runs' figures side by side, then the tasks that differ."""
    paper = Paper(data["title"], data["subtitle"], data["description"], width_px, theme)
    runs, c = data["runs"], paper.c
    left = PAD + min(220.0, width_px * 0.24)
    last = 150.0 if width_px >= 700 else 0.0
    column = (width_px - PAD - left - last) / max(1, len(runs))
    for i, run in enumerate(runs):
        paper.text(left + column * i, paper.y, run["name"], size=11, bold=True, room=column - 12)
        paper.text(left + column * i, paper.y + 14, run["note"], size=10, fill=c.soft, room=column - 12)
    paper.y += 24
    paper.rule(paper.y)
    for fact in data["facts"]:
        paper.y += 19
        paper.text(PAD, paper.y, fact["name"], size=11, fill=c.soft, room=left - PAD - 8)
        for i, value in enumerate(fact["values"]):
            better = fact["better"][i]
            fill = c.ink if better is None else c.answers[0] if better else c.error
            paper.text(left + column * i, paper.y, value, size=11, fill=fill, room=column - 12)
    paper.y += 12
    paper.rule(paper.y)
    paper.y += 18
    rows = sorted(data["rows"], key=lambda row: not row["differs"])
    for row in rows[:MOST_ROWS]:
        _compare_row(paper, row, left, column, last)
        paper.y += 24
    if len(rows) > MOST_ROWS:
        paper.text(PAD, paper.y + 2, f"{len(rows) - MOST_ROWS} more tasks", size=11, fill=c.soft)
        paper.y += 12
    paper.y -= 4
    return paper.done()


def _compare_row(paper: Paper, row: dict[str, Any], left: float, column: float, last: float) -> None:
    y, c = paper.y, paper.c
    paper.text(PAD, y + 4, row["task"], size=11, room=left - PAD - 12)
    for i, side in enumerate(row["sides"]):
        x = left + column * i
        if not side["there"]:
            paper.text(x, y + 4, "not run", size=11, fill=c.soft)
            continue
        if side["right"] is not None:
            paper.text(
                x, y + 4, "✓" if side["right"] else "✗", size=11, fill=c.answers[0] if side["right"] else c.error
            )
        wide = min(84.0, column * 0.45)
        paper.chip(x + 15, y, wide, side["answer"], side["group"], "lost" if side["lost"] else "said")
        few = " · ".join(side["words"].split(" · ")[-2 if column > 150 else -1 :])  # tokens or dollars, and time
        paper.text(x + 22 + wide, y + 4, few, size=10, fill=c.soft, room=column - wide - 34)
    if last and row["differs"]:
        paper.text(paper.wide - PAD, y + 4, ", ".join(row["differs"]), size=11, anchor="end", room=last - 8)
