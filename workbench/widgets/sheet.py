"""Sheet: what every part of a picture draws on: layout, view, colours, words' sizes, and the scene that fills up."""

from __future__ import annotations

from workbench.layout import Layout, Node
from workbench.widgets.glyphs import MOST
from workbench.widgets.letters import elide, width
from workbench.widgets.palette import Palette
from workbench.widgets.scene import Command, Scene, Shape
from workbench.widgets.view import View
from workbench.widgets.wording import describe, verdict

PAD, DOT, BAR, TOP = 24.0, 58.0, 12.0, 74.0
GLYPH_PX = 15.0  # beside a lane's name, where models are told apart


class Sheet:
    """One picture in the making, `width_px` wide."""

    def __init__(self, of: Layout, width_px: float, colours: Palette, by: str) -> None:
        self.of, self.c, self.by = of, colours, by
        self.plain = not of.groups  # nobody says an answer: one accent for all
        self.glyphs = len(of.models) > 1
        self.names = self._names(width_px)
        rows = zip(of.lanes, self.names, strict=True)
        sizes = [
            max(width(name, 12) + self.indent(0), width(sub, 10)) + 12 * lane.depth
            for lane, (name, sub) in rows
            if not lane.among
        ]
        self.final = self._final()
        left = PAD + max(sizes, default=0.0) + DOT
        right = width_px - PAD - (self._verdict_px() if self.final else 0)
        self.v = View(of, left, max(right, left + 120), TOP, by)
        self.scene = Scene(width_px, 0.0, colours.ground, self.title, describe(of))

    @property
    def title(self) -> str:
        return str(self.of.facts.get("prompt") or "trace")

    def indent(self, depth: int) -> float:
        """From the margin to a lane's name."""
        return 12 * depth + (GLYPH_PX if self.glyphs else 0.0)

    def glyph(self, model: str) -> int:
        """The number of a model's glyph, -1 where models are not told apart."""
        return min(self.of.models.index(model), MOST) if self.glyphs and model in self.of.models else -1

    def colour(self, group: int) -> str:
        return self.c.answers[0] if self.plain else self.c.of(group)

    def start(self, node: Node) -> float:
        return node.start_ms if self.by == "time" else node.start_step

    def end(self, node: Node) -> float:
        return node.end_ms if self.by == "time" else node.end_step

    def span(self, node: Node) -> tuple[float, float]:
        """Left and right edge of a node."""
        x = self.v.x_start(self.start(node))
        return x, max(self.v.x_end(self.end(node)), x)

    def add(
        self,
        path: tuple[Command, ...],
        *,
        fill: str | None = None,
        stroke: str | None = None,
        opacity: float = 1.0,
        line_px: float = 1.0,
        dash: tuple[float, ...] = (),
        round_ends: bool = False,
    ) -> None:
        self.scene.add(Shape(path, fill, stroke, opacity, line_px, dash, round_ends))

    def _names(self, width_px: float) -> list[tuple[str, str]]:
        room = min(170.0, width_px * 0.2)
        return [
            (elide(lane.label, room, 12), elide(lane.model if lane.model not in lane.label else "", room, 10))
            for lane in self.of.lanes
        ]

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
