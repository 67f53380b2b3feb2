"""Training samples of every role: (prompt tokens, reply tokens), never of a held-out problem."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace

from tools.abacus.chains import Chain, fold, slip, work
from tools.abacus.ledger import RULE_ROOM, episode
from workbench.agents import STYLES
from workbench.arithmetic import Term, draw, held_out, render, total
from workbench.models.abacus.formats import ACT_WINDOW, row
from workbench.models.abacus.tokens import END, encode

Sample = tuple[list[int], list[int]]
"""All tokens of a row and, for each, its weight: 0 in a prompt, 1 in a reply, more where a reply decides."""

Shares = dict[str, float]

ROLES: dict[str, Shares] = {
    "short": {"solve": 50, "subtask": 8, "merge": 17, "check": 8, "plan": 6, "direct": 3, "revise": 2, "act": 6},
    "middle": {"solve": 38, "merge": 24, "check": 16, "plan": 3, "revise": 6, "direct": 1, "act": 12},
    "long": {"act": 58, "check": 15, "revise": 15, "solve": 4, "merge": 4, "judge": 4},
}
"""How often each role is drawn (percent) for rows of 192, 384 and 768 tokens; what does not fit its row is drawn again."""

FINISH: dict[str, Shares] = {
    "short": {"solve": 30, "subtask": 4, "merge": 34, "check": 10, "plan": 7, "direct": 1, "revise": 2, "act": 12},
    "middle": {"solve": 22, "merge": 32, "check": 15, "plan": 6, "revise": 6, "judge": 5, "act": 14},
    "long": {"act": 68, "merge": 6, "check": 9, "revise": 7, "judge": 10},
}
"""The same for the last part of a training: what takes longest to learn comes more often."""

LENGTHS = {
    "short": (0.24, 0.28, 0.28, 0.20, 0.0, 0.0, 0.0, 0.0),
    "middle": (0.04, 0.08, 0.18, 0.24, 0.22, 0.13, 0.07, 0.04),
    "long": (0.02, 0.05, 0.10, 0.15, 0.17, 0.17, 0.17, 0.17),
}
"""How often a problem has 1, 2 ... 8 terms there: long ones are rare, as they are in the world."""

MERGED = (0.02, 0.05, 0.10, 0.16, 0.17, 0.17, 0.17, 0.16)
"""The same for plans and merges in middle and long rows: long problems are split more often than solved in one go."""

UNSURE = 0.1
"""How often a merge is told any number as a result: it must read what the parts found, not work it out again at a glance."""

DECISIVE = 20
"""Weight of the token that a check or a judge is about; at 1 the working before it drowned it, and it was never learned."""

CHECKED_IN = STYLES[2]
"""The style in which checks and judges work a problem again; what is in this style itself is checked in the first one."""

HARD = 0.25
"""How likely a term has two two-digit factors."""


def problem(rng: random.Random, lengths: Sequence[float]) -> tuple[tuple[Term, ...], str]:
    """A problem that is not held out, and its prompt; `lengths` says how often it has 1, 2 ... terms."""
    while True:
        n = rng.choices(range(1, len(lengths) + 1), lengths)[0]
        terms = draw(rng, n, sum(rng.random() < HARD for _ in range(n)))
        if not held_out(terms):
            return terms, render(terms, rng.choice(("words", "expression")), rng)


def sample(
    rng: random.Random, kind: str = "short", roles: dict[str, Shares] = ROLES, room: int = ACT_WINDOW + RULE_ROOM
) -> Sample:
    """One row of tokens and its mask, of a random role; an episode fits into `room` tokens, other roles may not."""
    shares = roles[kind]
    role = rng.choices(list(shares), list(shares.values()))[0]
    if role == "act":
        return episode(rng, min(room - RULE_ROOM, ACT_WINDOW))
    lengths = MERGED if role in ("plan", "merge") and kind != "short" else LENGTHS[kind]
    prompt, reply = MAKERS[role](rng, lengths)
    body = [*encode(reply), END]
    mask = [0] * len(prompt) + [1] * len(body)
    if role in ("check", "judge"):
        mask[-2] = DECISIVE  # the verdict's, the number's
    return prompt + body, mask


Made = tuple[list[int], str]
"""A prompt's tokens and the reply's text."""


def _style(rng: random.Random) -> str:
    return rng.choice(STYLES)


def _solve(rng: random.Random, lengths: Sequence[float]) -> Made:
    (terms, text), style = problem(rng, lengths), _style(rng)
    return row("solve", style, text), work(terms, style).text


def _direct(rng: random.Random, lengths: Sequence[float]) -> Made:
    terms, text = problem(rng, lengths)
    return row("direct", None, text), f"Answer: {total(terms)}"


def _subtask(rng: random.Random, lengths: Sequence[float]) -> Made:
    while True:
        term = Term(1, rng.randint(10, 99), rng.randint(11, 99) if rng.random() < 0.5 else rng.randint(2, 9))
        if not held_out([term]):
            style = _style(rng)
            return row("subtask", style, f"What is {term.text}?" if rng.random() < 0.2 else term.text), work(
                [term], style
            ).text


def _plan(rng: random.Random, lengths: Sequence[float]) -> Made:
    terms, text = problem(rng, lengths)
    parts = '", "'.join(t.text for t in terms)
    combine = "".join((" + " if t.sign > 0 else " - ") * (i > 0) + str(i + 1) for i, t in enumerate(terms))
    return row("plan", None, text), f'{{"subtasks": ["{parts}"], "combine": "{combine}"}}'


def _merge(rng: random.Random, lengths: Sequence[float]) -> Made:
    terms, text = problem(rng, lengths)
    values: list[int | None] = [rng.randint(10, 9801) if rng.random() < UNSURE else t.value for t in terms]
    values = [None if rng.random() < 0.02 else v for v in values]
    shown = "\n".join(
        f"Part {i + 1}: {t.text} = {'?' if v is None else v}"
        for i, (t, v) in enumerate(zip(terms, values, strict=True))
    )
    return row("merge", None, f"{text}\n\n{shown}"), fold(terms, values).text


def wrong(rng: random.Random, terms: Sequence[Term], style: str) -> Chain:
    """A worked solution that is wrong as these models' are: a number slipped, a term misread, turned round in sign or lost."""
    right = work(terms, style)
    while True:
        kind, i = rng.random(), rng.randrange(len(terms))
        t = terms[i]
        read = list(terms)
        if kind < 0.08:
            read[i] = replace(t, a=min(99, max(10, slip(t.a, rng))))
        elif kind < 0.14:
            read[i] = replace(t, b=min(99, max(2, slip(t.b, rng))))
        elif kind < 0.22 and i:
            read[i] = replace(t, sign=-t.sign)
        elif kind < 0.28 and len(terms) > 1:
            del read[i]
        read[0] = replace(read[0], sign=1)
        made = work(read, style, 0.0 if kind < 0.28 else 0.7 / len(terms) / 3, rng)
        if made.lines != right.lines and "-" not in made.answer:
            return made


def _check(rng: random.Random, lengths: Sequence[float]) -> Made:
    """Worked again in another style, so that it cannot be copied, and the answers compared."""
    terms, text = problem(rng, lengths)
    style = _style(rng)
    said = work(terms, style) if rng.random() < 0.45 else wrong(rng, terms, style)
    shown = said.lines[-1] if rng.random() < 0.1 else said.text
    again = work(terms, STYLES[0] if style == CHECKED_IN else CHECKED_IN)
    verdict = "right" if said.answer == again.answer else "wrong"
    return row("check", None, f"{text}\n\nProposed solution:\n{shown}"), f"{again.text}\nVerdict: {verdict}"


def _thread(rng: random.Random, terms: Sequence[Term]) -> Chain:
    style = _style(rng)
    return work(terms, style) if rng.random() < 0.6 else wrong(rng, terms, style)


def _revise(rng: random.Random, lengths: Sequence[float]) -> Made:
    terms, text = problem(rng, lengths)
    short = rng.random() < 0.3
    threads = [_thread(rng, terms) for _ in range(rng.randint(1, 7 if short else 4 if len(terms) < 4 else 2))]
    shown = "\n\n".join(f"Thread {i + 1}:\n" + (c.lines[-1] if short else c.text) for i, c in enumerate(threads))
    style = _style(rng)
    return row("revise", style, f"{text}\n\n{shown}"), work(terms, style).text


def _judge(rng: random.Random, lengths: Sequence[float]) -> Made:
    terms, text = problem(rng, lengths[:5])
    right = work(terms, _style(rng))
    shown = [right]
    for _ in range(rng.randint(1, 3)):
        other = wrong(rng, terms, _style(rng))
        shown += [other] if other.answer not in {c.answer for c in shown} else []
    rng.shuffle(shown)
    texts = "\n\n".join(f"Candidate {i + 1} (answer {c.answer}):\n{c.text}" for i, c in enumerate(shown))
    again = work(terms, CHECKED_IN)
    return row("judge", None, f"{text}\n\n{texts}"), f"{again.text}\nBest: {shown.index(right) + 1}"


MAKERS: dict[str, Callable[[random.Random, Sequence[float]], Made]] = {
    "solve": _solve, "direct": _direct, "subtask": _subtask, "plan": _plan, "merge": _merge,
    "check": _check, "revise": _revise, "judge": _judge,
}  # fmt: skip
