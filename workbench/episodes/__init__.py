"""Episodes: long tasks with tools, faults, facts and rules, graded by program; an actor works through them, or a team."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import entry_points

from workbench.episodes.episode import Episode, Setup
from workbench.episodes.faults import Faults
from workbench.episodes.policies import POLICIES, policy, policy_names
from workbench.episodes.tools import Refusal, Tool
from workbench.episodes.world import Act, Call, Request, Rule, World
from workbench.errors import UsageError, unknown

__all__ = [
    "ENVIRONMENTS",
    "POLICIES",
    "Act",
    "Call",
    "Episode",
    "Faults",
    "Refusal",
    "Request",
    "Rule",
    "Setup",
    "Tool",
    "World",
    "environment",
    "environment_names",
    "policy",
    "policy_names",
]

ENVIRONMENTS: Mapping[str, str] = {"ledger": "Ledger", "travel": "Travel", "repair": "Repair"}
GROUP = "workbench.environments"
"""The entry point group under which other packages offer environments."""


def environment_names() -> list[str]:
    """Every environment that can be named, ours and other packages'."""
    return [*ENVIRONMENTS, *(e.name for e in entry_points(group=GROUP))]


def environment(spec: str | type[World]) -> type[World]:
    """An environment by its name, or a World class of your own as it is. Raises UsageError with the nearest names."""
    if isinstance(spec, type) and issubclass(spec, World):
        return spec
    if not isinstance(spec, str):
        raise UsageError(f"an environment is a name or a subclass of World, got {spec!r}")
    if spec in ENVIRONMENTS:
        found: type[World] = getattr(import_module(f"workbench.episodes.{spec}"), ENVIRONMENTS[spec])
        return found
    for entry in entry_points(group=GROUP):
        if entry.name == spec:
            loaded: type[World] = entry.load()
            return loaded
    raise unknown("environment", spec, environment_names())
