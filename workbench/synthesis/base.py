"""What a synthesis is: threads in, one answer out, with what supports it."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol, runtime_checkable

from workbench.engine import Engine
from workbench.engine.thread import Thread
from workbench.errors import ModelError
from workbench.tasks import Task
from workbench.team import Team


class TooFewThreads(ModelError):
    """More threads were lost than the strategy's `min_threads` allows."""


@dataclass(frozen=True, slots=True)
class Synthesis:
    """One answer. `support`: share of the threads behind it; `confidence`: the synthesis' own estimate of being right, 0..1.

    `threads` are the indices of the threads that were used; `tie` says that another answer stood as well.
    """

    answer: str | None
    confidence: float
    support: float
    threads: tuple[int, ...]
    kind: str
    tie: bool = False


@runtime_checkable
class Synthesizer(Protocol):
    """How threads become one answer. A frozen dataclass of settings with this one coroutine."""

    name: ClassVar[str]

    async def merge(self, task: Task, threads: Sequence[Thread], team: Team, engine: Engine) -> Synthesis:
        """Merge the threads that were not lost."""
        ...


@dataclass(slots=True)
class Group:
    """The threads that gave one and the same answer, as the grader sees sameness."""

    answer: str
    threads: list[Thread]
    weight: float = 0.0


def groups(threads: Sequence[Thread], engine: Engine) -> list[Group]:
    """Threads by answer, in order of first appearance; silent threads are in none."""
    found: dict[Hashable, Group] = {}
    for thread in threads:
        if thread.answer is not None:
            key = engine.core.grader.key(thread.answer)
            found.setdefault(key, Group(thread.answer, [])).threads.append(thread)
    return list(found.values())


def outcome(
    best: Group | None, threads: Sequence[Thread], kind: str, confidence: float, *, tie: bool = False
) -> Synthesis:
    """The Synthesis that picks one group (None: nobody said anything)."""
    used = tuple(t.index for t in threads)
    if best is None:
        return Synthesis(None, 0.0, 0.0, used, kind)
    return Synthesis(best.answer, confidence, len(best.threads) / len(threads), used, kind, tie)


def supported(answer: str | None, threads: Sequence[Thread], engine: Engine) -> float:
    """Share of threads that gave this answer."""
    same = engine.core.grader.same
    return sum(same(answer, t.answer) for t in threads) / len(threads) if threads else 0.0


def written(threads: Sequence[Thread]) -> str:
    """The threads' texts as the prompts show them to another agent."""
    return "\n\n".join(f"Thread {i + 1}:\n{t.text.strip()}" for i, t in enumerate(threads))
