"""Policy: for every task category the choice that a sweep recommends, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.errors import UsageError
from workbench.sweeps.concluding import answers, choices, grouped

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from workbench.sweeps.sweep import Sweep

ALL = "all tasks"
COLUMNS = [
    "category",
    "tasks",
    "choice",
    "accuracy",
    "low",
    "high",
    "cost_usd",
    "tokens",
    "p95_s",
    "chance",
    "separated",
    "reason",
]
LEAST_TASKS = 2


@dataclass(frozen=True)
class Policy:
    """`table`: a row per category and one for all tasks, with what is recommended there (choice None: nothing qualifies).

    `chance` is the share of resamples of the tasks in which the choice comes out first; `separated` is whether the data tell
    it from every other within the limits. `every` has all choices by category, for the picture.
    """

    table: pd.DataFrame
    every: pd.DataFrame

    def __str__(self) -> str:
        return "\n".join(f"{row['category']}: {row['reason']}" for row in self.table.to_dict("records"))

    def _repr_html_(self) -> str:
        shown = self.table.drop(columns="reason").round(4)
        return str(shown.to_html(index=False, na_rep="–"))

    def plot(self, ax: Axes | None = None) -> Axes:
        """Every choice's accuracy by category in grey, the recommended one with its interval and name in colour."""
        import matplotlib.pyplot as plt

        from workbench import housestyle as style

        rows: list[dict[Any, Any]] = self.table.to_dict("records")[::-1]
        with style.styled():
            if ax is None:
                _, ax = plt.subplots(figsize=(7.6, 0.62 * len(rows) + 1.2))
            for y, row in enumerate(rows):
                others = self.every[self.every["category"] == row["category"]]
                ax.plot(others["accuracy"], [y] * len(others), "o", color=style.LINE, mec=style.SOFT, ms=6, alpha=0.8)
                if row["choice"] is None:
                    continue
                at, spread = row["accuracy"], [[row["accuracy"] - row["low"]], [row["high"] - row["accuracy"]]]
                ax.errorbar([at], [y], xerr=spread, fmt="o", color=style.ACCENT, ms=8, capsize=3)
                text = row["choice"] if row["separated"] else f"{row['choice']} (first in {row['chance']:.0%})"
                side = "right" if at > 0.7 else "left" if at < 0.3 else "center"
                ax.annotate(text, (at, y), (0, 9), textcoords="offset points", ha=side, fontsize=8)
            ax.set_yticks(range(len(rows)), [f"{row['category']} ({row['tasks']})" for row in rows])
            ax.set_ylim(-0.6, len(rows) - 0.3)
            ax.set_xlim(-0.02, 1.04)
            ax.xaxis.set_major_formatter(style.PERCENT)
            ax.set_xlabel("accuracy, 95 % interval; grey: the other choices")
            ax.set_title("What to use for which tasks")
        return ax


def policy(sweep: Sweep, **limits: Any) -> Policy:
    """The recommendation (`choose.Choices.recommend`'s limits) for every category of at least two tasks, and for all.

    Raises UsageError where cells left no Runs to compare.
    """
    import pandas as pd

    from workbench import choose

    groups = grouped(sweep)
    if not all(group["run"].notna().all() for group in groups.values()):
        raise UsageError(f"the cells of {sweep.out} left no Runs, so there is no category to choose by")
    tables = answers(groups)
    names = sorted({c for table in tables.values() for c in table["category"].dropna().unique()})
    rows, every = [], []
    for name in [*names, ALL]:
        parts = tables if name == ALL else {k: t[t["category"] == name] for k, t in tables.items()}
        if any(part["task_id"].nunique() < LEAST_TASKS for part in parts.values()):
            continue
        found = choices(sweep) if name == ALL else choose.choices(parts)
        said = found.recommend(**limits)
        every.append(found.frame.assign(category=name))
        here = found.frame[found.frame["choice"] == said.choice]
        known = here.iloc[0].to_dict() if len(here) else {}
        tasks = max(part["task_id"].nunique() for part in parts.values())
        rows.append(
            {**known, "category": name, "tasks": tasks, "choice": said.choice, "chance": said.chance}
            | {"separated": bool(said) and said.rivals.empty, "reason": said.reason}
        )
    return Policy(pd.DataFrame(rows).reindex(columns=COLUMNS), pd.concat(every, ignore_index=True))
