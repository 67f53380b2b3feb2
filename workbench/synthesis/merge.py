"""Merge: a model reads all threads and writes the answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from workbench.engine import Engine
from workbench.engine.thread import Thread
from workbench.errors import ModelError
from workbench.synthesis.base import Synthesis, supported, written
from workbench.synthesis.majority import Majority
from workbench.tasks import Task
from workbench.team import Team


@dataclass(frozen=True)
class Merge:
    """The synthesizer reads the threads and answers; where it fails or says nothing, the majority stands, and that is recorded.

    Its confidence is the support of its answer among the threads (none, where it found an answer of its own).
    """

    name: ClassVar[str] = "merge"

    async def merge(self, task: Task, threads: Sequence[Thread], team: Team, engine: Engine) -> Synthesis:
        writer = team.one("merge").as_("revise")
        try:
            asked = team.prompt("revise", writer, task=task.prompt, threads=written(threads))
            answer = engine.read((await engine.ask(writer, asked)).text)
            problem = "said no answer"
        except ModelError as e:
            answer, problem = None, f"failed: {e}"
        if answer is None:
            engine.decide("vote", f"the synthesizer {problem}; the majority stands")
            by_vote = await Majority().merge(task, threads, team, engine)
            return Synthesis(
                by_vote.answer, by_vote.confidence, by_vote.support, by_vote.threads, self.name, by_vote.tie
            )
        support = supported(answer, threads, engine)
        engine.decide("vote", f"written from {len(threads)} threads, {support:.0%} of which give it", support=support)
        return Synthesis(answer, support, support, tuple(t.index for t in threads), self.name)
