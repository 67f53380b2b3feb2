"""Chains of thought: one way of working per style, each with its own intermediate numbers, so that styles err differently."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from workbench.arithmetic import Term


@dataclass
class Chain:
    """Lines as they are written; with `slips` > 0 each result is wrong with that probability and the rest follows from it."""

    slips: float = 0.0
    rng: random.Random = field(default_factory=random.Random)
    lines: list[str] = field(default_factory=list)
    right: list[bool] = field(default_factory=list)

    def step(self, a: int, op: str, b: int) -> int:
        """Write `a op b = result` and return the result."""
        true = {"+": a + b, "-": a - b, "*": a * b}[op]
        shown = slip(true, self.rng) if self.slips and self.rng.random() < self.slips else true
        self.lines.append(f"{a} {op} {b} = {shown}")
        self.right.append(shown == true)
        return shown

    def close(self, answer: int) -> str:
        """The chain's text with its last line."""
        self.lines.append(f"Answer: {answer}")
        self.right.append(True)
        return "\n".join(self.lines)


def slip(n: int, rng: random.Random) -> int:
    """A number that someone in a hurry might write instead: a digit off, a carry lost, two digits swapped."""
    digits = list(str(abs(n)))
    kind = rng.random()
    if kind < 0.25 and len(digits) > 1:
        i = rng.randrange(len(digits) - 1)
        digits[i], digits[i + 1] = digits[i + 1], digits[i]
        made = int("".join(digits)) * (1 if n >= 0 else -1)
    else:
        made = n + rng.choice((1, -1, 2, -2, 3, -3, 4, 5)) * 10 ** rng.choice(range(len(digits)))
    return made if made != n else n + rng.choice((1, -1, 10, -10))


def product(c: Chain, a: int, b: int) -> int:
    """a * b, the tens and ones of b apart."""
    if b < 10 or b % 10 == 0:
        return c.step(a, "*", b)
    return c.step(c.step(a, "*", b // 10 * 10), "+", c.step(a, "*", b % 10))


def flipped(c: Chain, a: int, b: int) -> int:
    """The same product with the factors the other way round: the tens and ones of a apart where b is long."""
    if b < 10 or a % 10 == 0:
        return c.step(b, "*", a)
    return c.step(c.step(b, "*", a // 10 * 10), "+", c.step(b, "*", a % 10))


def left_to_right(c: Chain, terms: Sequence[Term]) -> int:
    """Term by term with a running total."""
    running = product(c, terms[0].a, terms[0].b)
    for t in terms[1:]:
        running = c.step(running, "+" if t.sign > 0 else "-", product(c, t.a, t.b))
    return running


def pairs_first(c: Chain, terms: Sequence[Term]) -> int:
    """All products, then gains and losses each added up in pairs, then their difference."""
    values = [(t.sign, flipped(c, t.a, t.b)) for t in terms]
    sums = {}
    for sign in (1, -1):
        level = [v for s, v in values if s == sign]
        while len(level) > 1:
            added = [c.step(level[i], "+", level[i + 1]) for i in range(0, len(level) - 1, 2)]
            level = added + level[len(level) // 2 * 2 :]
        sums[sign] = level[0] if level else 0
    return c.step(sums[1], "-", sums[-1]) if sums[-1] else sums[1]


def place_value(c: Chain, terms: Sequence[Term]) -> int:
    """One running total for the tens of the first factors, one for their ones, then both together."""
    totals = []
    for part in (lambda a: a // 10 * 10, lambda a: a % 10):
        running: int | None = None
        for t in terms:
            if part(t.a) == 0:
                continue
            value = product(c, part(t.a), t.b)
            running = (value if t.sign > 0 else -value) if running is None else c.step(running, "+" if t.sign > 0 else "-", value)
        if running is not None:
            totals.append(running)
    return c.step(totals[0], "+", totals[1]) if len(totals) == 2 else totals[0]


def estimate_first(c: Chain, terms: Sequence[Term]) -> int:
    """An estimate with round first factors, then a correction for each."""
    rounds = [(t.a + 5) // 10 * 10 for t in terms]
    running: int | None = None
    for t, near in zip(terms, rounds, strict=True):
        value = product(c, near, t.b)
        running = value if running is None else c.step(running, "+" if t.sign > 0 else "-", value)
    assert running is not None
    c.lines.append(f"Estimate: {running}")
    c.right.append(True)
    for t, near in zip(terms, rounds, strict=True):
        off = (t.a - near) * t.sign
        if off:
            running = c.step(running, "+" if off > 0 else "-", product(c, abs(off), t.b))
    return running


STYLES = {
    "left-to-right": left_to_right,
    "pairs-first": pairs_first,
    "place-value": place_value,
    "estimate-first": estimate_first,
}


def careful(c: Chain, a: int, b: int, style: str) -> int:
    """One product alone, as a subtask: in smaller steps than a whole problem's chain has room for."""
    if style == "place-value":
        return place_value(c, [Term(1, a, b)])
    if style == "estimate-first":
        return estimate_first(c, [Term(1, a, b)])
    parts = [p for p in (a // 10 * 10, a % 10) if p] if a >= 10 else [a]
    others = [p for p in (b // 10 * 10, b % 10) if p] if b >= 10 else [b]
    pairs = [(p, q) for q in others for p in parts] if style == "left-to-right" else [(q, p) for p in parts for q in others]
    running = None
    for p, q in pairs:
        value = c.step(p, "*", q)
        running = value if running is None else c.step(running, "+", value)
    assert running is not None
    return running
