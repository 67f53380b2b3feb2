"""SweepExplorer: the choices of a sweep by quality, cost and latency; brushed, explained, and opened down to a trace."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import traitlets

from workbench.choose import Recommendation, choices
from workbench.errors import UsageError
from workbench.store import Run
from workbench.store.spanlike import Spans
from workbench.widgets.aligned import Attempts, attempts
from workbench.widgets.board import Board, Opened, View, as_spans, common, esm, or_none
from workbench.widgets.letters import clean
from workbench.widgets.paretosheet import pareto_sheet
from workbench.widgets.scene import Scene
from workbench.widgets.wording import seconds

if TYPE_CHECKING:
    import pandas as pd

COSTS = {"cost_usd": ("cost per attempt", "$"), "tokens": ("tokens per attempt", ""), "p95_s": ("latency, p95", "s")}
SEED = "seed"
MOST_VALUES = 12


class ExplorerView(View):
    """The browser's side of SweepExplorer."""

    _esm = esm("sweep")
    tasks = traitlets.List().tag(sync=True)


class SweepExplorer(Board):
    """Accuracy against cost and latency with intervals; the Pareto front, the recommendation and its reason.

    Args:
        source: a Sweep with finished cells, or {name: Run}.
        limits: of `recommend`: max_cost_usd, max_p95_s, min_accuracy, prefer.

    `selected` is the chosen point's name; `selection` its row; `brushed` the names of the choices that the brush and the
    switches leave, `shown` their rows; `tasks` the selected choice's attempts. `recommendation` is the object behind the mark.

    Raises:
        UsageError: where nothing is finished, or for a limit on what was not recorded.
    """

    module = "sweep"
    brushed = traitlets.List(traitlets.Unicode())

    def __init__(self, source: Any, **limits: Any) -> None:
        self.frame, self.recommendation, self._runs, settings = _read(source, limits)
        self._attempts: dict[str, list[Attempts]] = {}
        self._settings = settings
        super().__init__(ExplorerView(data=self._data(settings)))
        self.brushed = self.row_keys

    @property
    def row_keys(self) -> list[str]:
        return [str(name) for name in self.frame["choice"]]

    @property
    def selection(self) -> pd.DataFrame:
        """The selected choices' rows of the Pareto frame."""
        return self.frame[self.frame["choice"].isin(self.selected)].reset_index(drop=True)

    @property
    def shown(self) -> pd.DataFrame:
        """The rows that brush and switches leave."""
        return self.frame[self.frame["choice"].isin(self.brushed)].reset_index(drop=True)

    @property
    def tasks(self) -> pd.DataFrame:
        """The attempts of the selected choices, as `wb.answers` gives them."""
        import pandas as pd

        parts = [a.frame.assign(choice=name) for name in self.selected for a in self._of(name)]
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()

    def opens(self, key: str) -> list[Opened]:
        return []

    def extra(self, key: str) -> dict[str, Any]:
        return {"tasks": self._tasks(key) if key else []}

    def open_task(self, choice: str, key: str) -> None:
        """Show the trace of one attempt of a choice below."""
        self.show_traces(self._trace(choice, key))

    def message(self, content: Mapping[str, Any]) -> None:
        kind, keys, key = content.get("type"), content.get("keys"), content.get("key")
        if kind == "brush" and isinstance(keys, list):
            self.brushed = [name for name in self.row_keys if name in keys]
        if kind == "open" and isinstance(key, str) and self.selected and self._trace(self.selected[0], key):
            self.open_task(self.selected[0], key)

    def page_rows(self) -> Iterable[tuple[str, dict[str, Any], list[Opened]]]:
        """The recommended choice's tasks with their traces first, then those of the others."""
        best = self.recommendation.choice
        names = sorted(self.row_keys, key=lambda name: name != best)
        for name in names:
            yield name, self.extra(name), []
        for name in names:
            for task in self._tasks(name)[:20]:
                yield f"{name}\n{task['key']}", {}, self._trace(name, task["key"])

    def scene(self, *, width_px: float = 960, theme: str = "light") -> Scene:
        return pareto_sheet(self.view.data, width_px, theme)

    def _of(self, name: str) -> list[Attempts]:
        if name not in self._attempts:
            self._attempts[name] = [attempts(run) for run in self._runs.get(name, [])]
        return self._attempts[name]

    def _trace(self, choice: str, key: str) -> list[Opened]:
        number, _, name = key.partition("/")
        found = self._of(choice)
        if not number.isdecimal() or int(number) >= len(found):
            return []
        of = found[int(number)]
        row = of.row(name)
        return [(f"Task {name} of {choice}", of.run.trace(str(row["trace_id"])))] if row else []

    def _tasks(self, choice: str) -> list[dict[str, Any]]:
        out = []
        of = self._of(choice)
        for i, a in enumerate(of):
            for row in a.frame.to_dict("records"):
                score = None if row["score"] is None or row["score"] != row["score"] else bool(row["score"] > 0.5)
                support = (
                    ""
                    if row["support"] is None or row["support"] != row["support"]
                    else f"{row['support']:.0%} agree · "
                )
                out.append(
                    {
                        "key": f"{i}/{row['key']}",
                        "task": clean(row["key"], 80) + (f" (cell {i + 1})" if len(of) > 1 else ""),
                        "answer": or_none(row["answer"]),
                        "right": score,
                        "lost": or_none(row["error"]) is not None,
                        "words": f"{support}{row['output_tokens']:,} tok · {seconds(row['wall_s'])}",
                    }
                )
        return sorted(out, key=lambda task: task["right"] is not False)  # those that were wrong first

    def _data(self, settings: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
        frame, best = self.frame, self.recommendation
        costs = _costs(frame)
        n, front = len(frame), int(frame["front"].sum())
        title = "Quality, cost and latency"
        subtitle = f"{n} choices  ·  {front} on the Pareto front" + (f"  ·  recommended: {best.choice}" if best else "")
        told = common(title, subtitle, f"{n} choices by accuracy and cost, {front} on the Pareto front. {best.reason}")
        rows = [
            {
                "key": str(row["choice"]),
                "name": clean(row["choice"], 120),
                "accuracy": float(row["accuracy"]),
                "low": float(row["low"]),
                "high": float(row["high"]),
                "values": [_number(row[name]) for name in costs],
                "front": bool(row["front"]),
                "chance": float(row["front_chance"]),
                "best": row["choice"] == best.choice,
                "settings": dict(settings.get(str(row["choice"]), {})),
            }
            for row in frame.to_dict("records")
        ]
        return {
            **told,
            "choices": rows,
            "costs": [{"title": COSTS[name][0], "unit": COSTS[name][1]} for name in costs],
            "axes": _axes(settings),
            "reason": f"Recommended: {clean(best.reason, 1000)}" if best else clean(best.reason, 1000),
            "best": best.choice,
        }


def _number(value: Any) -> float | None:
    found = float(value)
    return found if math.isfinite(found) else None


def _costs(frame: pd.DataFrame) -> list[str]:
    """What is shown against accuracy: dollars, or tokens where nothing costs any; and latency."""
    paid = "cost_usd" in frame and frame["cost_usd"].fillna(0).gt(0).any()
    wanted = ["cost_usd" if paid else "tokens", "p95_s"]
    return [name for name in wanted if name in frame and frame[name].notna().any()]


def _axes(settings: Mapping[str, Mapping[str, str]]) -> list[dict[str, Any]]:
    """What was varied, with its values; what is the same everywhere needs no switch."""
    values: dict[str, dict[str, None]] = {}
    for one in settings.values():
        for name, value in one.items():
            values.setdefault(name, {})[value] = None
    return [{"name": name, "values": list(found)} for name, found in values.items() if 1 < len(found) <= MOST_VALUES]


def _read(
    source: Any, limits: Mapping[str, Any]
) -> tuple[pd.DataFrame, Recommendation, dict[str, list[Spans]], dict[str, dict[str, str]]]:
    """The Pareto frame, the recommendation, and per choice its runs and settings; from a sweep or from named runs."""
    if isinstance(source, Mapping):
        runs = {clean(name, 120): as_spans(run) for name, run in source.items()}
        made = choices(runs)
        settings = {name: _settings(run) for name, run in runs.items()}
        return made.pareto(_costs(made.frame)), made.recommend(**limits), {n: [r] for n, r in runs.items()}, settings
    if not all(hasattr(source, name) for name in ("axes", "frame", "pareto", "recommend")):
        raise UsageError(f"SweepExplorer takes a Sweep or {{name: Run}}, got {type(source).__name__}")
    frame = source.frame()
    done = frame[frame["status"] == "done"]
    names = [n for n in source.axes if n != SEED and frame[n].astype(str).nunique() > 1]
    runs_of: dict[str, list[Spans]] = {}
    settings = {}
    for row in done.to_dict("records"):
        label = ", ".join(f"{n}={row[n]}" for n in names) or "the only choice"
        settings[label] = {n: clean(row[n], 60) for n in names}
        if row["run"]:
            runs_of.setdefault(label, []).append(Run(row["run"]))
    found = source.pareto(_costs(source.pareto(())))
    return found, source.recommend(**limits), runs_of, settings


def _settings(run: Spans) -> dict[str, str]:
    """Strategy, agents and model as its manifest tells them."""
    manifest = run.manifest
    chosen, mix = manifest.get("strategy"), manifest.get("mix")
    out = {}
    if isinstance(chosen, Mapping):
        out = {"strategy": clean(chosen.get("name"), 60)}
        if chosen.get("agents") is not None:
            out["agents"] = clean(chosen["agents"], 60)
    if isinstance(mix, Mapping) and isinstance(mix.get("agents"), Mapping):
        out["model"] = clean(" + ".join(_short(mix["agents"])), 60)
    return out


def _short(models: Iterable[Any]) -> Sequence[str]:
    return [str(name).rsplit("/", 1)[-1] for name in models]
