"""Agentic qualities: does it remember, does it use its tools well, does it recover, does it keep the rules, and every time?

Pure measures on frames, for our own Runs, for imports, and for anything with the same columns:

- `steps(runs)`: one row per step of every trajectory; what every measure takes.
- `rule_checks(runs, rules)`: one row per step and rule: recorded checks, and rules given as plain functions on steps.
- `qualities(runs)`: all of it in one call; the single measures are `persistence`, `orchestration`, `recovery` (and
  `incidents`), `adherence` and `reliability` (`pass_hat_k`). Each gives its formula, and says what it could not know.
- Over steps: `recall` (over distance), `over_steps`, `violations_over_steps`, `survival_of_rules`, `half_life`.
- `localise` (with `failures`, `features`, `located`): which agent and step made a run fail, by program; `judge_tasks` and
  `judged`: the same question for a judge model.
- Pictures: `figure(qualities)`, `over`, `compare`, `diverging`.
- `divergence`: single-answer scores against agentic ones.

Every interval is clustered by task: steps of one trajectory, and trajectories of one task, are not independent.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOME = {
    "steps": "frame",
    "oddities": "frame",
    "rule_checks": "keeping",
    "Step": "keeping",
    "qualities": "summary",
    "Qualities": "summary",
    "recall": "forgetting",
    "recall_half_life": "forgetting",
    "over_steps": "forgetting",
    "persistence": "forgetting",
    "orchestration": "calling",
    "incidents": "failing",
    "recovery": "failing",
    "adherence": "keeping",
    "violations_over_steps": "keeping",
    "survival_of_rules": "keeping",
    "pass_hat_k": "repeating",
    "reliability": "repeating",
    "half_life": "decay",
    "HalfLife": "decay",
    "failures": "localising",
    "features": "localising",
    "localise": "localising",
    "located": "localising",
    "judge_tasks": "localising",
    "judged": "localising",
    "figure": "figures",
    "compare": "figures",
    "diverging": "figures",
    "over": "figures",
    "divergence": "correlation",
    "Divergence": "correlation",
}
"""Public name -> the module it lives in; a module is imported when its first name is used."""

__all__ = list(_HOME)


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"workbench.agentic.{_HOME[name]}"), name)
    raise AttributeError(f"module 'workbench.agentic' has no attribute {name!r}")
