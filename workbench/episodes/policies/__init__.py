"""Policies: who decides on the next action: one agent, a voting team, a checker beside it, a synthesis now and then."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.building import Registry
from workbench.strategies import Strategy

POLICIES: Registry[Strategy] = Registry(
    "policy",
    Strategy,
    package="workbench.episodes.policies",
    group="workbench.policies",
    ours={"single": "OneAgent", "parallel": "Voting", "checked": "Checked", "synthesis": "Digest"},
)
"""The names of those that are strategies of single answers too are the same, so that the two can be compared."""


def policy(spec: str | Mapping[str, Any] | Strategy, **settings: Any) -> Strategy:
    """A policy from plain values: `policy("parallel", agents=5)`, from its dict, or an object with `solve` as it is.

    Raises UsageError naming an unknown policy or setting, and what is allowed.
    """
    return POLICIES.make(spec, **settings)
