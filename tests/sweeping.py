"""Notebooks for the tests of sweeps, built by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

SPEC = {"name": "python3", "display_name": "Python 3", "language": "python"}


def notebook(path: Path, *cells: str, parameters: str = "a = 1\nout = None", spec: dict[str, Any] = SPEC) -> Path:
    """Write a notebook with a parameters cell and code cells."""
    codes = [(parameters, ["parameters"]), *((cell, []) for cell in cells)]
    content = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": spec},
        "cells": [
            {"id": f"c{i}", "cell_type": "code", "source": text, "metadata": {"tags": tags}, "outputs": [],
             "execution_count": None}
            for i, (text, tags) in enumerate(codes)
        ],
    }  # fmt: skip
    path.write_text(json.dumps(content))
    return path


def outputs(path: str | Path) -> list[list[dict[str, Any]]]:
    """The outputs of every code cell of an executed notebook."""
    return [c["outputs"] for c in json.loads(Path(path).read_text())["cells"] if c["cell_type"] == "code"]


def text(path: str | Path) -> str:
    """All that an executed notebook printed, and its errors."""
    said = [o.get("text", o.get("ename", "")) for cell in outputs(path) for o in cell]
    return "".join("".join(part) for part in said)
