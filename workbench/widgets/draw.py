"""Draw: a Layout as a Scene: header, axis, rounds, lanes, marks, answers, and the ribbons into the synthesis."""

from __future__ import annotations

from workbench.errors import unknown
from workbench.layout import Layout
from workbench.widgets import bars, curves, legend
from workbench.widgets.glyphs import glyph
from workbench.widgets.letters import elide, width
from workbench.widgets.palette import THEMES
from workbench.widgets.scene import Scene, Words, line
from workbench.widgets.sheet import GLYPH_PX, PAD, Sheet
from workbench.widgets.view import SEAM_PX, clock, ticks
from workbench.widgets.wording import subtitle, verdict


def draw(of: Layout, *, width_px: float = 960, theme: str = "light", by: str = "time", critical: bool = False) -> Scene:
    """The picture of one trace, `width_px` wide; its height follows from the lanes. theme: light, dark; by: time, structure."""
    if theme not in THEMES:
        raise unknown("theme", theme, THEMES)
    if by not in ("time", "structure"):
        raise unknown("reading (by)", by, ("time", "structure"))
    on = Sheet(of, max(360.0, width_px), THEMES[theme], by)
    key = legend.place(on, legend.entries(on, critical))
    on.scene.height = on.v.bottom + 40 + (max(row for _, row, _ in key) * legend.ROW_PX + 16 if key else 0)
    _header(on)
    _axis(on)
    curves.forks(on)
    bars.lanes(on)
    curves.ribbons(on)
    bars.marks(on)
    if critical:
        bars.critical(on)
    _answers(on)
    _labels(on)
    _end(on)
    legend.draw_key(on, key)
    return on.scene


def _header(on: Sheet) -> None:
    room = on.scene.width - 2 * PAD
    on.scene.add(Words(PAD, 32, elide(on.title, room, 15, True), 15, on.c.ink, True))
    on.scene.add(Words(PAD, 51, elide(subtitle(on.of), room, 12), 12, on.c.soft))


def _axis(on: Sheet) -> None:
    v, y = on.v, on.v.bottom
    for found in on.of.rounds:
        x1, x2 = (found.start_ms, found.end_ms) if on.by == "time" else (found.start_step, found.end_step)
        left, right = v.x_start(x1), v.x_end(x2)
        text = elide(found.label, right - left, 11)
        if len(text) > 3:
            on.scene.add(Words((left + right) / 2, v.top - 4, text, 11, on.c.soft, anchor="middle"))
    if on.by == "structure":
        return
    at = ticks(on.of.duration_ms, v.right - v.left)
    step = at[1] - at[0] if len(at) > 1 else on.of.duration_ms
    last = -1e9
    for ms in at:
        x = v.x_end(ms) if ms else v.x_start(0)
        on.add(line(x, v.top, x, y + 4), stroke=on.c.line)
        text = clock(ms, step)
        if x - last > width(text, 11) + 14:
            on.scene.add(Words(x, y + 20, text, 11, on.c.soft, anchor="middle"))
            last = x


def _answers(on: Sheet) -> None:
    """What each thread said, at its end, where there is room above the lane's line."""
    v, nodes = on.v, on.of.nodes
    if v.base < 20:
        return
    size = 11.0 if v.base >= 28 else 10.0
    taken: dict[int, float] = {}
    for node in nodes:
        if node.kind == "synthesis" or node.answer is None or on.of.lanes[node.lane].among:
            continue
        x = on.span(node)[1]
        after = min(
            (on.span(m)[0] for m in nodes if m.lane == node.lane and m.start_ms >= node.end_ms and m is not node),
            default=v.right + 30,
        )
        room = min(96.0, after - x - 10 if after > x else 60, max(44.0, v.right - SEAM_PX - x))
        text = elide(node.answer, max(20.0, room), size, True)
        if width(text, size, True) > room + 1 or x < taken.get(node.lane, 0):
            continue
        up = 6.0 if v.base >= 28 else 5.0
        colour = on.colour(node.group)
        on.scene.add(Words(x + 7, v.y(node.lane) - up, text, size, colour, True, halo=on.c.ground))
        taken[node.lane] = x + 7 + width(text, size, True)


def _labels(on: Sheet) -> None:
    v = on.v
    size = 12.0 if v.base >= 20 else 10.0 if v.base >= 12 else 0.0
    for n, (lane, (name, sub)) in enumerate(zip(on.of.lanes, on.names, strict=True)):
        if lane.among:
            _floating_label(on, n, name)
            continue
        if not size:
            continue
        x, y = PAD + on.indent(lane.depth), v.y(n)
        two = bool(sub) and v.base >= 36
        on.scene.add(Words(x, y + (0 if two else size * 0.35), name, size, on.c.ink))
        if two:
            on.scene.add(Words(x, y + 13, sub, 10, on.c.soft))
        if (number := on.glyph(lane.model)) >= 0:
            on.add(glyph(number, x - GLYPH_PX + 5, y - (4 if two else 0), 3.6), fill=on.c.soft)


def _floating_label(on: Sheet, n: int, name: str) -> None:
    node = on.of.nodes[on.of.lanes[n].nodes[0]]
    if node.kind == "synthesis":
        return
    x1, x2 = on.span(node)
    text = elide(name, max(60.0, x2 - x1), 11)
    y = on.v.y(n) - on.v.bar / 2 - 6
    on.scene.add(Words((x1 + x2) / 2, y, text, 11, on.c.ink, anchor="middle", halo=on.c.ground))


def _end(on: Sheet) -> None:
    if not on.final:
        return
    sources, synthesis = on.final
    v, nodes = on.v, on.of.nodes
    if synthesis is not None:
        x, y = on.span(nodes[synthesis])[1], v.y(nodes[synthesis].lane)
    else:
        lanes = [v.y(nodes[n].lane) for n in sources]
        x, y = v.seam(max(on.end(nodes[n]) for n in sources))[1], (min(lanes) + max(lanes)) / 2
    answer, notes = verdict(on.of)
    x = max(x, v.right) + 14
    room = on.scene.width - PAD - x + 6
    y -= (len(notes) * 16 - 12) / 2 if answer else 0
    if answer:
        on.scene.add(Words(x, y + 7, elide(answer, room, 20, True), 20, on.c.ink, True))
    for i, (text, group) in enumerate(notes):
        fill = on.c.soft if group is None else on.colour(group)
        on.scene.add(Words(x, y + 26 + 16 * i, elide(text, room, 12), 12, fill))
