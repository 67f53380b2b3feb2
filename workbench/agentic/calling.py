"""Tool orchestration: are the calls valid and right, are results used, is nothing asked twice, is what can be parallel so?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from workbench.agentic.estimates import clusters, mean, need, share, table

_NO_CALLS = "no tool call was recorded"
_NO_TRUTH = "the right call is not recorded (workbench.expected.tool, .arguments)"


def orchestration(steps: pd.DataFrame, *, level: float = 0.95) -> pd.DataFrame:
    """Tool orchestration as a table of measures, with intervals clustered by task.

    - valid calls: calls whose arguments are a JSON object that the tool could take / calls with recorded arguments.
    - answered calls: calls with a recorded result or error / calls.
    - failed calls: calls that ended in an error / answered calls.
    - right tool, right arguments (given the right tool), right calls (both): against the recorded truth, / steps that have it.
    - results used (no truth needed): results of which something that only they told is said later / results that told something
      telling and new (an id, a number; see `agentic.tokens`). A floor: words without digits are not followed.
    - redundant calls: calls that gave the same result as an equal call before / calls that succeeded.
    - parallel where possible: calls made in one message with another / these, and calls made alone right after another call
      although none of their arguments came from its result and the user said nothing in between. A floor too: that a call
      hangs on whether, not what, another one answered cannot be seen.
    - calls per trajectory: their mean number.
    """
    need(
        steps,
        "kind",
        "valid",
        "answered",
        "error",
        "right_tool",
        "right_arguments",
        "right",
        "used",
        "redundant",
        "waited",
    )
    calls = steps[steps["kind"] == "tool"]
    cluster, everyone = clusters(calls), clusters(steps)
    right = calls["right_arguments"].where(calls["right_tool"].fillna(True))
    answered = calls["error"].notna().astype("boolean").where(calls["answered"])
    return table(
        [
            share("valid calls", calls["valid"], cluster, _NO_CALLS, level),
            share("answered calls", calls["answered"], cluster, _NO_CALLS, level),
            share("failed calls", answered, cluster, "no result was recorded", level),
            share("right tool", steps["right_tool"], everyone, _NO_TRUTH, level),
            share("right arguments", right, cluster, _NO_TRUTH, level),
            share("right calls", steps["right"], everyone, _NO_TRUTH, level),
            share("results used", calls["used"], cluster, "no result told a telling value (an id, a number)", level),
            share("redundant calls", calls["redundant"], cluster, _NO_CALLS, level),
            share(
                "parallel where possible",
                parallel(calls),
                cluster,
                "no call could have been made together with another",
                level,
            ),
            _per_trajectory(steps, level),
        ]
    )


def parallel(calls: pd.DataFrame) -> Any:
    """Per call: was it made together with another (true), could it have been (false), or neither (missing)?"""
    trace = pd.factorize(calls["trace_id"])[0]
    batch = calls["batch"].to_numpy(np.int64)
    if not len(calls):
        return pd.array([], dtype="boolean")
    follows = np.r_[False, trace[1:] == trace[:-1]]
    before = np.r_[-1, batch[:-1]]
    together = follows & (batch == before)
    free = calls["waited"].eq(False).fillna(False).to_numpy(bool)
    missed = follows & (batch == before + 1) & free
    return pd.arrays.BooleanArray(together, ~(together | missed))


def _per_trajectory(steps: pd.DataFrame, level: float) -> dict[str, Any]:
    counts = (steps["kind"] == "tool").groupby(steps["trace_id"], sort=False).sum()
    tasks = steps.drop_duplicates("trace_id").set_index("trace_id")["task_id"].loc[counts.index]
    return mean("calls per trajectory", counts.to_numpy(), pd.factorize(tasks)[0], "no trajectory", level)
