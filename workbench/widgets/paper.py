"""Paper: what the stills of boards are drawn with: titles, lines of text in columns, chips, meters."""

from __future__ import annotations

from workbench.widgets.letters import elide, width
from workbench.widgets.palette import THEMES, Palette
from workbench.widgets.scene import Command, Scene, Shape, Words, capsule, line

PAD = 24.0
CHIP = 18.0


class Paper:
    """A scene that grows downwards; `y` is where the next line goes."""

    def __init__(self, title: str, subtitle: str, description: str, width_px: float, theme: str) -> None:
        self.c: Palette = THEMES[theme]
        self.scene = Scene(width_px, 0.0, self.c.ground, title, description)
        self.wide = width_px
        self.text(PAD, 32, title, size=15, bold=True, room=width_px - 2 * PAD)
        self.text(PAD, 50, subtitle, size=12, fill=self.c.soft, room=width_px - 2 * PAD)
        self.y = 72.0

    def text(
        self,
        x: float,
        y: float,
        text: object,
        *,
        size: float = 12,
        fill: str | None = None,
        bold: bool = False,
        anchor: str = "start",
        room: float = 400.0,
        halo: bool = False,
    ) -> float:
        """A line, cut to its room; returns its width."""
        words = elide(text, room, size, bold)
        ground = self.c.ground if halo else None
        self.scene.add(Words(x, y, words, size, fill or self.c.ink, bold, anchor, ground))
        return width(words, size, bold)

    def shape(
        self,
        path: tuple[Command, ...],
        *,
        fill: str | None = None,
        stroke: str | None = None,
        line_px: float = 1.0,
        opacity: float = 1.0,
        dash: tuple[float, ...] = (),
    ) -> None:
        self.scene.add(Shape(path, fill, stroke, opacity, line_px, dash))

    def rule(self, y: float) -> None:
        """A hairline from margin to margin."""
        self.shape(line(PAD, y, self.wide - PAD, y), stroke=self.c.line)

    def chip(self, x: float, y: float, w: float, text: str | None, group: int, state: str = "said") -> None:
        """An answer in its group's colour; silent and lost ones are outlines."""
        if state == "said" and group == 0:  # pale, so that the others stand out
            self.shape(capsule(x, y, w, CHIP, 4), fill=self.c.of(group), opacity=0.13)
            fill, bold = self.c.of(group), True
        elif state == "said" and group > 0:
            self.shape(capsule(x, y, w, CHIP, 4), fill=self.c.of(group))
            fill, bold = self.c.ground, True
        else:
            edge = self.c.error if state == "lost" else self.c.none
            self.shape(capsule(x + 0.5, y, w - 1, CHIP - 1, 4), stroke=edge)
            text, fill, bold = ("×" if state == "lost" else "–"), edge if state == "lost" else self.c.soft, False
        if text:
            self.text(x + w / 2, y + 4, text, size=11, fill=fill, bold=bold, anchor="middle", room=w - 6)

    def meter(self, x: float, y: float, w: float, share: float) -> None:
        """A share of one, with its number."""
        self.shape(capsule(x, y, w - 40, 6, 3), fill=self.c.line)
        if share > 0:
            self.shape(capsule(x, y, max(6.0, (w - 40) * share), 6, 3), fill=self.c.answers[0])
        self.text(x + w, y + 4, f"{share:.0%}", size=11, fill=self.c.soft, anchor="end")

    def done(self) -> Scene:
        """The scene, as high as it became."""
        self.scene.height = self.y + 14
        return self.scene
