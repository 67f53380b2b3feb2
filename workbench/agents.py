"""Who speaks and what is said: Message, Agent, Reply and the ModelMix that casts the agents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from workbench.building import build
from workbench.errors import UsageError

ROLES = ("direct", "solve", "plan", "subtask", "merge", "check", "revise", "judge", "act")
"""What a call is for. A small model is trained on these; a large one is told by the prompt."""

STYLES = ("left-to-right", "pairs-first", "place-value", "estimate-first")
"""Reasoning styles an agent may be given, so that different agents make different mistakes."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A model's request to run a tool; `arguments` is the JSON text as it came."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a chat. `role` is system, user, assistant or tool."""

    role: str
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None

    def __post_init__(self) -> None:
        if self.role not in ("system", "user", "assistant", "tool"):
            raise UsageError(f"Message.role must be system, user, assistant or tool, got {self.role!r}")


@dataclass(frozen=True, slots=True)
class Agent:
    """A named worker bound to one model; `style` and `system` make it different from its fellows.

    >>> wb.Agent("sceptic", "openai/gpt-4o-mini", system="You look for the first wrong step.", temperature=0.7)
    """

    name: str
    model: str
    role: str = "solve"
    style: str | None = None
    system: str = ""
    temperature: float | None = None

    def __post_init__(self) -> None:
        if not self.name or not self.model:
            raise UsageError(f"Agent needs a name and a model, got name={self.name!r}, model={self.model!r}")
        if self.temperature is not None and not 0 <= self.temperature <= 10:
            raise UsageError(f"Agent.temperature must be between 0 and 10, got {self.temperature!r}")

    def as_(self, role: str) -> Agent:
        """The same agent in another role."""
        return replace(self, role=role)


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model returned for one call; `logprob` is the mean log-probability of its output tokens (nats)."""

    text: str
    input_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    cost_usd: float | None = None
    logprob: float | None = None
    finish_reason: str = "stop"
    thinking: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    response_model: str = ""


@dataclass(frozen=True)
class ModelMix:
    """Which models do the work: `agents` maps a model to how many threads it gets; the others default to the first.

    `styles` and `roles` are dealt over the agents in turn: how to reason, and who to be ("You are a sceptic who looks for the
    first wrong step."), which opens the system text.
    `prices`: model -> (input, output) dollars per million tokens, for servers of one's own; LiteLLM knows the public ones.

    >>> ModelMix(agents={"abacus-s": 4, "abacus-m": 1}, synthesizer="abacus-m")
    """

    agents: Mapping[str, int] = field(default_factory=lambda: {"abacus-s": 1})
    planner: str | None = None
    synthesizer: str | None = None
    judge: str | None = None
    styles: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    temperature: float | None = None
    prices: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.agents:
            raise UsageError("ModelMix.agents needs at least one model, such as {'abacus-s': 5}")
        for model, count in self.agents.items():
            if not isinstance(model, str) or not model:
                raise UsageError(f"ModelMix.agents maps a model's name to a count, got the key {model!r}")
            if not isinstance(count, int) or isinstance(count, bool) or count < 1:
                raise UsageError(f"ModelMix needs at least one agent per model, got {count!r} for {model!r}")
        object.__setattr__(self, "agents", dict(self.agents))
        for name in ("styles", "roles"):
            value = getattr(self, name)
            if isinstance(value, str) or not all(isinstance(v, str) for v in value):
                raise UsageError(f"ModelMix.{name} must be a list of texts, got {value!r}")
            object.__setattr__(self, name, tuple(value))
        object.__setattr__(self, "prices", {m: _price(m, p) for m, p in self.prices.items()})

    @classmethod
    def of(cls, spec: ModelMix | Mapping[str, Any] | str | None) -> ModelMix:
        """A mix from plain values: a model, {model: agents}, or a whole mix {"agents": {…}, "judge": …}; None: abacus-s."""
        if spec is None:
            return cls()
        if isinstance(spec, ModelMix):
            return spec
        if isinstance(spec, str):
            return cls({spec: 1})
        if isinstance(spec.get("agents"), Mapping):
            made: ModelMix = build(cls, spec, "mix")
            return made
        return cls(dict(spec))

    @property
    def models(self) -> tuple[str, ...]:
        """Every model the mix can call, each once, in order."""
        named = [*self.agents, self.planner, self.synthesizer, self.judge]
        return tuple(dict.fromkeys(m for m in named if m))

    @property
    def main(self) -> str:
        """The model with the most agents: what does a job nobody was named for."""
        return max(self.agents, key=lambda m: self.agents[m])

    def team(self, size: int) -> tuple[Agent, ...]:
        """`size` solving agents dealt over the models in the mix's proportions, styles and roles in turn."""
        if size < 1:
            raise UsageError(f"a team needs at least one agent, got {size!r}")
        order = _deal(self.agents, size)
        return tuple(
            Agent(
                name=f"{short_name(model)}#{i + 1}",
                model=model,
                style=self.styles[i % len(self.styles)] if self.styles else None,
                system=self.roles[i % len(self.roles)] if self.roles else "",
                temperature=self.temperature,
            )
            for i, model in enumerate(order)
        )

    def one(self, role: str) -> Agent:
        """The agent that plans, merges, synthesizes, judges or checks."""
        model = {"plan": self.planner, "merge": self.synthesizer, "judge": self.judge, "check": self.judge}.get(role)
        fallback = self.synthesizer if role in ("judge", "check") else None
        name = {"plan": "planner", "merge": "synthesizer", "judge": "judge", "check": "checker"}.get(role, role)
        return Agent(name=name, model=model or fallback or self.main, role=role)


def _price(model: str, price: Sequence[float]) -> tuple[float, float]:
    """A price of the mix, checked; one price list may serve many mixes, so it can name models that are not in this one."""
    if isinstance(price, str) or len(price) != 2 or not all(isinstance(p, (int, float)) and p >= 0 for p in price):
        raise UsageError(
            f"ModelMix.prices needs (input, output) dollars per million tokens for {model!r}, got {price!r}"
        )
    return float(price[0]), float(price[1])


def short_name(model: str) -> str:
    """A model's name for a label: `openai/gpt-4o` -> gpt-4o, `replay:data/date.jsonl.gz#gpt-3.5` -> gpt-3.5."""
    name = model.removeprefix("replay:")
    if "#" in name:
        name = name.rsplit("#", 1)[-1]
    last = name.rstrip("/").rsplit("/", 1)[-1]
    return last.split(".jsonl")[0] or name


def _deal(counts: Mapping[str, int], size: int) -> list[str]:
    """Deal `size` seats in proportion to `counts`, largest remainder first, interleaved so that a short team is mixed."""
    total = sum(counts.values())
    given = dict.fromkeys(counts, 0)
    order: list[str] = []
    for seat in range(1, size + 1):
        model = max(counts, key=lambda m: counts[m] * seat / total - given[m])
        given[model] += 1
        order.append(model)
    return order
