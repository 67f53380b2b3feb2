"""Paint: a Scene as PNG, by matplotlib's Agg from the same paths that the SVG holds."""

from __future__ import annotations

import io
from typing import Any, cast

from workbench.widgets.scene import Scene, Shape, capsule

CLOSE = [(0.0, 0.0)]
CODES = {"M": (1,), "L": (2,), "C": (4, 4, 4), "Z": (79,)}


def png(scene: Scene, scale: float = 2.0) -> bytes:
    """The picture at `scale` pixels per unit, opaque."""
    from matplotlib.backends.backend_agg import RendererAgg
    from matplotlib.colors import to_rgba
    from PIL import Image

    wide, high = max(1, round(scene.width * scale)), max(1, round(scene.height * scale))
    canvas: Any = cast(Any, RendererAgg)(wide, high, 72)  # a point is a pixel: the widths below are scaled here
    flip = _flip(scale, high)
    ground = Shape(capsule(0, scene.height / 2, scene.width, scene.height, 0), fill=scene.ground)
    for shape in [ground, *scene.shapes()]:
        if not shape.path:
            continue
        context = canvas.new_gc()
        context.set_antialiased(True)
        context.set_linewidth(shape.line_px * scale if shape.stroke else 0)
        context.set_foreground(shape.stroke or "none")
        context.set_alpha(shape.opacity)
        context.set_capstyle("round" if shape.round_ends else "butt")
        context.set_joinstyle("round")
        if shape.dash:
            context.set_dashes(0, [d * scale for d in shape.dash])
        face = to_rgba(shape.fill, shape.opacity) if shape.fill else None
        canvas.draw_path(context, _path(shape), flip, face)
    out = io.BytesIO()
    image = Image.frombuffer("RGBA", (wide, high), canvas.buffer_rgba(), "raw", "RGBA", 0, 1).convert("RGB")
    # few colours: a palette makes the file a third of the size
    image = image.quantize(128, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    image.save(out, "PNG", dpi=(72 * scale, 72 * scale))
    return out.getvalue()


def _path(shape: Shape) -> object:
    from matplotlib.path import Path

    codes: list[int] = []
    points: list[tuple[float, float]] = []
    for op, at in shape.path:
        codes += CODES[op]
        points += zip(at[::2], at[1::2], strict=True) if at else CLOSE
    return Path(points, codes)


def _flip(scale: float, high: int) -> object:
    from matplotlib.transforms import Affine2D

    return Affine2D().scale(scale, -scale).translate(0, high)
