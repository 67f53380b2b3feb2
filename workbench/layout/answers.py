"""Answer groups: which threads gave the same answer, the chosen answer first, then by how many gave it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

NONE, PART = -1, -2
"""No answer; and a part of the work (a plan, a subtask), whose result is no vote."""


@dataclass(frozen=True, slots=True)
class Group:
    """Threads with one answer; `votes` counts those that the final synthesis merged, `share` is their part of all of these."""

    answer: str
    votes: int
    share: float
    chosen: bool


def key(answer: object) -> str | None:
    """What makes two answers the same: their number, else their words; None where nothing was said."""
    if answer is None:
        return None
    text = " ".join(str(answer).split()).casefold()
    plain = re.sub(r"(?<=\d),(?=\d{3}\b)", "", text.removeprefix("$"))
    try:
        return f"{float(plain):.12g}" if len(plain) < 40 else text or None
    except ValueError:
        return text or None


def groups(answers: Sequence[object], votes: Sequence[bool], chosen: object) -> tuple[list[Group], list[int]]:
    """The groups in order, and for each answer the number of its group, NONE where nothing was said."""
    keys = [key(a) for a in answers]
    first = {k: str(a) for k, a in reversed(list(zip(keys, answers, strict=True))) if k is not None}
    count = Counter(k for k, counts in zip(keys, votes, strict=True) if counts and k is not None)
    voters = sum(votes)
    winner = key(chosen)
    if winner is not None:
        first[winner] = str(chosen)
    seen = [k for k in dict.fromkeys(keys) if k is not None]
    order = sorted(dict.fromkeys([*([winner] if winner else []), *seen]), key=lambda k: (k != winner, -count[k]))
    made = [Group(first[k], count[k], count[k] / voters if voters else 0.0, k == winner) for k in order]
    number = {k: i for i, k in enumerate(order)}
    return made, [NONE if k is None else number[k] for k in keys]
