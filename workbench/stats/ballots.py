"""Votes: recorded threads as arrays, attempts by voters, with equal answers in one group."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from workbench.errors import UsageError, unknown
from workbench.stats.arrays import Flags, Floats, Ints, Names

Key = Callable[[str], Hashable]

DEPENDENT = ("decompose", "adaptive", "cascade", "route")
"""Strategies whose threads start, stop or differ by what others said: a part of them is no fair smaller run."""

_TEXT = ("run", "trace_id", "span_id", "task_id", "answer", "agent", "model", "role", "style", "error", "category")
_KNOWN = ("repeat", "thread", "round", "score", "start_ns", "end_ns", "cancelled", "difficulty")


@dataclass(frozen=True)
class Votes:
    """A attempts by V voters. `group` [A, V]: the answer's number within its attempt, -1 where the voter said nothing.

    `code` [A, V]: the same, numbered over all attempts, so that the letter B is one category throughout.
    `score` [A, V] is 0..1 (0 where nothing was said, NaN unknown). `numbers` holds any number per vote ([A, V], such as
    seconds, tokens, logprob, a reward). Attempts at one task share its `task`: that is the cluster of every interval.
    """

    task: Names
    group: Ints
    code: Ints
    score: Floats
    voters: tuple[str, ...]
    answer: Names
    category: Names
    attempt: Names
    model: tuple[str, ...] = ()
    numbers: Mapping[str, Floats] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.task)

    @property
    def size(self) -> int:
        """How many voters there are."""
        return int(self.group.shape[1])

    @property
    def counts(self) -> Ints:
        """[A, M] how many voters are behind each group."""
        most = int(self.group.max(initial=-1)) + 1
        out = np.zeros((len(self), max(1, most)), np.int64)
        rows, _ = np.nonzero(self.group >= 0)
        np.add.at(out, (rows, self.group[self.group >= 0]), 1)
        return out

    @property
    def group_score(self) -> Floats:
        """[A, M] the score of each group: the mean of its votes' (they differ only where a source judged unevenly)."""
        total = np.zeros(self.counts.shape)
        said = self.group >= 0
        rows, _ = np.nonzero(said)
        np.add.at(total, (rows, self.group[said]), self.score[said])
        out: Floats = total / np.maximum(self.counts, 1)
        return out

    @property
    def silent(self) -> Ints:
        """[A] how many voters said nothing (or were lost)."""
        out: Ints = (self.group < 0).sum(axis=1)
        return out

    def number(self, name: str) -> Floats:
        """The named number per vote. Raises UsageError where it was not recorded."""
        if name not in self.numbers:
            raise unknown("number per thread", name, self.numbers)
        return self.numbers[name]

    def only(self, voters: Iterator[int] | Ints | list[int] | None = None, rows: Flags | Ints | None = None) -> Votes:
        """The same votes of fewer voters (column numbers) or attempts (row numbers or flags)."""
        columns = np.arange(self.size) if voters is None else np.asarray(list(voters))
        picked = np.arange(len(self)) if rows is None else np.arange(len(self))[rows]
        cut = np.ix_(picked, columns)
        return replace(
            self,
            task=self.task[picked],
            group=self.group[cut],
            code=self.code[cut],
            score=self.score[cut],
            voters=tuple(self.voters[i] for i in columns),
            answer=self.answer[cut],
            category=self.category[picked],
            attempt=self.attempt[picked],
            model=tuple(self.model[i] for i in columns) if self.model else (),
            numbers={name: values[cut] for name, values in self.numbers.items()},
        )


def votes(source: Any, *, key: Key | None = None, round: int | None = None, voter: str = "thread") -> Votes:
    """Votes of a Run or of a `threads` frame (at least task_id, answer, score and the column `voter`).

    `key` says when answers are equal; a Run brings its grader's, a frame compares the stripped text. A voter without an
    answer in an attempt counts as silent. Raises UsageError where threads read each other (say which `round` to take), where
    the strategy stops or adds threads by what they said, or where one voter has two answers in one attempt.
    """
    if isinstance(source, Votes):
        return source
    frame, found = cast(source, round)
    for name in ("task_id", "answer", "score", voter):
        if name not in frame:
            raise UsageError(
                f"the threads' frame lacks the column {name!r}; it has {', '.join(map(str, frame.columns))}"
            )
    if frame.empty:
        raise UsageError("no threads to count votes of")
    return _arrays(frame, voter, key or found or _stripped)


def cast(source: Any, round: int | None = None) -> tuple[pd.DataFrame, Key | None]:
    """The threads that vote, one row each, and the grader's notion of equal answers where a Run brings it."""
    frame, found = _frame(source)
    frame = _one_round(frame, round)
    if "role" in frame:
        frame = frame[~frame["role"].isin(["plan", "merge", "judge", "check"])]
    return frame, found


def _frame(source: Any) -> tuple[pd.DataFrame, Key | None]:
    if isinstance(source, pd.DataFrame):
        return source, None
    from workbench import frames, store
    from workbench.grading import GRADERS

    runs = store.as_runs(source)
    asked = frames.answers(runs)
    if refused := sorted(set(asked["strategy"].dropna()) & set(DEPENDENT)):
        raise UsageError(
            f"the threads of strategy {refused[0]!r} depend on what other threads said, so a part of them is not a fair"
            " smaller run; use a run of 'parallel', or of 'single' with repeats"
        )
    about = asked[["run", "trace_id", "category", "difficulty"]]
    frame = frames.threads(runs).merge(about, on=["run", "trace_id"], how="left")
    names = {str(run.manifest.get("grader")) for run in runs}
    grader = GRADERS.get(names.pop()) if len(names) == 1 else None
    return frame, grader.key if grader else None


def _one_round(frame: pd.DataFrame, wanted: int | None) -> pd.DataFrame:
    if "round" not in frame:
        return frame
    rounds = sorted(frame["round"].dropna().unique())
    if wanted is None and len(rounds) > 1:
        raise UsageError(f"threads of later rounds have read the earlier ones; say which round to take: {rounds}")
    return frame if wanted is None else frame[frame["round"] == wanted]


def _stripped(answer: str) -> Hashable:
    return str(answer).strip()


def _arrays(frame: pd.DataFrame, voter: str, key: Key) -> Votes:
    per = (
        ("run", "trace_id", "task_id", "repeat") if voter != "repeat" else ("run", "task_id")
    )  # repeats of one as its voters
    where = [name for name in per if name in frame]
    row = frame.groupby(where, sort=False, dropna=False).ngroup().to_numpy()
    voters = pd.Index(frame[voter].unique()).sort_values()
    column = voters.get_indexer(frame[voter])
    shape = (int(row.max()) + 1, len(voters))
    place = row * shape[1] + column
    if len(np.unique(place)) != len(place):
        twice = frame.iloc[int(np.flatnonzero(pd.Series(place).duplicated())[0])]
        raise UsageError(
            f"{voter} {twice[voter]!r} has two answers for task {twice['task_id']!r}; name rounds or repeats"
        )
    first = np.unique(row, return_index=True)[1]
    answer = np.full(shape, None, dtype=object)
    said = frame["answer"].notna().to_numpy(bool)
    answer[row[said], column[said]] = frame["answer"].to_numpy(object)[said]
    score = np.zeros(shape)
    score[row, column] = pd.to_numeric(frame["score"]).to_numpy(float)
    group, code = _groups(answer, key)
    score[group < 0] = 0.0
    tasks = frame["task_id"].to_numpy(object)[first]
    return Votes(
        task=tasks,
        group=group,
        code=code,
        score=score,
        voters=_labels(frame, voter, voters),
        answer=answer,
        category=frame["category"].to_numpy(object)[first] if "category" in frame else np.full(shape[0], None, object),
        attempt=frame["trace_id"].to_numpy(object)[first] if "trace_id" in frame else tasks,
        model=_one_each(frame, "model", voter, voters),
        numbers=_numbers(frame, row, column, shape, voter),
    )


def _groups(answer: Names, key: Key) -> tuple[Ints, Ints]:
    """Number equal answers within each row in order of first appearance, and over all rows."""
    flat = answer.ravel()
    said = np.array([a is not None for a in flat], bool)
    known: dict[Hashable, int] = {}
    cache: dict[Any, int] = {}
    code = np.full(flat.size, -1, np.int64)
    for i in np.flatnonzero(said).tolist():
        text = flat[i]
        if text not in cache:
            cache[text] = known.setdefault(key(text), len(known))
        code[i] = cache[text]
    out = np.full(answer.shape, -1, np.int64)
    width = answer.shape[1]
    where = np.flatnonzero(said)
    if where.size == 0:
        return out, code.reshape(answer.shape)
    joint = (where // width) * max(1, len(known)) + code[where]
    _, first, inverse = np.unique(joint, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)  # groups in order of first appearance, numbered from 0 in each row
    order = np.argsort(first)
    rows = where[first[order]] // width
    starts = np.r_[True, rows[1:] != rows[:-1]]
    rank[order] = np.arange(len(order)) - np.maximum.accumulate(np.where(starts, np.arange(len(order)), 0))
    out.ravel()[where] = rank[inverse]
    return out, code.reshape(answer.shape)


def _labels(frame: pd.DataFrame, voter: str, voters: pd.Index[Any]) -> tuple[str, ...]:
    named = _one_each(frame, "agent", voter, voters) if voter == "thread" else ()
    if named and len(set(named)) == len(named):
        return named
    return tuple(f"thread {v}" if voter == "thread" else str(v) for v in voters)


def _one_each(frame: pd.DataFrame, column: str, voter: str, voters: pd.Index[Any]) -> tuple[str, ...]:
    """One text per voter from a column, or nothing where a voter has none or several."""
    if column not in frame or frame[column].isna().any():
        return ()
    by = frame.groupby(voter)[column]
    if (by.nunique() != 1).any():
        return ()
    return tuple(map(str, by.first().reindex(voters)))


def _numbers(frame: pd.DataFrame, row: Any, column: Any, shape: tuple[int, int], voter: str) -> dict[str, Floats]:
    found: dict[str, Floats] = {}
    for name in frame.columns:
        if name not in (*_TEXT, *_KNOWN, voter) and pd.api.types.is_numeric_dtype(frame[name]):
            values = np.full(shape, np.nan)
            values[row, column] = frame[name].to_numpy(float, na_value=np.nan)
            found[str(name)] = values
    return found
