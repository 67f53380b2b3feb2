"""Synthesis: how threads become one answer, an axis of its own; every strategy that ends in threads accepts any."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from workbench.building import Registry
from workbench.engine import Engine
from workbench.engine.thread import Thread
from workbench.synthesis.base import Group, Synthesis, Synthesizer, TooFewThreads, groups, outcome, supported, written
from workbench.tasks import Task
from workbench.team import Team

__all__ = [
    "SYNTHESES",
    "Group",
    "Synthesis",
    "Synthesizer",
    "TooFewThreads",
    "conclude",
    "groups",
    "outcome",
    "supported",
    "synthesizer",
    "written",
]

SYNTHESES: Registry[Synthesizer] = Registry(
    "synthesis",
    Synthesizer,
    package="workbench.synthesis",
    group="workbench.syntheses",
    ours={"majority": "Majority", "weighted": "Weighted", "judge": "Judge", "merge": "Merge", "verify": "Verify"},
)


def synthesizer(spec: str | Mapping[str, Any] | Synthesizer) -> Synthesizer:
    """A synthesizer from its name, from {"name": …, settings…}, or itself. Raises UsageError with the nearest names."""
    return SYNTHESES.make(spec)


async def conclude(
    threads: Sequence[Thread],
    synthesis: Synthesizer,
    min_threads: int,
    task: Task,
    team: Team,
    engine: Engine,
    heard: Callable[[Synthesis], None] | None = None,
) -> Synthesis:
    """End threads in a synthesis, in its own span with join links; `heard` is called while that span is current.

    Lost threads are recorded as a decision; with fewer than `min_threads` left the task fails with TooFewThreads.
    """
    alive = [t for t in threads if not t.lost]
    async with engine.synthesis(synthesis.name, threads) as span:
        lost = [t for t in threads if t.error is not None]
        if lost:
            engine.decide("lost", "; ".join(f"thread {t.index}: {t.error}" for t in lost)[:500], threads=len(lost))
        if len(alive) < max(1, min_threads):
            raise TooFewThreads(
                f"{len(alive)} of {len(threads)} threads are left, and min_threads is {min_threads}"
                + (f"; the first was lost to: {lost[0].error}" if lost else "")
            )
        made = await synthesis.merge(task, alive, team, engine)
        engine.mark(span, made.answer, support=made.support, confidence=made.confidence)
        if heard is not None:
            heard(made)
        return made
