"""Rounds: threads that follow each other as columns, to be headed; and the models, so that marks can tell them apart."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from workbench import semconv as s
from workbench.graphs.forks import Forks
from workbench.layout.lanes import Lane
from workbench.layout.marks import CHAT, Columns

MAX_ROUNDS = 12  # more columns have no room for their heads
WORDS = {"mixture": "layer"}


@dataclass(frozen=True, slots=True)
class Round:
    """A column of the picture: [start, end] in ms and in steps."""

    label: str
    start_ms: float
    end_ms: float
    start_step: float
    end_step: float


def rounds(
    found: Forks, ms: Sequence[tuple[float, float]], places: Sequence[tuple[float, float]], strategy: object
) -> list[Round]:
    """The rounds of a debate, a refinement or a mixture; none where there is one, or where they run into each other."""
    members: dict[int, list[int]] = {}
    for node, row in enumerate(found.nodes):
        at = found.spans[row].attributes
        if at.get(s.OPERATION) == s.THREAD and found.inner[node] < 0 and at.get(s.ROUND) is not None:
            members.setdefault(int(at[s.ROUND]), []).append(node)
    if not 1 < len(members) <= MAX_ROUNDS:
        return []
    word = WORDS.get(str(strategy), "round")
    out = [
        Round(f"{word} {number + 1}", *_extent(ms, nodes), *_extent(places, nodes))
        for number, nodes in sorted(members.items())
    ]
    apart = all(a.end_ms <= b.start_ms and a.end_step <= b.start_step for a, b in itertools.pairwise(out))
    return out if apart else []


def models(lanes: Sequence[Lane], columns: Columns, words: Sequence[str]) -> list[str]:
    """The models' names in the order in which lanes show them, then those that only single calls used."""
    called = np.unique(columns["word"][columns["kind"] == CHAT]).astype(int).tolist()
    return list(dict.fromkeys([lane.model for lane in lanes if lane.model] + [words[i] for i in called]))


def _extent(spans: Sequence[tuple[float, float]], nodes: Sequence[int]) -> tuple[float, float]:
    return min(spans[n][0] for n in nodes), max(spans[n][1] for n in nodes)
