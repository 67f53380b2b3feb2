"""Route: category, difficulty or a table learned from earlier runs picks the strategy, and the model, for each task."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from workbench.engine import Engine
from workbench.errors import ModelError, UsageError, nearest
from workbench.strategies import strategy
from workbench.strategies.base import one_of
from workbench.synthesis import Synthesis
from workbench.tasks import Task
from workbench.team import Team

KEYS = ("category", "difficulty", "estimate")


@dataclass(frozen=True)
class Route:
    """`rules` are tried in order; the first that fits names the strategy: [{"max": 2, "strategy": {...}}, {...}].

    A rule fits by `category` (equal), or by `difficulty` between its `min` and `max`; one without conditions fits always. It
    may name a `model` that all its threads run on. `by="estimate"` asks the planner how hard the task is (1 to 10) instead of
    believing the task file. Where no rule fits, `default` is used.
    """

    name: ClassVar[str] = "route"
    rules: Sequence[Mapping[str, Any]] = ()
    default: Mapping[str, Any] = field(default_factory=lambda: {"name": "single"})
    by: str = "difficulty"

    def __post_init__(self) -> None:
        one_of(self, KEYS, "by")
        object.__setattr__(self, "rules", tuple(self.rules))
        for rule in self.rules:
            for name in rule:
                if name not in ("category", "min", "max", "strategy", "model"):
                    known = ("category", "min", "max", "strategy", "model")
                    raise UsageError(f"Route.rules has no condition {name!r}{nearest(name, known)}")
            strategy(rule.get("strategy", self.default))
        strategy(self.default)

    async def solve(self, task: Task, team: Team, engine: Engine) -> Synthesis:
        value = await self._value(task, team, engine)
        rule = next((r for r in self.rules if _fits(r, value)), None)
        chosen = strategy(rule.get("strategy", self.default) if rule else self.default)
        model = rule.get("model") if rule else None
        reason = f"{self.by} {value!r}" + (" fits no rule" if rule is None else "")
        engine.decide("route", reason, strategy=chosen.name, **({"model": str(model)} if model else {}))
        return await chosen.solve(task, team.only(str(model)) if model else team, engine)

    async def _value(self, task: Task, team: Team, engine: Engine) -> str | float | None:
        if self.by == "category":
            return task.category
        return task.difficulty if self.by == "difficulty" else await _estimate(task, team, engine)


def _fits(rule: Mapping[str, Any], value: str | float | None) -> bool:
    if "category" in rule and rule["category"] != value:
        return False
    if "min" in rule or "max" in rule:
        if not isinstance(value, (int, float)):
            return False
        return bool(rule.get("min", value) <= value <= rule.get("max", value))
    return True


async def _estimate(task: Task, team: Team, engine: Engine) -> float | None:
    """The planner's guess of the difficulty; None where it gives none."""
    planner = team.one("plan")
    asked = team.prompt("estimate", planner, task=task.prompt)
    with engine.thread(planner) as thread:
        thread.answer = ""  # a guess of the difficulty is no answer to the task
        try:
            reply = await engine.ask(planner, asked)
        except ModelError as e:
            engine.decide("lost", f"the planner gave no estimate: {e}")
            return None
    found = re.findall(r"\d+(?:\.\d+)?", reply.text[:2000])
    return float(found[-1]) if found and len(found[-1]) < 8 else None
