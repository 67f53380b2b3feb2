"""Letters: text as outlines of the font that ships with us, so that a still looks the same on every machine."""

from __future__ import annotations

import unicodedata
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

FONTS = Path(__file__).parent / "fonts"
ELLIPSIS = "…"
Glyph = tuple[float, tuple[tuple[str, tuple[float, ...]], ...]]


def clean(text: object, limit: int = 400) -> str:
    """One line without control, format (bidi, zero-width) or lone surrogate characters; ANSI colour codes taken out."""
    import re

    cut = str(text)[: limit * 8]
    cut = re.sub(r"\x1b\[[0-9;?]*[ -/]*[@-~]", "", cut)
    kept = "".join(
        " " if c.isspace() else "" if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Cn") else c for c in cut
    )
    return " ".join(kept.split())[:limit]


def width(text: str, size: float, bold: bool = False) -> float:
    """Pixels that a line takes."""
    return sum(_glyph(c, bold)[0] for c in text) * size


def elide(text: object, room: float, size: float, bold: bool = False) -> str:
    """As much of a text as fits into `room` pixels, with an ellipsis where it was cut."""
    line = clean(text)
    if width(line, size, bold) <= room:
        return line
    room -= width(ELLIPSIS, size, bold)
    used = 0.0
    for i, c in enumerate(line):
        used += width(c, size, bold)
        if used > room:
            return line[:i].rstrip() + ELLIPSIS if i else ELLIPSIS
    return line


def outline(
    text: str, x: float, y: float, size: float, bold: bool = False
) -> tuple[tuple[str, tuple[float, ...]], ...]:
    """Path commands of a line whose baseline starts at (x, y)."""
    out: list[tuple[str, tuple[float, ...]]] = []
    for c in text:
        advance, path = _glyph(c, bold)
        for op, at in path:
            out.append((op, tuple(x + v * size if i % 2 == 0 else y - v * size for i, v in enumerate(at))))
        x += advance * size
    return tuple(out)


@lru_cache(maxsize=8192)
def _glyph(c: str, bold: bool) -> Glyph:
    """Advance and outline in units of the font's size; the square of a missing glyph where no font has the letter."""
    from matplotlib.ft2font import LoadFlags

    faces = _faces(bold)
    font, cmap = next(((f, m) for f, m in faces if ord(c) in m), faces[0])
    loaded = font.load_char(ord(c) if ord(c) in cmap else 0xFFFD, flags=LoadFlags.NO_SCALE | LoadFlags.NO_HINTING)
    em = font.units_per_EM
    points, codes = font.get_path()
    path: list[tuple[str, tuple[float, ...]]] = []
    at = [(px * 64 / em, py * 64 / em) for px, py in points.tolist()]
    i, before = 0, (0.0, 0.0)
    while i < len(codes):
        code = int(codes[i])
        if code == 1 or code == 2:
            path.append(("ML"[code - 1], at[i]))
            before = at[i]
            i += 1
        elif code == 3:  # quadratic: as a cubic
            (qx, qy), end = at[i], at[i + 1]
            a = (before[0] + 2 / 3 * (qx - before[0]), before[1] + 2 / 3 * (qy - before[1]))
            b = (end[0] + 2 / 3 * (qx - end[0]), end[1] + 2 / 3 * (qy - end[1]))
            path.append(("C", (*a, *b, *end)))
            before = end
            i += 2
        elif code == 4:
            path.append(("C", (*at[i], *at[i + 1], *at[i + 2])))
            before = at[i + 2]
            i += 3
        else:
            path.append(("Z", ()))
            i += 1
    return loaded.horiAdvance / em, tuple(path)


@cache
def _faces(bold: bool) -> list[tuple[Any, set[int]]]:
    """Inter, then matplotlib's DejaVu for what Inter's part that we ship lacks (arrows, mathematics, more scripts)."""
    from matplotlib import get_data_path
    from matplotlib.ft2font import FT2Font

    own = FONTS / f"Inter-{'SemiBold' if bold else 'Regular'}.ttf"
    other = Path(get_data_path()) / "fonts" / "ttf" / f"DejaVuSans{'-Bold' if bold else ''}.ttf"
    return [(font, set(font.get_charmap())) for font in (FT2Font(str(own)), FT2Font(str(other)))]
