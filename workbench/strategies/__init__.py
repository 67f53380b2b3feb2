"""Strategies: how a task is spread over agents; one file each, found by name, by class, or by entry point."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from workbench.building import build
from workbench.errors import UsageError, unknown
from workbench.strategies.base import Strategy

__all__ = ["STRATEGIES", "Strategy", "strategy", "strategy_class", "strategy_names"]

STRATEGIES: Mapping[str, str] = {
    "single": "Single",
    "parallel": "Parallel",
    "decompose": "Decompose",
    "contemplate": "Contemplate",
    "debate": "Debate",
    "mixture": "Mixture",
    "adaptive": "Adaptive",
    "cascade": "Cascade",
    "route": "Route",
}
GROUP = "workbench.strategies"
"""The entry point group under which other packages offer strategies."""


def strategy_names() -> list[str]:
    """Every strategy that can be named, ours and other packages'."""
    return [*STRATEGIES, *(e.name for e in entry_points(group=GROUP))]


def strategy_class(name: str) -> type:
    """The class of a strategy. Raises UsageError with the nearest names."""
    if name in STRATEGIES:
        found: type = getattr(import_module(f"workbench.strategies.{name}"), STRATEGIES[name])
        return found
    for entry in entry_points(group=GROUP):
        if entry.name == name:
            loaded: type = entry.load()
            return loaded
    raise unknown("strategy", name, strategy_names())


def strategy(spec: str | Mapping[str, Any] | Strategy, **settings: Any) -> Strategy:
    """A strategy from plain values: `strategy("parallel", agents=5, synthesis="judge")`, or from its manifest's dict.

    Raises UsageError naming an unknown strategy or setting, and what is allowed.
    """
    if isinstance(spec, Mapping):
        settings = {**{k: v for k, v in spec.items() if k != "name"}, **settings}
        spec = str(spec.get("name", ""))
    if not isinstance(spec, str):
        if settings:
            raise UsageError(f"{spec!r} is already made; settings {', '.join(settings)} cannot be added")
        return spec
    made: Strategy = build(strategy_class(spec), settings, f"strategy {spec!r}")
    return made
