"""Joints: where lanes fork and converge, with threads that began from the same ones tied in one knot instead of N × N lines."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from workbench import semconv as s
from workbench.graphs.forks import END, NEST, START, Forks
from workbench.layout.lanes import Lane

MAX_SEAMS = 12


@dataclass(slots=True)
class Joint:
    """Threads `sources` (empty: the start) lead to nodes `targets` (empty: the end); kind is fork, join, or nest."""

    kind: str
    sources: list[int]
    targets: list[int]
    inferred: bool


def joints(found: Forks, lane_of: list[int], lanes: Sequence[Lane]) -> list[Joint]:
    """All edges, those that share their sources together. A lane that simply goes on needs none."""
    before: dict[int, list[int]] = defaultdict(list)
    kinds: dict[int, str] = {}
    guessed: set[int] = set()
    ends: list[int] = []
    for edge in found.edges:
        if edge.target == END:
            ends.append(edge.source)
            continue
        if edge.source != START:
            before[edge.target].append(edge.source)
        else:
            before[edge.target] += []
        kinds[edge.target] = edge.kind
        if edge.inferred:
            guessed.add(edge.target)
    families = _same_reading(before, kinds, lane_of)
    out = []
    for (kind, sources), targets in families.items():
        own = {lane_of[n] for n in sources}
        if kind != s.JOIN and len(sources) <= 1:
            # the second thread of a lane continues it: no curve over what lies before
            targets = [t for t in targets if lanes[lane_of[t]].nodes[0] == t and lane_of[t] not in own]
        elif kind == s.FORK and len(targets) == 1 and own == {lane_of[targets[0]]}:
            continue
        if targets:
            out.append(Joint(kind, list(sources), targets, any(t in guessed for t in targets)))
    # threads that no synthesis merged meet at the end, unless there is one: then they were lost on the way
    if ends and not any(found.spans[found.nodes[n]].attributes.get(s.OPERATION) == s.SYNTHESIS for n in ends):
        out.append(Joint(s.JOIN, ends, [], False))
    return out


def _same_reading(
    before: dict[int, list[int]], kinds: dict[int, str], lane_of: list[int]
) -> dict[tuple[str, tuple[int, ...]], list[int]]:
    """Targets by what they began from; a debater that reads all others and itself has the same sources as its fellows."""
    out: dict[tuple[str, tuple[int, ...]], list[int]] = defaultdict(list)
    for target, sources in sorted(before.items()):
        kind = kinds[target]
        out[kind, tuple(sorted(sources)) if kind != s.JOIN else tuple(sources)].append(target)
    return out


def seams(tied: Sequence[Joint], start_ms: Sequence[float], end_ms: Sequence[float]) -> list[tuple[float, float]]:
    """Moments [ms, weight] at which the time axis opens: a synthesis 1, a knot of many to many 0.6, a fork 0.4."""
    found: dict[float, float] = {}
    for joint in tied:
        if joint.kind == NEST or not joint.sources:
            continue
        at = min(start_ms[t] for t in joint.targets) if joint.targets else max(end_ms[n] for n in joint.sources)
        weight = 1.0 if joint.kind == s.JOIN else 0.6 if len(joint.sources) > 1 else 0.4
        if max(end_ms[n] for n in joint.sources) <= at or weight == 1.0:
            found[at] = max(weight, found.get(at, 0.0))
    heaviest = sorted(found.items(), key=lambda item: -item[1])[:MAX_SEAMS]
    return sorted(heaviest)
