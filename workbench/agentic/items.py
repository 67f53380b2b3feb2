"""Items: the chat and tool spans of a run in order, with what the agentic names of `semconv` say about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import orjson
import pandas as pd
import pyarrow as pa

from workbench import semconv as s
from workbench.frames.lineage import Flags, Lineage, Rows, lineage
from workbench.store.spanlike import Spans

ATTRIBUTES = {
    "step": s.STEP,
    "call_id": s.TOOL_CALL_ID,
    "arguments": s.TOOL_ARGUMENTS,
    "result": s.TOOL_RESULT,
    "expected_tool": s.EXPECTED_TOOL,
    "expected_arguments": s.EXPECTED_ARGUMENTS,
    "fault": s.FAULT,
    "fact": s.FACT,
    "distance": s.FACT_DISTANCE,
    "recalled": s.RECALLED,
    "state_right": s.STATE_RIGHT,
    "output": s.OUTPUT_MESSAGES,
    "given": s.INPUT_MESSAGES,
}
TRUTH = ("expected_tool", "expected_arguments", "fault", "fact", "distance", "recalled", "state_right")
"""Columns that may stand on any span of a step."""

SAY, DO = "say: ", "do: "
"""How the answer of a synthesis that decides on a step begins: it speaks, or it calls a tool."""

_CALL = r'"type": ?"tool_call"'


@dataclass(frozen=True)
class Items:
    """One item per chat or tool span, and per synthesis that decided on a step; trajectory by trajectory in order of time.

    `data` has the columns of `ATTRIBUTES` as texts (without `given`), the span's own, and first_heard and heard: the first
    input of a trajectory, and what the user said just before a call. `trace` numbers the trajectories; `owner` is the call
    that a tool span belongs to (-1: none), the last one before it in its thread. `attempts` has a row per finished trajectory.
    """

    run: str
    data: pd.DataFrame
    trace: Rows
    is_tool: Flags
    owner: Rows
    step: npt.NDArray[np.float64]
    attempts: pd.DataFrame

    def __len__(self) -> int:
        return len(self.trace)


def items(run: Spans) -> Items:
    """The items of one run."""
    of = lineage(run, ["attributes"])
    operation = of.data["operation"].to_numpy(dtype=object)
    tool: Flags = operation == s.TOOL
    merged: Flags = operation == s.SYNTHESIS
    rows: Rows = np.flatnonzero((tool | merged | (operation == s.CHAT)) & ~of.dropped & ~_given_up(of))
    trace = pd.factorize(of.data["trace_id"])[0].astype(np.int64)
    start = of.data["start_ns"].to_numpy(np.int64)
    rows = rows[np.lexsort((rows, tool[rows], start[rows], trace[rows]))]
    data = pd.concat([_spans(of, rows), _parsed(of, rows, trace[rows], tool[rows])], axis=1)
    number: npt.NDArray[np.float64] = pd.to_numeric(data.pop("step"), errors="coerce").to_numpy(np.float64)
    number = np.where((number >= 0) & (number < 2**53), np.floor(number), np.nan)
    decided = merged[rows] & (number >= 0)
    _speak_for(data, trace[rows], number, decided)
    data.loc[_proposals(trace[rows], number, tool[rows], decided), "calls"] = 0
    number = _between(trace[rows], number, tool[rows])
    kept = decided | (~merged[rows] & ~(number < 0))
    if not kept.all():
        rows, number, data = rows[kept], number[kept], data[kept].reset_index(drop=True)
    inner = pd.factorize(trace[rows])[0].astype(np.int64)
    return Items(
        run.id,
        data,
        inner,
        tool[rows],
        _owners(inner, of.thread[rows], tool[rows]),
        number,
        _attempts(of),
    )


def _attempts(of: Lineage) -> pd.DataFrame:
    """What was attempted and how it was scored, one row per trajectory with a root, as `frames.answers` has it."""
    rows = np.flatnonzero((of.root == np.arange(len(of.data))) & ~of.dropped)
    found: pd.DataFrame = of.data[["trace_id", "task_id", "repeat", "strategy", "score", "error_type", "status"]].iloc[
        rows
    ]
    failed = found.pop("status") == "ERROR"
    found["error"] = found.pop("error_type").where(failed).fillna("ERROR").where(failed)
    found["repeat"] = found["repeat"].fillna(0).astype("int64")
    found["task_id"] = found["task_id"].fillna(found["trace_id"])
    found.insert(0, "run", of.run)
    return found.reset_index(drop=True)


def _given_up(of: Lineage) -> Flags:
    """Spans of an attempt that was stopped half-way and finished later, in another trace: no part of the trajectory."""
    out = np.zeros(len(of.data), bool)
    rootless: Flags = (of.root < 0) & of.data["task_id"].notna().to_numpy()
    if rootless.any():
        names = ["task_id", "repeat"]
        done = of.data.loc[np.unique(of.root[of.root >= 0]), names].fillna({"repeat": 0})
        own = of.data.loc[rootless, names].fillna({"repeat": 0})
        out[rootless] = pd.MultiIndex.from_frame(own).isin(pd.MultiIndex.from_frame(done))
    return out


def _between(trace: Rows, number: npt.NDArray[np.float64], tool: Flags) -> npt.NDArray[np.float64]:
    """What a numbered trajectory did between two steps (notes, digests) belongs to the next one; after the last one a tool's
    call belongs to that, anything else to none (-1)."""
    each = pd.Series(number).groupby(trace)
    if not np.isnan(number).any():
        return number
    numbered = each.transform("count").to_numpy() > 0
    filled = each.bfill().to_numpy(np.float64)
    last = np.where(tool, each.ffill().to_numpy(np.float64), -1.0)
    out: npt.NDArray[np.float64] = np.where(numbered & np.isnan(filled), last, filled)
    return out


def _speak_for(data: pd.DataFrame, trace: Rows, number: npt.NDArray[np.float64], decided: Flags) -> None:
    """Give each synthesis that decided on a step the words it decided on, and what the calls that it merges had heard."""
    rows = np.flatnonzero(decided)
    if not len(rows):
        return
    answers = [
        str(a).removeprefix(SAY) if isinstance(a, str) and not a.startswith(DO) else None
        for a in data["answer"].iloc[rows]
    ]
    output = data["output"].to_numpy(dtype=object)
    output[rows] = [
        own
        if isinstance(own, str)  # what was done is on record
        else orjson.dumps([{"role": "assistant", "parts": [{"type": "text", "content": a}]}]).decode()
        if a
        else None
        for own, a in zip(output[rows], answers, strict=True)
    ]
    data["output"] = pd.array(output, dtype=pd.StringDtype("pyarrow", na_value=np.nan))
    keys = pd.MultiIndex.from_arrays([trace, number])
    for name in ("heard", "first_heard"):
        told = data[name][data[name].notna() & ~decided]
        first = told[~keys[told.index].duplicated()]
        found = pd.Series(first.to_numpy(dtype=object), keys[first.index]).reindex(keys[rows]).to_numpy(dtype=object)
        column = data[name].to_numpy(dtype=object)
        column[rows] = found
        data[name] = pd.array(column, dtype=pd.StringDtype("pyarrow", na_value=np.nan))


def _proposals(trace: Rows, step: npt.NDArray[np.float64], tool: Flags, decided: Flags) -> Flags:
    """Calls in steps that a synthesis decided: what they say was proposed, not done; the synthesis holds what was."""
    if not decided.any():
        return decided
    every = pd.MultiIndex.from_arrays([trace, step])
    found: Flags = every.isin(every[decided]) & ~tool & ~decided
    return found


def _spans(of: Lineage, rows: Rows) -> pd.DataFrame:
    own = of.data
    failed = own["status"] == "ERROR"
    error = own["error_type"].where(own["error_type"].notna() | ~failed, own["status_message"].fillna("ERROR"))
    task = of.own_or("task_id", of.root)
    columns = {
        "trace_id": own["trace_id"],
        "task_id": task.fillna(own["trace_id"]),
        "repeat": of.own_or("repeat", of.root).fillna(0).astype("int64"),
        "strategy": of.own_or("strategy", of.root),
        "agent": of.own_or("agent", of.thread),
        "tool": own["tool_name"],
        "error": error,
        "start_ns": own["start_ns"].astype("int64"),
        "end_ns": own["end_ns"].astype("int64"),
        "input_tokens": own["input_tokens"],
        "output_tokens": own["output_tokens"],
        "cost_usd": own["cost_usd"],
        "score": own["score"],
        "answer": own["answer"],
        "events": own["events"],
    }
    return pd.DataFrame({name: column.iloc[rows].reset_index(drop=True) for name, column in columns.items()})


def _parsed(of: Lineage, rows: Rows, trace: Rows, tool: Flags) -> pd.DataFrame:
    """What stands in the attributes' JSON, read by DuckDB without making a Python object of it."""
    first = np.zeros(len(rows), bool)
    chats = np.flatnonzero(~tool)
    first[chats[np.unique(trace[chats], return_index=True)[1]]] = True
    table = pa.table(
        {
            "place": np.arange(len(rows)),
            "attributes": pa.array(of.data["attributes"].array).take(pa.array(rows)) if len(rows) else pa.array([], pa.string()),
            "opens": first,
        }
    )  # fmt: skip
    paths = ", ".join(f"""'$."{name}"'""" for name in ATTRIBUTES.values())
    picked = ", ".join(f"v[{i}] as {name}" for i, name in enumerate(ATTRIBUTES, 1))
    last = "json_extract(given, '$[#-1]')"
    named = ", ".join(name for name in ATTRIBUTES if name != "given")
    query = f"""
with parsed as (select place, opens, json_extract_string(attributes, [{paths}]) as v from spans),
named as (select place, opens, {picked} from parsed),
told as (select * replace (case when json_valid(given) then given end as given) from named)
select {named}, case when opens then given end as first_heard,
  case when not opens and json_extract_string({last}, '$.role') = 'user' then {last}::varchar end as heard,
  len(regexp_extract_all(output, '{_CALL}')) as calls
from told order by place"""
    with duckdb.connect() as connection:
        connection.register("spans", table)
        found: pa.Table = connection.sql(query).to_arrow_table()
    frame: pd.DataFrame = found.to_pandas(types_mapper=_types)
    return frame


def _types(kind: pa.DataType) -> Any:
    return pd.StringDtype("pyarrow", na_value=np.nan) if pa.types.is_string(kind) else None


def _owners(trace: Rows, thread: Rows, tool: Flags) -> Rows:
    """For each tool item the last chat before it in its thread, else in its trajectory, else -1; -1 for chats."""
    mine = _last_chat(np.unique(np.stack([trace, thread]), axis=1, return_inverse=True)[1].ravel(), tool)
    owner = np.where(mine >= 0, mine, _last_chat(trace, tool))
    return np.where(tool, owner, -1)


def _last_chat(group: Rows, tool: Flags) -> Rows:
    order = np.argsort(group, kind="stable")
    place = np.arange(len(group))
    seen = np.maximum.accumulate(np.where(tool[order], -1, place)) if len(group) else place
    begins = np.searchsorted(group[order], group[order])
    found = np.full(len(group), -1, dtype=np.int64)
    found[order] = np.where(seen >= begins, order[np.maximum(seen, 0)], -1)
    return found


def message_parts(value: Any, but: str = "") -> list[dict[str, Any]]:
    """The parts in a message or a list of messages, of whatever shape the record has; those of the role `but` left out."""
    found: list[dict[str, Any]] = []
    for message in value if isinstance(value, list) else [value]:
        parts = message.get("parts") if isinstance(message, dict) and message.get("role") != but else None
        found += [part for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []
    return found
