"""Finishing a trace from elsewhere: double ids, cycles and missing parents are put right, fork and join found.

Links tell fork and join where there are any. Where there are none they are inferred from the parents and from overlap in
time, and marked so: siblings that overlap ran in parallel; the sibling that starts after all of them joins them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

from workbench import semconv as s
from workbench.otlp.notes import Notes
from workbench.spans import Link, Span

MAX_INFER = 50_000  # spans of one trace; beyond it the picture would tell nothing anyway
LEAST_OVERLAP_NS = 1_000_000


def finish(spans: Iterable[Span], notes: Notes) -> list[Span]:
    """The spans of whole traces, trace by trace in order of first appearance, ready for frames and graphs."""
    traces: dict[str, list[Span]] = defaultdict(list)
    for span in spans:
        traces[span.trace_id].append(span)
    return [span for members in traces.values() for span in finish_trace(members, notes)]


def finish_trace(spans: list[Span], notes: Notes) -> list[Span]:
    """One trace, repaired and with fork and join told."""
    by_id: dict[str, Span] = {}
    for span in spans:
        if span.span_id in by_id:
            notes.skip("a span id that was there before in its trace")
        else:
            by_id[span.span_id] = span
    _orphans(by_id, notes)
    _cycles(by_id, notes)
    children: dict[str | None, list[Span]] = defaultdict(list)
    for span in by_id.values():
        children[span.parent_id].append(span)
    for root in children[None]:
        if s.OPERATION not in root.attributes:
            by_id[root.span_id] = replace(root, attributes={**root.attributes, s.OPERATION: s.WORKFLOW})
    if len(by_id) <= MAX_INFER and not any(span.links for span in by_id.values()):
        _infer(by_id, children)
    return list(by_id.values())


def _orphans(by_id: dict[str, Span], notes: Notes) -> None:
    for span in list(by_id.values()):
        if span.parent_id is not None and span.parent_id not in by_id:
            notes.warn("a span names a parent that is not in the record; it is shown as a root")
            by_id[span.span_id] = _rooted(span)


def _cycles(by_id: dict[str, Span], notes: Notes) -> None:
    safe: set[str] = set()
    for start in list(by_id):
        path: list[str] = []
        seen: set[str] = set()
        at: str | None = start
        while at is not None and at not in safe and at not in seen:
            seen.add(at)
            path.append(at)
            at = by_id[at].parent_id
        if at is not None and at in seen:
            first = min(path[path.index(at) :], key=lambda i: by_id[i].start_ns)
            notes.warn("parents that form a cycle; it was cut at its first span")
            by_id[first] = _rooted(by_id[first])
        safe.update(path)


def _rooted(span: Span) -> Span:
    return replace(span, parent_id=None, attributes={**span.attributes, s.MISSING_PARENT: span.parent_id})


def _infer(by_id: dict[str, Span], children: dict[str | None, list[Span]]) -> None:
    """Add inferred links to siblings that ran in parallel, and to agents that followed one another."""
    busy = _with_work(by_id)
    for parent, members in children.items():
        if parent is None:
            continue
        units = sorted((m for m in members if m.span_id in busy), key=lambda m: (m.start_ns, m.end_ns))
        if len(units) < 2:
            continue
        groups = _groups(units)
        agents = sum(m.attributes.get(s.OPERATION) == s.THREAD for m in units) > 1
        if len(groups) == len(units) and not agents:
            continue  # one after the other under one agent: an ordinary loop
        for before, group in zip([[], *groups], groups, strict=False):
            kind = s.JOIN if len(before) > 1 else s.FORK
            ids = [_agent_within(b, children, busy).span_id for b in before]
            trace = group[0].trace_id
            links = tuple(Link(trace, ident, {s.LINK_KIND: kind, s.INFERRED: True}) for ident in ids)
            if links:
                for span in group:
                    agent = by_id[_agent_within(span, children, busy).span_id]
                    by_id[agent.span_id] = replace(agent, links=links)


def _agent_within(span: Span, children: dict[str | None, list[Span]], busy: set[str]) -> Span:
    """The agent that a wrapper holds and nothing else beside it (a workflow of one agent); else the span itself."""
    at = span
    while at.attributes.get(s.OPERATION) not in (s.THREAD, s.CHAT, s.TOOL):
        below = [c for c in children.get(at.span_id, ()) if c.span_id in busy]
        if len(below) != 1:
            return span
        at = below[0]
    return at if at.attributes[s.OPERATION] == s.THREAD else span


def _with_work(by_id: dict[str, Span]) -> set[str]:
    """Spans that are a call, a tool or an agent, or that hold one: what counts as a line of work."""
    busy: set[str] = set()
    for span in by_id.values():
        if span.attributes.get(s.OPERATION) in (s.CHAT, s.TOOL, s.THREAD, "text_completion", "generate_content"):
            at: str | None = span.span_id
            while at is not None and at not in busy:
                busy.add(at)
                at = by_id[at].parent_id
    return busy


def _groups(units: list[Span]) -> list[list[Span]]:
    """Siblings in order of start, those that overlap together."""
    groups: list[list[Span]] = []
    end = -1
    for span in units:
        if groups and end - span.start_ns > LEAST_OVERLAP_NS and span.end_ns - span.start_ns > LEAST_OVERLAP_NS:
            groups[-1].append(span)
            end = max(end, span.end_ns)
        else:
            groups.append([span])
            end = max(span.end_ns, end)
    return groups
