"""Differences: what of two or more runs is another: figures of the whole, tasks, and the threads of one task."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from workbench.errors import UsageError
from workbench.store import SpanSet
from workbench.widgets.aligned import Attempts, numbered
from workbench.widgets.board import or_none
from workbench.widgets.letters import clean
from workbench.widgets.wording import seconds

if TYPE_CHECKING:
    import pandas as pd

MUCH = 0.1  # of a figure: less is not said to differ


def facts(all_: Sequence[Attempts]) -> list[dict[str, Any]]:
    """Figures of each run; `better` says of accuracy whether an interval without zero separates it from the first run's."""
    from workbench.stats import paired

    frames = [a.frame for a in all_]
    out = []
    if any(f["score"].notna().any() for f in frames):
        values, better = [], []
        for i, frame in enumerate(frames):
            scored = frame["score"].astype(float).where(frame["score"].notna() | frame["error"].isna(), 0.0)
            value = f"{scored.mean():.1%}" if scored.notna().any() else "–"
            verdict = None
            if i and scored.notna().any():
                try:
                    gap = paired(frames[0].assign(task_id=frames[0]["key"]), frame.assign(task_id=frame["key"]))
                except UsageError:  # no task in common
                    gap = None
                if gap is not None and gap.tasks > 1:
                    value += f"  ({100 * gap.difference:+.1f}, {100 * gap.low:+.1f} to {100 * gap.high:+.1f})"
                    verdict = gap.difference > 0 if gap.separated else None
            values.append(value)
            better.append(verdict)
        out.append({"name": "accuracy (difference, 95 %)", "values": values, "better": better})
    for name, column, show in FIGURES:
        found = [float(f[column].astype(float).mean()) if f[column].notna().any() else math.nan for f in frames]
        if any(x == x and x > 0 for x in found):
            texts = [_beside(x, found[0] if i else math.nan, show) for i, x in enumerate(found)]
            out.append({"name": name, "values": texts, "better": [None] * len(texts)})
    failed = [int(f["error"].notna().sum()) for f in frames]
    if any(failed):
        out.append({"name": "failed attempts", "values": list(map(str, failed)), "better": [None] * len(failed)})
    return out


FIGURES = [
    ("threads per attempt", "threads", lambda x: f"{x:.3g}"),
    ("support", "support", lambda x: f"{x:.0%}"),
    ("tokens out per attempt", "output_tokens", lambda x: f"{x:,.0f}"),
    ("cost per attempt", "cost_usd", lambda x: f"${x:.3g}"),
    ("wall time per attempt", "wall_s", seconds),
]


def _beside(x: float, first: float, show: Any) -> str:
    if x != x:
        return "–"
    ratio = f"  (× {x / first:.2f})" if first == first and first > 0 and x != first else ""
    return f"{show(x)}{ratio}"


def rows(all_: Sequence[Attempts], keys: Sequence[str]) -> list[dict[str, Any]]:
    """One row per task: each run's answer, and what differs."""
    out = []
    for key in keys:
        found = [a.row(key) for a in all_]
        there = [row for row in found if row]
        groups = numbered([row["answer"] if row else None for row in found])
        prompt = next(
            (p for a, row in zip(all_, found, strict=True) if row and (p := a.prompts.get(row["trace_id"]))), ""
        )
        foreign = all(row["task_id"] is None or row["task_id"] != row["task_id"] for row in there)
        out.append(
            {
                "key": key,
                "task": clean(prompt, 80) if foreign and prompt else clean(key, 80),
                "prompt": clean(prompt, 300),
                "target": or_none(there[0]["target"]),
                "differs": _differs(found, groups),
                "sides": [_side(row, group) for row, group in zip(found, groups, strict=True)],
            }
        )
    return out


def _side(row: dict[str, Any] | None, group: int) -> dict[str, Any]:
    if row is None:
        return {"there": False, "answer": None, "group": -1, "right": None, "lost": False, "words": ""}
    return {
        "there": True,
        "answer": or_none(row["answer"]),
        "group": group,
        "right": _right(row),
        "lost": or_none(row["error"]) is not None,
        "words": _words(row),
    }


def _right(row: dict[str, Any]) -> bool | None:
    return None if row["score"] is None or row["score"] != row["score"] else bool(row["score"] > 0.5)


def _words(row: dict[str, Any]) -> str:
    support = row["support"]
    parts = [
        f"{row['threads']} threads" if row["threads"] != 1 else "1 thread",
        f"{support:.0%}" if support is not None and support == support else "",
        f"{row['output_tokens']:,} tok" if row["output_tokens"] else "",
        f"${row['cost_usd']:.2g}" if row["cost_usd"] == row["cost_usd"] and row["cost_usd"] else "",
        seconds(row["wall_s"]),
    ]
    return " · ".join(part for part in parts if part)


def _differs(found: Sequence[dict[str, Any] | None], groups: Sequence[int]) -> list[str]:
    """What is not the same in all runs that tried the task, the weightiest first."""
    there = [(row, group) for row, group in zip(found, groups, strict=True) if row]
    out = [] if len(there) == len(found) else ["not in every run"]
    checks: list[tuple[str, set[Any]]] = [
        ("answer", {group for _, group in there}),
        ("right", {_right(row) for row, _ in there}),
        ("failure", {or_none(row["error"]) for row, _ in there}),
    ]
    if len({or_none(row["agents"]) for row, _ in there}) == 1:  # else it is what was varied
        checks.append(("threads", {row["threads"] for row, _ in there}))
    supports = [
        float(row["support"]) for row, _ in there if row["support"] is not None and row["support"] == row["support"]
    ]
    if supports and max(supports) - min(supports) > MUCH:
        out.append("support")
    return [name for name, seen in checks if len(seen) > 1] + out


def threads(names: Sequence[str], all_: Sequence[Attempts], key: str) -> list[dict[str, Any]]:
    """The threads of one task in every run, aligned by round and place; `mark` says what differs."""
    from workbench.frames import threads as cut

    lines: dict[tuple[int, int], list[dict[str, Any] | None]] = {}
    for i, a in enumerate(all_):
        row = a.row(key)
        if row is None:
            continue
        found: pd.DataFrame = cut(SpanSet(a.run.trace(str(row["trace_id"]))))
        found = found.sort_values(["round", "thread", "start_ns"], kind="stable", na_position="last")
        found["place"] = found.groupby("round", dropna=False).cumcount()
        for one in cast(list[dict[str, Any]], found.to_dict("records")):
            number = 0 if one["round"] is None or one["round"] != one["round"] else int(one["round"])
            lines.setdefault((number, int(one["place"])), [None] * len(all_))[i] = one
    rounds = len({number for number, _ in lines}) > 1
    tried = [a.row(key) is not None for a in all_]
    out = []
    for (number, place), sides in sorted(lines.items(), key=lambda line: line[0]):
        groups = numbered([one["answer"] if one else None for one in sides])
        agents = {clean(one["agent"], 60) for one in sides if one and or_none(one["agent"])}
        label = agents.pop() if len(agents) == 1 else f"thread {place + 1}"
        out.append(
            {
                "label": f"{label}, round {number + 1}" if rounds else label,
                "mark": _mark(names, sides, groups, tried),
                "sides": [_thread(one, group) for one, group in zip(sides, groups, strict=True)],
            }
        )
    return out


def _thread(one: dict[str, Any] | None, group: int) -> dict[str, Any]:
    if one is None:
        return {"there": False, "answer": None, "group": -1, "words": ""}
    parts = [or_none(one["model"], 40) or "", f"{one['output_tokens']:,} tok" if one["output_tokens"] else ""]
    parts.append("failed" if or_none(one["error"]) else "cancelled" if one["cancelled"] else seconds(one["seconds"]))
    return {"there": True, "answer": or_none(one["answer"]), "group": group, "words": " · ".join(p for p in parts if p)}


def _mark(
    names: Sequence[str], sides: Sequence[dict[str, Any] | None], groups: Sequence[int], tried: Sequence[bool]
) -> str:
    missing = [name for name, one, there in zip(names, sides, tried, strict=True) if there and one is None]
    if missing:
        having = [name for name, one in zip(names, sides, strict=True) if one is not None]
        return f"only in {having[0]}" if len(having) == 1 else f"not in {', '.join(missing)}"
    here = [(one, group) for one, group in zip(sides, groups, strict=True) if one is not None]
    said = []
    if len({group for _, group in here}) > 1:
        said.append("answer")
    if len({or_none(one["model"]) for one, _ in here}) > 1:
        said.append("model")
    if len({or_none(one["error"]) for one, _ in here}) > 1:
        said.append("failure")
    return ", ".join(said)
