"""Chains of thought: a line per term (or pair of terms), every sum spelled out, its numbers different in every style."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from workbench.agents import STYLES
from workbench.arithmetic import Term

LEFT, PAIRS, PLACE, ESTIMATE = STYLES


@dataclass
class Chain:
    """Lines as they are written; with `slips` > 0 each number is wrong with that probability and the rest follows from it."""

    slips: float = 0.0
    rng: random.Random = field(default_factory=random.Random)
    lines: list[str] = field(default_factory=list)
    total: int = 0

    def number(self, true: int) -> int:
        """What is written for a number."""
        return slip(true, self.rng) if self.slips and self.rng.random() < self.slips else true

    def product(self, term: Term, style: str) -> tuple[str, list[int]]:
        """` = 2820 + 141` and the signed parts of one product, as this style takes it apart."""
        made = [(1 if p >= 0 else -1) * self.number(abs(p)) for p in parts(term, style)]
        return " = " + "".join((" + " if p > 0 else " - ") * (i > 0) + str(abs(p)) for i, p in enumerate(made)), made

    def whole(self, term: Term, style: str) -> tuple[str, int]:
        """` = 2820 + 141 = 2961` and the product."""
        text, made = self.product(term, style)
        if len(made) == 1:
            return text, made[0]
        value = self.number(sum(made))
        return f"{text} = {value}", value

    def sum(self, a: int, b: int) -> tuple[str, int]:
        """`, 282 + 574 = 856` and what it comes to."""
        value = self.number(a + b)
        return f", {a} {'+' if b >= 0 else '-'} {abs(b)} = {value}", value

    def add(self, *parts_: int) -> str:
        """Add to the running total, one sum for every part: `, 282 + 560 = 842, 842 + 14 = 856`."""
        said = ""
        for p in parts_:
            text, self.total = self.sum(self.total, p)
            said += text
        return said

    def close(self) -> Chain:
        """Write the last line."""
        self.lines.append(f"Answer: {self.number(self.total)}")
        return self

    @property
    def text(self) -> str:
        """All lines."""
        return "\n".join(self.lines)

    @property
    def answer(self) -> str:
        """What the last line says."""
        return self.lines[-1].removeprefix("Answer: ")


def slip(n: int, rng: random.Random) -> int:
    """A number that someone in a hurry might write instead: a digit off, a carry lost, two digits swapped."""
    digits = list(str(abs(n)))
    if rng.random() < 0.12 and len(digits) > 1:
        i = rng.randrange(len(digits) - 1)
        digits[i], digits[i + 1] = digits[i + 1], digits[i]
        made = int("".join(digits)) * (1 if n >= 0 else -1)
    else:
        made = n + rng.choice((1, 1, 1, -1, -1, -1, 2, -2, 3, -3, 4, 5)) * 10 ** rng.choice(range(len(digits)))
    return made if made != n else n + rng.choice((1, -1, 10, -10))


def parts(term: Term, style: str) -> list[int]:
    """A product as products with a round factor, signed; a zero part is left out.

    left-to-right splits the second factor, where it has two digits; pairs-first then splits the first one instead; place-value
    always splits the first one; estimate-first rounds it and takes back what that was off.
    """
    a, b = term.a, term.b
    if style == ESTIMATE:
        near = (a + 5) // 10 * 10
        return [p for p in (near * b, (a - near) * b) if p]
    if style == LEFT:
        return [p for p in (b // 10 * 10 * a, b % 10 * a) if p]
    if style == PAIRS and b < 10:
        return [a * b]
    return [p for p in (a // 10 * 10 * b, a % 10 * b) if p]


def work(terms: Sequence[Term], style: str, slips: float = 0.0, rng: random.Random | None = None) -> Chain:
    """A problem worked in a style, to its answer."""
    c = Chain(slips, rng or random.Random(0))
    size = 2 if style == PAIRS else 1
    for i in range(0, len(terms), size):
        c.lines.append(_line(c, terms[i : i + size], style, first=i == 0))
    return c.close()


def _line(c: Chain, terms: Sequence[Term], style: str, first: bool) -> str:
    if style in (PLACE, ESTIMATE) and not first:
        text, made = c.product(terms[0], style)
        return head(terms[0]) + text + c.add(*(p * terms[0].sign for p in made))
    said, values = [], []
    for t in terms:
        text, value = c.whole(t, style)
        said.append((head(t) if said or not first else t.text) + text)
        values.append(t.sign * value)
    line = ", ".join(said)
    if len(terms) == 2:
        text, pair = c.sum(*values)
        line, values = line + text, [pair]
    if first:
        c.total = values[0]
        return line
    return line + c.add(*values)


def head(term: Term) -> str:
    """`+ 82 * 7`."""
    return ("+ " if term.sign > 0 else "- ") + term.text


def fold(terms: Sequence[Term], values: Sequence[int | None]) -> Chain:
    """The results of the parts taken over one by one with a running total; a part without a result is worked out."""
    c = Chain()
    for i, (t, known) in enumerate(zip(terms, values, strict=True)):
        text, value = c.whole(t, LEFT) if known is None else (f" = {known}", known)
        if i:
            c.lines.append(head(t) + text + c.add(t.sign * value))
        else:
            c.total = value
            c.lines.append(t.text + text)
    return c.close()
