"""Graphs: a trace as a networkx DiGraph of threads and syntheses with fork and join edges, and its critical path."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from workbench import semconv as s
from workbench.errors import unknown
from workbench.graphs.forks import END, NEST, START, Forks, forks
from workbench.spans import Span
from workbench.store.spanlike import Spans

if TYPE_CHECKING:
    import networkx as nx

__all__ = ["critical_nodes", "critical_path", "forks", "graph", "trace_of"]


def graph(run_or_spans: Spans | Iterable[Span], task: object = None, *, repeat: int | None = None) -> nx.DiGraph:
    """One attempt at a task as a DAG, from the node "start" to the node "end".

    Nodes are span ids, with kind (thread, synthesis), agent, model, role, round, answer, score, start_ns, end_ns, seconds,
    queue_ns. Edges carry kind (fork, join, or nest: a thread inside another) and inferred.

    Raises:
        UsageError: where the run has no such task.

    >>> wb.critical_path(wb.graph(run, task=tasks[0].id))
    """
    import networkx as nx

    found = forks(trace_of(run_or_spans, task, repeat))
    made = nx.DiGraph()
    made.add_node("start", kind="start")
    for row, queue_ns in zip(found.nodes, _queues(found), strict=True):
        made.add_node(found.spans[row].span_id, **_facts(found.spans[row]), queue_ns=queue_ns)
    made.add_node("end", kind="end")
    names = {START: "start", END: "end"} | {n: found.spans[row].span_id for n, row in enumerate(found.nodes)}
    for edge in found.edges:
        made.add_edge(names[edge.source], names[edge.target], kind=edge.kind, inferred=edge.inferred)
    return made


def critical_path(g: nx.DiGraph) -> list[str]:
    """Span ids of the longest chain of work from start to end, waiting for slots taken out (Kelley & Walker, 1959)."""
    import networkx as nx

    best: dict[str, tuple[float, list[str]]] = {}
    for node in nx.topological_sort(g):
        data = g.nodes[node]
        own = max(0, data.get("end_ns", 0) - data.get("start_ns", 0) - data.get("queue_ns", 0))
        before = [best[p] for p, _, kind in g.in_edges(node, data="kind") if kind != NEST and p in best]
        if before or node == "start":
            cost, path = max(before, key=lambda b: b[0], default=(0.0, []))
            best[node] = (cost + own, [*path, node])
    return [n for n in best.get("end", (0.0, []))[1] if n not in ("start", "end")]


def critical_nodes(found: Forks) -> set[int]:
    """The critical path as positions in `found.nodes`; the same as `critical_path`, without building a graph."""
    queue = _queues(found)
    before: dict[int, list[int]] = {}
    for edge in found.edges:
        if edge.kind != NEST and edge.source >= 0:
            before.setdefault(edge.target, []).append(edge.source)
    best: dict[int, float] = {}
    from_: dict[int, int] = {}
    for node, row in enumerate(found.nodes):  # sorted by start, and no edge points back in time
        span = found.spans[row]
        prior = max(before.get(node, []), key=lambda n: best[n], default=-1)
        from_[node] = prior
        best[node] = max(0, span.end_ns - span.start_ns - queue[node]) + best.get(prior, 0.0)
    at = max(before.get(END, []), key=lambda n: best[n], default=-1)
    path = set()
    while at >= 0:
        path.add(at)
        at = from_[at]
    return path


def trace_of(run_or_spans: Spans | Iterable[Span], task: object = None, repeat: int | None = None) -> list[Span]:
    """The spans of one attempt: of the task named, else of the first trace. Raises UsageError for an unknown task."""
    if isinstance(run_or_spans, Spans):
        table = run_or_spans.table(["trace_id", "parent_id", "task_id", "repeat"]).to_pydict()
        traces = dict.fromkeys(table["trace_id"])
        rows = zip(table["trace_id"], table["task_id"], table["repeat"], strict=True)
        of = {(str(t), r or 0): trace for trace, t, r in rows if t is not None}
        chosen = _choose(traces, of, task, repeat)
        return run_or_spans.trace(chosen) if chosen else []
    spans = list(run_or_spans)
    traces = dict.fromkeys(span.trace_id for span in spans)
    of = {
        (str(t), int(span.attributes.get(s.REPEAT) or 0)): span.trace_id
        for span in spans
        if (t := span.attributes.get(s.TASK_ID)) is not None
    }
    chosen = _choose(traces, of, task, repeat)
    return [span for span in spans if span.trace_id == chosen]


def _choose(traces: dict[str, None], of: dict[tuple[str, int], str], task: object, repeat: int | None) -> str | None:
    if task is None:
        return next(iter(traces), None)
    if str(task) in traces:  # a trace of a foreign record has no task: it goes by its id
        return str(task)
    repeats = sorted(r for t, r in of if t == str(task) and repeat in (None, r))
    if not repeats:
        raise unknown("task in this run", str(task), list(dict.fromkeys(t for t, _ in of)) or list(traces))
    return of[str(task), repeats[0]]


def _queues(found: Forks) -> list[int]:
    """Per node the nanoseconds its own calls waited for a slot."""
    queue = [0] * len(found.nodes)
    for span, node in zip(found.spans, found.node_of.tolist(), strict=True):
        if node >= 0 and span.attributes.get(s.OPERATION) == s.CHAT:
            queue[node] += int(span.attributes.get(s.QUEUE_NS) or 0)
    return queue


def _facts(span: Span) -> dict[str, Any]:
    at = span.attributes
    return {
        "kind": "synthesis" if at.get(s.OPERATION) == s.SYNTHESIS else "thread",
        "name": span.name,
        "agent": at.get(s.AGENT),
        "model": at.get(s.REQUEST_MODEL),
        "role": at.get(s.ROLE),
        "round": at.get(s.ROUND),
        "answer": at.get(s.ANSWER),
        "score": at.get(s.SCORE),
        "start_ns": span.start_ns,
        "end_ns": span.end_ns,
        "seconds": span.seconds,
    }
