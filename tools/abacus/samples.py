"""Training samples of every role: (prompt tokens, reply tokens), never of a held-out problem."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from tools.abacus.chains import STYLES, Chain, careful, slip
from tools.abacus.ledger import episode
from workbench.arithmetic import Term, draw, held_out, render, total
from workbench.models.abacus.formats import row
from workbench.models.abacus.tokens import END, encode

Sample = tuple[list[int], list[int]]
"""All tokens of a row and, for each, 1 where it is part of a reply."""

SHARES = {
    "solve": 0.50, "subtask": 0.12, "plan": 0.08, "merge": 0.10, "direct": 0.05,
    "check": 0.07, "revise": 0.04, "judge": 0.01, "act": 0.03,
}  # fmt: skip
"""How often each role is drawn."""

FINISH = {
    "solve": 0.46, "subtask": 0.05, "plan": 0.04, "merge": 0.26, "direct": 0.03,
    "check": 0.06, "revise": 0.03, "judge": 0.01, "act": 0.06,
}  # fmt: skip
"""The same for the last part of abacus-m's training: what takes longest to learn comes more often."""

MIXES = {"base": SHARES, "finish": FINISH}

LENGTHS = (0.16, 0.19, 0.17, 0.15, 0.12, 0.09, 0.07, 0.05)
"""How often a problem has 1, 2 ... 8 terms: long chains are rare, as they are in the world."""

HARD = 0.22
"""How likely a term has two two-digit factors."""


def problem(rng: random.Random, longest: int = 8) -> tuple[tuple[Term, ...], str]:
    """A problem that is not held out, and its prompt."""
    while True:
        n = rng.choices(range(1, longest + 1), LENGTHS[:longest])[0]
        terms = draw(rng, n, sum(rng.random() < HARD for _ in range(n)))
        if not held_out(terms):
            return terms, render(terms, rng.choice(("words", "expression")), rng)


def chain(terms: Sequence[Term], style: str, rng: random.Random, slips: float = 0.0) -> Chain:
    """A worked solution; with slips maybe a wrong one."""
    c = Chain(slips, rng)
    answer = STYLES[style](c, terms)
    if slips and rng.random() < slips:
        answer = slip(answer, rng)
        c.close(answer)
        c.right[-1] = False
    else:
        c.close(answer)
    return c


def sample(rng: random.Random, mix: str = "base") -> Sample:
    """One row of tokens and its mask, of a random role."""
    shares = MIXES[mix]
    role = rng.choices(list(shares), list(shares.values()))[0]
    if role == "act":
        return episode(rng, rng.choice((4, 8, 12, 16, 24, 30)))
    prompt, reply = MAKERS[role](rng)
    body = [*encode(reply), END]
    return prompt + body, [0] * len(prompt) + [1] * len(body)


def _style(rng: random.Random) -> str:
    return rng.choices(list(STYLES), (0.28, 0.24, 0.24, 0.24))[0]


def _solve(rng: random.Random) -> tuple[list[int], str]:
    (terms, text), style = problem(rng), _style(rng)
    return row("solve", style, text), "\n".join(chain(terms, style, rng).lines)


def _direct(rng: random.Random) -> tuple[list[int], str]:
    terms, text = problem(rng)
    return row("direct", None, text), f"Answer: {total(terms)}"


def _subtask(rng: random.Random) -> tuple[list[int], str]:
    term, style = Term(1, rng.randint(10, 99), rng.randint(11, 99) if rng.random() < 0.45 else rng.randint(2, 9)), _style(rng)
    if held_out([term]):
        return _subtask(rng)
    c = Chain()
    c.close(careful(c, term.a, term.b, style))
    return row("subtask", style, f"What is {term.text}?" if rng.random() < 0.2 else term.text), "\n".join(c.lines)


def _plan(rng: random.Random) -> tuple[list[int], str]:
    n = rng.randint(1, 8)
    terms, text = problem(rng) if n < 3 else _of_length(rng, n)
    parts = '", "'.join(t.text for t in terms)
    combine = "".join((" + " if t.sign > 0 else " - ") * (i > 0) + str(i + 1) for i, t in enumerate(terms))
    return row("plan", None, text), f'{{"subtasks": ["{parts}"], "combine": "{combine}"}}'


def _of_length(rng: random.Random, n: int) -> tuple[tuple[Term, ...], str]:
    while True:
        terms = draw(rng, n, sum(rng.random() < HARD for _ in range(n)))
        if not held_out(terms):
            return terms, render(terms, rng.choice(("words", "expression")), rng)


def _merge(rng: random.Random) -> tuple[list[int], str]:
    terms, text = _of_length(rng, rng.randint(1, 8))
    c, lines, values = Chain(), [], []
    for i, t in enumerate(terms):
        value = slip(t.value, rng) if rng.random() < 0.08 else t.value
        if rng.random() < 0.03:
            lines.append(f"Part {i + 1}: {t.text} = ?")
            value = careful(c, t.a, t.b, "left-to-right")
        else:
            lines.append(f"Part {i + 1}: {t.text} = {value}")
        values.append(t.sign * value)
    running = values[0]
    for v in values[1:]:
        running = c.step(running, "+" if v > 0 else "-", abs(v))
    c.close(running)
    return row("merge", None, f"{text}\n\n" + "\n".join(lines)), "\n".join(c.lines)


def _check(rng: random.Random) -> tuple[list[int], str]:
    terms, text = problem(rng, longest=6)
    if rng.random() < 0.12:
        answer, right = total(terms), rng.random() < 0.5
        said = answer if right else slip(answer, rng)
        reply = f"Verdict: {_word(right)}"
        return row("check", None, f"{text}\n\nProposed solution:\nAnswer: {said}"), reply
    foreign = rng.random() < 0.12  # a term copied wrongly: each step right, all of it wrong
    if foreign:
        i = rng.randrange(len(terms))
        other = Term(terms[i].sign, rng.randint(10, 99), terms[i].b)
        foreign = other != terms[i]
        terms = (*terms[:i], other, *terms[i + 1 :])
    rate = 0.0 if foreign or rng.random() < 0.4 else 1.0 / (1 + 2 * len(terms))
    c = chain(terms, _style(rng), rng, slips=rate)
    steps = "".join(f"{_claim(line)}: {_word(ok)}\n" for line, ok in zip(c.lines, c.right, strict=True))
    verdict = _word(all(c.right) and not foreign)
    return row("check", None, f"{text}\n\nProposed solution:\n" + "\n".join(c.lines)), f"{steps}Verdict: {verdict}"


def _claim(line: str) -> str:
    return line.removeprefix("Answer: ").removeprefix("Estimate: ")


def _word(right: bool) -> str:
    return "right" if right else "wrong"


def _threads(rng: random.Random, terms: Sequence[Term], most: int) -> list[Chain]:
    rate = rng.choice((0.0, 0.05, 0.1, 0.2))
    return [chain(terms, _style(rng), rng, slips=rate) for _ in range(rng.randint(1, most))]


def _revise(rng: random.Random) -> tuple[list[int], str]:
    terms, text = problem(rng, longest=5)
    short = rng.random() < 0.3
    threads = _threads(rng, terms, 7 if short else 4 if len(terms) < 4 else 2)
    shown = "\n\n".join(
        f"Thread {i + 1}:\n" + (c.lines[-1] if short else "\n".join(c.lines)) for i, c in enumerate(threads)
    )
    style = _style(rng)
    return row("revise", style, f"{text}\n\n{shown}"), "\n".join(chain(terms, style, rng).lines)


def _judge(rng: random.Random) -> tuple[list[int], str]:
    terms, text = problem(rng, longest=4)
    right = chain(terms, _style(rng), rng)
    wrong = []
    while len(wrong) < rng.randint(1, 3):
        c = chain(terms, _style(rng), rng, slips=0.3)
        if c.lines[-1] != right.lines[-1]:
            wrong.append(c)
    shown = [right, *wrong]
    rng.shuffle(shown)
    texts = "\n\n".join(
        f"Candidate {i + 1} (answer {c.lines[-1].removeprefix('Answer: ')}):\n" + "\n".join(c.lines) for i, c in enumerate(shown)
    )
    return row("judge", None, f"{text}\n\n{texts}"), f"Best: {shown.index(right) + 1}"


MAKERS: dict[str, Callable[[random.Random], tuple[list[int], str]]] = {
    "solve": _solve, "direct": _direct, "subtask": _subtask, "plan": _plan, "merge": _merge,
    "check": _check, "revise": _revise, "judge": _judge,
}  # fmt: skip
