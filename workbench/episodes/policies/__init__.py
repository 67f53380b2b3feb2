"""Policies: who decides on the next action: one agent, a voting team, a checker beside it, a synthesis now and then."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from workbench.building import build
from workbench.errors import UsageError, unknown
from workbench.strategies import Strategy

POLICIES: Mapping[str, str] = {"single": "OneAgent", "parallel": "Voting", "checked": "Checked", "synthesis": "Digest"}
"""Name -> class; the names of those that are strategies of single answers too are the same, so that the two can be compared."""
GROUP = "workbench.policies"
"""The entry point group under which other packages offer policies."""


def policy_names() -> list[str]:
    """Every policy that can be named, ours and other packages'."""
    return [*POLICIES, *(e.name for e in entry_points(group=GROUP))]


def policy(spec: str | Mapping[str, Any] | Strategy, **settings: Any) -> Strategy:
    """A policy from plain values: `policy("parallel", agents=5)`, from its dict, or an object with `solve` as it is."""
    if isinstance(spec, Mapping):
        settings = {**{k: v for k, v in spec.items() if k != "name"}, **settings}
        spec = str(spec.get("name", ""))
    if not isinstance(spec, str):
        if settings:
            raise UsageError(f"{spec!r} is already made; settings {', '.join(settings)} cannot be added")
        return spec
    made: Strategy = build(_class(spec), settings, f"policy {spec!r}")
    return made


def _class(name: str) -> type:
    if name in POLICIES:
        found: type = getattr(import_module(f"workbench.episodes.policies.{name}"), POLICIES[name])
        return found
    for entry in entry_points(group=GROUP):
        if entry.name == name:
            loaded: type = entry.load()
            return loaded
    raise unknown("policy", name, policy_names())
