"""Episodes: long tasks with tools, faults, facts and rules, graded by program; an actor works through them, or a team."""

from __future__ import annotations

from workbench.building import Registry
from workbench.episodes.episode import Episode, Setup
from workbench.episodes.faults import Faults
from workbench.episodes.policies import POLICIES, policy
from workbench.episodes.tools import Refusal, Tool
from workbench.episodes.world import Act, Call, Request, Rule, World
from workbench.errors import UsageError

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
    "policy",
]

ENVIRONMENTS: Registry[World] = Registry(
    "environment",
    World,
    package="workbench.episodes",
    group="workbench.environments",
    ours={"ledger": "Ledger", "travel": "Travel", "repair": "Repair"},
)


def environment(spec: str | type[World]) -> type[World]:
    """An environment by its name, or a World class of your own as it is. Raises UsageError with the nearest names."""
    if isinstance(spec, type) and issubclass(spec, World):
        return spec
    if not isinstance(spec, str):
        raise UsageError(f"an environment is a name or a subclass of World, got {spec!r}")
    return ENVIRONMENTS.find(spec)
