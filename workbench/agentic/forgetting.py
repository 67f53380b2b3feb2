"""Context persistence: does it remember what it was told, and stay right, as the steps go on?"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from workbench.agentic.decay import HalfLife, half_life
from workbench.agentic.estimates import clusters, curve, missing, need, numbers, share, slope, table

_NO_FACTS = "no question for a planted fact was recorded (workbench.fact)"
_NO_TRUTH = "the right action is not recorded (workbench.expected.tool)"
_NO_STATE = "whether the state was right is not recorded (workbench.state.right)"
_NO_VALUES = "no argument with a telling value (an id, a number)"


def recall(steps: pd.DataFrame, *, bins: int = 12, level: float = 0.95) -> pd.DataFrame:
    """Recall of planted facts over distance: right answers / questions asked at that many steps since the fact was planted.

    Columns distance, from, to, value, low, high, n, tasks (`estimates.curve`); empty where no facts were recorded.
    """
    need(steps, "distance", "recalled", "task_id")
    return curve(steps["distance"], steps["recalled"], clusters(steps), name="distance", bins=bins, level=level)


def over_steps(steps: pd.DataFrame, column: str = "right", *, bins: int = 12, level: float = 0.95) -> pd.DataFrame:
    """A flag of the `steps` frame over the step: its share of true at each step (right, state_right, valid, grounded …)."""
    need(steps, column, "step", "task_id")
    return curve(steps["step"], steps[column], clusters(steps), bins=bins, level=level)


def persistence(steps: pd.DataFrame, *, level: float = 0.95) -> pd.DataFrame:
    """Context persistence as a table of measures, with intervals clustered by task.

    - recall: facts given back rightly / facts asked for.
    - recall half-life (steps): h of p(d) = p0 * 2^(-d/h), d the steps since planting (`half_life`).
    - accuracy: right actions / actions whose right tool or arguments are known; per 10 steps: its slope over the step.
    - accuracy half-life (steps): the same fit over the step.
    - state right: steps after which the environment was as it should be / steps for which that is known; and its half-life.
    - grounded arguments (no truth needed): telling values in arguments that were told earlier in the trajectory (task, user,
      results, own words) / telling values in arguments. What is not grounded was made up or computed; per 10 steps: its slope.
    """
    need(steps, "recalled", "distance", "right", "state_right", "grounded", "step", "task_id")
    cluster, at = clusters(steps), steps["step"]
    return table(
        [
            share("recall", steps["recalled"], cluster, _NO_FACTS, level),
            _halving("recall half-life (steps)", steps["recalled"], steps["distance"], cluster, _NO_FACTS, level),
            share("accuracy", steps["right"], cluster, _NO_TRUTH, level),
            slope("accuracy per 10 steps", at, steps["right"], cluster, _NO_TRUTH, level=level),
            _halving("accuracy half-life (steps)", steps["right"], at, cluster, _NO_TRUTH, level),
            share("state right", steps["state_right"], cluster, _NO_STATE, level),
            _halving("state half-life (steps)", steps["state_right"], at, cluster, _NO_STATE, level),
            share("grounded arguments", steps["grounded"], cluster, _NO_VALUES, level),
            slope("grounded arguments per 10 steps", at, steps["grounded"], cluster, _NO_VALUES, level=level),
        ]
    )


def recall_half_life(steps: pd.DataFrame, *, level: float = 0.95) -> HalfLife:
    """The half-life of recall over distance (`half_life`). Raises UsageError where no facts were recorded."""
    need(steps, "distance", "recalled", "task_id")
    return half_life(steps["recalled"], steps["distance"], clusters(steps), level=level)


def _halving(name: str, held: Any, distance: Any, cluster: Any, why: str, level: float) -> dict[str, Any]:
    if not (~np.isnan(numbers(held)) & ~np.isnan(numbers(distance))).any():
        return missing(name, why)
    got = half_life(held, distance, cluster, level=level)
    note = "" if math.isfinite(got.steps) else "nothing falls"
    return {
        "measure": name,
        "value": got.steps,
        "low": got.low,
        "high": got.high,
        "n": got.n,
        "tasks": got.tasks,
        "note": note,
    }
