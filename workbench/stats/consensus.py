"""Agreement: how far the threads say the same, task by task and over all, and which tasks need a deeper look."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from workbench.stats import voting
from workbench.stats.arrays import Floats
from workbench.stats.ballots import Key, Votes, votes
from workbench.stats.intervals import Estimate, quantile

LOOK = ("nobody is right", "agreed and wrong", "outvoted", "split", "agreed")
"""What a task shows, most worth a look first: no thread is right; most are behind a wrong answer; a right one lost the vote;
the vote is right but contested; the vote is right and most agree."""


def agreement(source: Any, *, key: Key | None = None) -> pd.DataFrame:
    """One row per attempt: how the threads stand to each other.

    task_id, category, threads, silent, answers (distinct), support (share of all threads behind the leading answer), margin
    (its lead over the next, as a share), entropy (bits, over those that spoke), tie (another answer has as many), score (expected
    score of the vote), any (whether some thread is right).

    >>> wb.agreement(run)[["task_id", "support", "entropy"]]
    """
    pool = votes(source, key=key)
    counts = -np.sort(-pool.counts, axis=1)
    second = counts[:, 1] if counts.shape[1] > 1 else np.zeros(len(pool))
    spoke = counts.sum(axis=1)
    share = counts / np.maximum(spoke, 1)[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        entropy = -np.where(share > 0, share * np.log2(share), 0.0).sum(axis=1)
    return pd.DataFrame(
        {
            "task_id": pool.task,
            "category": pool.category,
            "threads": pool.size,
            "silent": pool.silent,
            "answers": (counts > 0).sum(axis=1),
            "support": counts[:, 0] / pool.size,
            "margin": (counts[:, 0] - second) / pool.size,
            "entropy": np.abs(entropy),
            "tie": (counts[:, 0] == second) & (spoke > 0),
            "score": vote_score(pool),
            "any": pool.score.max(axis=1) > 0.5,
        }
    )


def vote_score(pool: Votes) -> Floats:
    """[A] the expected score of the vote of all threads."""
    return voting.majority(pool.counts, pool.group_score, pool.silent, [pool.size])[:, 0]


def disagreement(source: Any, *, key: Key | None = None, agreed: float = 0.6) -> pd.DataFrame:
    """The disagreement map: `agreement` with the column `look` (one of LOOK), what is most worth a look first.

    A task counts as agreed where at least the share `agreed` of the threads is behind the leading answer.

    >>> wb.disagreement(run)["look"].value_counts()
    """
    frame = agreement(source, key=key)
    right, together = frame["score"] > 0.5, frame["support"] >= agreed
    kind = np.select(
        [right & together, right, ~right & together & frame["any"], ~right & frame["any"]],
        ["agreed", "split", "agreed and wrong", "outvoted"],
        "nobody is right",
    )
    frame["look"] = pd.Categorical(kind, LOOK, ordered=True)
    return frame.sort_values(["look", "entropy"], ascending=[True, False], ignore_index=True, kind="stable")


def fleiss_kappa(source: Any, *, key: Key | None = None, level: float = 0.95) -> Estimate:
    """Agreement beyond chance of the threads (Fleiss 1971), with a jackknife interval over tasks.

    Silent threads are left out, so the number of raters may differ by task. Chance is how often two answers drawn from all tasks
    are the same; where answers are open (no common options) it is near 0 and kappa is near the plain agreement. NaN where
    only one answer was ever given. `low` and `high` may lie below 0.
    """
    pool = votes(source, key=key)
    said = pool.code >= 0
    n = said.sum(axis=1)
    rows = np.flatnonzero(n >= 2)
    task = pd.factorize(pool.task[rows])[0]
    cells = pd.DataFrame({"row": np.nonzero(said[rows])[0], "code": pool.code[rows][said[rows]]})
    counted = cells.value_counts(sort=False)
    row, code, count = counted.index.get_level_values(0), counted.index.get_level_values(1), counted.to_numpy(float)
    pairs = np.bincount(row, count * (count - 1), len(rows)) / np.maximum(n[rows] * (n[rows] - 1), 1)
    total = np.bincount(code, count)
    if len(rows) < 2 or (total > 0).sum() < 2:
        return Estimate(float("nan"), float("nan"), float("nan"), level, len(set(task)), len(rows))

    def kappa(agree: Any, squares: Any, all_votes: Any) -> Any:
        chance = np.asarray(squares / all_votes**2)
        with np.errstate(
            divide="ignore", invalid="ignore"
        ):  # without one task a single answer may be left: no chance to beat
            return (agree - chance) / (1 - chance)

    tasks = int(task.max()) + 1
    attempts, agreed = np.bincount(task), np.bincount(task, pairs)
    by_cell = pd.DataFrame({"task": task[row], "code": code, "count": count}).groupby(["task", "code"])["count"].sum()
    t, c, m = by_cell.index.get_level_values(0), by_cell.index.get_level_values(1), by_cell.to_numpy()
    votes_of = np.bincount(t, m, tasks)
    squares = float((total**2).sum())
    without = squares - np.bincount(t, 2 * total[c] * m - m**2, tasks)
    value = float(kappa(pairs.mean(), squares, total.sum()))
    if tasks < 3:
        return Estimate(value, float("nan"), float("nan"), level, tasks, len(rows))
    left = kappa((agreed.sum() - agreed) / np.maximum(len(rows) - attempts, 1), without, total.sum() - votes_of)
    left = left[np.isfinite(left)]
    half = quantile(level, tasks - 1) * float(np.sqrt((tasks - 1) / tasks * ((left - left.mean()) ** 2).sum()))
    return Estimate(value, value - half, min(1.0, value + half), level, tasks, len(rows))


def error_correlation(source: Any, *, key: Key | None = None) -> pd.DataFrame:
    """[V, V] correlation over tasks of being wrong; a vote gains most from threads whose errors go apart.

    NaN where a thread is always right or always wrong. Rows and columns carry the threads' names.
    """
    pool = votes(source, key=key)
    with np.errstate(divide="ignore", invalid="ignore"):
        table = np.atleast_2d(np.corrcoef(1 - pool.score, rowvar=False))
    return pd.DataFrame(table, index=list(pool.voters), columns=list(pool.voters))


def same_mistake(source: Any, *, key: Key | None = None) -> pd.DataFrame:
    """[V, V] of the tasks both threads answer wrongly, the share where they give the same wrong answer (NaN: no such task)."""
    pool = votes(source, key=key)
    wrong = (pool.score < 0.5) & (pool.group >= 0)
    both = wrong.T.astype(float) @ wrong
    same = np.zeros_like(both)
    for group in range(int(pool.group.max(initial=-1)) + 1):
        here = (wrong & (pool.group == group)).astype(float)
        same += here.T @ here
    with np.errstate(divide="ignore", invalid="ignore"):
        return pd.DataFrame(same / both, index=list(pool.voters), columns=list(pool.voters))
