"""The critical path of an attempt: the longest chain of work through its recorded fork and join links.

Source: Kelley & Walker, Critical-path planning and scheduling (1959), on the DAG of thread and synthesis spans.
Waiting for a slot is taken out: the result is the time that the attempt needs where no call has to wait.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import numpy.typing as npt
import orjson

from workbench import semconv as s
from workbench.frames.lineage import Lineage


def critical_path_s(of: Lineage) -> npt.NDArray[np.float64]:
    """Seconds per row of `of.data`, set at root rows only (NaN elsewhere)."""
    data = of.data
    size = len(data)
    out = np.full(size, np.nan)
    operation = data["operation"].to_numpy(dtype=object)
    start = data["start_ns"].to_numpy(np.int64)
    span = np.maximum(0, data["end_ns"].to_numpy(np.int64) - start).astype(float)
    queue = np.where((operation == s.CHAT) & ~of.dropped, data["queue_ns"].fillna(0).to_numpy(np.float64), 0.0)
    waited = np.bincount(np.where(of.node < 0, size, of.node), weights=queue, minlength=size + 1)[:size]
    is_root = (of.root == np.arange(size)) & ~of.dropped

    before, linked = _links(of)
    nodes = ((operation == s.THREAD) | (operation == s.SYNTHESIS) | linked) & ~is_root & ~of.dropped
    own = np.maximum(0, span - waited)
    longest: dict[int, float] = {}
    best: dict[int, float] = defaultdict(float)
    rows = np.flatnonzero(nodes)
    ids, end = data["span_id"].to_numpy(dtype=object), data["end_ns"].to_numpy(np.int64)
    for row in sorted(rows.tolist(), key=lambda i: (start[i], end[i], ids[i])):
        chain = own[row] + max((longest.get(p, 0.0) for p in before.get(row, ())), default=0.0)
        longest[row] = chain
        if chain > best[of.root[row]]:
            best[int(of.root[row])] = chain
    in_trace = np.bincount(np.where(of.root < 0, size, of.root), weights=queue, minlength=size + 1)[:size]
    for row in np.flatnonzero(is_root).tolist():
        out[row] = best.get(row, max(0.0, span[row] - in_trace[row])) / 1e9
    return out


def _links(of: Lineage) -> tuple[dict[int, list[int]], npt.NDArray[np.bool_]]:
    """For each row with links the rows that they point to, and which rows take part in a link."""
    data = of.data
    with_links = np.flatnonzero(data["links"].notna().to_numpy())
    linked = np.zeros(len(data), dtype=bool)
    if not len(with_links):
        return {}, linked
    row_of = dict(
        zip(zip(data["trace_id"].tolist(), data["span_id"].tolist(), strict=True), range(len(data)), strict=True)
    )
    before: dict[int, list[int]] = {}
    for row, text in zip(with_links.tolist(), data["links"].iloc[with_links].tolist(), strict=True):
        targets = [row_of[key] for trace, span, _ in orjson.loads(text) if (key := (trace, span)) in row_of]
        before[row] = targets
        linked[[row, *targets]] = bool(targets)
    return before, linked
