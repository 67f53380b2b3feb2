"""Readers: everybody's traces as our spans, the format found by looking into the file.

`read(path)` gives spans in memory; `load` and `stream` are for importing. Adding a format is one file with
NAME, matches(source) and read(source, notes), one line here and one sample in the tests.
"""

from __future__ import annotations

import itertools
import os
from collections import Counter
from collections.abc import Iterator
from importlib import import_module
from typing import Protocol, cast

from workbench.errors import DataError
from workbench.otlp.notes import Notes
from workbench.readers.dialects import dialect
from workbench.readers.finish import finish
from workbench.readers.source import Source
from workbench.spans import Span
from workbench.store import SpanSet

ORDER = (
    "inspect_log",
    "otlp_proto",
    "otlp_json",
    "langfuse",
    "langsmith",
    "litellm_payload",
    "sdk_json",
    "claude_managed",
    "claude_sdk",
    "claude_code",
    "openai_agents",
    "toolbench",
    "swe_agent",
    "tree_of_thought",
    "whoandwhen",
    "taubench",
    "intercode",
    "react_text",
    "chat_lines",
)
"""Reader modules, the most particular first."""

_DIALECT_FORMATS = {"litellm": "litellm-otel", "vercel-ai-sdk": "vercel-ai-sdk", "openinference": "openinference"}


class Reader(Protocol):
    """What a reader's module offers."""

    NAME: str

    def matches(self, source: Source) -> bool: ...
    def read(self, source: Source, notes: Notes) -> Iterator[Span]: ...


def find(source: Source) -> Reader:
    """The reader for a file. Raises DataError where no reader knows it."""
    for name in ORDER:
        reader = cast(Reader, import_module(f"workbench.readers.{name}"))
        if reader.matches(source):
            return reader
    keys = ", ".join(sorted(map(str, source.first))[:8]) if isinstance(source.first, dict) else source.kind
    raise DataError(f"{source.name}: no known trace format (its first record has: {keys}). Known: {', '.join(known())}")


def known() -> list[str]:
    """The names of the formats."""
    return [cast(Reader, import_module(f"workbench.readers.{name}")).NAME for name in ORDER]


def load(source: Source, notes: Notes) -> tuple[str, list[Span]]:
    """A file's format and its spans, finished: roots, fork and join told."""
    form, spans = stream(source, notes)
    return form, finish(spans, notes)


def stream(source: Source, notes: Notes) -> tuple[str, Iterator[Span]]:
    """A file's format and its spans while they are read, not finished yet."""
    reader = find(source)
    spans = iter(reader.read(source, notes))
    heads = list(itertools.islice(spans, 200))
    return _format(reader, source, heads), itertools.chain(heads, spans)


def _format(reader: Reader, source: Source, spans: list[Span]) -> str:
    named = getattr(reader, "name", None)
    if named is not None:
        return str(named(source))
    if reader.NAME == "otel-sdk-json" and spans:
        common = Counter(d for span in spans if (d := dialect(span))).most_common(1)
        return _DIALECT_FORMATS.get(common[0][0], reader.NAME) if common else reader.NAME
    return reader.NAME


def read(path: str | os.PathLike[str]) -> SpanSet:
    """The traces of a file (a path or any fsspec URL) of any known format. What was passed over is in `.warnings`."""
    notes = Notes()
    source = Source(path, notes)
    form, spans = load(source, notes)
    if not spans:
        raise DataError(
            f"{source.name}: no spans in it" + (f" ({'; '.join(notes.warnings[:3])})" if notes.counts else "")
        )
    about = {
        "format": form,
        "source": source.name,
        "dialects": sorted({d for span in spans if (d := dialect(span))}),
        "status": "closed",
    }
    return SpanSet(spans, id=source.name, manifest=about, warnings=notes.warnings, skipped=notes.skipped)
