"""Aligned: attempts of runs laid side by side by task, with answers that are the same in one group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from workbench.layout.answers import key as answer_key
from workbench.store.spanlike import Spans

if TYPE_CHECKING:
    import pandas as pd


@dataclass
class Attempts:
    """One run's attempts: the frame of `answers` with a `key` per row, and each task's prompt."""

    run: Spans
    frame: pd.DataFrame
    prompts: dict[str, str] = field(default_factory=dict)

    def row(self, key: str) -> dict[str, Any] | None:
        """The attempt at a key."""
        found = self._rows().get(key)
        return found

    def _rows(self) -> dict[str, dict[str, Any]]:
        if not hasattr(self, "_by_key"):
            self._by_key = {
                str(row["key"]): dict(zip(map(str, row), row.values(), strict=True))
                for row in self.frame.to_dict("records")
            }
        return self._by_key


def attempts(run: Spans) -> Attempts:
    """A run's attempts. The key is the task's id, with `#k` for a repeat after the first; else the trace's id."""
    from workbench.frames import answers

    frame = answers(run)
    task = frame["task_id"].where(frame["task_id"].notna(), frame["trace_id"]).astype(str)
    repeat = frame["repeat"].astype(int)
    frame["key"] = task.where(repeat == 0, task + "#" + repeat.astype(str))
    again = frame.groupby("key").cumcount()  # the same task twice without a repeat number: a record of several runs
    frame["key"] = frame["key"].where(again == 0, frame["key"] + "#" + again.astype(str))
    return Attempts(run, frame, _prompts(run))


def _prompts(run: Spans) -> dict[str, str]:
    """By trace, from the roots alone: making every span of a large run takes seconds."""
    import orjson
    import pyarrow.compute as pc

    from workbench import semconv as s

    table = run.table(["trace_id", "parent_id", "attributes"])
    roots = table.filter(pc.and_(pc.is_null(table["parent_id"]), pc.is_valid(table["attributes"])))
    held = zip(roots["trace_id"].to_pylist(), map(orjson.loads, roots["attributes"].to_pylist()), strict=True)
    return {trace_id: str(found[s.TASK_PROMPT]) for trace_id, found in held if s.TASK_PROMPT in found}


def same_keys(all_: Sequence[Attempts]) -> list[str]:
    """Every key, in the order of the first run that has it; runs of one trace each are laid side by side whatever their ids."""
    if len(all_) > 1 and all(len(a.frame) == 1 for a in all_):
        name = str(all_[0].frame["key"].iloc[0])
        for a in all_:
            a.frame["key"] = name
    return list(dict.fromkeys(key for a in all_ for key in a.frame["key"]))


def numbered(answers: Sequence[Any]) -> list[int]:
    """The number of each answer's group, in order of appearance; -1 where nothing was said."""
    import pandas as pd

    seen: dict[str, int] = {}
    out = []
    for answer in answers:
        found = None if answer is None or (not isinstance(answer, str) and pd.isna(answer)) else answer_key(answer)
        out.append(-1 if found is None else seen.setdefault(found, len(seen)))
    return out
