"""Glyphs: a small shape per model, told apart without colour; widgets/src/glyphs.ts draws the same."""

from __future__ import annotations

import math

from workbench.widgets.scene import Command, capsule

MOST = 6
"""Models with a glyph of their own; further ones share the ring."""


def glyph(number: int, x: float, y: float, r: float) -> tuple[Command, ...]:
    """The outline, centred at (x, y), of about the area of a circle of radius `r`: circle, square, triangle, diamond, star,
    cross; beyond these a small dot."""
    if number == 0:
        return capsule(x - r, y, 2 * r, 2 * r)
    if number == 1:
        return _polygon(x, y, r * 1.25, 4, math.pi / 4)
    if number == 2:
        return _polygon(x, y + r * 0.2, r * 1.4, 3, -math.pi / 2)
    if number == 3:
        return _polygon(x, y, r * 1.35, 4, 0)
    if number == 4:
        return _star(x, y, r * 1.5)
    if number == 5:
        return _cross(x, y, r * 1.25, r * 0.42)
    return capsule(x - r / 2, y, r, r)


def _polygon(x: float, y: float, r: float, corners: int, turn: float) -> tuple[Command, ...]:
    return _closed([(x + r * math.cos(turn + a), y + r * math.sin(turn + a)) for a in _angles(corners)])


def _star(x: float, y: float, r: float) -> tuple[Command, ...]:
    return _closed(
        [
            (x + q * math.cos(a - math.pi / 2), y + q * math.sin(a - math.pi / 2))
            for a, q in zip(_angles(10), (r, r * 0.45) * 5, strict=True)
        ]
    )


def _cross(x: float, y: float, r: float, w: float) -> tuple[Command, ...]:
    corners = [
        (-w, -r),
        (w, -r),
        (w, -w),
        (r, -w),
        (r, w),
        (w, w),
        (w, r),
        (-w, r),
        (-w, w),
        (-r, w),
        (-r, -w),
        (-w, -w),
    ]
    return _closed([(x + dx, y + dy) for dx, dy in corners])


def _angles(count: int) -> list[float]:
    return [2 * math.pi * i / count for i in range(count)]


def _closed(points: list[tuple[float, float]]) -> tuple[Command, ...]:
    return (("M", points[0]), *(("L", p) for p in points[1:]), ("Z", ()))
