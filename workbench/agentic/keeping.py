"""Instruction adherence: rules checked at every step by program, and how keeping them drifts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import orjson
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from workbench import semconv as s
from workbench.agentic.estimates import clusters, curve, mean, missing, need, share, slope, table
from workbench.agentic.frame import steps as steps_of
from workbench.agentic.items import Items, items
from workbench.agentic.survival import first, median, survival
from workbench.errors import UsageError
from workbench.store import as_runs

COLUMNS = ["run", "trace_id", "task_id", "repeat", "strategy", "step", "rule", "violated"]
_NO_RULES = "no rule was checked: none is recorded (event workbench.rule_check) and none was given"


@dataclass(frozen=True, slots=True)
class Step:
    """One step as a rule sees it; None for what is not recorded. `batch` is shared by calls of one message."""

    number: int
    kind: str
    batch: int
    tool: str | None
    arguments: dict[str, Any]
    result: Any
    """The result as JSON where it is some, else as text."""
    error: str | None
    said: str
    heard: str


RuleCheck = Callable[[Step, Sequence[Step]], bool | None]
"""A rule: given a step and all before it, does the step violate it? None where the rule says nothing about it."""


def rule_checks(runs: Any, rules: Iterable[RuleCheck] = ()) -> pd.DataFrame:
    """One row per step and rule that applied to it: `COLUMNS`, violated a bool.

    Rows come from recorded checks (events `workbench.rule_check`) and from `rules`: functions `(step, before) -> bool | None`
    whose names, with spaces for underscores, are the rules' names. `runs` as in `steps`, or a `steps` frame made with text=True.

    >>> wb.rule_checks(episodes).groupby("rule")["violated"].mean()
    """
    given = list(rules)
    parts = [] if isinstance(runs, pd.DataFrame) else [recorded(items(run)) for run in as_runs(runs)]
    if given:
        parts.append(_checked(runs if isinstance(runs, pd.DataFrame) else steps_of(runs, text=True), given))
    filled = [part for part in parts if len(part)]
    if not filled:
        return pd.DataFrame(columns=COLUMNS).astype({"violated": bool, "step": "int64"})
    return pd.concat(filled, ignore_index=True)


def adherence(checks: pd.DataFrame, *, level: float = 0.95) -> pd.DataFrame:
    """Instruction adherence as a table of measures, with intervals clustered by task.

    - violations per check: violated / checked. violations per step: violated / steps at which at least one rule was checked.
    - drift per 10 steps: the least-squares slope of violated over the step. Above 0: rules are kept less as the steps go on.
    - without a violation to the end: trajectories with none / trajectories. steps to the first violation (median): where the
      survival curve (`survival_of_rules`) crosses one half; infinite where it does not.
    - then, per rule, violated / checked.
    """
    need(checks, "task_id", "trace_id", "step", "rule", "violated")
    if checks.empty:
        names = ("violations per check", "violations per step", "drift per 10 steps", "without a violation to the end")
        return table([missing(name, _NO_RULES) for name in (*names, "steps to the first violation (median)")])
    cluster = clusters(checks)
    by_step = checks.groupby(["trace_id", "step"], sort=False).agg(
        task_id=("task_id", "first"), bad=("violated", "sum")
    )
    kept = ~checks.groupby("trace_id", sort=False)["violated"].any()
    task = checks.drop_duplicates("trace_id").set_index("trace_id")["task_id"].loc[kept.index]
    half = median(survival_of_rules(checks, level=level))
    rows = [
        share("violations per check", checks["violated"], cluster, _NO_RULES, level),
        mean("violations per step", by_step["bad"], clusters(by_step), _NO_RULES, level),
        slope("drift per 10 steps", checks["step"], checks["violated"].astype(float), cluster, "all at one step", level=level),
        share("without a violation to the end", kept, pd.factorize(task)[0], _NO_RULES, level),
        dict(missing("steps to the first violation (median)", ""), value=half[0], low=half[1], high=half[2], n=len(kept),
             tasks=task.nunique()),
    ]  # fmt: skip
    for rule, part in checks.groupby("rule", sort=True):
        rows.append(share(f"violated: {rule}", part["violated"], clusters(part), "", level))
    return table(rows)


def violations_over_steps(checks: pd.DataFrame, *, bins: int = 12, level: float = 0.95) -> pd.DataFrame:
    """Violated / checked over the step (`estimates.curve`)."""
    need(checks, "task_id", "step", "violated")
    return curve(checks["step"], checks["violated"], clusters(checks), bins=bins, level=level)


def survival_of_rules(checks: pd.DataFrame, *, level: float = 0.95) -> pd.DataFrame:
    """The share of trajectories that violated no rule yet, over steps (`survival`); step k is after the first k steps."""
    need(checks, "task_id", "trace_id", "step", "violated")
    each = first(checks["step"].to_numpy(), checks["violated"].to_numpy(bool), checks["trace_id"].to_numpy(object))
    task = checks.drop_duplicates("trace_id").set_index("trace_id")["task_id"].loc[each["trace"]]
    return survival(each["steps"], each["happened"], task.to_numpy(object), level=level)


_RECORDED = f"""
with told as (select place, unnest(from_json(events, '["JSON"]')) as event from spans)
select place, json_extract_string(event, '$[2]."{s.RULE}"') as rule, json_extract_string(event, '$[2]."{s.VIOLATED}"') as violated
from told where json_extract_string(event, '$[0]') = '{s.RULE_CHECK}' order by place
"""


def recorded(of: Items) -> pd.DataFrame:
    """The checks that stand as events on a run's chat and tool spans."""
    events = pa.array(of.data["events"].array)
    rows = np.flatnonzero(
        pc.fill_null(pc.match_substring(events, f'"{s.RULE_CHECK}"'), False).to_numpy(zero_copy_only=False)
    )
    table = pa.table({"place": rows, "events": events.take(pa.array(rows))})
    with duckdb.connect() as connection:
        connection.register("spans", table)
        found = connection.sql(_RECORDED).df()
    found = found[found["violated"].isin(("true", "false"))]
    place = found["place"].to_numpy(np.int64)
    about = of.data[["trace_id", "task_id", "repeat", "strategy"]].iloc[place].reset_index(drop=True)
    span = pd.factorize(place)[0]  # the how-many-eth span with a check, where none is numbered
    number = span - pd.Series(span).groupby(of.trace[place]).transform("min").to_numpy()
    about.insert(0, "run", of.run)
    about["step"] = np.where(np.isnan(of.step[place]), number, of.step[place]).astype(np.int64)
    about["rule"] = found["rule"].fillna("rule").to_numpy(object)
    about["violated"] = (found["violated"] == "true").to_numpy()
    return pd.DataFrame(about)


def _checked(frame: pd.DataFrame, rules: list[RuleCheck]) -> pd.DataFrame:
    if "said" not in frame:
        raise UsageError("rules need the words: make the frame with wb.steps(run, text=True)")
    names = [getattr(rule, "__name__", str(rule)).replace("_", " ").strip() for rule in rules]
    rows = []
    for about, before in trajectories(frame):
        for i, step in enumerate(before):
            for name, rule in zip(names, rules, strict=True):
                bad = rule(step, before[:i])
                if bad is not None:
                    rows.append((*about, step.number, name, bool(bad)))
    return pd.DataFrame(rows, columns=COLUMNS)


def trajectories(frame: pd.DataFrame) -> Iterator[tuple[tuple[Any, ...], list[Step]]]:
    """Each trajectory of a `steps` frame with text: (run, trace_id, task_id, repeat, strategy) and its steps."""
    for _, part in frame.groupby(["run", "trace_id"], sort=False):
        about = tuple(part.iloc[0][["run", "trace_id", "task_id", "repeat", "strategy"]])
        columns = ["step", "kind", "batch", "tool", "arguments", "result", "error", "said", "heard"]
        yield about, [_step(*row) for row in part[columns].itertuples(index=False, name=None)]


def _step(
    number: int, kind: str, batch: int, tool: Any, arguments: Any, result: Any, error: Any, said: Any, heard: Any
) -> Step:
    given = _json(arguments)
    return Step(
        number=number,
        kind=kind,
        batch=batch,
        tool=_text(tool),
        arguments=given if isinstance(given, dict) else {},
        result=_json(result),
        error=_text(error),
        said=_text(said) or "",
        heard=_text(heard) or "",
    )


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _json(value: Any) -> Any:
    if not isinstance(value, str):
        return None
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return value
