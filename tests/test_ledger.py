"""The ledger task: its replies follow from its requests alone, by a second bookkeeper that shares no code with it."""

from __future__ import annotations

import random
import re
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.ledger import HIGHEST, RULES, calculate, ledger

SEEDS = st.integers(0, 10**6)
rules = st.sampled_from(sorted(RULES))


@given(seed=SEEDS, rule=rules, names=st.integers(2, 7))
@settings(max_examples=60, deadline=None)
def test_every_reply_follows_from_what_was_said(seed: int, rule: str, names: int) -> None:
    held: dict[str, int] = {}
    last: dict[str, int] = {}
    for number, step in enumerate(islice(ledger(random.Random(seed), rule, names), 120), 1):
        assert step.distance == (number - last[step.names[0]] if step.names[0] in last else 0)
        read(step.said, held)
        assert all(0 <= v <= HIGHEST for v in held.values())
        assert step.reply == "\n".join(RULES[rule].format(n, held[n]) for n in step.names)
        assert [calculate(text) for text, _ in step.sums] == [result for _, result in step.sums]
        assert len(step.sums) == {"set": 0, "recall": 0, "add": 1, "take": 1, "move": 2}[step.kind]
        last |= dict.fromkeys(step.names, number)
    assert len(held) <= names


def read(said: str, held: dict[str, int]) -> None:
    """Do what is said."""
    if m := re.fullmatch(r"Set (\w+) to (\d+)\.", said):
        held[m[1]] = int(m[2])
    elif m := re.fullmatch(r"Add (\d+) to (\w+)\.", said):
        held[m[2]] += int(m[1])
    elif m := re.fullmatch(r"Take (\d+) from (\w+)\.", said):
        held[m[2]] -= int(m[1])
    elif m := re.fullmatch(r"Move (\d+) from (\w+) to (\w+)\.", said):
        held[m[2]] -= int(m[1])
        held[m[3]] += int(m[1])
    else:
        assert re.fullmatch(r"What is in \w+\?", said)


@given(seed=SEEDS, rule=rules)
@settings(max_examples=20, deadline=None)
def test_the_same_seed_is_the_same_ledger(seed: int, rule: str) -> None:
    first, again = (list(islice(ledger(random.Random(seed), rule), 60)) for _ in range(2))
    assert first == again


@pytest.mark.parametrize(
    ("text", "said"), [("12 + 5", "17"), ("3 - 9", "-6"), ("", "error: not a sum"), ("9 ** 9", "error: not a sum")]
)
def test_the_calculator_takes_sums_only(text: str, said: str) -> None:
    assert calculate(text) == said


def test_the_calculator_does_not_grow_without_end() -> None:
    assert calculate(f"{'9' * 5000} + 1") == "error: too large"
