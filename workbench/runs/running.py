"""run: tasks × strategy × model mix → a Run on disk, resumable, bounded in money and time."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from workbench import semconv
from workbench.agents import ModelMix
from workbench.engine import Core, Engine, Limits
from workbench.errors import ModelError, Stopped, StoppedByHand, UsageError, unknown
from workbench.grading import grader, grader_for
from workbench.loading import load_tasks
from workbench.models.base import Model
from workbench.models.priced import Priced
from workbench.models.registry import open_model, price_per_token
from workbench.prompts import Prompts
from workbench.recording import Listener, Recorder, fail
from workbench.runs.manifest import manifest_of
from workbench.runs.resuming import find_place
from workbench.runs.watching import Brake, live_listeners
from workbench.store import Run, RunWriter
from workbench.strategies import Strategy, strategy
from workbench.tasks import Task
from workbench.team import Team


async def run(
    tasks: Sequence[Task] | str,
    strategy_: str | Mapping[str, Any] | Strategy = "parallel",
    mix: ModelMix | Mapping[str, Any] | str | None = None,
    *,
    out: str | os.PathLike[str] | None = None,
    seed: int = 0,
    repeats: int = 1,
    limits: Limits | None = None,
    grade: str | None = None,
    at_once: int = 16,
    api_base: str | None = None,
    models: Mapping[str, Model] | None = None,
    prompts: str | os.PathLike[str] | None = None,
    record_content: bool = True,
    stream: bool | None = None,
    live: bool | None = None,
    listeners: Sequence[Listener] = (),
) -> Run:
    """Put every task to the strategy's agents and record everything.

    Args:
        tasks: Tasks, or what `load_tasks` takes.
        strategy_: a Strategy, its name, or its dict of settings.
        mix: a ModelMix, its dict of settings, {model: agents}, or one model's name (default abacus-s).
        out: the Run's folder; a new one under traces/runs if None. A folder that holds the same run, unfinished, is resumed:
            tasks that are done are not asked again, and no completed call of the others is paid for twice.
        seed: of everything that is drawn. repeats: attempts at every task.
        limits: slots, timeouts, deadline, budget, retries.
        grade: exact, numeric, choice, math, recorded; chosen by the tasks if None.
        at_once: tasks in work at the same time.
        models: ready Model objects by name, used instead of opening them by name.
        prompts: a folder whose files replace the package's prompts.
        stream: ask for answers piece by piece (default: where the live picture wants them).
        live: show the picture while the run goes on; None: in a notebook where somebody can look at it.
        listeners: objects that hear spans, pieces and progress as they happen.
        record_content: False leaves prompts and answers out of the record (such a run cannot reuse half-done tasks' calls).

    Raises:
        UsageError, MissingKey: before anything starts. A model's failure is no error here: it is in the record.

    >>> run = await wb.run(tasks, wb.Parallel(agents=3), "abacus-s", limits=limits)
    >>> single = await wb.run(tasks, "single", {"scripted": 1}, models={"scripted": model})
    """
    chosen = strategy(strategy_)
    mix = ModelMix.of(mix)
    tasks = load_tasks(tasks) if isinstance(tasks, str) else list(tasks)
    _check(tasks, repeats, at_once)
    using = grader(grade) if grade else grader_for(tasks)
    words = Prompts(chosen.name, Path(prompts) if prompts else None)
    opened = _open(mix, models or {}, api_base, seed)
    priced = {name: (low / 1e6, high / 1e6) for name, (low, high) in mix.prices.items()}
    manifest = manifest_of(tasks, chosen, mix, using, words, seed, repeats, record_content)
    place, done, recorded = find_place(out, chosen, manifest)
    writer = RunWriter(place, manifest, secrets=[s for m in opened.values() for s in getattr(m, "secrets", ())])
    work = [(t, k) for k in range(repeats) for t in tasks if (t.id, k) not in done]
    brake = Brake()
    watching = [*listeners, *live_listeners(live, len(tasks) * repeats, brake)]
    recorder = Recorder(writer, writer.id, listeners=watching, content=record_content)
    core = Core(
        opened,
        recorder,
        using,
        limits=limits,
        seed=seed,
        prices=lambda name: priced.get(name) or price_per_token(name),
        recorded=recorded,
        stream=len(watching) > len(listeners) if stream is None else stream,
    )
    team = Team(mix, words)
    status = "interrupted"
    try:
        await _all(work, len(tasks) * repeats, chosen, team, core, at_once, brake)
        status = "stopped" if core.stopped else "closed"
    finally:
        for model in opened.values():
            if getattr(model, "inside", model) not in (models or {}).values():
                await model.aclose()
        if core.stopped:
            writer.update({"stopped": f"{type(core.stopped).__name__}: {core.stopped}"})
        writer.close(status)
    return Run(place)


async def _all(
    work: list[tuple[Task, int]],
    total: int,
    chosen: Strategy,
    team: Team,
    core: Core,
    at_once: int,
    brake: Brake,
) -> None:
    """Every task through its own coroutine, `at_once` of them at a time, in order."""
    room = asyncio.Semaphore(at_once)
    done = total - len(work)

    async def one(task: Task, repeat: int) -> None:
        nonlocal done
        async with room:
            if core.stopped is None:
                try:
                    await attempt(task, repeat, chosen, team, core)
                except asyncio.CancelledError:
                    if isinstance(core.stopped, StoppedByHand):
                        return
                    raise
                done += 1
                spending = core.spending
                core.recorder.progress(
                    {
                        "done": done,
                        "total": total,
                        "tokens": spending.tokens,
                        "cost_usd": spending.cost_usd,
                        "calls": spending.calls,
                        "max_tokens": spending.max_tokens,
                        "max_cost_usd": spending.max_cost_usd,
                    }
                )

    going: list[asyncio.Task[None]] = []

    def stop_by_hand() -> None:
        core.stop(StoppedByHand("stopped by hand"))
        for running in going:
            running.cancel()

    brake.bind(stop_by_hand)
    try:
        async with asyncio.TaskGroup() as group:
            going += [group.create_task(one(task, repeat)) for task, repeat in work]
    except BaseExceptionGroup as bugs:  # many tasks meet the same bug: the first says it, and IPython shows no group
        raise bugs.exceptions[0] from None


async def attempt(task: Task, repeat: int, chosen: Strategy, team: Team, core: Core) -> None:
    """One trace: the strategy's solution of one task. A model's failure ends it, recorded; a bug of ours is raised."""
    engine = Engine(core, task, repeat)
    attributes: dict[str, Any] = {
        semconv.OPERATION: semconv.WORKFLOW,
        semconv.AGENT: chosen.name,
        semconv.STRATEGY: chosen.name,
        **engine.identity,
    }
    optional = {
        semconv.AGENTS: getattr(chosen, "agents", 1),
        semconv.TASK_CATEGORY: task.category,
        semconv.TASK_DIFFICULTY: task.difficulty,
        semconv.TASK_PROMPT: task.prompt if core.recorder.content else None,
        semconv.TASK_TARGET: task.target if core.recorder.content else None,
    }
    attributes |= {k: v for k, v in optional.items() if v is not None}
    with core.recorder.span(f"{semconv.WORKFLOW} {chosen.name}", attributes, root=True) as span:
        try:
            made = await chosen.solve(task, team, engine)
        except ModelError as e:
            fail(span, e)
        except (Stopped, asyncio.CancelledError) as e:
            span.set_attribute(semconv.CANCELLED, True)
            if not isinstance(e, Stopped):
                raise
            core.stop(e)
        else:
            span.set_attribute(semconv.SYNTHESIS_KIND, made.kind)
            engine.mark(span, made.answer, support=made.support, confidence=made.confidence)


def _check(tasks: Sequence[Task], repeats: int, at_once: int) -> None:
    if not tasks:
        raise UsageError("there are no tasks to run")
    for name, value in (("repeats", repeats), ("at_once", at_once)):
        if value < 1:
            raise UsageError(f"{name} must be at least 1, got {value!r}")
    seen: set[str] = set()
    for task in tasks:
        if not isinstance(task, Task):
            raise UsageError(f"tasks must be Task objects (see load_tasks), got {type(task).__name__}")
        if task.id in seen:
            raise UsageError(f"two tasks have the id {task.id!r}")
        seen.add(task.id)


def _open(mix: ModelMix, given: Mapping[str, Model], api_base: str | None, seed: int) -> dict[str, Model]:
    """Every model of the mix, all checked before the first task starts."""
    for name in given:
        if name not in mix.models:
            raise unknown("model (it is not in the mix)", name, mix.models)
    opened = {n: given[n] if n in given else open_model(n, api_base=api_base, seed=seed) for n in mix.models}
    return opened | {n: Priced(opened[n], price) for n, price in mix.prices.items() if n in opened}
