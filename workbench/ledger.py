"""The built-in tool task: a ledger of named values over any number of steps, a calculator that may fail, a rule of form."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from workbench.arithmetic import ITEMS

RULES = {"name = value": "{} = {}", "name: value": "{}: {}", "[name value]": "[{} {}]"}
"""How a value must be written: what the rule says, and its template."""

HIGHEST = 199
"""No value goes above it or below zero."""

FAILURES = ("error: busy, try again", "error: timeout after 30 s, nothing was done", "n/a")
"""What the calculator says where it fails; the call is to be made again."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing asked of the ledger.

    `said` is what the user says; `sums` are the calls `calc(expression)` that it takes, as (expression, result), in order;
    `reply` is the right reply, by the rule. `kind` is set, add, take, move or recall; `names` are the values it touches;
    `distance` is how many steps ago the value of the first of these was last written (0: never before).
    """

    said: str
    sums: tuple[tuple[str, str], ...]
    reply: str
    kind: str
    names: tuple[str, ...]
    distance: int


def rule_line(rule: str) -> str:
    """The line that opens an episode, before the first step."""
    return f"Keep a ledger. Rule: write every value as {rule}."


def ledger(rng: random.Random, rule: str, names: int = 5) -> Iterator[Step]:
    """The steps of a random ledger of `names` values, without end; some of the values are touched seldom."""
    items = rng.sample(ITEMS, names)
    weights = [rng.choice((1, 2, 4)) for _ in items]
    held: dict[str, int] = {}
    written: dict[str, int] = {}
    at = 0
    while True:
        at += 1
        name = rng.choices(items, weights)[0]
        other = rng.choice([m for m in held if m != name] or [name])
        kind = rng.choices(("add", "take", "move", "recall", "set"), (4, 3, 2, 5, 1))[0] if name in held else "set"
        n = rng.randint(1, 20)
        if kind == "move" and (other == name or held[name] < n or held[other] + n > HIGHEST):
            kind = "recall"
        if kind in ("add", "take"):
            kind = "add" if held[name] < n else "take" if held[name] + n > HIGHEST else kind
        touched = (name, other) if kind == "move" else (name,)
        distance = at - written[name] if name in written else 0
        sums = []
        if kind == "set":
            held[name] = rng.randint(1, 99)
        for touch, op in zip(touched, {"add": "+", "take": "-", "move": "-+"}.get(kind, ""), strict=False):
            result = held[touch] + n if op == "+" else held[touch] - n
            sums.append((f"{held[touch]} {op} {n}", str(result)))
            held[touch] = result
        written |= dict.fromkeys(touched, at)
        said = {
            "set": f"Set {name} to {held[name]}.",
            "add": f"Add {n} to {name}.",
            "take": f"Take {n} from {name}.",
            "move": f"Move {n} from {name} to {other}.",
            "recall": f"What is in {name}?",
        }[kind]
        reply = "\n".join(RULES[rule].format(m, held[m]) for m in touched)
        yield Step(said, tuple(sums), reply, kind, touched, distance)


def calculate(expression: str) -> str:
    """What the calculator says: `12 + 5` is 17; anything but the sum or difference of two whole numbers is an error."""
    words = expression.split()
    if len(words) != 3 or words[1] not in ("+", "-") or not (words[0].isdecimal() and words[2].isdecimal()):
        return "error: not a sum"
    if max(len(words[0]), len(words[2])) > 9:
        return "error: too large"
    return str(int(words[0]) + int(words[2]) * (1 if words[1] == "+" else -1))
