"""probe: a model, alone or in a team, put through episodes of an environment; the record is a Run."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from workbench.agents import ModelMix
from workbench.engine import Limits
from workbench.episodes import environment as named_environment
from workbench.episodes import policy
from workbench.episodes.episode import Episode, Setup
from workbench.episodes.faults import KINDS, Faults
from workbench.episodes.table import Seat
from workbench.episodes.world import World
from workbench.errors import UsageError
from workbench.runs import run
from workbench.store import Run
from workbench.strategies import Strategy
from workbench.tasks import Task


def episode_tasks(setup: Setup, episodes: int, seed: int = 0) -> list[Task]:
    """Episodes as tasks: the seeds from `seed` on. Their ids are environment/seed, their prompt says what they are made of."""
    if episodes < 1:
        raise UsageError(f"episodes must be at least 1, got {episodes!r}")
    name = setup.environment.name
    return [
        Task(
            id=f"{name}/{number}",
            prompt=f"{setup.words()}, seed {number}",
            category=name,
            difficulty=float(setup.steps),
            extra={"episode": Seat(partial(Episode, setup, number))},
        )
        for number in range(seed, seed + episodes)
    ]


async def probe(
    mix: ModelMix | Mapping[str, Any] | str | None = None,
    environment: str | type[World] = "ledger",
    *,
    steps: int = 60,
    trials: int = 5,
    episodes: int = 4,
    strategy: str | Mapping[str, Any] | Strategy = "single",
    faults: float = 0.15,
    fault_kinds: Sequence[str] = KINDS,
    rules: int = 3,
    distractors: int = 0,
    seed: int = 0,
    out: str | os.PathLike[str] | None = None,
    limits: Limits | None = None,
    **running: Any,
) -> Run:
    """Put a model through episodes and record every step.

    Args:
        mix: a model's name, a ModelMix or its settings (default abacus-s).
        environment: ledger, travel, repair, one by entry point, or a World class.
        steps: length of an episode: the actions that a perfect actor takes one by one, without faults.
        trials: attempts at every episode. episodes: how many different ones, with the seeds from `seed` on.
        strategy: who decides on the next action: single, parallel, checked, synthesis, with settings, or an object with `solve`.
        faults: probability that a call fails on purpose; `fault_kinds` names how.
        rules: how many rules are in force. distractors: how many tools, things or remarks nobody needs.
        out, limits, running: as in `wb.run` (api_base, at_once, models, prompts, live, …).

    Returns:
        The Run. SCORE of a trace is the share of requests that were handled right; `wb.steps(run)` has every step.

    Raises:
        UsageError: a setting that is not allowed, before anything starts.

    >>> episodes = await wb.probe("abacus-s", "ledger", steps=8, trials=2, episodes=2)
    """
    setup = Setup(named_environment(environment), steps, Faults(faults, tuple(fault_kinds)), rules, distractors)
    tasks = episode_tasks(setup, episodes, seed)
    chosen = policy(strategy)
    return await run(tasks, chosen, mix, out=out, seed=seed, repeats=trials, limits=limits, grade="episode", **running)
