"""Conclusions of a sweep: its choices compared task by task, through workbench.choose."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from workbench.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd

    from workbench.choose import Choices
    from workbench.sweeps.sweep import Sweep

SEED = "seed"


def choices(sweep: Sweep) -> Choices:
    """The finished cells as choices, named by what differs between them; cells that differ only in their seed are one.

    Compared task by task where every cell left a Run; by the measures and intervals they concluded where none did.
    """
    import pandas as pd

    from workbench import choose

    groups = grouped(sweep)
    done = pd.concat(groups.values())
    if done["run"].notna().all():
        return choose.choices(answers(groups))
    if "accuracy_low" not in done or done["accuracy_low"].isna().any():
        raise UsageError(f"the cells of {sweep.out} left no Runs and no accuracy with its interval to choose by")
    rows = [
        {
            "choice": name,
            "accuracy": group["accuracy"].mean(),
            "low": group["accuracy_low"].mean(),
            "high": group["accuracy_high"].mean(),
            "cost_usd": _mean(group, "cost_usd") / max(1.0, _mean(group, "task_count")),
            "p95_s": _mean(group, "p95_s"),
        }
        for name, group in groups.items()
    ]
    return choose.Choices(pd.DataFrame(rows))


def grouped(sweep: Sweep) -> dict[str, pd.DataFrame]:
    """The finished cells by choice: what differs between cells, their seed left out. Raises UsageError where none is done."""
    frame = sweep.frame()
    done = frame[frame["status"] == "done"]
    if done.empty:
        raise UsageError(f"no cell of {sweep.out} is done, so there is nothing to choose from")
    names = [n for n in sweep.axes if n != SEED and frame[n].astype(str).nunique() > 1]
    label = [", ".join(f"{n}={row[n]}" for n in names) or "the only choice" for row in done.to_dict("records")]
    return {str(name): group for name, group in done.assign(choice=label).groupby("choice", sort=False)}


def answers(groups: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """The answers of each choice's Runs, attempts under several seeds together."""
    from workbench import frames

    return {name: frames.answers(list(group["run"])) for name, group in groups.items()}


def _mean(group: pd.DataFrame, name: str) -> float:
    return float(group[name].astype(float).mean()) if name in group else float("nan")
