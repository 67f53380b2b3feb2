"""What a strategy is: settings in, one Synthesis out; control flow and prompts, nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, runtime_checkable

from workbench.engine import Engine
from workbench.errors import UsageError
from workbench.synthesis import Synthesis, Synthesizer, synthesizer
from workbench.tasks import Task
from workbench.team import Team

REASONING = ("none", "chain", "extended")


@runtime_checkable
class Strategy(Protocol):
    """A frozen dataclass of settings with one coroutine; `name` is what manifests and sweeps call it."""

    name: ClassVar[str]

    async def solve(self, task: Task, team: Team, engine: Engine) -> Synthesis:
        """Solve one task with the team. Raises ModelError where no answer could be had: the task is recorded as failed."""
        ...


@dataclass(frozen=True)
class Threads:
    """Settings of every strategy that ends in threads: how many agents, how they are merged, how many must be left."""

    agents: int = 5
    synthesis: str | dict[str, Any] | Synthesizer = "majority"
    min_threads: int = 1
    reasoning: str = "chain"
    max_tokens: int | None = None

    def __post_init__(self) -> None:
        at_least(self, 1, "agents", "min_threads", "max_tokens")
        if self.min_threads > self.agents:
            raise UsageError(f"min_threads={self.min_threads} is more than agents={self.agents}")
        one_of(self, REASONING, "reasoning")
        synthesizer(self.synthesis)

    @property
    def synthesizer(self) -> Synthesizer:
        """The synthesis as an object."""
        return synthesizer(self.synthesis)

    @property
    def role(self) -> str:
        """What the solving agents are asked for: `reasoning="none"` is the direct answer."""
        return "direct" if self.reasoning == "none" else "solve"


def at_least(strategy: Any, low: float, *names: str) -> None:
    """Raise UsageError for a setting under `low` (None is let pass)."""
    for name in names:
        value = getattr(strategy, name)
        wrong = value is not None and (isinstance(value, (bool, str)) or not isinstance(value, (int, float)))
        if wrong or (value is not None and value < low):
            raise UsageError(f"{type(strategy).__name__}.{name} must be at least {low}, got {value!r}")


def one_of(strategy: Any, allowed: tuple[str, ...], name: str) -> None:
    """Raise UsageError for a setting that is none of `allowed`."""
    if getattr(strategy, name) not in allowed:
        raise UsageError(
            f"{type(strategy).__name__}.{name} must be one of {', '.join(allowed)}, got {getattr(strategy, name)!r}"
        )


def share(strategy: Any, *names: str) -> None:
    """Raise UsageError for a setting that is not between 0 and 1."""
    for name in names:
        value = getattr(strategy, name)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
            raise UsageError(f"{type(strategy).__name__}.{name} must be between 0 and 1, got {value!r}")
