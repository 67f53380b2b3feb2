"""Tool episodes: a ledger of named values kept over many turns, with a calculator that sometimes fails and a rule of form."""

from __future__ import annotations

import random
from collections.abc import Iterator

from workbench.arithmetic import ITEMS
from workbench.models.abacus.tokens import CALL, END, GO, RESULT, encode, special

RULES = {"name = value": "{} = {}", "name: value": "{}: {}", "[name value]": "[{} {}]"}
"""How a value must be written, as the first turn asks for it."""

BUSY = "error: busy, try again"

Turn = tuple[str, list[tuple[str, int]], str]
"""What the user says, the sums it needs (expression, result), the reply that is right."""


def turns(rng: random.Random, steps: int) -> Iterator[Turn]:
    """A random ledger's turns; every reply follows the rule that the first turn sets."""
    rule = rng.choice(list(RULES))
    names = rng.sample(ITEMS, rng.randint(2, 5))
    held: dict[str, int] = {}

    def write(name: str) -> str:
        return RULES[rule].format(name, held[name])

    for i in range(steps):
        lead = f"Keep a ledger. Rule: write every value as {rule}.\n" if i == 0 else ""
        name, n = rng.choice(names), rng.randint(1, 20)
        kind = rng.choice(("add", "add", "take", "move", "recall", "recall", "set")) if name in held else "set"
        others = [m for m in held if m != name]
        if (kind == "take" and held[name] < n) or (kind == "move" and (held[name] < n or not others)):
            kind = "add"
        if kind == "set":
            held[name] = rng.randint(1, 60)
            yield f"{lead}Set {name} to {held[name]}.", [], write(name)
        elif kind == "recall":
            yield f"{lead}What is in {name}?", [], write(name)
        elif kind == "move":
            other = rng.choice(others)
            sums = [(f"{held[name]} - {n}", held[name] - n), (f"{held[other]} + {n}", held[other] + n)]
            held[name], held[other] = sums[0][1], sums[1][1]
            yield f"{lead}Move {n} from {name} to {other}.", sums, f"{write(name)}\n{write(other)}"
        else:
            op = "+" if kind == "add" else "-"
            sums = [(f"{held[name]} {op} {n}", held[name] + n if op == "+" else held[name] - n)]
            held[name] = sums[0][1]
            said = f"Add {n} to {name}." if op == "+" else f"Take {n} from {name}."
            yield f"{lead}{said}", sums, write(name)


def episode(rng: random.Random, steps: int, fails: float = 0.15) -> tuple[list[int], list[int]]:
    """Tokens and mask of one episode; the calculator fails with probability `fails` and is asked again."""
    ids: list[int] = []
    mask: list[int] = []

    def put(tokens: list[int], learn: int) -> None:
        ids.extend(tokens)
        mask.extend([learn] * len(tokens))

    for said, sums, reply in turns(rng, steps):
        put([special("act"), *encode(said), GO], 0)
        for text, result in sums:
            while True:
                put([CALL, *encode(f"calc {text}"), END], 1)
                failed = rng.random() < fails
                put([RESULT, *encode(BUSY if failed else str(result)), GO], 0)
                if not failed:
                    break
        put([*encode(reply), END], 1)
    return ids, mask
