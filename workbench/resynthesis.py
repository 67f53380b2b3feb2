"""resynthesize: a synthesis that needs calls, on subsets of one recorded run's threads; only its own calls are made, once."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd
from opentelemetry.trace import SpanContext, TraceFlags

from workbench import frames, semconv
from workbench.agents import Agent, ModelMix
from workbench.building import settings as settings_of
from workbench.engine import Engine, Limits, Thread
from workbench.errors import DataError, ModelError, UsageError
from workbench.models.base import Model
from workbench.models.replay import recorded_reply
from workbench.prompts import Prompts
from workbench.resampling import resample, team_sizes
from workbench.runs import run as run_tasks
from workbench.spans import Span
from workbench.stats.ballots import Votes, cast, votes
from workbench.stats.drawing import sampled_subsets
from workbench.stats.rules import Subset
from workbench.store import Run, is_run
from workbench.synthesis import Synthesis, Synthesizer, conclude, synthesizer
from workbench.tasks import Task
from workbench.team import Team

PLACE = Path("traces/runs")


@dataclass(frozen=True)
class Resynthesis:
    """A strategy without agents of its own: `synthesis` merges the recorded threads that a task brings in `extra`."""

    name: ClassVar[str] = "resynthesis"
    source: str
    synthesis: str | Mapping[str, Any] | Synthesizer
    min_threads: int = 1
    agents: int = field(default=0, repr=False)

    def __post_init__(self) -> None:
        synthesizer(self.synthesis)

    async def solve(self, task: Task, team: Team, engine: Engine) -> Synthesis:
        threads: Sequence[Thread] = task.extra["threads"]
        return await conclude(threads, synthesizer(self.synthesis), self.min_threads, task, team, engine)


async def resynthesize(
    source: Run | str | os.PathLike[str],
    agents: Iterable[int] | None = None,
    synthesis: str | Mapping[str, Any] | Synthesizer = "judge",
    mix: ModelMix | Mapping[str, Any] | str | None = None,
    *,
    calls: int = 1,
    round: int | None = None,
    min_threads: int = 1,
    tasks: Sequence[Task] | None = None,
    out: str | os.PathLike[str] | None = None,
    seed: int = 0,
    level: float = 0.95,
    limits: Limits | None = None,
    models: Mapping[str, Model] | None = None,
    prompts: str | os.PathLike[str] | None = None,
    api_base: str | None = None,
    at_once: int = 16,
) -> pd.DataFrame:
    """What judge, merge, verify or any synthesis would have made of every smaller team of a recorded run.

    Per attempt and size all C(n, k) subsets are merged where these are at most `calls`, else `calls` seeded ones. Every subset's
    synthesis is a trace (join links point to the recorded threads) in Runs below `out` (default traces/runs/RUN-resynthesis):
    asked again, for more sizes or with more `calls`, only what is not recorded there is paid for. The threads are never.

    Args:
        source: a run of independent threads that recorded its content. `round`: which one, where threads read each other.
        mix: who judges, merges or checks (default: the run's own mix).
        tasks: the run's tasks, where its grader needs more of them than id, prompt and target (choices, recorded judgements).

    Returns the frame of `resample` for this synthesis, beside which it can be laid; `tokens`, `cost_usd` and `seconds` hold the
    team's and the synthesis' own, `calls` is the mean number of new model calls per subset.

    Raises UsageError before anything is asked; DataError where content is missing or where a limit stopped the run: what was
    done until then is kept, call again to go on.

    >>> await wb.resynthesize(run, [2, 3], "judge", "abacus-s")
    """
    run = source if isinstance(source, Run) else Run(source)
    pool, sizes = votes(run, round=round), []
    sizes = team_sizes(agents, pool.size)
    if calls < 1:
        raise UsageError(f"calls must be at least 1, got {calls!r}")
    wanted = {k: sampled_subsets(pool, k, calls, seed) for k in sizes}
    chosen = Resynthesis(run.id, synthesis, min_threads)
    team = ModelMix.of(mix if mix is not None else run.manifest.get("mix"))
    place = _place(out, run, chosen, team, prompts, seed)
    known = _done(place)
    ids = {subset: _name(run, pool, subset) for many in wanted.values() for subset in many}
    missing = [subset for subset, name in ids.items() if name not in known.index]
    if missing:
        todo = _tasks(run, pool, missing, ids, round, tasks)
        grade = run.manifest.get("grader")
        folder = Path(place) / f"{len(_runs(place)) + 1:04d}"
        await run_tasks(
            todo, chosen, team, out=folder, seed=seed, limits=limits, grade=grade, at_once=at_once, api_base=api_base,
            models=models, prompts=prompts, live=False,
        )  # fmt: skip
        known = _done(place)
        left = [s for s in missing if ids[s] not in known.index]
        if left:
            raise DataError(
                f"{len(left)} of {len(missing)} syntheses were not made before the run had to stop; call again"
            )
    return _frame(pool, wanted, known.reindex(list(ids.values())).set_axis(list(ids)), chosen, calls, seed, level)


def _frame(
    pool: Votes,
    wanted: Mapping[int, list[Subset]],
    known: pd.DataFrame,
    chosen: Resynthesis,
    calls: int,
    seed: int,
    level: float,
) -> pd.DataFrame:
    """The frame of `resample`, with what the syntheses added to what the threads had used."""
    score = dict(zip(known.index, known["score"].where(known["error"].isna(), 0.0).astype(float), strict=True))
    label = synthesizer(chosen.synthesis).name

    def scorer(subsets: Sequence[Subset]) -> list[float]:
        return [float(score[subset]) for subset in subsets]

    found = resample(pool, list(wanted), {label: scorer}, calls=calls, seed=seed, level=level)
    size = pd.Series([len(subset.threads) for subset in known.index], known.index)
    own = known[["tokens", "cost_usd", "wall_s", "calls"]].astype(float).groupby(size).mean().loc[list(wanted)]
    own = own.reset_index(drop=True)
    found["tokens"] += own["tokens"]
    found["cost_usd"] += own["cost_usd"].fillna(0.0)
    found["seconds"] += own["wall_s"]
    return found.assign(calls=own["calls"])


def _place(
    out: str | os.PathLike[str] | None, run: Run, chosen: Resynthesis, mix: ModelMix, prompts: Any, seed: int
) -> str:
    """The folder of all Runs of this very synthesis: the same settings, models, prompts and seed on the same run."""
    words = Prompts(chosen.name, Path(prompts) if prompts else None).sha256
    deciding = (run.id, settings_of(chosen), settings_of(mix), words, seed)
    digest = hashlib.sha256(repr(deciding).encode()).hexdigest()[:12]
    return os.path.join(os.fspath(out) if out is not None else PLACE / f"{run.id}-resynthesis", digest)


def _runs(place: str) -> list[Run]:
    folder = Path(place)
    return [Run(p) for p in sorted(folder.iterdir()) if is_run(p)] if folder.is_dir() else []


def _done(place: str) -> pd.DataFrame:
    """What is recorded already: answers by subset name."""
    found = [frames.answers(run) for run in _runs(place)]
    table = pd.concat(found) if found else pd.DataFrame(columns=["task_id", "score", "error", "calls"])
    table = table.drop_duplicates("task_id").set_index("task_id")
    for name in ("input_tokens", "output_tokens", "cost_usd", "wall_s"):
        table[name] = table.get(name, pd.Series(dtype=float))
    return table.assign(tokens=table["input_tokens"] + table["output_tokens"])


def _name(run: Run, pool: Votes, subset: Subset) -> str:
    """A subset's name: task, attempt and columns; unique within a run, and the same whenever it is asked for."""
    columns = "-".join(map(str, subset.threads))
    return f"{subset.task_id} [{str(pool.attempt[subset.attempt])[:12]}: {columns}]"


def _tasks(
    run: Run,
    pool: Votes,
    subsets: Sequence[Subset],
    ids: Mapping[Subset, str],
    round: int | None,
    given: Sequence[Task] | None,
) -> list[Task]:
    """The subsets as tasks that bring their threads."""
    roots, recorded = _threads(run, round)
    by_id = {t.id: t for t in given or ()}
    columns = sorted({number for _, number in recorded})
    found = []
    for subset in subsets:
        trace = str(pool.attempt[subset.attempt])
        threads = tuple(recorded.get((trace, columns[c])) or _lost(columns[c]) for c in subset.threads)
        task = by_id.get(subset.task_id) or _task(roots[trace], subset.task_id)
        found.append(replace(task, id=ids[subset], extra={**task.extra, "threads": threads}))
    return found


def _task(root: Span, task_id: str) -> Task:
    prompt = root.attributes.get(semconv.TASK_PROMPT)
    if prompt is None:
        raise DataError("the run was recorded without content: there is nothing that a model could read")
    target = root.attributes.get(semconv.TASK_TARGET)
    return Task(task_id, str(prompt), None if target is None else str(target))


def _threads(run: Run, round: int | None) -> tuple[dict[str, Span], dict[tuple[str, int], Thread]]:
    """Root spans by trace, and the threads that vote by (trace, number), as the synthesis once saw them."""
    spans = {s.span_id: s for s in run.spans()}
    roots = {s.trace_id: s for s in spans.values() if s.attributes.get(semconv.OPERATION) == semconv.WORKFLOW}
    last: dict[str, Span] = {}
    for span in sorted(spans.values(), key=lambda s: s.end_ns):
        if span.attributes.get(semconv.OPERATION) == semconv.CHAT and span.parent_id:
            last[span.parent_id] = span
    found = {}
    frame = cast(run, round)[0]
    for span_id, number in zip(frame["span_id"], frame["thread"].astype(int), strict=True):
        span = spans[str(span_id)]
        found[(span.trace_id, number)] = _thread(span, last.get(span.span_id), number)
    return roots, found


def _thread(span: Span, call: Span | None, number: int) -> Thread:
    at = span.attributes
    thread = _lost(number)
    reply = recorded_reply(call) if call is not None and call.status != "ERROR" else None
    if at.get(semconv.CANCELLED) or span.status == "ERROR" or call is None:
        return thread
    if reply is None:
        raise DataError("the run was recorded without content: there is nothing that a model could read")
    style, answer = at.get(semconv.STYLE), at.get(semconv.ANSWER)
    agent = Agent(
        str(at.get(semconv.AGENT)), str(at.get(semconv.REQUEST_MODEL)), str(at.get(semconv.ROLE)), style and str(style)
    )
    context = SpanContext(int(span.trace_id, 16), int(span.span_id, 16), is_remote=True, trace_flags=TraceFlags(1))
    answered = None if answer is None else str(answer)
    return replace(thread, agent=agent, span=context, replies=[reply], answer=answered, error=None)


def _lost(number: int) -> Thread:
    """A thread that the recorded run lost, or never had."""
    return Thread(Agent("lost", "none"), number, error=ModelError("it was lost in the recorded run"))
