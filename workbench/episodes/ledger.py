"""Ledger: values kept over many requests, with a calculator for every sum and a rule of form; what the offline model can do."""

from __future__ import annotations

import operator
import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

from workbench.arithmetic import ITEMS
from workbench.episodes.rules import NEVER_SORRY, SHORT
from workbench.episodes.tools import Refusal, Tool
from workbench.episodes.world import Act, Call, Request, Rule, World

FORMS: Mapping[str, str] = {"name = value": "{} = {}", "name: value": "{}: {}", "[name value]": "[{} {}]"}
"""How a value must be written, as the first request asks for it."""

_SUM = re.compile(r"\s*(\d{1,9})\s*([-+])\s*(\d{1,9})\s*")
_SIGNS: Mapping[str, Callable[[int, int], int]] = {"+": operator.add, "-": operator.sub}


class Ledger(World):
    """A few named values that are set, changed and asked for; the ledger stands nowhere but in the chat."""

    name: ClassVar[str] = "ledger"
    brief: ClassVar[str] = (
        "You keep a ledger of named values. After each request reply with the values it changed or asks for, one a line, in the "
        "form that the first request sets, and nothing else. Use the tool calc for every sum."
    )

    def __init__(self, rng: random.Random, rules: int, distractors: int) -> None:
        super().__init__(rng, rules, distractors)
        self.form = rng.choice(list(FORMS))

    def tools(self) -> Sequence[Tool]:
        return (Tool(self.calc, reads=True),)

    def calc(self, expression: str) -> Any:
        """The sum or the difference of two whole numbers, such as 12 + 7."""
        found = _SUM.fullmatch(expression)
        if found is None:
            raise Refusal("calc wants a sum or a difference of two whole numbers, such as 12 + 7")
        return _SIGNS[found[2]](int(found[1]), int(found[3]))

    def requests(self) -> Iterator[Request]:
        rng = self.rng
        names = rng.sample(ITEMS, rng.randint(2, 5) + self.distractors)
        held: dict[str, int] = {}
        while True:
            self.number += 1
            name, n = rng.choice(names), rng.randint(1, 20)
            kind = rng.choice(("add", "add", "take", "move", "recall", "recall", "set")) if name in held else "set"
            others = [m for m in held if m != name]
            if (kind == "take" and held[name] < n) or (kind == "move" and (held[name] < n or not others)):
                kind = "add"
            if kind == "set":
                held[name] = rng.randint(1, 60)
                yield self._said(f"Set {name} to {held[name]}.", held, [name])
            elif kind == "recall":
                yield self._said(f"What is in {name}?", held, [name], asks=name)
            elif kind == "move":
                other = rng.choice(others)
                moved = _sum(held, name, "-", n), _sum(held, other, "+", n)
                yield self._said(f"Move {n} from {name} to {other}.", held, [name, other], moved)
            else:
                sign = "+" if kind == "add" else "-"
                change = _sum(held, name, sign, n)
                text = f"Add {n} to {name}." if kind == "add" else f"Take {n} from {name}."
                yield self._said(text, held, [name], (change,))

    def _said(
        self, text: str, held: Mapping[str, int], names: Sequence[str], calls: tuple[Call, ...] = (), asks: str = ""
    ) -> Request:
        lead = f"Keep a ledger. Rule: write every value as {self.form}.\n" if self.number == 1 else ""
        values = {name: held[name] for name in names}
        reply = "\n".join(FORMS[self.form].format(*pair) for pair in values.items())
        plants = () if asks else tuple(names)
        return Request(lead + text, reply, check=_Says(values), calls=calls, plants=plants, asks=asks)

    @classmethod
    def all_rules(cls) -> Sequence[Rule]:
        return (
            Rule("form", "Write every value in the form that the first request sets, one a line.", _otherwise),
            Rule("only_values", "Reply with values only, without any other words.", _words),
            Rule("calc", "Use calc for every sum.", _in_the_head),
            SHORT,
            NEVER_SORRY,
        )


class _Says:
    """Whether a reply gives every one of the values under its name, in whatever form."""

    def __init__(self, values: Mapping[str, int]) -> None:
        self._values = values

    def __call__(self, said: str) -> bool:
        given = {m[1].casefold(): int(m[2]) for m in re.finditer(r"(\w+)\W{1,4}?(?:is\s+)?(-?\d{1,12})(?!\w)", said)}
        return all(given.get(name.casefold()) == value for name, value in self._values.items())


def _sum(held: dict[str, int], name: str, sign: str, n: int) -> Call:
    """The call that changes a value, done."""
    call = Call("calc", {"expression": f"{held[name]} {sign} {n}"})
    held[name] = _SIGNS[sign](held[name], n)
    return call


def _otherwise(act: Act) -> bool | None:
    """A line that is no value in the form asked for."""
    if act.calls:
        return None
    form = re.escape(FORMS[act.world.form].format("NAME", "VALUE")).replace("NAME", r"\w+").replace("VALUE", r"-?\d+")
    return not all(re.fullmatch(form, line.strip()) for line in act.text.strip().splitlines() or [""])


def _words(act: Act) -> bool | None:
    """More words than the values' names."""
    return None if act.calls else len(re.findall(r"[^\W\d_]+", act.text)) > len(act.text.strip().splitlines())


def _in_the_head(act: Act) -> bool | None:
    """A reply where a sum was due and not every one was calculated."""
    due = len(act.request.calls)
    return None if act.calls or not due else sum(c.tool == "calc" for c in act.before) < due
