"""drift: what moved between two runs of the same tasks, such as before and after a model behind a name changed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from workbench import frames
from workbench.errors import UsageError
from workbench.stats import Paired, paired
from workbench.stats.pairing import by_task, holm

AMOUNTS = {"tokens": "tokens", "output_tokens": "output tokens", "cost_usd": "cost", "wall_s": "latency"}
"""Columns of the answers that are amounts per attempt, and their names in a sentence."""
_DRAWS = 2000


@dataclass(frozen=True)
class Drift:
    """New minus old, task by task, on the tasks that both have.

    `accuracy` is None where no task is scored. `flipped`: the tasks whose score moved, largest first (task_id, category, old,
    new, old_answer, new_answer). `by_category`: category, tasks, old, new, difference, low, high, p_holm. `amounts`: measure,
    old, new (means per attempt), ratio, low, high (bootstrap over tasks). `same_answers`: the share of tasks with an answer in
    common. `moved`: whether anything is separated from no change at `level`.
    """

    verdict: str
    moved: bool
    accuracy: Paired | None
    flipped: pd.DataFrame
    by_category: pd.DataFrame
    amounts: pd.DataFrame
    same_answers: float
    tasks: int
    left_out: int
    level: float

    def __str__(self) -> str:
        return self.verdict

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        tables = {n: getattr(self, n).to_dict("records") for n in ("flipped", "by_category", "amounts")}
        accuracy = None
        if self.accuracy is not None:
            names = ("a", "b", "difference", "low", "high", "a_only", "b_only", "permutation_p")
            accuracy = {{"a": "old", "b": "new"}.get(n, n): getattr(self.accuracy, n) for n in names}
        plain = {n: getattr(self, n) for n in ("verdict", "moved", "tasks", "left_out", "same_answers", "level")}
        return {**plain, "accuracy": accuracy, **tables}


def drift(old: Any, new: Any, *, level: float = 0.95, seed: int = 0) -> Drift:
    """Compare two runs of the same tasks (Runs, paths, lists of them, or `answers` frames) and say what moved.

    The difference in accuracy is `stats.paired`'s, with its interval; categories are held to Holm's correction together. A
    ratio of tokens, cost or latency has the percentile interval of 2,000 seeded resamples of the tasks (Efron 1979). Latency
    is what the clock said: it also moves with the load of the machine. Raises UsageError where no task is in both.

    >>> print(wb.drift(run, again))
    """
    before, after = _answers(old), _answers(new)
    shared = set(before["task_id"]) & set(after["task_id"])
    if not shared:
        raise UsageError(
            f"the two runs have no task in common ({before['task_id'].nunique()} and {after['task_id'].nunique()} tasks)"
        )
    left_out = len(set(before["task_id"]) ^ set(after["task_id"]))
    before, after = (f[f["task_id"].isin(shared)] for f in (before, after))
    scored = all((f["score"].notna() | f["error"].notna()).any() for f in (before, after))
    accuracy = paired(before, after, level=level, seed=seed) if scored else None
    flipped = _flipped(before, after) if scored else pd.DataFrame(columns=_FLIPPED)
    categories = _by_category(before, after, level, seed) if scored else pd.DataFrame(columns=_CATEGORY)
    amounts = _amounts(before, after, level, seed)
    same = _same_answers(before, after)
    words, moved = _verdict(accuracy, flipped, categories, amounts, same, len(shared), level)
    return Drift(words, moved, accuracy, flipped, categories, amounts, same, len(shared), left_out, level)


_FLIPPED = ["task_id", "category", "old", "new", "old_answer", "new_answer"]
_CATEGORY = ["category", "tasks", "old", "new", "difference", "low", "high", "p_holm"]


def _answers(source: Any) -> pd.DataFrame:
    frame = source if isinstance(source, pd.DataFrame) else frames.answers(source)
    missing = {"task_id", "score", "error", "answer", "category"} - set(frame)
    if missing:
        raise UsageError(f"the answers' frame lacks the column(s) {', '.join(sorted(missing))}")
    if {"input_tokens", "output_tokens"} <= set(frame):
        frame = frame.assign(tokens=frame["input_tokens"] + frame["output_tokens"])
    return frame


def _flipped(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """Tasks whose mean score moved, what got worse first."""
    both = pd.DataFrame({"old": by_task(before), "new": by_task(after)}).dropna()
    both = both[(both["old"] - both["new"]).abs() > 1e-12]
    first = before.drop_duplicates("task_id").set_index("task_id")
    then = after.drop_duplicates("task_id").set_index("task_id")
    both["category"] = first["category"].reindex(both.index)
    both["old_answer"], both["new_answer"] = first["answer"].reindex(both.index), then["answer"].reindex(both.index)
    order = (both["new"] - both["old"]).sort_values(kind="stable").index
    return both.loc[order].rename_axis("task_id").reset_index()[_FLIPPED]


def _by_category(before: pd.DataFrame, after: pd.DataFrame, level: float, seed: int) -> pd.DataFrame:
    rows, chances = [], []
    for name in sorted(before["category"].dropna().unique()):
        one, other = before[before["category"] == name], after[after["category"] == name]
        if not all((f["score"].notna() | f["error"].notna()).any() for f in (one, other)):
            continue
        got = paired(one, other, level=level, seed=seed)
        rows.append([name, got.tasks, got.a, got.b, got.difference, got.low, got.high])
        chances.append(got.permutation_p)
    table = pd.DataFrame(rows, columns=_CATEGORY[:-1])
    table["p_holm"] = holm(np.array(chances, float)) if chances else []
    return table.sort_values("difference", kind="stable", ignore_index=True)


def _amounts(before: pd.DataFrame, after: pd.DataFrame, level: float, seed: int) -> pd.DataFrame:
    """The ratio of the means of tasks, and its interval; an amount that one run did not record is left out."""
    rng = np.random.default_rng(seed)
    rows = []
    for name in AMOUNTS:
        if name not in before or name not in after:
            continue
        means = [f.groupby("task_id")[name].mean().astype(float) for f in (before, after)]
        both = pd.concat(means, axis=1, keys=["old", "new"]).dropna().to_numpy(float)
        if len(both) == 0 or both[:, 0].sum() <= 0:
            continue
        old, new = both.mean(axis=0)
        low = high = math.nan
        if len(both) > 1:
            weight = rng.multinomial(len(both), np.full(len(both), 1 / len(both)), _DRAWS).astype(float)
            drawn = weight @ both
            ratios = drawn[:, 1] / np.where(drawn[:, 0] > 0, drawn[:, 0], np.nan)
            low, high = np.nanquantile(ratios, [(1 - level) / 2, (1 + level) / 2])
        rows.append([name, old, new, new / old, low, high])
    return pd.DataFrame(rows, columns=["measure", "old", "new", "ratio", "low", "high"])


def _same_answers(before: pd.DataFrame, after: pd.DataFrame) -> float:
    """The share of the tasks answered in both runs on which an answer of the one is an answer of the other."""
    sets = [f.dropna(subset=["answer"]).groupby("task_id")["answer"].agg(set) for f in (before, after)]
    both = sets[0].index.intersection(sets[1].index)
    return float(np.mean([bool(sets[0][t] & sets[1][t]) for t in both])) if len(both) else math.nan


def _verdict(
    accuracy: Paired | None,
    flipped: pd.DataFrame,
    categories: pd.DataFrame,
    amounts: pd.DataFrame,
    same: float,
    tasks: int,
    level: float,
) -> tuple[str, bool]:
    """One sentence, and whether anything moved."""
    parts, moved = [], False
    if accuracy is None:
        parts.append(f"accuracy is not known ({tasks} tasks without a score)")
    elif accuracy.separated:
        moved = True
        way = "rose" if accuracy.difference > 0 else "fell"
        span = f"{accuracy.difference:+.3f}, {accuracy.low:+.3f} to {accuracy.high:+.3f}"
        parts.append(f"accuracy {way} from {accuracy.a:.3f} to {accuracy.b:.3f} ({span}, {accuracy.tasks} tasks)")
    else:
        span = f"{accuracy.difference:+.3f}, {accuracy.low:+.3f} to {accuracy.high:+.3f}, {accuracy.tasks} tasks"
        more = accuracy.tasks_needed()
        need = f"; about {more:,.0f} tasks would show such a difference" if math.isfinite(more) else ""
        parts.append(f"no change of accuracy can be told from chance ({span}{need})")
    if len(flipped):
        worse = int((flipped["new"] < flipped["old"]).sum())
        parts.append(f"{worse} tasks got worse and {len(flipped) - worse} better")
    told = categories[categories["p_holm"] < 1 - level]
    if len(categories) > 1 and len(told):
        moved = True
        parts.append("most in " + ", ".join(f"{r.category} ({r.difference:+.2f})" for r in told.head(3).itertuples()))
    if same == same and same < 1:
        parts.append(f"{same:.0%} of the answers are the same")
    changed = amounts[(amounts["low"] > 1) | (amounts["high"] < 1)]
    if len(changed):
        moved = True
        parts += [
            f"{AMOUNTS[str(r.measure)]} × {r.ratio:.2f} ({r.low:.2f} to {r.high:.2f})" for r in changed.itertuples()
        ]
    elif len(amounts):
        parts.append("tokens, cost and latency did not move beyond chance")
    text = "; ".join(parts) + "."
    return text[0].upper() + text[1:], moved
