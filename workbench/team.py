"""Team: who may be asked in a run, and with which words."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from workbench.agents import Agent, Message, ModelMix
from workbench.prompts import Prompts


@dataclass(frozen=True)
class Team:
    """The model mix as agents, and the prompts they are asked with."""

    mix: ModelMix
    prompts: Prompts = field(default_factory=Prompts)

    def agents(self, size: int) -> tuple[Agent, ...]:
        """`size` solving agents, dealt over the mix's models."""
        return self.mix.team(size)

    def one(self, role: str) -> Agent:
        """The planner (plan), synthesizer (merge), judge (judge) or checker (check)."""
        return self.mix.one(role)

    def only(self, model: str) -> Team:
        """The same team with all threads on one model."""
        return replace(self, mix=replace(self.mix, agents={model: 1}))

    def prompt(self, role: str, agent: Agent, **values: object) -> tuple[Message, Message]:
        """The chat that puts an agent in a role: system and user message, with the placeholders filled in."""
        system, user = self.prompts.fill(role, style=agent.style, **values)
        return Message("system", system), Message("user", user)
