"""Training rows of the role act: a ledger's rule and as many of its newest steps as fit, as `formats` shows them at run time."""

from __future__ import annotations

import random
from itertools import islice

from workbench.ledger import FAILURES, RULES, Step, ledger, rule_line
from workbench.models.abacus.formats import ACT_WINDOW
from workbench.models.abacus.tokens import CALL, END, GO, RESULT, encode, special

Row = tuple[list[int], list[int]]


RULE_ROOM = 32
"""Tokens that the line with the rule takes at most."""


def episode(rng: random.Random, room: int = ACT_WINDOW) -> Row:
    """Tokens and mask: the rule, then the newest steps, `room` tokens of them, of a ledger that has run for up to 120 steps.

    A step is learned where the value that it needs can still be read: written within the window, by a step that is shown.
    """
    rule = rng.choice(list(RULES))
    steps = list(islice(ledger(rng, rule, rng.randint(2, 7)), rng.choice((6, 12, 24, 40, 40, 60, 90, 120))))
    fails = rng.choice((0.0, 0.1, 0.2, 0.3))
    shown: list[Row] = []
    for step in reversed(steps):
        row = _turn(rng, step, fails)
        if len(row[0]) > room:
            break
        room -= len(row[0])
        shown.append(row)
    shown.reverse()
    newest = steps[len(steps) - len(shown) :]
    ids = [special("act"), *encode(rule_line(rule) + "\n")]
    mask = [0] * len(ids)
    seen: set[str] = set()
    for step, (tokens, learn) in zip(newest, shown, strict=True):
        ids += tokens
        known = step.kind == "set" or seen.issuperset(step.names)
        mask += learn if known else [0] * len(learn)
        seen.update(step.names)
    return ids, mask


def _turn(rng: random.Random, step: Step, fails: float) -> Row:
    ids: list[int] = []
    mask: list[int] = []

    def put(tokens: list[int], learn: int) -> None:
        ids.extend(tokens)
        mask.extend([learn] * len(tokens))

    put([*encode(step.said), GO], 0)
    for text, result in step.sums:
        while True:
            put([CALL, *encode(f"calc {text}"), END], 1)
            failed = rng.random() < fails
            put([RESULT, *encode(rng.choice(FAILURES) if failed else result), GO], 0)
            if not failed:
                break
    put([*encode(step.reply), END], 1)
    return ids, mask
