"""Repair shop: machines that stop, parts that run out, and tools that fail; how somebody recovers."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from workbench.episodes.rules import NEVER_SORRY, REFERENCE, SHORT
from workbench.episodes.tools import Refusal, Tool
from workbench.episodes.world import Act, Call, Request, Rule, World

MACHINES = ("lathe", "press", "mill", "saw", "drill", "crane")
CODES = ("E11", "E23", "E37", "E42", "E58", "E64", "E79", "E86")
REMARKS = (
    "The canteen closes early today.",
    "Somebody painted the gate.",
    "It was code E99 two years ago, but that was another shop.",
    "The new hall will be ready in May.",
)


class Repair(World):
    """A shop with six machines: each stops with an error code, a code stands for a part, and parts run out."""

    name: ClassVar[str] = "repair"
    brief: ClassVar[str] = (
        "You keep the machines of a workshop running. Handle one request after another with the tools; calls that do not need "
        "each other's results can be made at once. To repair a machine: inspect it for its error code, look the code up for the "
        "part, look up the stock, order the part where there is none, install it, and test the machine. Tools fail: try again, "
        "or use another tool that does the same. Results that carry as_of, the number of the request they were made for, are old "
        "where that is lower than the number of the present request: ask again. When a request is done, reply in a sentence that "
        "names the parts or numbers asked for."
    )

    def __init__(self, rng: random.Random, rules: int, distractors: int) -> None:
        super().__init__(rng, rules, distractors)
        self._parts = dict(zip(CODES, [f"P-{n}" for n in rng.sample(range(100, 1000), len(CODES))], strict=True))
        self.code = dict.fromkeys(MACHINES, "")
        self.old_code = {m: rng.choice(CODES) for m in MACHINES}
        self.count = {part: rng.choice((0, 1, 1, 2)) for part in self._parts.values()}
        self.on = dict.fromkeys(MACHINES, True)

    # -- tools ------------------------------------------------------------------------------------------------------------

    def tools(self) -> Sequence[Tool]:
        needed = [
            Tool(self.inspect, reads=True, stale=self._old_inspection),
            Tool(self.inspect_by_hand, reads=True),
            Tool(self.look_up, reads=True),
            Tool(self.ask_foreman, reads=True),
            Tool(self.stock, reads=True, stale=self._old_stock),
            Tool(self.order),
            Tool(self.switch),
            Tool(self.install),
            Tool(self.test, reads=True),
            Tool(self.test_by_hand, reads=True),
        ]
        others = (self.oil, self.weigh, self.look_up_warranty, self.measure_noise, self.call_supplier)
        return needed + [Tool(t, reads=True) for t in others[: self.distractors]]

    def inspect(self, machine: str) -> Any:
        """The error code of a machine, none where it runs."""
        return {"as_of": self.number, "machine": machine, "code": self._code(machine) or "none"}

    def inspect_by_hand(self, machine: str) -> Any:
        """The error code of a machine, found without instruments; slow."""
        return self.inspect(machine)

    def look_up(self, code: str) -> Any:
        """The part that an error code stands for."""
        if code not in self._parts:
            raise Refusal(f"the manual has no code {code}")
        return {"code": code, "part": self._parts[code]}

    def ask_foreman(self, code: str) -> Any:
        """The part that an error code stands for, from somebody who knows the manual by heart; slow."""
        return self.look_up(code)

    def stock(self, part: str) -> Any:
        """How many pieces of a part are there."""
        self._known(part)
        return {"as_of": self.number, "part": part, "count": self.count[part]}

    def order(self, part: str, quantity: int) -> Any:
        """Order pieces of a part; they come at once."""
        self._known(part)
        if not 1 <= quantity <= 100:
            raise Refusal(f"{quantity} pieces cannot be ordered")
        self.count[part] += quantity
        return {"part": part, "count": self.count[part]}

    def switch(self, machine: str, on: bool) -> Any:
        """Switch a machine on or off."""
        self._code(machine)
        self.on[machine] = on
        return {"machine": machine, "on": on}

    def install(self, machine: str, part: str) -> Any:
        """Take a part from the stock and build it into a machine."""
        code = self._code(machine)
        self._known(part)
        if self.count[part] < 1:
            raise Refusal(f"there is no {part} in stock")
        self.count[part] -= 1
        if code and self._parts[code] == part:
            self.code[machine] = ""
        return {"machine": machine, "installed": part}

    def test(self, machine: str) -> Any:
        """Whether a machine runs."""
        return {"machine": machine, "runs": not self._code(machine) and self.on[machine]}

    def test_by_hand(self, machine: str) -> Any:
        """Whether a machine runs, tried without instruments; slow."""
        return self.test(machine)

    def oil(self, machine: str) -> Any:
        """Oil a machine."""
        return {"machine": machine, "oiled": True}

    def weigh(self, part: str) -> Any:
        """What a part weighs."""
        return {"part": part, "kg": 1.5}

    def look_up_warranty(self, machine: str) -> Any:
        """Until when a machine's warranty lasts."""
        return {"machine": machine, "year": 2031}

    def measure_noise(self, machine: str) -> Any:
        """How loud a machine is."""
        return {"machine": machine, "decibel": 71}

    def call_supplier(self, part: str) -> Any:
        """What the supplier says about a part."""
        return {"part": part, "says": "it is on the price list"}

    # -- the work ---------------------------------------------------------------------------------------------------------

    def requests(self) -> Iterator[Request]:
        keys: dict[str, str] = {}
        last: dict[str, str] = {}
        while True:
            self.number += 1
            kind = self.rng.choices(("one", "two", "stock", "key", "last"), (5, 2, 1, 2, 2))[0]
            if kind == "key" and keys:
                machine = self.rng.choice(list(keys))
                text = f"What is the number of the key to the {machine}'s cabinet?"
                yield self._said(text, f"It is {keys[machine]}.", (keys[machine],), asks=f"key of the {machine}")
            elif kind == "last" and last:
                machine = self.rng.choice(list(last))
                text = f"Which part did you build into the {machine} last?"
                yield self._said(text, f"It was {last[machine]}.", (last[machine],), asks=f"part of the {machine}")
            elif kind == "stock":
                part = self.rng.choice(list(self.count))
                said = f"There are {self.count[part]} pieces of {part}."
                yield self._said(
                    f"How many pieces of {part} are in stock?",
                    said,
                    (str(self.count[part]),),
                    (Call("stock", {"part": part}),),
                )
            else:
                made, parts = self._stopped(self.rng.sample(MACHINES, 2 if kind == "two" else 1))
                last |= parts
                if len(keys) < len(MACHINES) and self.rng.random() < 0.4:
                    machine = self.rng.choice([m for m in MACHINES if m not in keys])
                    keys[machine] = str(self.rng.randint(1000, 9999))
                    fact = f"Please remember that the key to the {machine}'s cabinet has the number {keys[machine]}. "
                    text = made.text.replace(": ", f": {fact}", 1)
                    made = replace(made, text=text, plants=(*made.plants, f"key of the {machine}"))
                yield made

    def _stopped(self, machines: Sequence[str]) -> tuple[Request, dict[str, str]]:
        """Machines stop, each with a code of its own; and the parts that repair them."""
        stops = dict(zip(machines, self.rng.sample(CODES, len(machines)), strict=True))
        _stop(self, stops)
        calls: list[Call] = []
        for machine, code in stops.items():
            calls += self._repair(machine, code, len(calls))
        parts = {m: self._parts[c] for m, c in stops.items()}
        who = " and the ".join(machines)
        one = len(machines) == 1
        text = f"The {who} {'has' if one else 'have'} stopped. Please repair {'it' if one else 'both'}."
        said = " ".join(f"The {m} runs again with {p}." for m, p in parts.items())
        made = self._said(
            text,
            said,
            tuple(parts.values()),
            tuple(calls),
            plants=tuple(f"part of the {m}" for m in parts),
            done=lambda world: not any(world.code[m] for m in stops),
            happens=lambda world: _stop(world, stops),
        )
        return made, parts

    def _repair(self, machine: str, code: str, base: int) -> list[Call]:
        """The calls of one repair, done in this world; `base` is the place of the first among the request's calls."""
        part, m = self._parts[code], {"machine": machine}
        calls = [
            Call("inspect", m, instead=Call("inspect_by_hand", m)),
            Call("look_up", {"code": code}, after=(base,), instead=Call("ask_foreman", {"code": code})),
            Call("stock", {"part": part}, after=(base + 1,)),
        ]
        if not self.count[part]:
            self.order(part, 1)
            calls.append(Call("order", {"part": part, "quantity": 1}, after=(base + 2,)))
        ready: tuple[int, ...] = (base + len(calls) - 1,)
        if "off" in self.in_force:
            ready = (*ready, base + len(calls))
            calls.append(Call("switch", {**m, "on": False}))
        self.install(machine, part)
        calls.append(Call("install", {**m, "part": part}, after=ready))
        if "off" in self.in_force:
            calls.append(Call("switch", {**m, "on": True}, after=(base + len(calls) - 1,)))
        calls.append(Call("test", m, after=(base + len(calls) - 1,), instead=Call("test_by_hand", m)))
        return calls

    def _said(
        self, text: str, reply: str, says: tuple[str, ...], calls: tuple[Call, ...] = (), asks: str = "", **more: Any
    ) -> Request:
        remark = f"{self.rng.choice(REMARKS)} " if self.rng.random() < self.distractors / (self.distractors + 4) else ""
        ending = f" Ref {self.number}" if "reference" in self.in_force else ""
        return Request(f"Request {self.number}: {remark}{text}", reply + ending, says, calls=calls, asks=asks, **more)

    # -- the world --------------------------------------------------------------------------------------------------------

    def _code(self, machine: str) -> str:
        if machine not in self.code:
            raise Refusal(f"there is no machine {machine}; there are {', '.join(MACHINES)}")
        return self.code[machine]

    def _known(self, part: str) -> None:
        if part not in self.count:
            raise Refusal(f"there is no part {part}")

    def _old_inspection(self, machine: str) -> Any:
        self._code(machine)
        return {"as_of": self.number - 1, "machine": machine, "code": self.old_code[machine]}

    def _old_stock(self, part: str) -> Any:
        self._known(part)
        return {"as_of": self.number - 1, "part": part, "count": self.count[part] + 1}

    @classmethod
    def all_rules(cls) -> Sequence[Rule]:
        return (
            Rule("off", "Switch a machine off before you build anything in, and on again before you test it.", _live),
            Rule(
                "stock_first",
                "Look up the stock of a part before you order or install it, in the same request.",
                _unseen,
            ),
            REFERENCE,
            Rule("order_one", "Order one piece at a time, and only where there is none.", _too_many),
            SHORT,
            NEVER_SORRY,
        )


def _stop(world: Repair, stops: dict[str, str]) -> None:
    for machine, code in stops.items():
        world.old_code[machine] = world.code[machine] or world.old_code[machine]
        world.code[machine] = code
        world.on[machine] = True


def _live(act: Act) -> bool | None:
    """Something is installed in a machine that is on, or one that is off is tested; calls of one action count in their order."""
    on = dict(act.world.on)
    seen: list[bool] = []
    for tool, arguments in act.calls:
        machine = str((arguments or {}).get("machine"))
        if tool == "switch":
            on[machine] = bool((arguments or {}).get("on"))
        elif tool == "install":
            seen.append(on.get(machine, False))
        elif tool in ("test", "test_by_hand"):
            seen.append(not on.get(machine, True))
    return any(seen) if seen else None


def _unseen(act: Act) -> bool | None:
    parts = [a.get("part") for tool, a in act.calls if tool in ("order", "install") and a is not None]
    return not all(act.did("stock", part=part) for part in parts) if parts else None


def _too_many(act: Act) -> bool | None:
    orders = [a for tool, a in act.calls if tool == "order" and a is not None]
    return any(a.get("quantity") != 1 or act.world.count.get(a.get("part"), 0) > 0 for a in orders) if orders else None
