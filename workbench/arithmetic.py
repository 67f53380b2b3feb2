"""The built-in task family: sums and differences of products, as expressions and as short word problems, of graded difficulty."""

from __future__ import annotations

import random
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from workbench.errors import UsageError, unknown

KINDS = ("mixed", "words", "expression")

LEVELS: dict[int, tuple[int, int]] = {
    1: (1, 0),
    2: (2, 0),
    3: (3, 0),
    4: (4, 0),
    5: (4, 1),
    6: (5, 1),
    7: (6, 2),
    8: (8, 3),
}
"""Difficulty -> (terms, of these with two two-digit factors)."""

HELD_OUT_SHARE = 0.15
"""Of all problems, by hash of their operands: `problems` draws only from these, the training of abacus only from the rest."""

NAMES = ("Mia", "Noah", "Lena", "Omar", "Ines", "Kofi", "Yuki", "Ravi", "Zoe", "Emil", "Aya", "Juan")
ITEMS = ("apples", "pears", "eggs", "pens", "books", "cards", "stamps", "shells", "coins", "beads", "buns", "nails")
HOLDERS = ("boxes", "bags", "crates", "trays", "jars", "packs", "baskets", "rows")
GAINS = ("packs", "buys", "finds", "fills")
LOSSES = ("sells", "gives away", "loses", "uses")


@dataclass(frozen=True, slots=True)
class Term:
    """One signed product, `sign * a * b`; a has two digits, b one (easy) or two (hard)."""

    sign: int
    a: int
    b: int

    @property
    def value(self) -> int:
        """The product without its sign."""
        return self.a * self.b

    @property
    def text(self) -> str:
        """`47 * 6`."""
        return f"{self.a} * {self.b}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem of the family; `prompt`, `target`, `category` and `difficulty` are those of a Task."""

    id: str
    prompt: str
    target: str
    category: str
    difficulty: int
    terms: tuple[Term, ...]


def problems(n: int, difficulty: int | tuple[int, int] = (1, 6), seed: int = 0, kind: str = "mixed") -> list[Problem]:
    """`n` different held-out problems, their difficulties in turn over the range; the same arguments give the same problems.

    Args:
        difficulty: 1..8 or an inclusive range.
        kind: "expression" (What is 47 * 6 + 82 * 7?), "words" (Mia packs 47 boxes with 6 apples each ...) or "mixed".

    Raises:
        UsageError: a difficulty outside 1..8, an unknown kind, or more problems than the family holds.
    """
    if kind not in KINDS:
        raise unknown("kind of problem", kind, KINDS)
    low, high = (difficulty, difficulty) if isinstance(difficulty, int) else difficulty
    if not 1 <= low <= high <= max(LEVELS):
        raise UsageError(f"difficulty must lie between 1 and {max(LEVELS)}, low to high, got {difficulty!r}")
    rng = random.Random(f"arithmetic/{seed}")
    found: list[Problem] = []
    seen: set[str] = set()
    for i in range(n):
        level = low + i % (high - low + 1)
        for _ in range(2000):
            terms = draw(rng, *LEVELS[level])
            category = kind if kind != "mixed" else rng.choice(("words", "expression"))
            prompt = render(terms, category, rng)
            if held_out(terms) and prompt not in seen:
                break
        else:
            raise UsageError(f"the family holds too few problems of difficulty {level} for n={n}; ask for fewer")
        seen.add(prompt)
        found.append(Problem(f"arithmetic-{seed}-{i + 1}", prompt, str(total(terms)), category, level, terms))
    return found


def draw(rng: random.Random, terms: int, hard: int) -> tuple[Term, ...]:
    """Random terms, `hard` of them with two two-digit factors; no running total is negative."""
    while True:
        kinds = [True] * hard + [False] * (terms - hard)
        rng.shuffle(kinds)
        made = tuple(
            Term(
                rng.choice((1, 1, -1)) if i else 1,
                rng.randint(10, 99),
                rng.randint(11, 99) if is_hard else rng.randint(2, 9),
            )
            for i, is_hard in enumerate(kinds)
        )
        if all(running >= 0 for running in totals(made)):
            return made


def totals(terms: Sequence[Term]) -> Iterator[int]:
    """The running totals from left to right."""
    running = 0
    for term in terms:
        running += term.sign * term.value
        yield running


def total(terms: Sequence[Term]) -> int:
    """The right answer."""
    return sum(t.sign * t.value for t in terms)


def held_out(terms: Sequence[Term]) -> bool:
    """Whether a problem with these terms, in any order and with factors either way round, is kept from training."""
    key = sorted((t.sign, min(t.a, t.b), max(t.a, t.b)) for t in terms)
    return zlib.crc32(repr(key).encode()) % 1000 < HELD_OUT_SHARE * 1000


_EXPRESSION = re.compile(r"What is \d+ \* \d+(?: [+-] \d+ \* \d+)*\?")
_DEED = rf"(?:{'|'.join((*GAINS, *LOSSES))}) \d+ (?:{'|'.join(HOLDERS)}) with \d+ (?:{'|'.join(ITEMS)}) each"
_WORDS = re.compile(rf"\w+ {_DEED}(?:(?:, | and ){_DEED})*\. How many \w+ does \w+ have\?")


def in_family(text: str) -> bool:
    """Whether a prompt is one of the family, whatever its numbers: what abacus can do, and nothing else."""
    return any(form.fullmatch(text.strip()) for form in (_EXPRESSION, _WORDS))


def expression(terms: Sequence[Term]) -> str:
    """`47 * 6 + 82 * 7 - 29 * 3`."""
    return "".join((" + " if t.sign > 0 else " - ") * (i > 0) + t.text for i, t in enumerate(terms))


def render(terms: Sequence[Term], category: str, rng: random.Random) -> str:
    """The prompt of a problem; `rng` chooses who, what and the verbs of a word problem."""
    if category == "expression":
        return f"What is {expression(terms)}?"
    name, item = rng.choice(NAMES), rng.choice(ITEMS)
    deeds = [
        f"{rng.choice(GAINS if t.sign > 0 else LOSSES)} {t.a} {rng.choice(HOLDERS)} with {t.b} {item} each"
        for t in terms
    ]
    story = ", ".join(deeds[:-1]) + " and " + deeds[-1] if len(deeds) > 1 else deeds[0]
    return f"{name} {story}. How many {item} does {name} have?"
