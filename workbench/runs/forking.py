"""fork: change the model, prompt or answer of one recorded call and make again only what follows from it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from workbench.agents import ModelMix
from workbench.engine import Core, Limits
from workbench.errors import DataError, UsageError
from workbench.grading import Grader, grader, grader_for
from workbench.models.base import Model
from workbench.models.priced import Priced
from workbench.models.registry import open_model, price_per_token
from workbench.prompts import Prompts
from workbench.recording import Listener, Recorder
from workbench.runs.again import recorded_tasks
from workbench.runs.late import Late
from workbench.runs.manifest import identity_of, manifest_of
from workbench.runs.replaying import Change, Replaying, find_fork
from workbench.runs.resuming import find_place
from workbench.runs.running import attempt
from workbench.spans import Span
from workbench.store import Run, RunWriter, is_run
from workbench.strategies import Strategy, strategy
from workbench.tasks import Task
from workbench.team import Team


async def fork(
    run: Run | str | os.PathLike[str],
    span: Span | str,
    *,
    model: str | None = None,
    prompt: str | None = None,
    answer: str | None = None,
    out: str | os.PathLike[str] | None = None,
    tasks: Sequence[Task] | None = None,
    models: Mapping[str, Model] | None = None,
    prompts: str | os.PathLike[str] | None = None,
    limits: Limits | None = None,
    api_base: str | None = None,
    listeners: Sequence[Listener] = (),
) -> Run:
    """What would have become of one attempt if one call had been another: a new Run of that attempt.

    A call is made again exactly where what it is asked differs from the record. Those before the fork and beside it are reused
    and not paid for; those that read something changed are made anew, and the strategy may now decide otherwise. Failures are
    replayed as they were. The new Run's manifest says what it was `forked_from`.

    Args:
        run: a Run that the workbench recorded with its content. span: the span, or its id. A thread or a synthesis stands for
            its calls: a new `model` answers all of them, a `prompt` replaces the first one's, an `answer` the last one's.
        model: who answers instead. prompt: the user's text instead. answer: what is said instead, without a call (words that the
            grader cannot read an answer in are put as "Answer: ..."). `model` and `prompt` may go together.
        out: the new Run's folder. tasks: the run's, where its grader needs more than the record holds (choices).
        models: ready models by name. prompts, limits, api_base: as the run had them (see `run`).

    Raises:
        UsageError: nothing is changed, there is no such span, or it is no model call. DataError: the record cannot be followed to
            the fork: it was made elsewhere, without content, or with other prompts or limits; then nothing was paid for.

    >>> changed = await wb.fork(run, wb.calls(run)["span_id"].iloc[0], answer="Answer: 7")
    """
    before = run if isinstance(run, Run) else Run(run)
    change = Change(model, prompt, answer)
    manifest = before.manifest
    if not isinstance(manifest.get("strategy"), Mapping):
        raise DataError(f"{before.path} was not made by the workbench: it does not say by which strategy")
    if out is not None and is_run(out):
        raise UsageError(f"{os.fspath(out)} holds a run already; name another folder")
    at = find_fork(before, span)
    task = _task(before, at.task_id, tasks)
    using = grader(manifest["grader"]) if manifest.get("grader") else grader_for([task])
    chosen, mix = strategy(manifest["strategy"]), ModelMix.of(manifest.get("mix"))
    words = Prompts(chosen.name, Path(prompts) if prompts else None)
    _same_prompts(manifest, words, before)
    change = _readable(change, using, task)
    seed = int(manifest.get("seed", 0))
    opened = _open(mix, change.model, models or {}, api_base, seed)
    written = _manifest(before, at.as_dict(), change, task, chosen, mix, using, words, seed)
    place, _, _ = find_place(out, chosen, written)
    replaying = Replaying(at, change)
    priced = {name: (low / 1e6, high / 1e6) for name, (low, high) in mix.prices.items()}
    with RunWriter(place, written) as writer:
        core = Core(
            opened,
            Recorder(writer, writer.id, listeners=listeners, content=True),
            using,
            limits=limits or Limits(max_output_tokens=at.max_output_tokens),
            seed=seed,
            prices=lambda name: priced.get(name) or price_per_token(name),
            recorded=at.replies,
            revise=replaying,
        )
        try:
            await attempt(task, at.repeat, chosen, Team(mix, words), core)
        finally:
            for name, made in opened.items():
                if name not in (models or {}):
                    await made.aclose()
            writer.update({"forked_from": {**written["forked_from"], "reused_calls": replaying.reused}})
        if not replaying.reached:
            raise DataError(f"{before.path} could not be followed to the call that was to be changed")
    return Run(place)


def _task(run: Run, task_id: str, given: Sequence[Task] | None) -> Task:
    known = list(given) if given is not None else recorded_tasks(run)
    found = next((task for task in known if task.id == task_id), None)
    if found is None:
        raise UsageError(f"the tasks given lack {task_id!r}, whose attempt is to be forked")
    return found


def _same_prompts(manifest: Mapping[str, Any], words: Prompts, run: Run) -> None:
    if manifest.get("prompts_sha256") not in (None, words.sha256):
        raise DataError(
            f"{run.path} was made with other prompts than these; give its folder of prompts (prompts=), else every call would be "
            "another one and be paid again"
        )


def _readable(change: Change, using: Grader, task: Task) -> Change:
    if change.answer is None or using.read(change.answer, task) is not None:
        return change
    return replace(change, answer=f"Answer: {change.answer}")


def _open(
    mix: ModelMix, new: str | None, given: Mapping[str, Model], api_base: str | None, seed: int
) -> dict[str, Model]:
    """The run's models, opened when asked; a new one at once, so that a wrong name is told before anything starts."""
    opened: dict[str, Model] = {}
    for name in dict.fromkeys([*mix.models, *([new] if new else [])]):
        if name in given:
            opened[name] = given[name]
        elif name == new:
            opened[name] = open_model(name, api_base=api_base, seed=seed)
        else:
            opened[name] = Late(name, lambda name=name: open_model(name, api_base=api_base, seed=seed))  # type: ignore[misc]
    return opened | {n: Priced(opened[n], price) for n, price in mix.prices.items() if n in opened}


def _manifest(
    run: Run,
    at: Mapping[str, Any],
    change: Change,
    task: Task,
    chosen: Strategy,
    mix: ModelMix,
    using: Grader,
    words: Prompts,
    seed: int,
) -> dict[str, Any]:
    forked = {"run": run.id, "path": str(run.path), **at, "changed": change.as_dict()}
    made = manifest_of([task], chosen, mix, using, words, seed, 1, True)
    return {**made, "identity": identity_of({**made, "forked_from": forked}), "forked_from": forked}
