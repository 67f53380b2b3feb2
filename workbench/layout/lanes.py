"""Lanes: one per agent's line of work, in reading order, nested ones under the thread that holds them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from workbench import semconv as s
from workbench.graphs.forks import NEST, START, Forks

FLOATING_ROLES = ("plan", "repair", "judge", "merge", "check")


@dataclass(slots=True)
class Lane:
    """A row of the picture. A floating lane (`among` not empty) has no row: it lies in the middle of those it connects."""

    label: str
    model: str
    style: str
    depth: int
    inner: int  # the lane that holds it, -1 for none
    nodes: list[int]
    among: list[int]
    rows: int = 1


def lanes(found: Forks) -> tuple[list[Lane], list[int]]:
    """The lanes, and for each node the number of its lane."""
    made: list[Lane] = []
    lane_of = [-1] * len(found.nodes)
    floating = _floating(found)
    open_: dict[tuple[int, str], list[int]] = defaultdict(list)
    for node in _reading_order(found):
        span = found.spans[found.nodes[node]]
        outer = lane_of[found.inner[node]] if found.inner[node] >= 0 else -1
        who = str(span.attributes.get(s.AGENT) or f"{span.name}\0{node}")
        free = [
            n
            for n in open_[outer, who]
            if found.spans[found.nodes[made[n].nodes[-1]]].end_ns <= span.start_ns and node not in floating
        ]
        if free:
            made[free[0]].nodes.append(node)
            lane_of[node] = free[0]
            continue
        lane_of[node] = len(made)
        made.append(_lane(found, node, outer, made[outer].depth + 1 if outer >= 0 else 0))
        if node not in floating:
            open_[outer, who].append(lane_of[node])
    for node in floating:
        lane = made[lane_of[node]]
        among = dict.fromkeys(lane_of[n] for n in floating[node] if lane_of[n] != lane_of[node])
        lane.among = [n for n in among if not made[n].among] or list(among)
    return made, lane_of


def _lane(found: Forks, node: int, outer: int, depth: int) -> Lane:
    span = found.spans[found.nodes[node]]
    at = span.attributes
    label = str(at.get(s.STYLE) or at.get(s.AGENT) or at.get(s.SYNTHESIS_KIND) or span.name)
    model = str(at.get(s.REQUEST_MODEL) or at.get(s.RESPONSE_MODEL) or "")
    if at.get(s.ROLE) in FLOATING_ROLES:
        label = str(at.get(s.AGENT) or at[s.ROLE])
    return Lane(label, model, str(at.get(s.STYLE) or ""), depth, outer, [node], [])


def _floating(found: Forks) -> dict[int, list[int]]:
    """Syntheses lie among what they merge, a planner among what it forks into."""
    before: dict[int, list[int]] = defaultdict(list)
    after: dict[int, list[int]] = defaultdict(list)
    for edge in found.edges:
        if edge.kind != NEST and edge.source >= 0 and edge.target >= 0:
            before[edge.target].append(edge.source)
            after[edge.source].append(edge.target)
    out: dict[int, list[int]] = {}
    for node, row in enumerate(found.nodes):
        at = found.spans[row].attributes
        if at.get(s.OPERATION) == s.SYNTHESIS and before[node]:
            out[node] = before[node]
        elif _leads(at, after[node], before[node]) and _alone(found, node, after[node]):
            out[node] = after[node]
    # a planner that tried twice: the first try lies where the second does
    for node in sorted(out, reverse=True):
        if all(n in out for n in out[node]):
            out[node] = [m for n in out[node] for m in out[n]]
    return {n: among for n, among in out.items() if len(set(among)) > 1 or _is_synthesis(found, n)}


def _leads(at: Mapping[str, object], after: list[int], before: list[int]) -> bool:
    """Whether a thread is what others fork from, as a planner is."""
    return bool(after) and (at.get(s.ROLE) in FLOATING_ROLES or (len(after) > 1 and len(before) < 2))


def _is_synthesis(found: Forks, node: int) -> bool:
    return found.spans[found.nodes[node]].attributes.get(s.OPERATION) == s.SYNTHESIS


def _alone(found: Forks, node: int, after: list[int]) -> bool:
    """Whether nothing else of its family runs beside this node, so that it may take the middle."""
    span = found.spans[found.nodes[node]]
    family = [n for n, outer in enumerate(found.inner) if outer == found.inner[node] and n != node]
    if any(found.spans[found.nodes[n]].start_ns < span.end_ns for n in after):
        return False
    others = (found.spans[found.nodes[n]] for n in family)
    return not any(o.start_ns < span.end_ns and o.end_ns > span.start_ns for o in others)


def _reading_order(found: Forks) -> list[int]:
    """Depth first: threads by number, each followed by what is nested in it; syntheses after what they merge."""
    below: dict[int, list[int]] = defaultdict(list)
    for node, outer in enumerate(found.inner):
        below[outer].append(node)

    def rank(node: int) -> tuple[int, int, int]:
        at = found.spans[found.nodes[node]].attributes
        index = at.get(s.THREAD_INDEX)
        return int(at.get(s.ROUND) or 0), int(index) if isinstance(index, int) else node, node

    order: list[int] = []
    stack = sorted(below[START], key=rank, reverse=True)
    while stack:
        node = stack.pop()
        order.append(node)
        stack += sorted(below[node], key=rank, reverse=True)
    return order
