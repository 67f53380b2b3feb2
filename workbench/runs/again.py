"""rerun: some tasks of a recorded run once more, as they were put then, to see what a changed model makes of them."""

from __future__ import annotations

import os
import random
from collections.abc import Mapping, Sequence
from typing import Any

from workbench import semconv as s
from workbench.agents import ModelMix
from workbench.errors import DataError, UsageError
from workbench.runs.running import run
from workbench.store import Run
from workbench.tasks import Task


async def rerun(
    old: Run | str | os.PathLike[str],
    mix: ModelMix | Mapping[str, Any] | str | None = None,
    *,
    n: int = 40,
    tasks: Sequence[Task] | None = None,
    seed: int = 0,
    out: str | os.PathLike[str] | None = None,
    **settings: Any,
) -> Run:
    """Put `n` tasks of a run (drawn by `seed`, every category in its share) to the same strategy again.

    `mix` is who answers now (default: the same models by name). `tasks`: the run's tasks, where its grader needs more of them
    than the record holds (choices, recorded judgements); else they come from the record, which then must hold its content.
    `settings` go to `run`. The strategy, its seed, repeats and grader are the old run's. Compare with `drift(old, new)`.

    >>> again = await wb.rerun(run, n=4)
    """
    if n < 1:
        raise UsageError(f"n must be at least 1, got {n!r}")
    before = old if isinstance(old, Run) else Run(old)
    manifest = before.manifest
    if not isinstance(manifest.get("strategy"), Mapping):
        raise DataError(f"{before.path} was not made by the workbench: it does not say by which strategy")
    asked = recorded_tasks(before) if tasks is None else _asked(before, tasks)
    given = {"seed": manifest.get("seed", 0), "repeats": manifest.get("repeats", 1), "grade": manifest.get("grader")}
    who = mix if mix is not None else manifest.get("mix")
    return await run(_draw(asked, n, seed), manifest["strategy"], who, out=out, **{**given, **settings})


def recorded_tasks(run: Run) -> list[Task]:
    """The tasks that a run's roots tell: id, prompt, target, category and difficulty. Raises DataError without content."""
    found: dict[str, Task] = {}
    for span in run.spans():
        at = span.attributes
        if at.get(s.OPERATION) != s.WORKFLOW or at.get(s.TASK_ID) is None:
            continue
        if not at.get(s.TASK_PROMPT):
            raise DataError(f"{run.path} was recorded without content: give its tasks")
        id_, target, category = str(at[s.TASK_ID]), at.get(s.TASK_TARGET), at.get(s.TASK_CATEGORY)
        difficulty = at.get(s.TASK_DIFFICULTY)
        found.setdefault(
            id_,
            Task(
                id_,
                str(at[s.TASK_PROMPT]),
                None if target is None else str(target),
                None if category is None else str(category),
                None if difficulty is None else float(str(difficulty)),
            ),
        )
    if not found:
        raise DataError(f"{run.path} holds no task that ended")
    return list(found.values())


def _asked(run: Run, tasks: Sequence[Task]) -> list[Task]:
    known = {str(x.attributes.get(s.TASK_ID)) for x in run.spans() if x.attributes.get(s.OPERATION) == s.WORKFLOW}
    kept = [task for task in tasks if task.id in known]
    if not kept:
        raise UsageError(f"none of the {len(tasks)} tasks given was put in {run.path}")
    return kept


def _draw(tasks: list[Task], n: int, seed: int) -> list[Task]:
    """At most n, every category in its share (largest remainders), in the run's order."""
    if len(tasks) <= n:
        return tasks
    groups: dict[str | None, list[Task]] = {}
    for task in tasks:
        groups.setdefault(task.category, []).append(task)
    share = {name: n * len(group) / len(tasks) for name, group in groups.items()}
    count = {name: int(value) for name, value in share.items()}
    by_rest = sorted(groups, key=lambda name: count[name] - share[name])
    for name in by_rest[: n - sum(count.values())]:
        count[name] += 1
    rng = random.Random(seed)
    chosen = {task.id for name, group in groups.items() for task in rng.sample(group, count[name])}
    return [task for task in tasks if task.id in chosen]
