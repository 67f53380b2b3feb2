"""Forks: which spans of a trace are threads and syntheses, what each began from, and who merged it.

Recorded links tell; where there are none, parents; where these tell nothing, overlap in time, and that is marked inferred.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from workbench import semconv as s
from workbench.spans import Span

Rows = npt.NDArray[np.int64]
START, END = -1, -2
NEST = "nest"
MAX_DEPTH = 1_000
SHALLOW = 24  # deep enough for real records
MAX_INFERRED = 5_000  # nodes; beyond it edges guessed from time would tell nothing


@dataclass(frozen=True, slots=True)
class Edge:
    """From one node to another (positions in `Forks.nodes`, or START and END); kind is fork, join or nest."""

    source: int
    target: int
    kind: str
    inferred: bool = False


@dataclass(frozen=True)
class Forks:
    """The threads and syntheses of one trace.

    `spans` are sorted by start; `parent` holds for each span the row of its parent, -1 for none; `root` is a row, -1 for none.
    `nodes` are the rows of threads and syntheses; `node_of` gives for each span the position in `nodes` of the nearest at or
    above it, `inner` for each node the position of the one that encloses it; -1 for none.
    """

    spans: list[Span]
    parent: Rows
    root: int
    nodes: list[int]
    node_of: Rows
    inner: list[int]
    edges: list[Edge]


def forks(spans: Iterable[Span]) -> Forks:
    """Find the threads of one trace and what connects them. Any list of spans will do, an empty one too."""
    ordered = sorted(spans, key=lambda span: (span.start_ns, -span.end_ns, span.span_id))
    row_of = {span.span_id: i for i, span in enumerate(ordered)}
    parent = np.array([row_of.get(p, -1) if (p := span.parent_id) else -1 for span in ordered], dtype=np.int64)
    _cut_circles(parent)
    roots = np.flatnonzero(parent < 0)
    workflows = [i for i in roots.tolist() if ordered[i].attributes.get(s.OPERATION) == s.WORKFLOW]
    root = workflows[0] if workflows else (int(roots[0]) if len(roots) == 1 else -1)
    nodes = _nodes(ordered, parent, row_of, root)
    position = np.full(len(ordered), -1, dtype=np.int64)
    position[nodes] = np.arange(len(nodes))
    node_of = _nearest(position, parent)
    above = parent[nodes] if nodes else np.zeros(0, dtype=np.int64)
    inner = [int(node_of[row]) if row >= 0 else -1 for row in above.tolist()]
    edges = _recorded(ordered, nodes, node_of, inner, row_of) or _overlapping(ordered, nodes, inner)
    return Forks(ordered, parent, root, nodes, node_of, inner, _closed(edges, inner))


def _cut_circles(parent: Rows) -> None:
    """A hostile or broken record may name parents in a circle: its first span becomes a root."""
    above = parent
    for _ in range(SHALLOW):  # nearly every record: all spans reach a root within a few steps, and there is nothing to cut
        above = np.where(above >= 0, parent[above], -1)
        if not np.any(above >= 0):
            return
    safe = parent < 0
    for row in range(len(parent)):
        path: list[int] = []
        while not safe[row]:
            if row in path:
                parent[min(path[path.index(row) :])] = -1
                break
            path.append(row)
            if len(path) > MAX_DEPTH:
                parent[row] = -1
                break
            row = int(parent[row])
        safe[path] = True


def _nodes(spans: Sequence[Span], parent: Rows, row_of: dict[str, int], root: int) -> list[int]:
    found = set()
    for row, span in enumerate(spans):
        if span.attributes.get(s.OPERATION) in (s.THREAD, s.SYNTHESIS):
            found.add(row)
        if span.links:
            targets = [row_of[link.span_id] for link in span.links if link.span_id in row_of]
            found.update([row, *targets] if targets else [])
    found.discard(root)
    return sorted(found) if found else _branches(parent, root)


def _branches(parent: Rows, root: int) -> list[int]:
    """Where nobody says what a thread is: the children of the first span that has more than one child."""
    children: dict[int, list[int]] = defaultdict(list)
    for row, up in enumerate(parent.tolist()):
        children[up].append(row)
    at = root if root >= 0 else -1
    for _ in range(MAX_DEPTH):
        below = children.get(at, [])
        if len(below) != 1 or not children.get(below[0]):
            return below
        at = below[0]
    return []


def _nearest(position: Rows, parent: Rows) -> Rows:
    """For each row the position of itself or its nearest ancestor that has one."""
    found = position.copy()
    above = parent.copy()
    for _ in range(MAX_DEPTH):  # bounded: a hostile file may hold a cycle of parents
        rows = np.flatnonzero((found < 0) & (above >= 0))
        if not len(rows):
            break
        found[rows] = position[above[rows]]
        above[rows] = parent[above[rows]]
    return found


def _recorded(
    spans: Sequence[Span], nodes: Sequence[int], node_of: Rows, inner: Sequence[int], row_of: dict[str, int]
) -> list[Edge]:
    edges: dict[tuple[int, int], Edge] = {}
    for target, row in enumerate(nodes):
        span = spans[row]
        merges = span.attributes.get(s.OPERATION) == s.SYNTHESIS
        for link in span.links:
            source = int(node_of[row_of[link.span_id]]) if link.span_id in row_of else -1
            if source < 0 or source == target or _encloses(source, target, inner) or _encloses(target, source, inner):
                continue
            kind = str(link.attributes.get(s.LINK_KIND) or (s.JOIN if merges else s.FORK))
            later = (spans[nodes[source]].start_ns, source) < (span.start_ns, target)
            if later:  # a link into the future would close a circle
                edges[source, target] = Edge(source, target, kind, bool(link.attributes.get(s.INFERRED)))
    return list(edges.values())


def _encloses(outer: int, node: int, inner: Sequence[int]) -> bool:
    for _ in range(MAX_DEPTH):
        node = inner[node]
        if node < 0:
            return False
        if node == outer:
            return True
    return False


def _overlapping(spans: Sequence[Span], nodes: Sequence[int], inner: Sequence[int]) -> list[Edge]:
    """Interval order: a node follows those that had ended before it began, as far as none of them follows another."""
    families: dict[int, list[int]] = defaultdict(list)
    for node, outer in enumerate(inner):
        families[outer].append(node)
    edges = []
    for members in families.values():
        if len(members) > MAX_INFERRED:
            continue
        starts = np.array([spans[nodes[n]].start_ns for n in members])
        ends = np.array([spans[nodes[n]].end_ns for n in members])
        for i, node in enumerate(members):
            before = np.flatnonzero((ends <= starts[i]) & (np.arange(len(members)) < i))
            if not len(before):
                continue
            last = starts[before].max()
            for j in before[ends[before] > last].tolist() or before[-1:].tolist():
                merges = spans[nodes[node]].attributes.get(s.OPERATION) == s.SYNTHESIS
                edges.append(Edge(members[j], node, s.JOIN if merges else s.FORK, inferred=True))
    return edges


def _closed(edges: list[Edge], inner: Sequence[int]) -> list[Edge]:
    """With the edges from the start, into the end, and from each enclosing thread to what is nested in it."""
    reached, left = {e.target for e in edges}, {e.source for e in edges}
    out = list(edges)
    for node, outer in enumerate(inner):
        if 0 <= outer < node:  # a child that began before its parent is none of its threads
            out += [Edge(outer, node, NEST)] if node not in reached else []
            continue
        out += [Edge(START, node, s.FORK)] if node not in reached else []
        out += [Edge(node, END, s.JOIN)] if node not in left else []
    return out
