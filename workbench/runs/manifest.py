"""The manifest of a run: everything that decides its outcome, and the hash of that."""

from __future__ import annotations

import hashlib
import platform
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

from workbench import __version__, semconv
from workbench.agents import ModelMix
from workbench.building import settings as settings_of
from workbench.grading import Grader
from workbench.prompts import Prompts
from workbench.strategies import Strategy
from workbench.tasks import Task

DECIDING = ("strategy", "mix", "grader", "tasks", "prompts_sha256", "seed", "repeats", "content")
"""The fields that make two runs the same run."""


def manifest_of(
    tasks: Sequence[Task],
    chosen: Strategy,
    mix: ModelMix,
    using: Grader,
    words: Prompts,
    seed: int,
    repeats: int,
    content: bool,
) -> dict[str, Any]:
    """What makes this run what it is; `identity` is the hash of all that decides its outcome."""
    rows = "\n".join(repr((t.id, t.prompt, t.target, t.choices)) for t in tasks)
    deciding = {
        "strategy": {"name": chosen.name, **settings_of(chosen)},
        "mix": settings_of(mix),
        "grader": using.name,
        "tasks": {"n": len(tasks), "sha256": hashlib.sha256(rows.encode("utf-8", "surrogatepass")).hexdigest()},
        "prompts_sha256": words.sha256,
        "seed": seed,
        "repeats": repeats,
        "content": content,
    }
    return {
        **deciding,
        "identity": identity_of(deciding),
        "semconv": semconv.VERSION,
        "versions": {"workbench": __version__, "python": platform.python_version()},
        "git_commit": _git_commit(),
    }


def identity_of(deciding: Mapping[str, Any]) -> str:
    """The hash of all that decides a run's outcome."""
    return hashlib.sha256(repr(sorted(deciding.items())).encode()).hexdigest()


def _git_commit() -> str | None:
    try:
        found = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, timeout=5)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return found.stdout.strip() or None if found.returncode == 0 else None
