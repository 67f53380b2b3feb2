"""Executes every notebook of the catalogue with its defaults and keeps the results in notebooks/gallery: `make gallery`."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from workbench.errors import DataError
from workbench.sweeps import Sweep, catalogue

ROOT = Path(__file__).resolve().parents[1]
GALLERY = ROOT / "notebooks" / "gallery"
WORK = ROOT / "traces" / "runs" / "gallery"
MOST_BYTES = 1_000_000
PICTURE_PX = (1600, 1000, 700)
"""Widths that large pictures are brought down to, one after the other, until the file is small enough."""


def gallery(
    names: Iterable[str], target: Path = GALLERY, work: Path = WORK, timeout_s: float = 600
) -> dict[str, float]:
    """Run the notebooks, put them into `target`; returns seconds by name. Raises DataError in the end if one failed."""
    target.mkdir(parents=True, exist_ok=True)
    seconds: dict[str, float] = {}
    failed = []
    for name in names:
        sweep = Sweep(name, [{}], out=work / Path(name).stem).run(resume=False, timeout_s=timeout_s)
        row = sweep.frame().iloc[0]
        if row["status"] != "done":
            failed.append(f"{name}: {row['error']} ({row['notebook']})")
            continue
        notebook = json.loads(Path(row["notebook"]).read_text(encoding="utf-8"))
        (target / f"{Path(name).stem}.ipynb").write_text(_small(_clean(notebook)), encoding="utf-8")
        seconds[Path(name).stem] = float(row["seconds"])
        print(f"{Path(name).stem:16} {seconds[Path(name).stem]:6.1f} s", flush=True)
    if failed:
        raise DataError("\n".join(failed))
    return seconds


def _clean(notebook: dict[str, Any]) -> dict[str, Any]:
    """Without the marks of papermill, the parameters it put in, and the paths of the machine it ran on."""
    kept = [c for c in notebook["cells"] if "injected-parameters" not in c["metadata"].get("tags", ())]
    for cell in kept:
        tags = cell["metadata"].get("tags")
        cell["metadata"] = {"tags": tags} if tags else {}
    spec = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
    text = json.dumps(
        {**notebook, "cells": kept, "metadata": {"kernelspec": spec, "language_info": {"name": "python"}}}
    )
    text = re.sub(re.escape(str(ROOT)) + r"/?", "", text)
    text = re.sub(r"/tmp/([\w-]+?-)?[a-z0-9_]{8}(?=[/\"\\ ])", "a-temporary-folder", text)
    return dict(json.loads(text))


def _small(notebook: dict[str, Any]) -> str:
    """The notebook's file, its pictures brought down as far as it takes. Raises DataError where that is not enough."""
    for width in (None, *PICTURE_PX):
        if width is not None:
            for data in _bundles(notebook):
                if "image/png" in data:
                    data["image/png"] = _narrower("".join(data["image/png"]), width)
        text = json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"
        if len(text.encode()) < MOST_BYTES:
            return text
    raise DataError(f"the notebook takes {len(text.encode()):,} bytes, more than {MOST_BYTES:,}")


def _bundles(notebook: dict[str, Any]) -> Iterable[dict[str, Any]]:
    for cell in notebook["cells"]:
        for output in cell.get("outputs", ()):
            yield output.get("data", {})


def _narrower(picture: str, width: int) -> str:
    import base64
    import io

    from PIL import Image

    image = Image.open(io.BytesIO(base64.b64decode(picture)))
    if image.width <= width:
        return picture
    smaller = image.convert("RGB").resize((width, round(image.height * width / image.width)), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    smaller.quantize(128).save(out, "PNG", optimize=True)
    return base64.b64encode(out.getvalue()).decode()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="notebooks of the catalogue [all]")
    given = parser.parse_args()
    known = catalogue.entries()
    seconds = gallery([str(catalogue.find(name)) for name in given.names or sorted(known)])
    slow = [name for name, took in seconds.items() if took > 60]
    if slow:
        print(f"over 60 s on this machine now: {', '.join(slow)}", file=sys.stderr)


if __name__ == "__main__":
    main()
