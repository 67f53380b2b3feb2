"""Error recovery: what comes after a tool's or a model's failure."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from workbench.agentic.estimates import clusters, mean, need, share, table
from workbench.frames.lineage import Flags, Rows

OUTCOMES = ("recovered", "changed approach", "retried the same", "cascaded", "gave up")
RESPONSES = ("retried the same", "changed the arguments", "changed the tool", "told the user", "gave up")
WITHIN = 10

_NO_ERRORS = "no failure was recorded"


def incidents(steps: pd.DataFrame, *, within: int = WITHIN) -> pd.DataFrame:
    """One row per incident: a failed step that does not itself follow a failure of the same tool within its trajectory.

    A step fails where it has an error, or a fault put in on purpose that raised none (stale data, a wrong type: `silent`).
    What counts as after is the next `within` acting steps (tool calls and failed model calls) of the same trajectory.

    - response, the next step: "retried the same" call; "changed the arguments" of the same tool; "changed the tool"; "told the
      user" (a message, after which it went on acting); "gave up" (nothing but words, or nothing, came after). Asking a model
      again after its call failed is a retry of the same.
    - outcome: "recovered": the same tool succeeded (for a model call: the next one did); else "changed approach": another tool
      succeeded; else, all that came after failed too: "retried the same" where all were the same call, "cascaded" where not;
      "gave up": no acting step came after. The five exclude one another and add up to all.
    - steps: from the failure to that success, in acting steps (1: the next one); missing where there was none.
    - again: the next acting step failed too (missing: there was none).

    Columns run, trace_id, task_id, strategy, step, kind, tool, error, fault, silent, response, outcome, steps, again.

    >>> wb.incidents(wb.steps(episodes))["outcome"].value_counts()
    """
    need(steps, "trace_id", "kind", "tool", "error", "fault", "repeats", "task_id", "step")
    trace = pd.factorize(steps["trace_id"])[0].astype(np.int64)
    is_message = (steps["kind"] == "message").to_numpy(bool)
    acting: Rows = np.flatnonzero(~is_message)
    bad = (steps["error"].notna() | steps["fault"].notna()).to_numpy(bool)[acting]
    group = pd.factorize(trace[acting] * 1_000_003 + pd.factorize(steps["tool"])[0][acting])[0].astype(np.int64)
    lane, place = trace[acting], np.arange(len(acting))
    starts: Rows = np.flatnonzero(bad & ~_before(group, bad))
    ends = np.minimum(_end(lane), place + within)  # last row that counts as after
    here, end = starts, ends[starts]
    same_tool, any_tool = _next(~bad, group)[here], _next(~bad, lane)[here]
    recovered, changed = same_tool <= end, any_tool <= end
    after = end > here
    model = (steps["kind"] == "model_error").to_numpy(bool)[acting]
    repeats = steps["repeats"].fillna(False).to_numpy(bool)[acting]
    different = np.where(model[here], _next(~model, lane)[here], _next(~repeats, lane)[here]) <= end
    outcome = np.select(
        [~after, recovered, changed, ~different], [OUTCOMES[4], OUTCOMES[0], OUTCOMES[1], OUTCOMES[2]], OUTCOMES[3]
    )
    when = np.where(recovered, same_tool, np.where(changed, any_tool, -1))
    again = np.zeros(len(here), bool)
    again[after] = bad[here[after] + 1]
    rows = steps.iloc[acting[here]]
    found = rows[["run", "trace_id", "task_id", "strategy", "step", "kind", "tool", "error", "fault"]].reset_index(
        drop=True
    )
    found["silent"] = rows["error"].isna().to_numpy(bool)
    found["response"] = _responses(steps, trace, acting, here, after)
    found["outcome"] = pd.Categorical(outcome, OUTCOMES)
    found["steps"] = np.where(when >= 0, when - here, np.nan)
    found["again"] = pd.arrays.BooleanArray(again, ~after)
    return found


def recovery(steps: pd.DataFrame, *, within: int = WITHIN, level: float = 0.95) -> pd.DataFrame:
    """Error recovery as a table of measures, with intervals clustered by task.

    - incidents per trajectory. Then the share of incidents of each outcome (`incidents`): recovered, changed approach, retried
      the same, cascaded, gave up; they add up to 1. And the share whose first response was to retry the same call.
    - steps to recovery: mean acting steps from the failure to the success that ended it, over incidents that ended well.
    - failure after a failure, and after a success: P(next acting step fails | this one failed), P(… | succeeded). A large
      difference is a cascade: one failure brings the next.
    """
    found = incidents(steps, within=within)
    cluster = clusters(found)
    counts = found.groupby("trace_id").size()
    whole = steps.drop_duplicates("trace_id")
    per = counts.reindex(whole["trace_id"]).fillna(0).to_numpy(float)
    after = _after(steps)
    rows = [mean("incidents per trajectory", per, clusters(whole), "no trajectory", level)]
    rows += [share(name, found["outcome"] == name, cluster, _NO_ERRORS, level) for name in OUTCOMES]
    same = found["response"] == RESPONSES[0]
    rows += [
        share("first retried the same", same, cluster, _NO_ERRORS, level),
        mean("steps to recovery", found["steps"], cluster, "no failure was recovered from", level),
        share("failure after a failure", after["next"][after["bad"]], clusters(after[after["bad"]]), _NO_ERRORS, level),
        share(
            "failure after a success", after["next"][~after["bad"]], clusters(after[~after["bad"]]), "no success", level
        ),
    ]
    return table(rows)


def _after(steps: pd.DataFrame) -> pd.DataFrame:
    """Per acting step that has a next one: bad, and whether the next one is (`next`)."""
    acting = steps[steps["kind"] != "message"]
    bad = (acting["error"].notna() | acting["fault"].notna()).to_numpy(bool)
    trace = pd.factorize(acting["trace_id"])[0]
    follows = trace[1:] == trace[:-1]
    task = acting["task_id"].to_numpy(object)[:-1][follows]
    return pd.DataFrame({"bad": bad[:-1][follows], "next": bad[1:][follows], "task_id": task})


def _responses(steps: pd.DataFrame, trace: Rows, acting: Rows, here: Rows, after: Flags) -> Any:
    row = acting[here]
    following = np.minimum(row + 1, len(steps) - 1)
    spoke = (following == row + 1) & (trace[following] == trace[row])
    spoke &= (steps["kind"] == "message").to_numpy(bool)[following]
    tool = pd.factorize(steps["tool"])[0]
    then = acting[np.minimum(here + 1, len(acting) - 1)] if len(acting) else row
    same = steps["repeats"].fillna(False).to_numpy(bool)[then] | (steps["kind"] == "model_error").to_numpy(bool)[row]
    kind = np.select(
        [~after, spoke, same, tool[then] == tool[row]],
        [RESPONSES[4], RESPONSES[3], RESPONSES[0], RESPONSES[1]],
        RESPONSES[2],
    )
    return pd.Categorical(kind, RESPONSES)


def _before(group: Rows, bad: Flags) -> Flags:
    """Whether the row before in the same group was bad."""
    order = np.argsort(group, kind="stable")
    out = np.zeros(len(group), bool)
    out[order[1:]] = bad[order[:-1]] & (group[order[1:]] == group[order[:-1]])
    return out


def _end(lane: Rows) -> Rows:
    """The last row of each row's trajectory."""
    return np.searchsorted(lane, lane, side="right") - 1 if len(lane) else lane


def _next(wanted: Flags, group: Rows) -> Rows:
    """The next row of the same group for which `wanted` holds; a huge number where there is none."""
    none = np.iinfo(np.int64).max
    if not len(group):
        return group
    order = np.argsort(group, kind="stable")
    g = group[order]
    place = np.where(wanted[order], np.arange(len(order)), len(order))
    coming = np.minimum.accumulate(place[::-1])[::-1]
    follow = np.append(coming[1:], len(order))  # strictly after
    out = np.full(len(group), none, dtype=np.int64)
    there = follow < len(order)
    fits = np.zeros(len(order), bool)
    fits[there] = g[follow[there]] == g[there]
    out[order[fits]] = order[follow[fits]]
    return out
