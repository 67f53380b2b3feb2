"""Curves: what forks and converges in a still: lines from the start, knots where all read all, ribbons into the synthesis."""

from __future__ import annotations

from typing import TypedDict

from workbench.layout.answers import NONE
from workbench.layout.joints import Joint
from workbench.widgets.scene import capsule, curve, line, ribbon
from workbench.widgets.sheet import BAR, Sheet
from workbench.widgets.view import slots

Point = tuple[float, float]
MOST = 240
"""Curves of one joint that can be told apart; of more every k-th is drawn."""


class _Line(TypedDict):
    stroke: str
    opacity: float
    line_px: float
    dash: tuple[float, ...]


def forks(on: Sheet) -> None:
    """Where threads begin: from the start, from one another, or inside one."""
    for joint in on.of.joints:
        if joint.kind == "join" or not joint.targets:
            continue
        style = _Line(stroke=on.c.soft, opacity=0.5, line_px=1.2, dash=(2.0, 3.0) if joint.inferred else ())
        if joint.kind == "nest":
            _nest(on, joint, style)
        elif not joint.sources:
            _from_start(on, joint.targets, style)
        else:
            _lead_on(on, joint, style)


def _nest(on: Sheet, joint: Joint, style: _Line) -> None:
    nodes, v = on.of.nodes, on.v
    for t in _some(joint.targets):
        x = on.span(nodes[t])[0]
        on.add(curve(x - 14, v.y(nodes[joint.sources[0]].lane), x, v.y(nodes[t].lane)), **style)


def _from_start(on: Sheet, targets: list[int], style: _Line) -> None:
    v, nodes = on.v, on.of.nodes
    ys = [v.y(nodes[t].lane) for t in targets]
    x, y = v.left - 44, (min(ys) + max(ys)) / 2
    for t in _some(targets):
        lane = v.y(nodes[t].lane)
        on.add(curve(x, y, v.left - 2, lane), **style)
        _lead(on, v.left - 2, lane, on.span(nodes[t])[0], style)
    on.add(capsule(x - 5, y, 10, 10), fill=on.c.ink)


def _lead_on(on: Sheet, joint: Joint, style: _Line) -> None:
    v, nodes = on.v, on.of.nodes
    seam = v.seam(min(on.start(nodes[t]) for t in joint.targets))
    ends = [(on.span(nodes[n])[1], v.y(nodes[n].lane)) for n in _some(joint.sources)]
    starts = [(on.span(nodes[t])[0], v.y(nodes[t].lane)) for t in _some(joint.targets)]
    if len(joint.sources) > 1 and len(joint.targets) > 1:
        _knot(on, ends, starts, seam, style)
        return
    for x1, y1 in ends:
        for x2, y2 in starts:
            bend = max(x1, min(seam[0], x2)), max(x1, min(seam[1], x2) if seam[1] > x1 else x2)
            _lead(on, x1, y1, bend[0], style)
            on.add(curve(bend[0], y1, bend[1], y2), **style)
            _lead(on, bend[1], y2, x2, style)


def _knot(on: Sheet, ends: list[Point], starts: list[Point], seam: Point, style: _Line) -> None:
    x = (seam[0] + seam[1]) / 2
    ys = [y for _, y in (*ends, *starts)]
    y = (min(ys) + max(ys)) / 2
    for x1, y1 in ends:
        _lead(on, x1, y1, seam[0], style)
        on.add(curve(max(seam[0], x1), y1, x, y), **style)
    for x2, y2 in starts:
        on.add(curve(x, y, max(x, seam[1]), y2), **style)
        _lead(on, seam[1], y2, x2, style)
    on.add(capsule(x - 3.5, y, 7, 7), fill=on.c.soft)


def _lead(on: Sheet, x1: float, y: float, x2: float, style: _Line) -> None:
    if x2 - x1 > 1:
        on.add(line(x1, y, x2, y), **style)


def _some(nodes: list[int]) -> list[int]:
    return nodes[:: -(-len(nodes) // MOST)] if nodes else []


def ribbons(on: Sheet) -> None:
    """Where threads converge."""
    nodes, v = on.of.nodes, on.v
    for joint in on.of.joints:
        if joint.kind != "join":
            continue
        for t in joint.targets or [-1]:
            if t < 0 and ((on.final and on.final[1] is not None) or (on.plain and len(joint.sources) == 1)):
                continue
            at = on.start(nodes[t]) if t >= 0 else max(on.end(nodes[n]) for n in joint.sources)
            lanes = [v.y(nodes[n].lane) for n in joint.sources]
            y = v.y(nodes[t].lane) if t >= 0 else (min(lanes) + max(lanes)) / 2
            _converge(on, joint.sources, v.seam(at), y)


def _converge(on: Sheet, sources: list[int], seam: Point, y: float) -> None:
    nodes, v = on.of.nodes, on.v
    places, top, bottom = slots(v, sources, y)
    bar_x = max(seam[1] - BAR, seam[0])
    thin = min(3.0, v.bar / 2)
    every = -(-len(places) // MOST)
    for n, middle, one in places[::every]:
        node, colour, wide = nodes[n], on.colour(nodes[n].group), one * every
        x, y1 = on.span(node)[1], v.y(node.lane)
        lost = node.error or node.cancelled
        if seam[0] - x > 1:
            dash = (2.0, 4.0) if lost else ()
            on.add(line(x, y1, seam[0], y1), stroke=colour, opacity=0.3, line_px=thin, dash=dash)
        if lost or (node.group == NONE and not on.plain):
            path = curve(max(x, seam[0]), y1, bar_x, middle)
            on.add(path, stroke=colour, opacity=0.45, line_px=1.2, dash=(2.0, 4.0))
        else:
            path = ribbon(max(x, seam[0]), y1, thin, bar_x, middle, max(0.8, wide - (1.0 if wide > 6 else 0)))
            on.add(path, fill=colour, opacity=0.26)
    groups: dict[int, list[Point]] = {}
    for n, middle, wide in places:
        groups.setdefault(nodes[n].group, []).append((middle - wide / 2, middle + wide / 2))
    for g, spans in groups.items():
        a, b = min(p for p, _ in spans), max(q for _, q in spans)
        a, b = a + (0 if a == top else 0.75), b - (0 if b == bottom else 0.75)
        on.add(capsule(bar_x, (a + b) / 2, BAR, max(1.0, b - a), 3.0), fill=on.colour(g))
