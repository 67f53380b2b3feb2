"""Decompose: a planner splits the task, the parts run in parallel, a synthesizer merges (cf. arXiv 2307.15337)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from workbench.agents import Agent
from workbench.engine import Engine
from workbench.engine.thread import Thread
from workbench.strategies.base import at_least
from workbench.strategies.planning import BadPlan, Part, Plan, parse_plan
from workbench.synthesis import Synthesis, TooFewThreads
from workbench.tasks import Task
from workbench.team import Team


@dataclass(frozen=True)
class Decompose:
    """Parts that need no other's result run at once, at most `agents` at a time; a part may be split again down to `depth`.

    A plan that cannot be used is sent back once with what is wrong; if the second cannot be used either, one agent solves the
    task whole. Both are recorded as decisions. A part that is lost is merged as unknown unless fewer than `min_threads` parts
    are left.
    """

    name: ClassVar[str] = "decompose"
    agents: int = 5
    max_subtasks: int = 16
    depth: int = 1
    min_threads: int = 1
    max_tokens: int | None = None

    def __post_init__(self) -> None:
        at_least(self, 1, "agents", "max_subtasks", "depth", "min_threads", "max_tokens")

    async def solve(self, task: Task, team: Team, engine: Engine) -> Synthesis:
        return await self._solve(task.prompt, self.depth, task, team, engine, after=())

    async def _solve(
        self, words: str, depth: int, task: Task, team: Team, engine: Engine, after: Sequence[Thread]
    ) -> Synthesis:
        plan, planned = await self._plan(words, team, engine, after)
        if plan is None or len(plan.parts) < 2:
            return await self._whole(words, team, engine, planned)
        results = await self._parts(plan, planned, depth, task, team, engine)
        return await self._merge(words, plan, results, team, engine)

    async def _plan(
        self, words: str, team: Team, engine: Engine, after: Sequence[Thread]
    ) -> tuple[Plan | None, list[Thread]]:
        planner = team.one("plan")
        problem = ""
        threads: list[Thread] = []
        for role in ("plan", "repair"):
            asked = team.prompt(role, planner, task=words, limit=self.max_subtasks, problem=problem)
            with engine.thread(planner, after=threads or after) as thread:
                threads = [thread]
                thread.answer = ""  # a plan is no answer to the task
                reply = await engine.ask(planner, asked, max_tokens=self.max_tokens)
                try:
                    plan = parse_plan(reply.text, self.max_subtasks)
                    engine.decide("split", f"into {len(plan.parts)} parts", parts=len(plan.parts))
                    return plan, threads
                except BadPlan as e:
                    problem = str(e)
                    engine.decide("split", f"the plan cannot be used: {problem}")
            if thread.error is not None:
                return None, threads
        return None, threads

    async def _whole(self, words: str, team: Team, engine: Engine, planned: Sequence[Thread]) -> Synthesis:
        agent = team.agents(1)[0]
        engine.decide("split", "not split: one agent solves the task whole")
        thread = await engine.work(
            agent, team.prompt("solve", agent, task=words), after=planned, max_tokens=self.max_tokens
        )
        if thread.error is not None:
            raise thread.error
        said = 0.0 if thread.answer is None else 1.0
        return Synthesis(thread.answer, said, said, (thread.index,), self.name)

    async def _parts(
        self, plan: Plan, planned: Sequence[Thread], depth: int, task: Task, team: Team, engine: Engine
    ) -> dict[str, Thread]:
        """All parts' threads by part id: wave after wave of what needs nothing unfinished, `agents` at a time."""
        agents = [a.as_("subtask") for a in team.agents(self.agents)]
        done: dict[str, Thread] = {}
        for wave in plan.waves():
            for start in range(0, len(wave), self.agents):
                batch = wave[start : start + self.agents]
                threads = await engine.together(
                    self._part(part, agent, [done[n] for n in part.needs], planned, depth, task, team, engine)
                    for part, agent in zip(batch, agents, strict=False)
                )
                done |= {part.id: thread for part, thread in zip(batch, threads, strict=True)}
        return done

    async def _part(
        self,
        part: Part,
        agent: Agent,
        needed: Sequence[Thread],
        planned: Sequence[Thread],
        depth: int,
        task: Task,
        team: Team,
        engine: Engine,
    ) -> Thread:
        given = "".join(f"\n{i}: {t.answer or '?'}" for i, t in zip(part.needs, needed, strict=True))
        words = part.task + (f"\n\nGiven:{given}" if given else "")
        if depth == 1:
            asked = team.prompt("subtask", agent, subtask=part.task, given=f"\n\nGiven:{given}" if given else "")
            return await engine.work(agent, asked, after=needed or planned, max_tokens=self.max_tokens)
        with engine.thread(agent, after=needed or planned) as thread:
            thread.answer = (await self._solve(words, depth - 1, task, team, engine, after=())).answer
        return thread

    async def _merge(
        self, words: str, plan: Plan, results: Mapping[str, Thread], team: Team, engine: Engine
    ) -> Synthesis:
        threads = [results[p.id] for p in plan.parts]
        writer = team.one("merge")
        async with engine.synthesis("merge", threads) as span:
            lost = [t for t in threads if t.error is not None]
            if lost:
                engine.decide("lost", "; ".join(str(t.error) for t in lost)[:500], threads=len(lost))
            if len(threads) - len(lost) < self.min_threads:
                raise TooFewThreads(f"{len(lost)} of {len(threads)} parts were lost; the first to: {lost[0].error}")
            parts = "\n".join(
                f"Part {i + 1}: {p.task} = {t.answer or '?'}"
                for i, (p, t) in enumerate(zip(plan.parts, threads, strict=True))
            )
            reply = await engine.ask(
                writer, team.prompt("merge", writer, task=words, parts=parts), max_tokens=self.max_tokens
            )
            answer = engine.read(reply.text)
            share = sum(t.answer is not None for t in threads) / len(threads)
            engine.decide("merge", f"{len(threads)} parts, {share:.0%} of them with a result", parts=len(threads))
            engine.mark(span, answer, support=share, confidence=share if answer is not None else 0.0)
        return Synthesis(answer, share if answer is not None else 0.0, share, tuple(t.index for t in threads), "merge")
