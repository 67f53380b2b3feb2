"""Layout: one trace as plain numbers, lanes × time and lanes × steps; every picture of it is drawn from these.

Pure: spans in, numbers out; nothing here knows pixels, colours or a browser.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from workbench import semconv as s
from workbench.graphs import critical_nodes, forks
from workbench.graphs.forks import Forks
from workbench.layout.answers import NONE, PART, Group, groups
from workbench.layout.facts import facts
from workbench.layout.joints import Joint, joints, seams
from workbench.layout.lanes import Lane, lanes
from workbench.layout.marks import COLUMNS, Columns, marks, steps, sub_rows
from workbench.layout.rounds import Round, models, rounds
from workbench.spans import Span

__all__ = ["COLUMNS", "Group", "Joint", "Lane", "Layout", "Node", "Round", "layout"]


@dataclass(frozen=True, slots=True)
class Node:
    """A thread or synthesis: times in ms since the trace began, steps in the reading by structure."""

    row: int
    lane: int
    kind: str
    start_ms: float
    end_ms: float
    start_step: float
    end_step: float
    group: int
    answer: str | None
    score: float | None
    round: int
    error: bool
    cancelled: bool
    critical: bool
    label: str


@dataclass(frozen=True)
class Layout:
    """One trace, ready to be drawn. `columns` holds one float32 array per name in COLUMNS, a value per mark.

    `seams` are moments at which every thread waits for the slowest, [ms, weight]: the picture opens the time axis there, so
    that what forks and converges has room. `rounds` are its columns, `models` the names that marks are told apart by.
    `ids[row]` is the span of a mark's or node's row.
    """

    trace_id: str
    facts: dict[str, Any]
    duration_ms: float
    steps: float
    groups: list[Group]
    lanes: list[Lane]
    nodes: list[Node]
    joints: list[Joint]
    seams: list[tuple[float, float]]
    retries: list[tuple[int, float]]
    words: list[str]
    rounds: list[Round]
    models: list[str]
    columns: Columns
    ids: list[str]

    def head(self) -> dict[str, Any]:
        """All but the marks and ids, as JSON values."""
        names = (
            "trace_id",
            "facts",
            "duration_ms",
            "steps",
            "groups",
            "lanes",
            "nodes",
            "joints",
            "seams",
            "retries",
            "words",
            "rounds",
            "models",
        )
        return {n: _plain(getattr(self, n)) for n in names}

    def packed(self) -> bytes:
        """The marks: COLUMNS one after the other, each float32 little-endian."""
        return b"".join(self.columns[name].astype("<f4").tobytes() for name in COLUMNS)


def layout(spans: Iterable[Span]) -> Layout:
    """Lay out the spans of one trace."""
    found = forks(spans)
    ordered = found.spans
    start_ns = min((span.start_ns for span in ordered), default=0)
    end_ns = max((span.end_ns for span in ordered), default=0)
    made, lane_of = lanes(found)
    columns, retries, words = marks(found, lane_of, start_ns)
    rows = sub_rows(columns, len(made))
    for lane, count in zip(made, rows, strict=True):
        lane.rows = count
    places = steps(found, columns)
    nodes, answered = _nodes(found, lane_of, places, start_ns)
    group_of_row = np.array([node.group for node in nodes] or [-1])
    owner = found.node_of[columns["row"].astype(np.int64)]
    columns["group"] = np.where(owner >= 0, group_of_row[owner], -1).astype(np.float32)
    critical = np.array([node.critical for node in nodes] or [False])
    columns["critical"] = np.where(owner >= 0, critical[owner], False).astype(np.float32)
    tied = joints(found, lane_of, made)
    told = facts(found)
    return Layout(
        ordered[0].trace_id if ordered else "",
        told,
        (end_ns - start_ns) / 1e6,
        max((node.end_step for node in nodes), default=0.0),
        answered,
        made,
        nodes,
        tied,
        seams(tied, [n.start_ms for n in nodes], [n.end_ms for n in nodes]),
        retries,
        words,
        rounds(found, [(n.start_ms, n.end_ms) for n in nodes], places, told["strategy"]),
        models(made, columns, words),
        columns,
        [span.span_id for span in ordered],
    )


def _nodes(
    found: Forks, lane_of: list[int], places: list[tuple[float, float]], start_ns: int
) -> tuple[list[Node], list[Group]]:
    attributes = [found.spans[row].attributes for row in found.nodes]
    synthesis = [at.get(s.OPERATION) == s.SYNTHESIS for at in attributes]
    merged = [e.source for e in found.edges if e.target < 0 or synthesis[e.target]]
    final = {e.source for e in found.edges if e.target < 0}
    last = {e.source for e in found.edges if e.target in final and synthesis[e.target]} or final
    votes = [n in last and n in merged and not synthesis[n] for n in range(len(attributes))]
    root = found.spans[found.root].attributes if found.root >= 0 else {}
    chosen = root.get(s.ANSWER) or next((attributes[n].get(s.ANSWER) for n in final if synthesis[n]), None)
    answered, group_of = groups(
        [None if _is_part(at) else at.get(s.ANSWER) or None for at in attributes], votes, chosen
    )
    for node, outer in enumerate(found.inner):
        if _is_part(attributes[node]):
            group_of[node] = PART
        elif group_of[node] == NONE and outer >= 0 and attributes[node].get(s.ANSWER) is None:
            group_of[node] = group_of[outer]
    path = critical_nodes(found)
    nodes = []
    for node, row in enumerate(found.nodes):
        span, at = found.spans[row], attributes[node]
        nodes.append(
            Node(
                row,
                lane_of[node],
                "synthesis" if synthesis[node] else "thread",
                _ms(span.start_ns - start_ns),
                _ms(max(span.end_ns, span.start_ns) - start_ns),
                *places[node],
                group_of[node],
                None if at.get(s.ANSWER) in (None, "") else str(at[s.ANSWER]),
                at.get(s.SCORE),
                int(at.get(s.ROUND) or 0),
                span.status == "ERROR",
                bool(at.get(s.CANCELLED)),
                node in path,
                str(at.get(s.SYNTHESIS_KIND) or at.get(s.AGENT) or span.name),
            )
        )
    return nodes, answered


def _is_part(at: Mapping[str, Any]) -> bool:
    """A part of the work, whose result is no vote on the task's answer."""
    return at.get(s.ROLE) in ("plan", "subtask") and at.get(s.OPERATION) != s.SYNTHESIS


def _ms(ns: int) -> float:
    """As exact as the marks' float32, so that a mark that begins at a seam is seen to."""
    return float(np.float32(ns / 1e6))


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(v) for v in value]
    if isinstance(value, tuple):
        return list(value)
    return asdict(value) if hasattr(value, "__dataclass_fields__") else value
