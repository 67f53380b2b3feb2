"""Disagreement: agents × tasks, coloured by answer group, the tasks that need a deeper look first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.layout.answers import groups
from workbench.stats.consensus import LOOK
from workbench.widgets.aligned import attempts
from workbench.widgets.board import Board, Opened, View, as_spans, common, esm, or_none
from workbench.widgets.letters import clean
from workbench.widgets.scene import Scene
from workbench.widgets.sheets import matrix_sheet

if TYPE_CHECKING:
    import pandas as pd

AGREED = 0.6
NO_VOTE = ("plan", "merge", "judge", "check", "subtask", "synthesis")


class MatrixView(View):
    """The browser's side of Disagreement."""

    _esm = esm("disagreement")


class Disagreement(Board):
    """Who said what: a row per attempt, a column per agent, sorted by agreement; a cell opens its trace at that thread.

    Args:
        run: a Run, a set of runs' spans, or any spans.
        agreed: from which share of the threads behind one answer a task counts as agreed.

    `selected` are the keys of attempts (the task's id, `id#1` for its second attempt); `selection` their threads.
    `to_look_at` is the frame behind the picture, what is most worth a look first (see `wb.disagreement` for the statistics).
    """

    module = "disagreement"

    def __init__(self, run: Any, *, agreed: float = AGREED) -> None:
        from workbench.frames import threads

        self.run = as_spans(run)
        self._attempts = attempts(self.run)
        self._threads = _voters(threads(self.run))
        self._column = -1
        self._rows = _rows(self._attempts, self._threads, agreed)
        agents = _agents(self._threads)
        self._keys = [row["key"] for row in self._rows]
        n = len(self._rows)
        split = f"{sum(row['support'] < agreed for row in self._rows)} without {agreed:.0%} behind one answer"
        subtitle = f"{n} {'task' if n == 1 else 'tasks'}  ·  {len(agents)} agents  ·  {split}"
        told = common(self.run.id, subtitle, f"Who said what: {subtitle}".replace("  ·  ", ", "))
        looks = [look for look in LOOK if any(row["look"] == look for row in self._rows)]
        super().__init__(MatrixView(data={**told, "agents": agents, "rows": self._rows, "looks": looks}))

    @property
    def row_keys(self) -> list[str]:
        return self._keys

    @property
    def to_look_at(self) -> pd.DataFrame:
        """One row per attempt: key, answer, target, right, support, look; what is most worth a look first."""
        import pandas as pd

        frame = pd.DataFrame(
            self._rows, columns=["key", "task", "answer", "target", "right", "support", "look", "rank"]
        )
        return frame.sort_values(["rank", "support"], kind="stable", ignore_index=True).drop(columns="rank")

    @property
    def selection(self) -> pd.DataFrame:
        """The selected attempts' threads; one thread where one cell was chosen."""
        traces = {row["trace_id"] for key in self.selected if (row := self._attempts.row(key))}
        found = self._threads[self._threads["trace_id"].isin(traces)]
        if self._column >= 0:
            found = found[found["column"] == self._column]
        return found.drop(columns="column").reset_index(drop=True)

    def opens(self, key: str) -> list[Opened]:
        row = self._attempts.row(key)
        return [(f"Task {key}", self.run.trace(str(row["trace_id"])))] if row else []

    def opened(self, column: int) -> None:
        self._column = column
        if column >= 0 and self.graphs and len(chosen := self.selection):
            self.graphs[0].selected = [str(chosen["span_id"].iloc[-1])]

    def scene(self, *, width_px: float = 960, theme: str = "light") -> Scene:
        return matrix_sheet(self.view.data, width_px, theme)


def _voters(frame: pd.DataFrame) -> pd.DataFrame:
    """The threads whose answers stand beside each other: the last round of each, planners and judges left out."""
    frame = frame[~frame["role"].isin(NO_VOTE)].copy()
    number = frame["thread"].where(frame["thread"].notna(), frame.groupby("trace_id").cumcount())
    per_round = frame.assign(n=number).groupby(["trace_id", "round"], dropna=False)["n"].rank(method="first")
    frame["column"] = per_round.astype(int) - 1  # later rounds are new threads: the k-th of a round is the k-th agent
    last = frame.sort_values("start_ns", kind="stable").drop_duplicates(["trace_id", "column"], keep="last")
    return last.sort_values(["trace_id", "column"], ignore_index=True)


def _agents(threads: pd.DataFrame) -> list[str]:
    """A name for each column: the agent's where it is the same throughout."""
    out = []
    for column, group in threads.groupby("column"):
        names = group["agent"].dropna().unique()
        out.append(clean(names[0], 40) if len(names) == 1 else f"thread {int(str(column)) + 1}")
    return out


def _rows(of: Any, threads: pd.DataFrame, agreed: float) -> list[dict[str, Any]]:
    most = int(threads["column"].max()) + 1 if len(threads) else 0
    by_trace: dict[str, list[dict[Any, Any]]] = {}
    for one in threads[["trace_id", "column", "answer", "score", "error", "cancelled"]].to_dict("records"):
        by_trace.setdefault(one["trace_id"], []).append(one)
    out = []
    for row in of.frame.to_dict("records"):
        told: list[Any] = [None] * most
        for one in by_trace.get(row["trace_id"], ()):
            told[one["column"]] = one
        said = [or_none(t["answer"]) if t else None for t in told]
        chosen = or_none(row["answer"])
        _, numbers = groups(said, [t is not None for t in told], chosen)
        cells = [_cell(t, answer, n) for t, answer, n in zip(told, said, numbers, strict=True)]
        voters = sum(t is not None for t in told)
        counts = [numbers.count(n) for n in set(numbers) - {-1}]
        support = max(counts, default=0) / voters if voters else 0.0
        score = row["score"] if row["score"] == row["score"] else None
        right = None if score is None else bool(score > 0.5)
        scores = [t["score"] for t in told if t is not None]
        look = _look(right, support >= agreed, any(x is not None and x == x and x > 0.5 for x in scores))
        prompt = clean(of.prompts.get(row["trace_id"], ""), 300)
        out.append(
            {
                "key": row["key"],
                "task": clean(row["key"], 80) if row["task_id"] else prompt or clean(row["key"], 80),
                "prompt": prompt,
                "answer": chosen,
                "target": or_none(row["target"]),
                "right": right,
                "support": support,
                "look": look,
                "rank": LOOK.index(look),
                "cells": cells,
            }
        )
    return out


def _cell(thread: Any, answer: str | None, group: int) -> dict[str, Any]:
    lost = thread is not None and (bool(or_none(thread["error"])) or bool(thread["cancelled"]))
    state = "said" if group >= 0 else "lost" if lost else "silent"
    return {"group": group, "answer": answer, "state": state}


def _look(right: bool | None, together: bool, any_right: bool) -> str:
    """As `wb.disagreement` says it; where nobody knows what is right, by agreement alone."""
    if right is None:
        return "agreed" if together else "split"
    if right:
        return "agreed" if together else "split"
    if not any_right:
        return "nobody is right"
    return "agreed and wrong" if together else "outvoted"
