"""Scripted teams: what tests of engine and strategies run on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import workbench as wb
from workbench.models.base import Request

Answer = Callable[[Request], str | wb.Reply]
MIX = wb.ModelMix({"m": 1})
TASK = wb.Task("t", "What is 2 + 2?", "4")


async def play(
    answer: Answer,
    strategy: wb.Strategy,
    out: Path,
    tasks: list[wb.Task] | None = None,
    mix: wb.ModelMix = MIX,
    **more: Any,
) -> wb.Run:
    """Run tasks on models that all answer by one function."""
    models = {name: wb.Scripted(answer, name=name) for name in mix.models}
    return await wb.run(tasks or [TASK], strategy, mix, out=out, models=models, **more)


def says(text: str) -> Answer:
    """A model that always says the same."""
    return lambda request: f"Answer: {text}"


def by_sample(*texts: str) -> Answer:
    """Thread i says the i-th text."""
    return lambda request: f"Answer: {texts[request.sample % len(texts)]}"
