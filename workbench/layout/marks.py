"""Marks: the calls, tools and other leaves of a trace as columns of numbers, with their sub-rows and steps."""

from __future__ import annotations

import heapq
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench import semconv as s
from workbench.graphs.forks import NEST, Forks

Columns = dict[str, npt.NDArray[np.float32]]

COLUMNS = (
    "row", "lane", "sub", "kind", "start_ms", "begin_ms", "first_ms", "end_ms", "step", "group", "flags", "critical", "word"
)  # fmt: skip
"""Of a mark: span row, lane, sub-row within the lane, kind, start, begin of work (after the queue), first piece of text, end,
step, answer group, flags, on the critical path, word (a number in Layout.words: the model's or tool's name)."""
CHAT, TOOL, OTHER = 0, 1, 2
ERROR, CANCELLED, REUSED, RETRIED = 1, 2, 4, 8


def marks(found: Forks, lane_of: list[int], start_ns: int) -> tuple[Columns, list[tuple[int, float]], list[str]]:
    """One row per chat, tool or leaf span; retries as [mark, ms]; the words that marks are named by."""
    size = len(found.spans)
    leaf = np.ones(size, dtype=bool)
    leaf[found.parent[found.parent >= 0]] = False
    if found.root >= 0 and size > 1:
        leaf[found.root] = False
    operations = [span.attributes.get(s.OPERATION) for span in found.spans]
    called = np.array([op == s.CHAT or op == s.TOOL for op in operations], dtype=bool)
    nodes = np.zeros(size, dtype=bool)
    nodes[found.nodes] = True
    synthesis = np.array([op == s.SYNTHESIS for op in operations], dtype=bool)
    rows = np.flatnonzero((called & ~nodes) | (leaf & ~synthesis))
    out: dict[str, list[Any]] = {name: [0] * len(rows) for name in ("kind", "queue", "first", "flags", "word")}
    words: dict[str, int] = {}
    retries: list[tuple[int, float]] = []
    for i, row in enumerate(rows.tolist()):
        span = found.spans[row]
        at = span.attributes
        op = operations[row]
        kind = CHAT if op == s.CHAT else TOOL if op == s.TOOL else OTHER
        out["kind"][i] = kind
        if (queue := at.get(s.QUEUE_NS)) is not None:
            out["queue"][i] = queue
        if (first := at.get(s.FIRST_TOKEN_NS)) is not None:
            out["first"][i] = first
        flags = ERROR if span.status == "ERROR" else 0
        if at.get(s.CANCELLED):
            flags |= CANCELLED
        if at.get(s.REUSED):
            flags |= REUSED
        if span.events:
            tried = [e.time_ns for e in span.events if e.name == s.RETRY]
            retries += [(i, (t - start_ns) / 1e6) for t in tried]
            flags |= RETRIED if tried else 0
        out["flags"][i] = flags
        word = at.get(s.TOOL_NAME) or at.get(s.REQUEST_MODEL) or span.name
        out["word"][i] = words.setdefault(str(word), len(words))
    start = np.array([found.spans[r].start_ns for r in rows.tolist()], dtype=np.int64) - start_ns
    end = np.maximum(np.array([found.spans[r].end_ns for r in rows.tolist()], dtype=np.int64) - start_ns, start)
    begin = np.minimum(start + np.array(out["queue"], dtype=np.int64), end)
    first_ns = np.array(out["first"], dtype=np.int64)
    owner = found.node_of[rows]
    lane = np.array([*lane_of, -1], dtype=np.int64)[owner]
    columns = {
        "row": rows,
        "lane": lane,
        "sub": np.zeros(len(rows)),
        "kind": np.array(out["kind"]),
        "start_ms": start / 1e6,
        "begin_ms": begin / 1e6,
        "first_ms": np.where(first_ns > 0, np.minimum(begin + first_ns, end), begin) / 1e6,
        "end_ms": end / 1e6,
        "step": np.zeros(len(rows)),
        "group": np.full(len(rows), -1),
        "flags": np.array(out["flags"]),
        "critical": np.zeros(len(rows)),
        "word": np.array(out["word"]),
    }
    return {n: np.asarray(columns[n], dtype=np.float32) for n in COLUMNS}, retries, list(words)


def sub_rows(columns: Columns, lanes: int) -> list[int]:
    """Put marks of one lane that overlap in time on sub-rows (first fit, in order of start); sub-rows per lane, at least 1."""
    lane = columns["lane"].astype(np.int64)
    start, end = columns["start_ms"], columns["end_ms"]
    order = np.lexsort((start, lane))
    sorted_lane = lane[order]
    edges = np.searchsorted(sorted_lane, np.arange(lanes + 1))
    counts = [1] * lanes
    for busy in range(lanes):
        mine = order[edges[busy] : edges[busy + 1]]
        if not np.any(start[mine][1:] < np.maximum.accumulate(end[mine])[:-1]):
            continue
        ends: list[tuple[float, int]] = []
        free: list[int] = []
        subs = []
        used = 0
        for begins, ending in zip(start[mine].tolist(), end[mine].tolist(), strict=True):
            while ends and ends[0][0] <= begins:
                heapq.heappush(free, heapq.heappop(ends)[1])
            if free:
                sub = heapq.heappop(free)
            else:
                sub, used = used, used + 1
            heapq.heappush(ends, (ending, sub))
            subs.append(sub)
        columns["sub"][mine] = subs
        counts[busy] = used
    return counts


def steps(found: Forks, columns: Columns) -> list[tuple[float, float]]:
    """Equal steps: each mark is one step after what it follows in its thread. Fills `step`; start and end of each node."""
    owner = found.node_of[columns["row"].astype(np.int64)]
    count = np.bincount(owner[owner >= 0], minlength=len(found.nodes))
    before: dict[int, list[int]] = {}
    joined: set[int] = set()
    for edge in found.edges:
        if edge.source >= 0 and edge.target >= 0:
            before.setdefault(edge.target, []).append(edge.source)
            if edge.kind == NEST:
                joined.add(edge.target)
    begin, end = [0.0] * len(found.nodes), [0.0] * len(found.nodes)
    for node in range(len(found.nodes)):
        prior = before.get(node, [])
        begin[node] = max(((begin[p] + 0.5) if node in joined else end[p] for p in prior), default=0.0)
        end[node] = begin[node] + max(1.0 if not _merges(found, node) else 0.0, float(count[node]))
    for node in reversed(range(len(found.nodes))):  # a thread lasts at least as long as what is nested in it
        if (outer := found.inner[node]) >= 0:
            end[outer] = max(end[outer], end[node])
    order = np.lexsort((columns["start_ms"], owner))
    mine = owner[order]
    first = np.concatenate([[True], mine[1:] != mine[:-1]]) if len(mine) else np.zeros(0, dtype=bool)
    index = np.arange(len(mine)) - np.maximum.accumulate(np.where(first, np.arange(len(mine)), 0))
    base = np.array([*begin, 0.0])[mine]
    columns["step"][order] = base + index
    return list(zip(begin, end, strict=True))


def _merges(found: Forks, node: int) -> bool:
    return found.spans[found.nodes[node]].attributes.get(s.OPERATION) == s.SYNTHESIS
