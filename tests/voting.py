"""Votes for tests: frames of threads built from lists of answers, and the slow way to count subsets."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import strategies as st


def threads_frame(answers: Sequence[Sequence[str | None]], right: str = "a", **numbers: Any) -> pd.DataFrame:
    """A `threads` frame: task i's thread j said answers[i][j]; `right` is right. `numbers`: more columns, [i][j]."""
    return pd.DataFrame(
        [
            {"task_id": f"t{i}", "thread": j, "agent": f"agent {j}", "answer": said, "score": float(said == right)}
            | {name: values[i][j] for name, values in numbers.items()}
            for i, row in enumerate(answers)
            for j, said in enumerate(row)
        ]
    )


def all_votes(most_tasks: int = 4, most_voters: int = 6) -> st.SearchStrategy[list[list[str | None]]]:
    """Answers of 1..most_tasks tasks by one and the same number of voters, silence included."""
    said = st.sampled_from(["a", "b", "c", None])
    return st.integers(1, most_voters).flatmap(
        lambda n: st.lists(st.lists(said, min_size=n, max_size=n), min_size=1, max_size=most_tasks)
    )


def plurality(said: Sequence[str | None], weights: Sequence[float], right: str = "a") -> float:
    """The expected score of one vote, ties by a fair draw; written without any of the library's arrays."""
    total: dict[str, float] = {}
    for answer, weight in zip(said, weights, strict=True):
        if answer is not None:
            total[answer] = total.get(answer, 0.0) + weight
    if not total:
        return 0.0
    top = max(total.values())
    tied = [a for a, w in total.items() if abs(w - top) < 1e-9]
    return sum(a == right for a in tied) / len(tied)


def over_subsets(n: int, k: int, score: Callable[[tuple[int, ...]], float]) -> float:
    """The mean over all subsets of k of n."""
    return float(np.mean([score(s) for s in itertools.combinations(range(n), k)]))
