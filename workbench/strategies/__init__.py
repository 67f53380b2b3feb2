"""Strategies: how a task is spread over agents; one file each, found by name, by class, or by entry point."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.building import Registry
from workbench.strategies.base import Strategy

__all__ = ["STRATEGIES", "Strategy", "strategy"]

STRATEGIES: Registry[Strategy] = Registry(
    "strategy",
    Strategy,
    package="workbench.strategies",
    group="workbench.strategies",
    ours={
        "single": "Single",
        "parallel": "Parallel",
        "decompose": "Decompose",
        "contemplate": "Contemplate",
        "debate": "Debate",
        "mixture": "Mixture",
        "adaptive": "Adaptive",
        "cascade": "Cascade",
        "route": "Route",
    },
)


def strategy(spec: str | Mapping[str, Any] | Strategy, **settings: Any) -> Strategy:
    """A strategy from plain values: `strategy("parallel", agents=5, synthesis="judge")`, or from its manifest's dict.

    Raises UsageError naming an unknown strategy or setting, and what is allowed.

    >>> wb.strategy("parallel", agents=5, synthesis="judge")
    """
    return STRATEGIES.make(spec, **settings)
