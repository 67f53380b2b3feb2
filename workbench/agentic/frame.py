"""steps: recorded trajectories as one tidy table, one row per thing that the actor did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from workbench import semconv as s
from workbench.agentic import unanswered
from workbench.agentic.arguments import canonical
from workbench.agentic.items import TRUTH, Items, items
from workbench.agentic.tokens import references, words
from workbench.frames.lineage import Flags, Rows
from workbench.store import as_runs

_UNUSED = ("output", "heard", "first_heard", "events", "answer", "calls")

KINDS = ("tool", "message", "model_error")


def steps(runs: Any, *, text: bool = False) -> pd.DataFrame:
    """One row per step of every trajectory, in order: a tool call, a message without one, or a failed model call.

    `runs` is a Run, a path, a SpanSet of an import, or a list of these. Columns:

    - run, trace_id, task_id, repeat, strategy, agent; step (`workbench.step` where recorded, else the row's number within its
      trajectory, from 0); kind ("tool", "message", "model_error"); batch (calls of one assistant message share it).
    - tool, arguments (JSON text), result, error (its type; missing where none), fault (one put in on purpose), score (0..1, where
      steps are scored).
    - valid: the arguments are a JSON object (or empty) and the tool could take them (`semconv.INVALID_CALLS`).
    - right_tool, right_arguments, right (both): against the recorded truth; missing where there is none. state_right likewise.
    - answered: a result or an error was recorded for the call. called: the result has a call that it belongs to.
    - used: something that only this result told (an identifier, a number) stands in a later argument or message; missing where
      it told nothing new. grounded: the share of such values in the arguments that were told before. waited: an argument came
      from the step just before, so that the call could not have been made together with it (missing: no telling value).
    - redundant: the same call gave the same result before, in this trajectory. repeats: it is the same call as the one before.
    - fact, distance (steps since it was planted), recalled. start_ns, end_ns; input_tokens, output_tokens, cost_usd: summed over
      all model calls of the step (voters, checkers), at its first row.
    - with `text`: said (the actor's words at this step) and heard (the user's just before it).

    Where nothing of a kind was recorded its column is missing (NA) throughout; nothing is guessed. Odd input (results without
    calls, calls without results, arguments that are not JSON) keeps its rows; `oddities` counts it.

    >>> wb.steps(episodes)[["step", "tool", "valid", "right"]]
    """
    return joined([steps_of(items(run), text) for run in as_runs(runs)])


def joined(parts: list[pd.DataFrame]) -> pd.DataFrame:
    """Frames of several runs as one."""
    filled = [part for part in parts if len(part)]
    return parts[0] if not filled else filled[0] if len(filled) == 1 else pd.concat(filled, ignore_index=True)


def oddities(frame: pd.DataFrame) -> dict[str, int]:
    """What in a `steps` frame is not as it should be: what -> how many; only what occurs."""
    is_tool = frame["kind"] == "tool"
    found = {
        "calls without a recorded result": int((is_tool & ~frame["answered"]).sum()),
        "results without a call": int((is_tool & ~frame["called"]).sum()),
        "arguments that are not a JSON object": int((is_tool & frame["valid"].eq(False) & ~_refused(frame)).sum()),
        "trajectories without a tool call": int((~is_tool.groupby(frame["trace_id"]).any()).sum()),
    }
    return {what: n for what, n in found.items() if n}


def _refused(frame: pd.DataFrame) -> Any:
    return frame["error"].isin(s.INVALID_CALLS)


@dataclass(frozen=True)
class _Rows:
    """Which item each row is of (`item`), which call made it (`batch`, an item; -1 none), and the calls never answered."""

    item: Rows
    batch: Rows
    extra: pd.DataFrame
    """columns tool, arguments, call_id; one row per unanswered call, which stand before the answered ones."""


def steps_of(of: Items, text: bool = False) -> pd.DataFrame:
    """The steps of one run from its items."""
    rows, uncalled = _choose(of)
    order = np.lexsort((np.arange(len(rows.item)), rows.item))
    extra = np.flatnonzero(order >= len(rows.item) - len(rows.extra))
    which = order[extra] - (len(rows.item) - len(rows.extra))
    item, batch = rows.item[order], rows.batch[order]
    data = of.data.drop(columns=[*TRUTH, *_UNUSED]).iloc[item].reset_index(drop=True)
    is_tool = of.is_tool[item]
    is_tool[extra] = True
    for name in rows.extra.columns.drop("item") if len(extra) else ():
        column = data[name].to_numpy(dtype=object)
        column[extra] = rows.extra[name].to_numpy(dtype=object)[which]
        data[name] = pd.array(column, dtype=pd.StringDtype("pyarrow", na_value=np.nan))
    trace = of.trace[item]
    step = _numbers(trace, of.step[item])
    answered = np.ones(len(item), bool)
    answered[extra] = False
    answered[is_tool] &= (data["result"].notna() | data["error"].notna()).to_numpy()[is_tool]
    called = np.ones(len(item), bool)
    called[np.isin(item, uncalled) & of.is_tool[item]] = False
    truth = _truth(of, item, batch)
    form, expected = canonical(data["arguments"].fillna("").where(is_tool), truth["expected_arguments"])
    is_error = data["error"].notna().to_numpy()
    kind = np.where(is_tool, "tool", np.where(is_error, "model_error", "message"))
    right_tool = _judged(
        truth["expected_tool"].notna(), data["tool"].fillna("").where(is_tool, "") == truth["expected_tool"]
    )
    right_arguments = _judged(truth["expected_arguments"].notna(), (form.code == expected.code) & is_tool)
    valid = _judged(is_tool & data["arguments"].notna(), form.good & ~data["error"].isin(s.INVALID_CALLS))
    ticks = _within(trace, np.where(batch >= 0, batch, item))
    known = references(of, item, batch, trace, ticks, is_tool, is_error, data)
    tokens = _spent(of, item, batch)
    frame = pd.DataFrame(
        {
            "run": of.run,
            "trace_id": data["trace_id"],
            "task_id": data["task_id"],
            "repeat": data["repeat"],
            "strategy": data["strategy"],
            "agent": data["agent"],
            "step": step,
            "kind": pd.Categorical(kind, KINDS),
            "batch": ticks,
            "tool": data["tool"].where(is_tool),
            "arguments": data["arguments"].where(is_tool),
            "result": data["result"].where(is_tool),
            "error": data["error"],
            "fault": truth["fault"],
            "score": data["score"],
            "valid": valid,
            "right_tool": right_tool,
            "right_arguments": right_arguments,
            "right": _both(right_tool, right_arguments),
            "state_right": _flag(truth["state_right"]),
            "answered": answered,
            "called": called,
            "used": known["used"],
            "grounded": known["grounded"],
            "waited": known["waited"],
            "redundant": _redundant(
                data,
                trace,
                is_tool & form.good & ~is_error & (data[["arguments", "result"]].notna().all(axis=1)),
                form.code,
            ),
            "repeats": _repeats(data["tool"], trace, is_tool, form.code),
            "fact": truth["fact"],
            "distance": pd.to_numeric(truth["distance"], errors="coerce").astype("float64").where(lambda d: d >= 0),
            "recalled": _flag(truth["recalled"]),
            "start_ns": data["start_ns"],
            "end_ns": data["end_ns"],
            **tokens,
        }
    )
    if text:
        frame["said"] = known["said"].map(words)
        frame["heard"] = known["heard"].map(words)
    return frame


def _choose(of: Items) -> tuple[_Rows, Rows]:
    """The rows: all tool spans, unanswered calls, and one call per step that no tool call came of; and results without calls."""
    tools, chats = np.flatnonzero(of.is_tool), np.flatnonzero(~of.is_tool)
    error = of.data["error"].notna().to_numpy()
    owned = np.bincount(of.owner[tools][of.owner[tools] >= 0], minlength=len(of))
    extra, uncalled = unanswered.calls(of, owned, error)
    acted = owned > 0
    if len(extra):
        acted[extra["item"].to_numpy(np.int64)] = True
    idle = chats[~acted[chats]]
    told = ~np.isnan(of.step)
    if told.any():
        idle = _one_per_step(of, idle, tools, error, told)
    item = np.concatenate([tools, idle, extra["item"].to_numpy(np.int64)])
    batch = np.concatenate([of.owner[tools], idle, extra["item"].to_numpy(np.int64)])
    return _Rows(item, batch, extra), uncalled


def _one_per_step(of: Items, idle: Rows, tools: Rows, error: Flags, told: Flags) -> Rows:
    """Of the calls of one step only the last good one (else the last) is a row, and none where a tool was called in that step."""
    free, bound = idle[~told[idle]], idle[told[idle]]
    place = pd.DataFrame({"trace": of.trace[bound], "step": of.step[bound], "good": ~error[bound], "item": bound})
    done = pd.MultiIndex.from_arrays([of.trace[tools], of.step[tools]])
    place = place[~pd.MultiIndex.from_frame(place[["trace", "step"]]).isin(done)]
    kept = place.sort_values(["good", "item"], kind="stable").drop_duplicates(["trace", "step"], keep="last")
    return np.sort(np.concatenate([free, kept["item"].to_numpy(np.int64)]))


def _numbers(trace: Rows, told: Any) -> Any:
    """The recorded step, else the row's place in its trajectory; rows without one in a numbered trajectory take the last one."""
    place = _place(trace)
    numbered = np.zeros(int(trace.max()) + 1 if len(trace) else 0, bool)
    numbered[trace[~np.isnan(told)]] = True
    filled = pd.Series(told).groupby(trace).ffill().fillna(0.0)
    return np.where(numbered[trace] if len(trace) else False, filled, place).astype(np.int64)


def _place(trace: Rows) -> Rows:
    """0, 1, 2 … within each run of equal numbers."""
    begins = np.flatnonzero(np.r_[True, trace[1:] != trace[:-1]]) if len(trace) else np.zeros(0, np.int64)
    return np.arange(len(trace)) - np.repeat(begins, np.diff(np.r_[begins, len(trace)]))


def _within(trace: Rows, batch: Rows) -> Rows:
    """Batches numbered 0, 1, 2 … within their trajectory, in order of first appearance."""
    first = ~pd.Series(batch).duplicated().to_numpy()
    count = np.cumsum(first)
    begins = np.r_[True, trace[1:] != trace[:-1]] if len(trace) else np.zeros(0, bool)
    base = np.maximum.accumulate(np.where(begins, count, 0)) if len(trace) else count
    number = pd.Series(count - base).groupby(batch).transform("first")
    return number.to_numpy(np.int64)


def _truth(of: Items, item: Rows, batch: Rows) -> pd.DataFrame:
    """What is known to be true of each row: on its own span, on its call's, or on another call of its step."""
    names = list(TRUTH)
    known = of.data[names]
    told = known.notna().any(axis=1).to_numpy()
    own = known.iloc[item].reset_index(drop=True)
    if not told.any():
        return own
    theirs = known.iloc[np.maximum(batch, 0)].reset_index(drop=True)
    own = own.where(own.notna(), theirs.where(pd.Series(batch >= 0), np.nan))
    beside = np.flatnonzero(told & ~of.is_tool & ~np.isnan(of.step))
    if len(beside):
        keys = [of.trace[beside], of.step[beside]]
        first = known.iloc[beside].groupby(keys).first()
        there = first.reindex(pd.MultiIndex.from_arrays([of.trace[item], of.step[item]])).reset_index(drop=True)
        own = own.where(own.notna(), there)
    return own


def _spent(of: Items, item: Rows, batch: Rows) -> dict[str, Any]:
    """Tokens and dollars of all model calls, each at the first row of what came of it."""
    chats = np.flatnonzero(~of.is_tool)
    row_of = np.full(len(of), -1, dtype=np.int64)
    place = np.arange(len(item))[::-1]
    row_of[item[::-1]] = place
    row_of[batch[::-1][batch[::-1] >= 0]] = place[batch[::-1] >= 0]
    row = row_of[chats]
    lost = np.flatnonzero((row < 0) & ~np.isnan(of.step[chats]))
    if len(lost):
        keys = pd.MultiIndex.from_arrays([of.trace[item], of.step[item]])
        first = pd.Series(np.arange(len(item)), keys)
        first = first[~first.index.duplicated()]
        where = pd.MultiIndex.from_arrays([of.trace[chats[lost]], of.step[chats[lost]]])
        row[lost] = first.reindex(where).fillna(-1).astype("int64")
    kept = row >= 0
    sums = of.data.iloc[chats[kept]][["input_tokens", "output_tokens", "cost_usd"]].groupby(row[kept]).sum(min_count=1)
    return {str(name): sums[name].reindex(pd.RangeIndex(len(item))) for name in sums}


def _judged(known: Any, holds: Any) -> Any:
    """A nullable flag: missing where nothing is known."""
    return pd.arrays.BooleanArray(np.asarray(holds, bool), ~np.asarray(known, bool))


def _both(one: Any, other: Any) -> Any:
    """Right in all that is known of it."""
    one, other = pd.Series(one), pd.Series(other)
    return _judged(one.notna() | other.notna(), one.fillna(True) & other.fillna(True))


def _flag(told: Any) -> Any:
    return _judged(told.isin(("true", "false")), told == "true")


def _redundant(data: pd.DataFrame, trace: Rows, good: Flags, form: Rows) -> Any:
    result = pd.factorize(data["result"])[0]
    keys = pd.DataFrame({"trace": trace, "tool": pd.factorize(data["tool"])[0], "form": form, "result": result})[good]
    again = np.zeros(len(trace), bool)
    again[good] = keys.duplicated().to_numpy()
    return _judged(good, again)


def _repeats(tool: Any, trace: Rows, is_tool: Flags, form: Rows) -> Any:
    """Whether a call is the same as the tool call before it in its trajectory."""
    code = pd.factorize(tool)[0]
    rows = np.flatnonzero(is_tool)
    t, c, f = trace[rows], code[rows], form[rows]
    out = np.zeros(len(trace), bool)
    out[rows[1:]] = (t[1:] == t[:-1]) & (c[1:] == c[:-1]) & (f[1:] == f[:-1])
    return _judged(is_tool, out)
