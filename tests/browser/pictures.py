"""Screenshots: kept where PICTURES names a folder, in few colours so that they stay small."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

from PIL import Image


def keep(page: Any, name: str, clip_to: str | None = None) -> None:
    """A picture of the page, or of the first element that `clip_to` names."""
    folder = os.environ.get("PICTURES")
    if not folder:
        return
    data = page.screenshot() if clip_to is None else page.locator(clip_to).first.screenshot()
    image = Image.open(io.BytesIO(data)).convert("RGB").quantize(96, dither=Image.Dither.NONE)
    Path(folder).mkdir(parents=True, exist_ok=True)
    image.save(Path(folder) / name, optimize=True)
