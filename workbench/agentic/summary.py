"""qualities: all agentic measures of a run in one call, and what could not be known."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from workbench.agentic import calling, failing, forgetting, keeping, repeating
from workbench.agentic.frame import joined, oddities, steps_of
from workbench.agentic.items import items
from workbench.store import as_runs

QUALITIES = ("persistence", "orchestration", "recovery", "adherence", "reliability")


@dataclass(frozen=True)
class Qualities:
    """The five agentic qualities of a run. Each is a table of measures: measure, value, low, high, n, tasks, note.

    `steps`, `checks` and `answers` (one row per trajectory) are the frames they were made of; `odd` counts what in the record is
    not as it should be.
    """

    persistence: pd.DataFrame
    orchestration: pd.DataFrame
    recovery: pd.DataFrame
    adherence: pd.DataFrame
    reliability: pd.DataFrame
    steps: pd.DataFrame
    checks: pd.DataFrame
    answers: pd.DataFrame
    odd: dict[str, int]

    def table(self) -> pd.DataFrame:
        """All measures in one tidy frame: quality and the columns of the tables."""
        parts: list[pd.DataFrame] = [getattr(self, name).assign(quality=name) for name in QUALITIES]
        whole: pd.DataFrame = pd.concat(parts, ignore_index=True)
        whole.insert(0, "quality", whole.pop("quality"))
        return whole

    @property
    def unknown(self) -> dict[str, str]:
        """Measure -> why there is no number."""
        whole = self.table()
        lost = whole[whole["value"].isna()]
        return dict(zip(lost["measure"], lost["note"], strict=True))

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values: {steps, trajectories, tasks, odd, <quality>: {measure: {value, low, high, n, tasks, note}}}.

        What is unknown or infinite is None; the note says which.
        """
        tables = {
            name: {row["measure"]: _plain(row) for row in getattr(self, name).to_dict("records")} for name in QUALITIES
        }
        size = {"steps": len(self.steps), "trajectories": int(self.steps["trace_id"].nunique())}
        return {**size, "tasks": int(self.steps["task_id"].nunique()), "odd": dict(self.odd), **tables}

    def __repr__(self) -> str:
        known = self.table().dropna(subset=["value"])
        lines = [f"{len(self.steps):,} steps of {self.steps['trace_id'].nunique():,} trajectories"]
        for quality, part in known.groupby("quality", sort=False):
            lines.append(str(quality))
            lines += [
                f"  {r.measure:<38} {r.value:8.3f}  ({r.low:.3f} to {r.high:.3f}, n {r.n:,})" for r in part.itertuples()
            ]
        lines += [f"not known: {', '.join(self.unknown)}"] if self.unknown else []
        lines += [f"odd: {n:,} {what}" for what, n in self.odd.items()]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        html: str = self.table().to_html(index=False, float_format=lambda v: f"{v:.3f}", na_rep="–", escape=True)
        return html


def qualities(
    runs: Any, rules: Iterable[keeping.RuleCheck] = (), *, within: int = failing.WITHIN, level: float = 0.95
) -> Qualities:
    """Measure context persistence, tool orchestration, error recovery, instruction adherence and reliability of any trace.

    `runs` is a Run, a path, an import, or a list of these; `rules` are functions `(step, before) -> bool | None` that are
    checked at every step besides those that were recorded (`rule_checks`). What needs a truth that was not recorded is
    missing, and `unknown` says why; the rest is computed. Every interval is clustered by task.

    >>> wb.qualities(episodes).table()
    """
    given = list(rules)
    found = [items(run) for run in as_runs(runs)]
    frame = joined([steps_of(of, text=bool(given)) for of in found])
    checks = joined([*(keeping.recorded(of) for of in found), *([keeping.rule_checks(frame, given)] if given else [])])
    answers = joined([of.attempts for of in found])
    return Qualities(
        persistence=forgetting.persistence(frame, level=level),
        orchestration=calling.orchestration(frame, level=level),
        recovery=failing.recovery(frame, within=within, level=level),
        adherence=keeping.adherence(checks, level=level),
        reliability=repeating.reliability(answers, level=level),
        steps=frame,
        checks=checks,
        answers=answers,
        odd=oddities(frame),
    )


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    found = {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in row.items() if k != "measure"}
    if row["value"] == math.inf and not found["note"]:
        found["note"] = "infinite"
    return found
