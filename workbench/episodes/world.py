"""World: what an environment is: its tools, its rules, and requests whose right handling is known beforehand."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

from workbench.episodes.tools import Tool


@dataclass(frozen=True)
class Call:
    """One tool call that is right, once the calls at the places `after` are through; `instead` is the way around it."""

    tool: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    after: tuple[int, ...] = ()
    instead: Call | None = None

    @cached_property
    def key(self) -> str:
        """The same for calls that mean the same."""
        return call_key(self.tool, self.arguments)


def call_key(tool: str, arguments: Any) -> str:
    """`tool(arguments)` in one form: keys sorted, blanks collapsed, 5.0 written as 5."""
    return f"{tool}({json.dumps(_plain(arguments), sort_keys=True, ensure_ascii=False)})"


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return " ".join(value.split())
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    return value


@dataclass(frozen=True)
class Request:
    """One thing a user wants.

    Args:
        text: what the user says.
        reply: a reply that is right once all calls are made.
        says: what a right reply must hold, each as whole words or a whole number; `check` replaces that by a test of its own.
        calls: the calls it takes; what waits for nothing that is open can be made at once.
        plants: names of facts that the text tells, to be asked for later. asks: the name of the fact that it asks for.
        done: whether the world is as this request wants it, once it is handled; None where it leaves nothing behind.
        happens: what comes about in the world as the user says it.
    """

    text: str
    reply: str
    says: tuple[str, ...] = ()
    check: Callable[[str], bool] | None = None
    calls: tuple[Call, ...] = ()
    plants: tuple[str, ...] = ()
    asks: str = ""
    done: Callable[[Any], bool] | None = None
    happens: Callable[[Any], None] | None = None

    @property
    def steps(self) -> int:
        """Actions that it takes one by one: its calls and the reply."""
        return len(self.calls) + 1

    def right(self, said: str) -> bool:
        """Whether a reply is right, as far as what it says goes."""
        if self.check is not None:
            return self.check(said)
        return all(holds(said, wanted) for wanted in self.says)


def holds(text: str, wanted: str) -> bool:
    """Whether a text holds certain words or a number, whole, in any case; 1,200 is 1200."""
    plain = re.sub(r"(?<=\d),(?=\d{3}\b)", "", text)
    return re.search(rf"(?<![\w.]){re.escape(wanted)}(?!\w|\.\d)", plain, re.IGNORECASE) is not None


@dataclass(frozen=True)
class Act:
    """What a rule looks at: one action of the actor, before it takes effect.

    `calls` are (tool, arguments) pairs, arguments None where they are no JSON object; without calls it is the reply `text`.
    `before` are the calls of this request that went through, in order; `number` counts requests from 1; `world` is as it stands.
    """

    world: Any
    number: int
    request: Request
    calls: tuple[tuple[str, Mapping[str, Any] | None], ...]
    text: str
    before: tuple[Call, ...]

    def did(self, tool: str, **arguments: Any) -> bool:
        """Whether a call with these arguments (and any others) went through in this request."""
        return any(c.tool == tool and arguments.items() <= dict(c.arguments).items() for c in self.before)


@dataclass(frozen=True)
class Rule:
    """A rule to keep, as the actor is told it, and the program that sees it broken (None: it does not apply to this action)."""

    name: str
    text: str
    broken: Callable[[Act], bool | None]


class World:
    """What an episode happens in; subclass it for an environment of your own.

    `requests` yields requests for ever, drawn from `self.rng` alone; it runs on an instance of its own, on which it may do the
    work to see what comes of it. A second instance, made with the same seed, is the one the actor works in. `rules` is how
    many rules are in force, `distractors` how many tools, things or remarks nobody needs.
    """

    name: ClassVar[str]
    brief: ClassVar[str]
    """What the actor is, told in the system's text, before the rules."""

    number = 0
    """Of the present request, from 1; the episode sets it."""

    def __init__(self, rng: random.Random, rules: int, distractors: int) -> None:
        self.rng, self.distractors = rng, distractors
        self.in_force = {r.name for r in self.all_rules()[:rules]}

    def tools(self) -> Sequence[Tool]:
        """What the actor can call."""
        raise NotImplementedError

    def requests(self) -> Iterator[Request]:
        """The work, one request after another, for ever."""
        raise NotImplementedError

    @classmethod
    def all_rules(cls) -> Sequence[Rule]:
        """All rules there are; an episode takes the first few."""
        return ()

    def digest_requests(self, told: Sequence[Request]) -> Sequence[str]:
        """What an actor is asked, one after another, when all that happened in the requests so far is to be put in few words."""
        return (
            "Before we go on: write down everything from this conversation that may still be needed: every fact you were told, "
            "every value as it is now, every booking, order or job that is open. One line for each, nothing else.",
        )

    def resume(self, digest: str) -> Sequence[tuple[str, str]]:
        """The chat, as (role, text), from which an actor that knows only the digest goes on."""
        return ("user", f"What happened so far, in your own notes:\n{digest}"), ("assistant", "I have it.")
