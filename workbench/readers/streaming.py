"""Streaming: the spans of a large file → finished traces while it is read, so that only those still open are in memory."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

import pyarrow as pa

from workbench.otlp.notes import Notes
from workbench.readers.finish import finish
from workbench.spans import Span
from workbench.store import columns
from workbench.store.lines import no_gc

BATCH = 10_000
"""Spans; a trace that is complete ends when so many others have gone by."""

APART = "a trace that lay across distant parts of a large file; its parts were finished apart"


def tables(spans: Iterable[Span], run: str, notes: Notes) -> Iterator[pa.Table]:
    """The finished traces, in the order in which they end."""
    for finished in _finished(iter(spans), notes):
        yield from columns.tables(finished, run)


def _finished(spans: Iterator[Span], notes: Notes) -> Iterator[list[Span]]:
    waiting: dict[str, list[Span]] = {}
    ended: set[str] = set()
    before: dict[str, None] = {}
    while batch := _batch(spans):
        for span in batch:
            waiting.setdefault(span.trace_id, []).append(span)
        now = dict.fromkeys(span.trace_id for span in batch)
        done = [trace for trace in before if trace not in now and trace not in ended and _complete(waiting[trace])]
        yield finish((span for trace in done for span in waiting.pop(trace)), notes)
        ended.update(done)
        before = now
    again = [trace for trace in waiting if trace in ended]
    late = [span for trace in again for span in waiting.pop(trace)]
    if again:
        notes.warn(APART, len(again))
    yield finish((span for members in waiting.values() for span in members), notes) + late


def _batch(spans: Iterator[Span]) -> list[Span]:
    with no_gc():
        return list(itertools.islice(spans, BATCH))


def _complete(members: list[Span]) -> bool:
    """Has it a root and every parent?"""
    parents = {span.parent_id for span in members}
    return None in parents and parents <= {None, *(span.span_id for span in members)}
