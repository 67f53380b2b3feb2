"""Draw: a Layout as a Scene: header, axis, lanes, marks, and the ribbons into the synthesis."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from workbench.errors import unknown
from workbench.layout import Layout, Node
from workbench.layout.answers import NONE
from workbench.layout.marks import CANCELLED, CHAT, ERROR, REUSED, TOOL
from workbench.widgets.letters import elide, width
from workbench.widgets.palette import THEMES, Palette
from workbench.widgets.scene import Scene, Shape, Words, capsule, curve, line, ribbon
from workbench.widgets.view import SEAM_PX, View, clock, slots, ticks
from workbench.widgets.wording import describe, subtitle, verdict

PAD, DOT, BAR = 24.0, 58.0, 12.0
MAX_MARKS = 20_000


def draw(of: Layout, *, width_px: float = 960, theme: str = "light", by: str = "time", critical: bool = False) -> Scene:
    """The picture of one trace, `width_px` wide; its height follows from the lanes. theme: light, dark; by: time, structure."""
    if theme not in THEMES:
        raise unknown("theme", theme, THEMES)
    if by not in ("time", "structure"):
        raise unknown("reading (by)", by, ("time", "structure"))
    return _Drawing(of, max(360.0, width_px), THEMES[theme], by, critical).scene


class _Drawing:
    def __init__(self, of: Layout, width_px: float, colours: Palette, by: str, critical: bool) -> None:
        self.of, self.c, self.by, self.critical = of, colours, by, critical
        self.plain = not of.groups  # nobody says an answer: one accent for all
        self.names = self._names(width_px)
        label_px = max(
            (
                width(name, 12) + 12 * lane.depth
                for lane, (name, _) in zip(of.lanes, self.names, strict=True)
                if not lane.among
            ),
            default=0.0,
        )
        label_px = max(
            [
                label_px,
                *(
                    width(sub, 10) + 12 * lane.depth
                    for lane, (_, sub) in zip(of.lanes, self.names, strict=True)
                    if not lane.among
                ),
            ]
        )
        self.final = self._final()
        left = PAD + label_px + DOT
        right = width_px - PAD - (self._verdict_px() if self.final else 0)
        self.v = View(of, left, max(right, left + 120), 74.0, by)
        self.scene = Scene(width_px, self._height(), colours.ground, self._title(), describe(of))
        for part in (
            self._header,
            self._axis,
            self._forks,
            self._lanes,
            self._ribbons,
            self._marks,
            self._answers,
            self._labels,
            self._end,
            self._key,
        ):
            part()

    # -- words and sizes ------------------------------------------------------------------------------------------------

    def _names(self, width_px: float) -> list[tuple[str, str]]:
        room = min(170.0, width_px * 0.2)
        return [
            (elide(lane.label, room, 12), elide(lane.model if lane.model not in lane.label else "", room, 10))
            for lane in self.of.lanes
        ]

    def _title(self) -> str:
        return str(self.of.facts.get("prompt") or "trace")

    def _final(self) -> tuple[list[int], int | None] | None:
        """What the last joint merges, and the synthesis' node (None: the threads meet at the end)."""
        nodes = self.of.nodes
        ended = [j for j in self.of.joints if not j.targets]
        merges = [n for n, node in enumerate(nodes) if node.kind == "synthesis" and self.of.lanes[node.lane].depth == 0]
        if merges:
            last = max(merges, key=lambda n: nodes[n].start_ms)
            joint = next((j for j in self.of.joints if last in j.targets), None)
            return (joint.sources if joint else []), last
        return (ended[0].sources, None) if ended else None

    def _verdict_px(self) -> float:
        answer, notes = verdict(self.of)
        lines = [width(elide(answer, 190, 20, True), 20, True), *(width(elide(t, 190, 12), 12) for t, _ in notes)]
        return 34 + max(lines, default=0.0)

    def _height(self) -> float:
        return self.v.bottom + 34 + (22 if self._keys() else 6)

    def colour(self, group: int) -> str:
        return self.c.answers[0] if self.plain else self.c.of(group)

    def _x(self, node: Node) -> tuple[float, float]:
        a, b = (node.start_ms, node.end_ms) if self.by == "time" else (node.start_step, node.end_step)
        return self.v.x_start(a), max(self.v.x_end(b), self.v.x_start(a))

    def _start(self, node: Node) -> float:
        return node.start_ms if self.by == "time" else node.start_step

    def add(self, path: object, **style: object) -> None:
        self.scene.add(Shape(path, **style))  # type: ignore[arg-type]

    # -- parts ----------------------------------------------------------------------------------------------------------

    def _header(self) -> None:
        room = self.scene.width - 2 * PAD
        self.scene.add(Words(PAD, 32, elide(self._title(), room, 15, True), 15, self.c.ink, True))
        self.scene.add(Words(PAD, 51, elide(subtitle(self.of), room, 12), 12, self.c.soft))

    def _axis(self) -> None:
        v, y = self.v, self.v.bottom
        if self.by == "structure":
            return
        at = ticks(self.of.duration_ms, v.right - v.left)
        step = at[1] - at[0] if len(at) > 1 else self.of.duration_ms
        last = -1e9
        for ms in at:
            x = v.x_end(ms) if ms else v.x_start(0)
            self.add(line(x, v.top, x, y + 4), stroke=self.c.line)
            text = clock(ms, step)
            if x - last > width(text, 11) + 14:
                self.scene.add(Words(x, y + 20, text, 11, self.c.soft, anchor="middle"))
                last = x

    def _forks(self) -> None:
        nodes, v = self.of.nodes, self.v
        for joint in self.of.joints:
            if joint.kind == "join" or not joint.targets:
                continue
            style = {
                "stroke": self.c.soft,
                "opacity": 0.5,
                "line_px": 1.2,
                "dash": (2.0, 3.0) if joint.inferred else (),
            }
            lanes = [v.y(nodes[t].lane) for t in joint.targets]
            if joint.kind == "nest":
                for t, y in zip(joint.targets, lanes, strict=True):
                    x = self._x(nodes[t])[0]
                    self.add(curve(x - 14, v.y(nodes[joint.sources[0]].lane), x, y), **style)
                continue
            if not joint.sources:
                self._from_start(joint.targets, style)
                continue
            seam = v.seam(min(self._start(nodes[t]) for t in joint.targets))
            ends = [(self._x(nodes[n])[1], v.y(nodes[n].lane)) for n in joint.sources]
            if len(joint.sources) > 1 and len(joint.targets) > 1:
                self._knot(
                    ends, [(self._x(nodes[t])[0], y) for t, y in zip(joint.targets, lanes, strict=True)], seam, style
                )
                continue
            for x1, y1 in ends:
                for t, y2 in zip(joint.targets, lanes, strict=True):
                    x2 = self._x(nodes[t])[0]
                    bend = max(x1, min(seam[0], x2)), max(x1, min(seam[1], x2) if seam[1] > x1 else x2)
                    self._lead(x1, y1, bend[0], style)
                    self.add(curve(bend[0], y1, bend[1], y2), **style)
                    self._lead(bend[1], y2, x2, style)

    def _from_start(self, targets: list[int], style: dict[str, object]) -> None:
        v, nodes = self.v, self.of.nodes
        ys = [v.y(nodes[t].lane) for t in targets]
        x, y = v.left - 44, (min(ys) + max(ys)) / 2
        for t, lane in zip(targets, ys, strict=True):
            self.add(curve(x, y, v.left - 2, lane), **style)
            self._lead(v.left - 2, lane, self._x(nodes[t])[0], style)
        self.add(capsule(x - 5, y, 10, 10), fill=self.c.ink)

    def _lead(self, x1: float, y: float, x2: float, style: dict[str, object]) -> None:
        if x2 - x1 > 1:
            self.add(line(x1, y, x2, y), **style)

    def _knot(
        self,
        ends: list[tuple[float, float]],
        starts: list[tuple[float, float]],
        seam: tuple[float, float],
        style: dict[str, object],
    ) -> None:
        x = (seam[0] + seam[1]) / 2
        ys = [y for _, y in (*ends, *starts)]
        y = (min(ys) + max(ys)) / 2
        for x1, y1 in ends:
            self._lead(x1, y1, seam[0], style)
            self.add(curve(max(seam[0], x1), y1, x, y), **style)
        for x2, y2 in starts:
            self.add(curve(x, y, max(x, seam[1]), y2), **style)
            self._lead(seam[1], y2, x2, style)
        self.add(capsule(x - 3.5, y, 7, 7), fill=self.c.soft)

    def _lanes(self) -> None:
        v = self.v
        for node in self.of.nodes:
            if node.kind == "synthesis":
                continue
            x1, x2 = self._x(node)
            colour = self.colour(node.group)
            self.add(
                line(x1, v.y(node.lane), x2, v.y(node.lane)), stroke=colour, opacity=0.4, line_px=min(2.0, v.bar / 3)
            )

    def _ribbons(self) -> None:
        nodes, v = self.of.nodes, self.v
        for joint in self.of.joints:
            merging = joint.kind == "join"
            if not merging:
                continue
            for t in joint.targets or [-1]:
                if t < 0 and ((self.final and self.final[1] is not None) or (self.plain and len(joint.sources) == 1)):
                    continue
                at = self._start(nodes[t]) if t >= 0 else max(self._last(n) for n in joint.sources)
                lanes = [v.y(nodes[n].lane) for n in joint.sources]
                y = v.y(nodes[t].lane) if t >= 0 else (min(lanes) + max(lanes)) / 2
                self._converge(joint.sources, v.seam(at), y, joint.inferred)

    def _last(self, n: int) -> float:
        return self.of.nodes[n].end_ms if self.by == "time" else self.of.nodes[n].end_step

    def _converge(self, sources: list[int], seam: tuple[float, float], y: float, inferred: bool) -> None:
        nodes, v = self.of.nodes, self.v
        places, top, bottom = slots(v, sources, y)
        bar_x = max(seam[1] - BAR, seam[0])
        thin = min(3.0, v.bar / 2)
        for n, middle, wide in places:
            node, colour = nodes[n], self.colour(nodes[n].group)
            x = self._x(node)[1]
            y1 = v.y(node.lane)
            silent = node.group == NONE and not self.plain
            lost = node.error or node.cancelled
            if seam[0] - x > 1:
                self.add(
                    line(x, y1, seam[0], y1), stroke=colour, opacity=0.3, line_px=thin, dash=(2.0, 4.0) if lost else ()
                )
            path = ribbon(max(x, seam[0]), y1, thin, bar_x, middle, max(0.8, wide - (1.0 if wide > 6 else 0)))
            if lost or silent:
                self.add(
                    curve(max(x, seam[0]), y1, bar_x, middle), stroke=colour, opacity=0.45, line_px=1.2, dash=(2.0, 4.0)
                )
            else:
                self.add(path, fill=colour, opacity=0.26)
        groups: dict[int, list[tuple[float, float]]] = {}
        for n, middle, wide in places:
            groups.setdefault(nodes[n].group, []).append((middle - wide / 2, middle + wide / 2))
        first, last = top, bottom
        for g, spans in groups.items():
            a, b = min(p for p, _ in spans), max(q for _, q in spans)
            a, b = a + (0 if a == first else 0.75), b - (0 if b == last else 0.75)
            self.add(capsule(bar_x, (a + b) / 2, BAR, max(1.0, b - a), 3.0), fill=self.colour(g))

    def _marks(self) -> None:
        v, cols = self.v, self.of.columns
        time = self.by == "time"
        count = len(cols["row"])
        keep = np.arange(count) if count <= MAX_MARKS else np.linspace(0, count - 1, MAX_MARKS).astype(int)
        columns = {name: values[keep].tolist() for name, values in cols.items()}
        retries: dict[int, list[float]] = {}
        for i, ms in self.of.retries:
            retries.setdefault(i, []).append(ms)
        for k, i in enumerate(keep.tolist()):
            lane = int(columns["lane"][k])
            if lane < 0:
                continue
            y = v.y_mark(lane, columns["sub"][k])
            begin = columns["begin_ms"][k] if time else columns["step"][k] + 0.06
            end = columns["end_ms"][k] if time else columns["step"][k] + 0.94
            x1, x2 = v.x_start(begin), v.x_end(end)
            queued = v.x_start(columns["start_ms"][k]) if time else x1
            flags, group = int(columns["flags"][k]), int(columns["group"][k])
            colour = self.colour(group)
            if x1 - queued > 3:
                self.add(line(queued + 2, y, x1 - 3, y), stroke=self.c.ground, line_px=4)
                self.add(
                    line(queued + 2, y, x1 - 3, y), stroke=self.c.soft, line_px=2, dash=(0.01, 4.5), round_ends=True
                )
            self._mark(int(columns["kind"][k]), flags, x1, max(x2, x1 + 1.2), y, colour)
            for ms in retries.get(i, ()) if time else ():
                x = v.x_start(ms)
                self.add(line(x, y - v.bar / 2 + 1, x, y + v.bar / 2 - 1), stroke=self.c.ground, line_px=2)
        if self.critical:
            self._critical()

    def _mark(self, kind: int, flags: int, x1: float, x2: float, y: float, colour: str) -> None:
        h = self.v.bar
        path = capsule(x1, y, x2 - x1, h)
        if flags & ERROR:
            self.add(path, fill=self.c.ground, stroke=self.c.error, line_px=1.4, dash=(3.0, 2.6))
        elif flags & CANCELLED:
            self.add(path, fill=self.c.ground, stroke=self.c.none, line_px=1.2, dash=(1.5, 2.5))
        elif kind == TOOL:
            self.add(capsule(x1, y, x2 - x1, h * 0.72, h * 0.2), fill=self.c.ground, stroke=colour, line_px=1.4)
        elif kind == CHAT:
            self.add(path, fill=colour, opacity=0.55 if flags & REUSED else 1.0)
        else:
            self.add(capsule(x1, y, x2 - x1, h * 0.6, h * 0.2), fill=colour, opacity=0.6)

    def _critical(self) -> None:
        for node in self.of.nodes:
            if node.critical:
                x1, x2 = self._x(node)
                y = self.v.y(node.lane) + self.v.bar / 2 + 4
                self.add(line(x1, y, max(x2, x1 + 2), y), stroke=self.c.ink, line_px=1.5)

    def _answers(self) -> None:
        """What each thread said, at its end, where there is room above the lane's line."""
        v, nodes = self.v, self.of.nodes
        if v.base < 20:
            return
        size = 11.0 if v.base >= 28 else 10.0
        taken: dict[int, float] = {}
        for node in nodes:
            if node.kind == "synthesis" or node.answer is None or self.of.lanes[node.lane].among:
                continue
            x = self._x(node)[1]
            after = min(
                (self._x(m)[0] for m in nodes if m.lane == node.lane and m.start_ms >= node.end_ms and m is not node),
                default=v.right + 30,
            )
            room = min(96.0, after - x - 10 if after > x else 60, max(44.0, v.right - SEAM_PX - x))
            text = elide(node.answer, max(20.0, room), size, True)
            if width(text, size, True) > room + 1 or x < taken.get(node.lane, 0):
                continue
            up = 6.0 if v.base >= 28 else 5.0
            self.scene.add(
                Words(x + 7, v.y(node.lane) - up, text, size, self.colour(node.group), True, halo=self.c.ground)
            )
            taken[node.lane] = x + 7 + width(text, size, True)

    def _labels(self) -> None:
        v = self.v
        size = 12.0 if v.base >= 20 else 10.0 if v.base >= 12 else 0.0
        for n, (lane, (name, sub)) in enumerate(zip(self.of.lanes, self.names, strict=True)):
            if lane.among:
                self._floating_label(n, name)
                continue
            if not size:
                continue
            x, y = PAD + 12 * lane.depth, v.y(n)
            two = bool(sub) and v.base >= 36
            self.scene.add(Words(x, y + (0 if two else size * 0.35), name, size, self.c.ink))
            if two:
                self.scene.add(Words(x, y + 13, sub, 10, self.c.soft))

    def _floating_label(self, n: int, name: str) -> None:
        node = self.of.nodes[self.of.lanes[n].nodes[0]]
        if node.kind != "synthesis":
            x1, x2 = self._x(node)
            self.scene.add(
                Words(
                    (x1 + x2) / 2,
                    self.v.y(n) - self.v.bar / 2 - 6,
                    elide(name, max(60.0, x2 - x1), 11),
                    11,
                    self.c.ink,
                    anchor="middle",
                    halo=self.c.ground,
                )
            )

    def _end(self) -> None:
        if not self.final:
            return
        sources, synthesis = self.final
        v, nodes = self.v, self.of.nodes
        if synthesis is not None:
            x, y = self._x(nodes[synthesis])[1], v.y(nodes[synthesis].lane)
        else:
            lanes = [v.y(nodes[n].lane) for n in sources]
            x, y = v.seam(max(self._last(n) for n in sources))[1], (min(lanes) + max(lanes)) / 2
        answer, notes = verdict(self.of)
        x = max(x, v.right) + 14
        room = self.scene.width - PAD - x + 6
        y -= (len(notes) * 16 - 12) / 2 if answer else 0
        if answer:
            self.scene.add(Words(x, y + 7, elide(answer, room, 20, True), 20, self.c.ink, True))
        for i, (text, group) in enumerate(notes):
            fill = self.c.soft if group is None else self.colour(group)
            self.scene.add(Words(x, y + 26 + 16 * i, elide(text, room, 12), 12, fill))

    # -- the key: only what occurs ---------------------------------------------------------------------------------------

    def _keys(self) -> list[tuple[str, Callable[[float, float], None]]]:
        cols = self.of.columns
        flags = cols["flags"].astype(int)
        out: list[tuple[str, Callable[[float, float], None]]] = []
        if self.by == "time" and bool(np.any(cols["begin_ms"] - cols["start_ms"] > self.of.duration_ms * 0.01)):
            out.append(("waiting for a slot", self._key_queue))
        if bool(np.any(cols["kind"] == TOOL)):
            out.append(("tool", lambda x, y: self._mark_small(TOOL, 0, x, y)))
        if bool(np.any(flags & ERROR)):
            out.append(("failed", lambda x, y: self._mark_small(CHAT, ERROR, x, y)))
        if bool(np.any(flags & CANCELLED)):
            out.append(("cancelled", lambda x, y: self._mark_small(CHAT, CANCELLED, x, y)))
        if self.critical:
            out.append(("critical path", lambda x, y: self.add(line(x, y, x + 22, y), stroke=self.c.ink, line_px=1.5)))
        return out

    def _key(self) -> None:
        x, y = self.v.left, self.v.bottom + 42
        for text, sample in self._keys():
            sample(x, y - 4)
            self.scene.add(Words(x + 28, y, text, 11, self.c.soft))
            x += 28 + width(text, 11) + 24

    def _key_queue(self, x: float, y: float) -> None:
        self.add(line(x, y, x + 20, y), stroke=self.c.soft, line_px=2, dash=(0.01, 4.5), round_ends=True)

    def _mark_small(self, kind: int, flags: int, x: float, y: float) -> None:
        bar = self.v.__dict__.get("bar")
        self.v.__dict__["bar"] = 10.0
        self._mark(kind, flags, x, x + 22, y, self.c.soft)
        self.v.__dict__["bar"] = bar
