"""Episode: requests, tools, faults and rules of one seed, and the program that sees what of it was done right."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from workbench.agents import Reply, ToolCall
from workbench.episodes.faults import DOWN, LOUD, STALE, WRONG_TYPE, Faults, mangled
from workbench.episodes.tools import BadArguments, Refusal, Tool, as_text, parse_arguments
from workbench.episodes.world import Act, Call, Request, Rule, World, call_key
from workbench.errors import UsageError

PATIENCE = 3
"""A request is taken away after so many times the actions it needs (and one more), the more the more often calls fail."""


@dataclass(frozen=True)
class Setup:
    """What makes an episode hard: its length in steps of a perfect actor, faults, rules in force, distractors."""

    environment: type[World]
    steps: int = 60
    faults: Faults = field(default_factory=Faults)
    rules: int = 3
    distractors: int = 0

    def __post_init__(self) -> None:
        most = len(self.environment.all_rules())
        for name, low, high in (("steps", 1, 10_000), ("rules", 0, most), ("distractors", 0, 100)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
                raise UsageError(
                    f"{name} must be a whole number from {low} to {high} in {self.environment.name!r}, got {value!r}"
                )

    def words(self) -> str:
        """All of it in one line."""
        faults = f"faults {self.faults.rate:g} ({', '.join(self.faults.kinds)})"
        return (
            f"{self.environment.name}: {self.steps} steps, {faults}, {self.rules} rules, {self.distractors} distractors"
        )


@dataclass(frozen=True)
class Outcome:
    """What a call came to. `error` is its kind (None: it went through), `expected` the call that was right there."""

    text: str
    error: str | None
    fault: str | None
    expected: Call | None


@dataclass
class Heard:
    """What is true about one action, known before it takes effect."""

    broken: list[tuple[str, bool]]
    expected: Call | None
    closes: bool
    right: bool
    state: bool | None
    fact: str = ""
    distance: int = 0


class Episode:
    """One seed's episode: `next_request`, then `call` and `hear` until it is closed. The same seed is the same episode."""

    def __init__(self, setup: Setup, seed: int) -> None:
        self.setup, self.seed = setup, seed
        self.place = f"{setup.environment.name}/{seed}"
        self._world = _world(setup, seed)
        self._tools: dict[str, Tool] = {t.name: t for t in self._world.tools()}
        self.rules: Sequence[Rule] = setup.environment.all_rules()[: setup.rules]
        self.requests, self._planted = _script(setup, seed)
        self.number = 0
        self.handled: list[bool] = []
        self.open = False

    # -- the course of it -----------------------------------------------------------------------------------------------

    @property
    def request(self) -> Request:
        """The request that is handled now."""
        return self.requests[self.number - 1]

    def next_request(self) -> Request | None:
        """Go on to the next request, None after the last."""
        if self.number == len(self.requests):
            return None
        self.number += 1
        self._world.number = self.number
        self.open = True
        if self.request.happens is not None:
            self.request.happens(self._world)
        self._before: list[Call] = []
        self._attempts: Counter[str] = Counter()
        self._down: set[str] = set()
        self._actions = 0
        return self.request

    def wanted(self) -> list[Call]:
        """The calls that are right now, each as it can be made; none where the reply is due."""
        calls = self.request.calls
        through = {c.key for c in self._before}
        done = [c.key in through or (c.instead is not None and c.instead.key in through) for c in calls]
        ready = (c for i, c in enumerate(calls) if not done[i] and all(done[j] for j in c.after))
        return [c.instead if c.instead is not None and c.tool in self._down else c for c in ready]

    def call(self, name: str, arguments: str) -> Outcome:
        """Make a tool call, in the world."""
        expected = self.expected(name, arguments)
        tool = self._tools.get(name)
        if tool is None:
            return Outcome(
                f"error: no tool {name!r}; there are {', '.join(self._tools)}", "unknown_tool", None, expected
            )
        try:
            given = tool.arguments(arguments)
        except BadArguments as e:
            return Outcome(f"error: {e}", "invalid_arguments", None, expected)
        fault = self._fault(tool, call_key(name, given))
        if fault is not None and fault in LOUD:
            around = self._around(call_key(name, given))
            text = LOUD[fault].format(tool=name, instead=around.tool if around else "another tool")
            return Outcome(text, fault, fault, expected)
        try:
            result = tool.stale(**given) if fault == STALE and tool.stale is not None else tool.run(**given)
        except Refusal as e:
            return Outcome(f"error: {e}", "refused", None, expected)
        if fault is None:
            self._before.append(Call(name, given))
        return Outcome(as_text(mangled(result) if fault == WRONG_TYPE else result), None, fault, expected)

    def hear(self, heard: Heard) -> None:
        """One action is over; `heard` says whether it closed the request, and whether that was handled right."""
        self._actions += 1
        if heard.closes:
            self.handled.append(heard.right)
            self.open = False

    # -- what is true -----------------------------------------------------------------------------------------------------

    def expected(self, name: str, arguments: str) -> Call | None:
        """The right call in place of this one: itself where it is right, else one of the same tool, else the first that is."""
        wanted = self.wanted()
        key = call_key(name, parse_arguments(arguments) or {})
        same = [c for c in wanted if c.key == key] or [c for c in wanted if c.tool == name] or wanted
        return same[0] if same else None

    def judge(self, reply: Reply) -> Heard:
        """What is true about an action, before it takes effect: rules, what was expected, whether it ends the request."""
        act = Act(
            self._world,
            self.number,
            self.request,
            tuple((c.name, parse_arguments(c.arguments)) for c in reply.tool_calls),
            "" if reply.tool_calls else reply.text,
            tuple(self._before),
        )
        broken = [(r.name, b) for r in self.rules if (b := r.broken(act)) is not None]
        said = not reply.tool_calls
        last = self._actions + 1 >= PATIENCE * (self.request.steps + 1) / (1 - self.setup.faults.rate)
        wanted = self.wanted()
        state = self._state(reply.text) if said or last else None
        right = said and self.request.right(reply.text) and state is not False
        asked = self.request.asks if said or last else ""
        distance = self._planted[self.number - 1] if asked else 0
        return Heard(broken, wanted[0] if wanted else None, said or last, right, state, asked, distance)

    def fits(self, reply: Reply) -> bool:
        """Whether a perfect actor could have done this now."""
        if not reply.tool_calls:
            return self.judge(reply).right
        wanted = {c.key for c in self.wanted()}
        return all(call_key(c.name, parse_arguments(c.arguments) or {}) in wanted for c in reply.tool_calls)

    def perfect(self) -> Reply:
        """What a perfect actor does now: all calls that can be made at once, or the reply."""
        wanted = self.wanted()
        calls = tuple(
            ToolCall(f"call-{self.number}-{len(self._before)}-{i}", *_written(c)) for i, c in enumerate(wanted)
        )
        return Reply("" if calls else self.request.reply, tool_calls=calls)

    @property
    def points(self) -> str:
        """How many requests were handled right, as the run's answer; `grading` reads it."""
        return f"{sum(self.handled)} of {len(self.requests)} requests right"

    @property
    def world(self) -> World:
        """The world the actor works in."""
        return self._world

    def schemas(self) -> list[dict[str, Any]]:
        """All tools as chat APIs take them."""
        return [t.schema() for t in self._tools.values()]

    def _state(self, said: str) -> bool | None:
        """Whether the work left behind what it should; where it leaves nothing in the world, the reply must tell it."""
        if self.request.done is not None:
            return self.request.done(self._world)
        return self.request.right(said) if self.request.calls else None

    def _around(self, key: str) -> Call | None:
        return next((c.instead for c in self.request.calls if c.key == key and c.instead is not None), None)

    def _fault(self, tool: Tool, key: str) -> str | None:
        if tool.name in self._down:
            return DOWN
        attempt = self._attempts[key]
        self._attempts[key] += 1
        fault = self.setup.faults.draw(
            f"{self.place}/{self.number}/{key}", tool, self._around(key) is not None, attempt
        )
        if fault == DOWN:
            self._down.add(tool.name)
        return fault


def _written(call: Call) -> tuple[str, str]:
    return call.tool, as_text(dict(call.arguments))


def _world(setup: Setup, seed: int) -> World:
    rng = random.Random(f"{setup.environment.name}/{seed}")
    return setup.environment(rng, setup.rules, setup.distractors)


@lru_cache(maxsize=512)  # trials of an episode share it
def _script(setup: Setup, seed: int) -> tuple[list[Request], list[int]]:
    """The requests of an episode, and the distances of the facts they ask for."""
    requests = _enough(_world(setup, seed), setup.steps)
    return requests, _planted(requests)


def _enough(ideal: World, steps: int) -> list[Request]:
    """The first requests that take at least so many steps."""
    made: list[Request] = []
    total = 0
    for request in ideal.requests():
        made.append(request)
        total += request.steps
        if total >= steps:
            return made
    raise UsageError(
        f"{type(ideal).__name__}.requests ended after {total} steps, and {steps} are wanted; it must go on for ever"
    )


def _planted(requests: Sequence[Request]) -> list[int]:
    """For each request the steps from the telling of the fact it asks for to its own reply, 0 where it asks for none."""
    at: dict[str, int] = {}
    step, found = 0, []
    for request in requests:
        if request.asks and request.asks not in at:
            raise UsageError(
                f"the request {request.text[:60]!r} asks for the fact {request.asks!r}, which nothing planted"
            )
        found.append(step + request.steps - 1 - at[request.asks] if request.asks else 0)
        at |= dict.fromkeys(request.plants, step)
        step += request.steps
    return found
