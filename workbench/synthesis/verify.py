"""Verify: check each distinct answer, then vote among those that pass."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from workbench.engine import Engine
from workbench.engine.thread import Thread
from workbench.errors import ModelError, UsageError
from workbench.synthesis.base import Group, Synthesis, groups, outcome
from workbench.tasks import Task
from workbench.team import Team

_VERDICT = re.compile(
    r"verdict\s*:?\s*\**\s*(right|wrong|correct|incorrect)\W*(?:\(?\s*(\d*\.?\d+)\s*(%)?)?", re.IGNORECASE
)


@dataclass(frozen=True)
class Verify:
    """A checker reads one thread of every distinct answer; answers it holds right with at least `threshold` stay.

    The most supported of them wins; where none stays, the most probable one does, and that is recorded.
    """

    name: ClassVar[str] = "verify"
    threshold: float = 0.5

    def __post_init__(self) -> None:
        if not 0 <= self.threshold <= 1:
            raise UsageError(f"Verify.threshold must be between 0 and 1, got {self.threshold!r}")

    async def merge(self, task: Task, threads: Sequence[Thread], team: Team, engine: Engine) -> Synthesis:
        found = groups(threads, engine)
        if not found:
            engine.decide("vote", "no thread gave an answer", answers=0)
            return outcome(None, threads, self.name, 0.0)
        checked = await verdicts(task, [g.threads[0] for g in found], team, engine)
        sure = {id(g): _or_half(checked[g.threads[0].index]) for g in found}
        passing = [g for g in found if sure[id(g)] >= self.threshold]

        def rank(group: Group) -> tuple[float, float]:
            votes = float(len(group.threads))
            return (votes, sure[id(group)]) if passing else (sure[id(group)], votes)

        best = max(passing or found, key=rank)
        reason = f"{len(passing)} of {len(found)} answers pass the check" + (
            "" if passing else "; the most probable stands"
        )
        engine.decide("vote", reason, answers=len(found), passed=len(passing), probability=sure[id(best)])
        return outcome(best, threads, self.name, sure[id(best)])


def _or_half(probability: float | None) -> float:
    return 0.5 if probability is None else probability


async def verdicts(task: Task, threads: Sequence[Thread], team: Team, engine: Engine) -> dict[int, float | None]:
    """The checker's probability, by thread index, that each thread is right; None where it could not say."""
    checker = team.one("check")

    async def check(thread: Thread) -> float | None:
        asked = team.prompt("check", checker, task=task.prompt, solution=thread.text.strip())
        try:
            reply = await engine.ask(checker, asked)
        except ModelError as e:
            engine.decide("lost", f"the checker failed on thread {thread.index}: {e}")
            return None
        return probability_right(reply.text)

    spoken = [t for t in threads if t.answer is not None]
    found = await engine.together(check(t) for t in spoken)
    return dict.fromkeys((t.index for t in threads), None) | dict(zip((t.index for t in spoken), found, strict=True))


def probability_right(text: str) -> float | None:
    """The probability in a checker's text: its number where it gives one, else 1 or 0 by its verdict, else None."""
    said = list(_VERDICT.finditer(text))
    if not said:
        return None
    verdict = said[-1]
    right = verdict.group(1).lower() in ("right", "correct")
    if verdict.group(2):
        number = float(verdict.group(2)) / (100 if verdict.group(3) else 1)
        if 0 <= number <= 1:
            return number
    return float(right)
