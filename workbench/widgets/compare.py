"""Compare: runs or traces side by side, aligned by task, with what differs marked; and one call of them forked and run again."""

from __future__ import annotations

import asyncio
import pkgutil
import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import traitlets

from workbench import semconv as s
from workbench.errors import UsageError, WorkbenchError, unknown
from workbench.store import Run
from workbench.store.spanlike import Spans
from workbench.widgets.aligned import Attempts, attempts, same_keys
from workbench.widgets.board import Board, Opened, View, as_spans, common, esm
from workbench.widgets.differences import facts, rows, threads
from workbench.widgets.letters import clean
from workbench.widgets.scene import Scene
from workbench.widgets.sheets import compare_sheet
from workbench.widgets.target import target_of
from workbench.widgets.trace import TraceGraph

if TYPE_CHECKING:
    import pandas as pd

MOST_RUNS = 8
FORK = "workbench.runs.forking:fork"  # found by name when it is wanted: the reading side does not know the writing one


class CompareView(View):
    """The browser's side of Compare."""

    _esm = esm("compare")
    threads = traitlets.List().tag(sync=True)
    target = traitlets.Dict().tag(sync=True)
    forking = traitlets.Dict().tag(sync=True)


class Compare(Board):
    """Two or more runs (or traces) side by side: figures, tasks and threads, each difference marked.

    Args:
        runs: Runs, sets of spans or lists of spans; or one {name: run}. Traces are laid side by side by task id and repeat.
        settings: of a fork made here (`models`, `limits`, `prompts`, …: what `wb.fork` takes).

    `selected` are keys of tasks; `selection` their attempts in every run. A span selected in one of the open traces can be
    forked: its model, prompt or answer changed and what follows it made again (`fork`); the new Run becomes one more column.

    Raises:
        UsageError: for fewer than two runs or more than eight.
    """

    module = "compare"

    def __init__(self, *runs: Any, settings: Mapping[str, Any] | None = None) -> None:
        named = _named(runs)
        if not 2 <= len(named) <= MOST_RUNS:
            raise UsageError(f"Compare lays 2 to {MOST_RUNS} runs side by side, got {len(named)}")
        self.runs: dict[str, Spans] = named
        self.settings = dict(settings or {})
        self._all: list[Attempts] = []
        self._keys: list[str] = []
        self._at: tuple[str, str] | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        super().__init__(CompareView(data=self._data()))
        if len(self._keys) == 1:
            self.selected = list(self._keys)

    @property
    def row_keys(self) -> list[str]:
        return self._keys

    @property
    def selection(self) -> pd.DataFrame:
        """The selected tasks' attempts, a row per run that has them, with its name in `compared`."""
        import pandas as pd

        parts = [
            a.frame[a.frame["key"].isin(self.selected)].assign(compared=name)
            for name, a in zip(self.runs, self._all, strict=True)
        ]
        return pd.concat([p for p in parts if len(p)] or parts[:1], ignore_index=True)

    @property
    def differences(self) -> pd.DataFrame:
        """One row per task: its key and what differs between the runs (answer, right, threads, support, …)."""
        import pandas as pd

        return pd.DataFrame([{"key": r["key"], "differs": r["differs"]} for r in self.view.data["rows"]])

    async def fork(self, run: str, span: str, **change: Any) -> Run:
        """`wb.fork` of a span of the run with this name; the new Run becomes one more column, selected before and after."""
        if run not in self.runs:
            raise unknown("run", run, self.runs)
        if not isinstance(self.runs[run], Run):
            raise UsageError(f"{run} is no recorded Run, so nothing of it can be made again")
        made: Run = await pkgutil.resolve_name(FORK)(self.runs[run], span, **{**self.settings, **change})
        what = " and ".join(k for k in ("model", "prompt", "answer") if change.get(k))
        self.add(f"{run}, another {what}", made)
        key = str(attempts(made).frame["key"].iloc[0])
        self.selected = []
        self.selected = [key] if key in self._keys else []
        return made

    def add(self, name: str, run: Any) -> None:
        """One more run beside the others; beyond eight the second oldest goes."""
        number = 2
        wanted = name
        while name in self.runs:
            name, number = f"{wanted} ({number})", number + 1
        kept = dict(self.runs)
        if len(kept) >= MOST_RUNS:
            kept.pop(list(kept)[1])
        self.runs = {**kept, name: as_spans(run)}
        self.view.data = self._data()

    def opens(self, key: str) -> list[Opened]:
        return [
            (name, a.run.trace(str(row["trace_id"])))
            for name, a in zip(self.runs, self._all, strict=True)
            if (row := a.row(key))
        ]

    def opened(self, column: int) -> None:
        there = [
            name for name, a in zip(self.runs, self._all, strict=True) if self.selected and a.row(self.selected[0])
        ]
        for name, graph in zip(there, self.graphs, strict=False):
            self._watch(name, graph)
        self._at, self.view.target = None, {}

    def extra(self, key: str) -> dict[str, Any]:
        return {"threads": threads(list(self.runs), self._all, key) if key else []}

    def message(self, content: Mapping[str, Any]) -> None:
        what, value = content.get("what"), content.get("value")
        if content.get("type") != "fork" or what not in ("model", "prompt", "answer") or not isinstance(value, str):
            return
        if self._at is None or self.view.forking.get("busy"):
            return
        self.view.forking = {"busy": True, "text": "running what follows …"}
        work = self._forked(*self._at, {what: value})
        try:
            task = asyncio.get_running_loop().create_task(work)
        except RuntimeError:  # no loop on this thread
            threading.Thread(target=asyncio.run, args=(work,), daemon=True).start()
            return
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _forked(self, name: str, span: str, change: dict[str, str]) -> None:
        try:
            made = await self.fork(name, span, **change)
        except (WorkbenchError, OSError) as e:
            self.view.forking = {"text": clean(f"{type(e).__name__}: {e}", 400), "error": True}
            return
        reused = made.manifest["forked_from"]["reused_calls"]
        paid = sum(x.attributes.get(s.OPERATION) == s.CHAT and not x.attributes.get(s.REUSED) for x in made.spans())
        paid -= "answer" in change
        self.view.forking = {"text": f"done: {paid} calls made, {reused} reused; recorded in {made.path}"}

    def _watch(self, name: str, graph: TraceGraph) -> None:
        def chosen(_: Any) -> None:
            self._aim(name, graph)

        graph.observe(chosen, "selected")

    def _aim(self, name: str, graph: TraceGraph) -> None:
        """A span was selected in an open trace: it is what a fork would change."""
        spans = graph.selected_spans
        if not spans:
            return
        self._at = (name, spans[0].span_id)
        self.view.target = target_of(name, self.runs[name], spans[0], list(graph._spans.values()))

    def _data(self) -> dict[str, Any]:
        self._all = [attempts(run) for run in self.runs.values()]
        self._keys = same_keys(self._all)
        names = list(self.runs)
        lines = rows(self._all, self._keys)
        differ = sum(bool(line["differs"]) for line in lines)
        n = len(lines)
        many = f"{n} tasks, {differ} of them differ" if n > 1 else "one task"
        told = common(
            " and ".join(names) if len(names) == 2 else f"{len(names)} runs", many, f"{', '.join(names)}: {many}"
        )
        notes = [f"{len(a.frame)} {'attempt' if len(a.frame) == 1 else 'attempts'}{_forked(a.run)}" for a in self._all]
        heads = [{"name": clean(name, 60), "note": note} for name, note in zip(names, notes, strict=True)]
        return {**told, "runs": heads, "facts": facts(self._all), "rows": lines}

    def scene(self, *, width_px: float = 960, theme: str = "light") -> Scene:
        return compare_sheet(self.view.data, width_px, theme)


def _forked(run: Spans) -> str:
    came = run.manifest.get("forked_from")
    return f", forked from {clean(came.get('run'), 40)}" if isinstance(came, Mapping) else ""


def _named(runs: Sequence[Any]) -> dict[str, Spans]:
    """Names for runs: what the user says, else what differs between them."""
    if len(runs) == 1 and isinstance(runs[0], Mapping):
        return {str(name): as_spans(run) for name, run in runs[0].items()}
    found = [as_spans(run) for run in (runs[0] if len(runs) == 1 and _is_many(runs[0]) else runs)]
    names = [_name(run) for run in found]
    if len(set(names)) < len(names):
        names = [run.id for run in found]
    return {
        name if names.count(name) == 1 else f"{name} ({i + 1})": run
        for i, (name, run) in enumerate(zip(names, found, strict=True))
    }


def _is_many(source: Any) -> bool:
    return (
        isinstance(source, Iterable)
        and not isinstance(source, Spans)
        and any(isinstance(x, (Spans, list)) for x in source)
    )


def _name(run: Spans) -> str:
    """Strategy, agents and models of a run of ours; the id of another."""
    manifest = run.manifest
    chosen, mix = manifest.get("strategy"), manifest.get("mix")
    if not isinstance(chosen, Mapping) or not isinstance(mix, Mapping) or not isinstance(mix.get("agents"), Mapping):
        return run.id
    agents = f" × {chosen['agents']}" if isinstance(chosen.get("agents"), int) else ""
    return f"{chosen.get('name')}{agents}, {' + '.join(str(m).rsplit('/', 1)[-1] for m in mix['agents'])}"
