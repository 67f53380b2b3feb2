"""Scene: a picture as a flat list of paths and lines of text, and as SVG with the text outlined."""

from __future__ import annotations

import html
from dataclasses import dataclass, field

from workbench.widgets.letters import outline, width

Command = tuple[str, tuple[float, ...]]


@dataclass(frozen=True, slots=True)
class Shape:
    """A path (M, L, C, Z commands in pixels), filled, stroked or both."""

    path: tuple[Command, ...]
    fill: str | None = None
    stroke: str | None = None
    opacity: float = 1.0
    line_px: float = 1.0
    dash: tuple[float, ...] = ()
    round_ends: bool = False


@dataclass(frozen=True, slots=True)
class Words:
    """A line of text; x is its start, middle or end."""

    x: float
    y: float
    text: str
    size: float = 12
    fill: str = "#000000"
    bold: bool = False
    anchor: str = "start"
    halo: str | None = None

    def shape(self) -> Shape:
        """The text as outlines."""
        back = {"start": 0.0, "middle": 0.5, "end": 1.0}[self.anchor]
        x = self.x - back * width(self.text, self.size, self.bold)
        return Shape(outline(self.text, x, self.y, self.size, self.bold), fill=self.fill)


@dataclass
class Scene:
    """What is drawn, from back to front, and what it shows in one sentence (for those who cannot see it)."""

    width: float
    height: float
    ground: str
    title: str = ""
    description: str = ""
    items: list[Shape | Words] = field(default_factory=list)

    def add(self, item: Shape | Words) -> None:
        self.items.append(item)

    def shapes(self) -> list[Shape]:
        """Everything as paths."""
        out = []
        for item in self.items:
            if isinstance(item, Shape):
                out.append(item)
                continue
            shape = item.shape()
            if item.halo:
                out.append(Shape(shape.path, fill=item.halo, stroke=item.halo, line_px=3))
            out.append(shape)
        return out

    def svg(self) -> str:
        """One SVG file: vector, no font, no script, no reference to anything outside."""
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{_n(self.width)}" height="{_n(self.height)}" '
            f'viewBox="0 0 {_n(self.width)} {_n(self.height)}" role="img" aria-labelledby="t d">'
            f'<title id="t">{_xml(self.title)}</title><desc id="d">{_xml(self.description)}</desc>'
            f'<rect width="{_n(self.width)}" height="{_n(self.height)}" fill="{self.ground}"/>'
        )
        return "\n".join([head, *(_element(s) for s in self.shapes() if s.path), "</svg>\n"])


def capsule(x: float, y: float, w: float, h: float, radius: float | None = None) -> tuple[Command, ...]:
    """A rectangle with round ends, `y` its middle."""
    r = min(h / 2 if radius is None else radius, w / 2, h / 2)
    k, top, bottom, right = r * 0.5523, y - h / 2, y + h / 2, x + w
    return (
        ("M", (x + r, top)),
        ("L", (right - r, top)),
        ("C", (right - r + k, top, right, top + r - k, right, top + r)),
        ("L", (right, bottom - r)),
        ("C", (right, bottom - r + k, right - r + k, bottom, right - r, bottom)),
        ("L", (x + r, bottom)),
        ("C", (x + r - k, bottom, x, bottom - r + k, x, bottom - r)),
        ("L", (x, top + r)),
        ("C", (x, top + r - k, x + r - k, top, x + r, top)),
        ("Z", ()),
    )


def line(x1: float, y1: float, x2: float, y2: float) -> tuple[Command, ...]:
    return (("M", (x1, y1)), ("L", (x2, y2)))


def curve(x1: float, y1: float, x2: float, y2: float) -> tuple[Command, ...]:
    """An S from left to right that leaves and arrives level."""
    mid = (x1 + x2) / 2
    return (("M", (x1, y1)), ("C", (mid, y1, mid, y2, x2, y2)))


def ribbon(x1: float, y1: float, w1: float, x2: float, y2: float, w2: float) -> tuple[Command, ...]:
    """A band from (x1, y1), w1 wide, to (x2, y2), w2 wide."""
    mid = (x1 + x2) / 2
    a, b, c, d = y1 - w1 / 2, y1 + w1 / 2, y2 - w2 / 2, y2 + w2 / 2
    return (
        ("M", (x1, a)), ("C", (mid, a, mid, c, x2, c)), ("L", (x2, d)), ("C", (mid, d, mid, b, x1, b)), ("Z", ())
    )  # fmt: skip


def _element(s: Shape) -> str:
    paint = f' fill="{s.fill}"' if s.fill else ' fill="none"'
    if s.stroke:
        paint += f' stroke="{s.stroke}" stroke-width="{_n(s.line_px)}"'
        paint += f' stroke-dasharray="{" ".join(map(_n, s.dash))}"' if s.dash else ""
        paint += ' stroke-linecap="round"' if s.round_ends else ""
    opacity = f' opacity="{_n(s.opacity)}"' if s.opacity < 1 else ""
    return f'<path d="{_d(s.path)}"{paint}{opacity}/>'


def _d(path: tuple[Command, ...]) -> str:
    return "".join(op + " ".join(map(_n, at)) for op, at in path)


def _n(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _xml(text: str) -> str:
    clean = "".join(
        c for c in text if c in "\t\n" or (ord(c) >= 32 and not 0xD800 <= ord(c) < 0xE000 and ord(c) < 0xFFFE)
    )
    return html.escape(clean)
