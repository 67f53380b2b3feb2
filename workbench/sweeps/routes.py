"""Routes: what a sweep over models found best per task category, as a file that LiteLLM's Router loads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import UsageError, nearest

if TYPE_CHECKING:
    from workbench.sweeps.sweep import Sweep


def routes(sweep: Sweep, model: str = "mix", fallbacks: int = 1) -> Mapping[str, Sequence[str]]:
    """{category: (best model, its fallbacks)} from the finished cells; `model` is the parameter that names the model.

    Raises UsageError where cells differ in more than that and the seed, or left no Runs with categories.
    """
    import pandas as pd

    from workbench import frames, routerfile, stats

    if model not in sweep.axes:
        raise UsageError(f"the sweep has no parameter {model!r} that names a model{nearest(model, sweep.axes)}")
    frame = sweep.frame()
    done = frame[(frame["status"] == "done") & frame["run"].notna()]
    mixed = [n for n in sweep.axes if n not in (model, "seed") and done[n].astype(str).nunique() > 1]
    if mixed:
        raise UsageError(
            f"the cells also differ in {', '.join(mixed)}: a route is a model, so sweep over {model} alone"
        )
    if done.empty or not all(isinstance(value, str) for value in done[model]):
        raise UsageError(f"no finished cell left a Run of one model named by {model!r}")
    answers = {name: frames.answers(list(group["run"])) for name, group in done.groupby(model, sort=False)}
    scores = pd.DataFrame({name: table.groupby("task_id")["score"].mean() for name, table in answers.items()})
    category = pd.concat(answers.values()).drop_duplicates("task_id").set_index("task_id")["category"]
    cost = pd.Series({name: table["cost_usd"].fillna(0.0).mean() for name, table in answers.items()})
    return routerfile.routes_of(stats.fit_routes(scores, category, cost=cost), scores, fallbacks=fallbacks)


def write_routes(
    sweep: Sweep,
    path: Path,
    model: str = "mix",
    fallbacks: int = 1,
    api_bases: Mapping[str, str] | None = None,
) -> Mapping[str, Sequence[str]]:
    """Write the routes as LiteLLM's configuration to `path` and return them; `api_bases`: a self-hosted model's address."""
    from workbench.routerfile import router_file

    found = routes(sweep, model, fallbacks)
    router_file(path, found, models={name: {"api_base": base} for name, base in (api_bases or {}).items()})
    return found
