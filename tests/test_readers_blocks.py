"""Large files: read in blocks, the short way and by several processes, they give the same Run as read whole."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.making import attempt
from workbench import semconv as s
from workbench.otlp import encode as otlp
from workbench.readers import blocks, importing, otlp_lines
from workbench.readers.importing import import_files
from workbench.spans import Span
from workbench.store import Run

ODDITIES: dict[str, dict[str, Any]] = {
    "plain": {},
    "other attributes": {"my.key": "x", "my.number": 3, "my.list": ("a", "b")},
    "a number where a text belongs": {s.ANSWER: 42},
    "a whole number where a fraction belongs": {s.SCORE: 1},
    "two reasons to finish": {s.FINISH_REASONS: ("stop", "length")},
    "a reason that is no list": {s.FINISH_REASONS: "stop"},
    "another dialect": {"llm.model_name": "m", "openinference.span.kind": "LLM", "input.value": "hello"},
    "an error": {"error.type": "Timeout"},
    "letters of the world": {s.ANSWER: 'ένα "spans":[ ]}]}]} \\ \u2028'},
}
SHAPES = ["one", "two", "resource", "scope", "schema", "blank", "broken", "crlf", "bare", "mark"]


def odd(span: Span, oddity: str) -> Span:
    return replace(span, attributes={**span.attributes, **ODDITIES[oddity]})


def text(spans: list[Span], shapes: list[str], rng: random.Random) -> bytes:
    """Lines in which the envelope changes from line to line."""
    out: list[bytes] = []
    while spans:
        shape = rng.choice(shapes)
        some, spans = spans[: 1 + (shape == "two")], spans[1 + (shape == "two") :]
        if shape == "scope":
            some = [replace(span, scope="another") for span in some]
        if shape == "resource":
            some = [replace(span, resource={**span.resource, "host": rng.choice("ab")}) for span in some]
        line = orjson.dumps(otlp.request(some))
        if shape == "schema":
            line = line[:-5] + b',"schemaUrl":"u"}]}]}' if line.endswith(b"]}]}]}") else line
        if shape == "bare":
            line = b"\n".join(
                orjson.dumps(span) for span in otlp.request(some)["resourceSpans"][0]["scopeSpans"][0]["spans"]
            )
        if shape == "mark":
            line = b"\xef\xbb\xbf" + line
        out.append(line + (b"\r" if shape == "crlf" else b""))
        if shape == "blank":
            out.append(b"")
        if shape == "broken":
            out.append(line[: len(line) // 2])
    return b"\n".join(out) + b"\n"


def imported(file: Path, to: Path, large: int, block: int, processes: int = 1) -> tuple[list[dict[str, Any]], Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(importing, "LARGE", large)
        patch.setattr(blocks, "BLOCK", block)
        done = import_files([file], to, name="r", processes=processes)
    rows = Run(to).table().sort_by([("trace_id", "ascending"), ("span_id", "ascending")]).to_pylist()
    for row in rows:  # JSON texts may order their keys in another way
        row.update({name: orjson.loads(row[name] or b"null") for name in ("attributes", "resource")})
    return rows, (done.spans, done.traces, done.notes.skipped)


@given(
    seed=st.integers(0, 10**6),
    oddities=st.lists(st.sampled_from(list(ODDITIES)), min_size=1, max_size=4),
    shapes=st.lists(st.sampled_from(SHAPES), min_size=1, max_size=4),
    block=st.sampled_from([1_500, 6_000, 40_000]),
)
@settings(max_examples=40, deadline=None)
def test_blocks_say_what_the_whole_file_says(
    tmp_path_factory: pytest.TempPathFactory, seed: int, oddities: list[str], shapes: list[str], block: int
) -> None:
    folder, rng = tmp_path_factory.mktemp("blocks"), random.Random(seed)
    spans = [odd(span, rng.choice(oddities)) for t in range(rng.randrange(1, 6)) for span in attempt(t, f"t{t}")]
    file = folder / "f.jsonl"
    file.write_bytes(text(spans, ["one", "one", *shapes], rng))
    assert imported(file, folder / "a", large=0, block=block) == imported(file, folder / "b", large=10**9, block=block)


def test_what_the_recorder_writes_goes_the_short_way() -> None:
    spans = [span for t in range(3) for span in attempt(t)]
    table = otlp_lines.table(b"".join(otlp.line(span) + b"\n" for span in spans), "r")
    assert table is not None and table.num_rows == len(spans)


def test_several_processes_make_the_same_run(tmp_path: Path) -> None:
    rng = random.Random(3)
    spans = [
        odd(span, rng.choice(["plain", "plain", "two reasons to finish"]))
        for t in range(60)
        for span in attempt(t, f"t{t}")
    ]
    file = tmp_path / "f.jsonl"
    file.write_bytes(text(spans, ["one", "two", "scope"], rng))
    alone = imported(file, tmp_path / "a", large=0, block=50_000)
    assert imported(file, tmp_path / "b", large=0, block=50_000, processes=2) == alone
    assert Run(tmp_path / "b").verify() == []
