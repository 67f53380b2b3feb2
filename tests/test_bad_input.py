"""Bad input: one clear error, or a note that counts what was left out; never a traceback of ours, never a hang."""

from __future__ import annotations

import gzip
import json
import resource
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.making import attempt
from workbench import frames
from workbench import semconv as s
from workbench.errors import DataError
from workbench.otlp import encode as otlp
from workbench.otlp.notes import Notes
from workbench.readers import bigjson, read
from workbench.readers.importing import import_files
from workbench.spans import Span
from workbench.store import Run

LINES = b"".join(otlp.line(span) for i in range(3) for span in attempt(i))
WHOLE = json.dumps(otlp.request([span for i in range(3) for span in attempt(i)])).encode()


def put(tmp_path: Path, data: bytes, name: str = "x") -> Path:
    path = tmp_path / name
    path.write_bytes(data)
    return path


HOPELESS: dict[str, bytes] = {
    "empty": b"",
    "blank": b" \n\n \t\n",
    "binary": bytes(range(256)) * 40,
    "text": b"Dear Sir or Madam",
    "picture": b"\x89PNG\r\n\x1a\n" + b"\x00" * 100,
    "deep list": b"[" * 10_000 + b"]" * 10_000,
    "deep object": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "deep and cut off": b'{"resourceSpans":' + b"[" * 10_000,
    "a number": b"42\n",
    "null": b"null",
    "empty list": b"[]",
    "empty object": b"{}",
    "not a zip": b"PK\x03\x04" + b"\x00" * 50,
    "broken gzip": b"\x1f\x8b" + b"\x00" * 50,
    "a list of numbers": b"[1, 2, 3]",
    "a pair, cut off": b'[["client.beta.sessions.create", {"a": [1',
    "lists in lists, cut off": b'[[{"role": "user"}, {"role"',
    "other JSON": b'{"openapi": "3.0", "paths": {}}',
    "no spans": b'{"resourceSpans": []}',
    "spans without ids": b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"name": "x"}]}]}]}',
}


@pytest.mark.parametrize("kind", HOPELESS)
def test_what_holds_no_trace_is_one_clear_error_and_leaves_nothing(tmp_path: Path, kind: str) -> None:
    path = put(tmp_path, HOPELESS[kind], "bad.json")
    with pytest.raises(DataError) as error:
        import_files([path], tmp_path / "run")
    assert "bad.json" in str(error.value) and len(str(error.value)) < 1_000
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("data", [LINES, WHOLE], ids=["lines", "document"])
def test_a_file_that_was_cut_off_gives_its_whole_spans(tmp_path: Path, data: bytes, share: float) -> None:
    path = put(tmp_path, data[: int(len(data) * share)])
    try:
        found = read(path)
    except DataError:
        assert share < 0.2
        return
    spans = {span.span_id for i in range(3) for span in attempt(i)}
    assert {span.span_id for span in found} <= spans
    if data is LINES:
        assert len(found) == data[: int(len(data) * share)].count(b"\n") and found.skipped == 1


def test_a_broken_line_in_the_middle_is_counted(tmp_path: Path) -> None:
    lines = LINES.splitlines(keepends=True)
    found = read(put(tmp_path, b"".join([lines[0], b'{"broken\n', b"\x00\xff\xfe\n", *lines[1:]])))
    assert len(found) == len(lines) and found.skipped == 2 and any("not JSON" in w for w in found.warnings)


def span(n: int, parent: int | None, **more: Any) -> dict[str, Any]:
    return {
        "traceId": "a" * 32,
        "spanId": f"{n:016x}",
        "name": f"s{n}",
        "startTimeUnixNano": str(10**18 + n),
        "endTimeUnixNano": str(10**18 + n + 5),
        **({"parentSpanId": f"{parent:016x}"} if parent else {}),
        **more,
    }


def document(*spans: Any) -> bytes:
    return json.dumps(
        {"resourceSpans": [{"resource": {}, "scopeSpans": [{"scope": {}, "spans": list(spans)}]}]}
    ).encode()


DEEP = json.loads('{"arrayValue":{"values":[' * 150 + "]}}" * 150)
ODD: dict[str, tuple[bytes, int, str | None]] = {
    "double ids": (document(span(1, None), span(2, 1), span(2, 1)), 2, "there before"),
    "a cycle": (document(span(1, None), span(2, 4), span(3, 2), span(4, 3)), 4, "cycle"),
    "its own parent": (document(span(1, 1)), 1, "cycle"),
    "a missing parent": (document(span(1, None), span(2, 9)), 2, "parent that is not"),
    "end before start": (document(span(1, None, endTimeUnixNano="5")), 1, "ends before"),
    "no times": (document({k: v for k, v in span(1, None).items() if "Time" not in k}), 1, "start time"),
    "unknown enums": (document(span(1, None, kind=77, status={"code": "STATUS_CODE_ODD"})), 1, "unknown"),
    "wrong types": (
        document(span(1, None, attributes=3, events="x", links={"a": 1}, status=[], kind=[])),
        1,
        "not a list",
    ),
    "a huge time": (document(span(1, None, startTimeUnixNano="9" * 40)), 1, "start time"),
    "a number with 5,000 digits": (
        document(span(1, None, startTimeUnixNano="9" * 5_000, endTimeUnixNano="9" * 5_000)),
        1,
        "start time",
    ),
    "entries that are no spans": (document(span(1, None), 3, None, "x", []), 1, "not an object"),
    "half a surrogate": (
        document(span(1, None, attributes=[{"key": "a\ud800", "value": {"stringValue": "\udfff!"}}])),
        1,
        "forbids",
    ),
    "broken UTF-8": (document(span(1, None)).replace(b'"s1"', b'"\xff\xfe"'), 1, "forbids"),
    "not a number": (
        document(span(1, None, attributes=[{"key": "a", "value": {"doubleValue": float("nan")}}])),
        1,
        "forbids",
    ),
    "deep values": (document(span(1, None, attributes=[{"key": "a", "value": DEEP}])), 1, None),
    "hostile words": (
        document(span(1, None, name="<script>alert(1)</script>\x1b[31m'; drop table spans; --")),
        1,
        None,
    ),
    "a million in one name": (document(span(1, None, name="n" * 1_000_000)), 1, None),
    "UTF-16": (json.dumps(json.loads(document(span(1, None)))).encode("utf-16"), 1, None),
    "a byte order mark": (b"\xef\xbb\xbf" + document(span(1, None)), 1, None),
    "gzip": (gzip.compress(document(span(1, None))), 1, None),
    "objects one after the other": (document(span(1, None)) + b"\n\n  " + document(span(2, None)), 2, None),
    "printed over many lines": (
        json.dumps(json.loads(document(span(1, None))), indent=2).encode() * 2,
        1,
        "there before",
    ),
}


@pytest.mark.parametrize("kind", ODD)
def test_odd_spans_are_kept_and_noted(tmp_path: Path, kind: str) -> None:
    data, count, note = ODD[kind]
    done = import_files([put(tmp_path, data)], tmp_path / "run")
    assert done.spans == count
    if note is None:
        assert not done.notes.warnings
    else:
        assert any(note in warning for warning in done.notes.warnings), done.notes.warnings
    run = Run(tmp_path / "run")
    found = run.spans()
    assert len(found) == count and any(x.parent_id is None for x in found)
    assert len(frames.answers(run)) == 1
    for x in found:
        assert otlp.line(x)


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(10**30), 10**30), st.floats(), st.text(max_size=6)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=6), inner, max_size=4)),
    max_leaves=10,
)


def _paths(node: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    out = [at]
    if isinstance(node, dict):
        out += [p for k, v in list(node.items())[:12] for p in _paths(v, (*at, k))]
    elif isinstance(node, list):
        out += [p for i, v in enumerate(node[:3]) for p in _paths(v, (*at, i))]
    return out


def _changed(node: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    copy = dict(node) if isinstance(node, dict) else list(node)
    copy[path[0]] = _changed(node[path[0]], path[1:], value)
    return copy


FAMILIES = {
    "otlp": "otlp_openinference/smol_deep_research_agent.json",
    "sdk": "litellm/litellm_1.106.2_otel_default.json",
    "vercel": "openinference_vercel/spans-by-operation.json",
    "langfuse": "langfuse_frameworks/langgraph-python-2025-08-22.trace.json",
    "langsmith": "langsmith/langsmith_py_wrap_openai_reasoning.json",
    "litellm": "litellm/litellm_standard_logging_payloads.json",
    "inspect": "inspect_logs/2025-05-12T20-28-13-04-00_popularity.json",
    "claude-sdk": "claude_agent_sdk/tool_use_conversation.json",
    "swe": "swe_agent_traj/pydicom__pydicom-1458.traj",
    "mini": "mini_swe_agent/local.traj.json",
    "toolbench": "toolbench_dfs/11_ChatGPT_DFS_woFilter_w2.json",
    "claude-code": "claude_code_sessions/representative_messages.jsonl",
    "managed": "langsmith/anthropic_managed_custom_tools.jsonl",
    "tau": "../taubench_airline/gpt4o_airline.jsonl.gz",
    "tot": "../tot_branching/game24_tot_tree.jsonl.gz",
    "dfs": "../tot_branching/crosswords_dfs_prune.jsonl.gz",
    "who": "../whoandwhen_multiagent/whoandwhen.jsonl.gz",
}


@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_one_value_of_another_type_anywhere(shared: Path, tmp_path: Path, family: str, data: st.DataObject) -> None:
    source = shared / "data/formats" / FAMILIES[family]
    text = gzip.decompress(source.read_bytes()) if source.suffix == ".gz" else source.read_bytes()
    lines = ".jsonl" in source.name
    record = json.loads(text.splitlines()[0] if lines else text)
    if lines and family in ("claude-code", "managed"):
        record = [json.loads(line) for line in text.splitlines()[:12]]
    path = data.draw(st.sampled_from(_paths(record)))
    changed = _changed(record, path, data.draw(json_values))
    out = "\n".join(json.dumps(r) for r in changed) if lines and isinstance(changed, list) else json.dumps(changed)
    try:
        found = read(put(tmp_path, out.encode()))
    except DataError:
        return
    frames.answers(found), frames.threads(found), frames.calls(found)
    for x in found:
        assert otlp.line(x)


@given(st.binary(max_size=400))
@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
def test_random_bytes_are_an_error(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(DataError):
        read(put(tmp_path, data))


@given(
    st.recursive(
        st.one_of(st.integers(), st.text(max_size=5), st.booleans()),
        lambda i: st.one_of(
            st.lists(i, max_size=5),
            st.dictionaries(st.sampled_from(["spans", "data", "a", "b", "runs"]), i, max_size=4),
        ),
        max_leaves=30,
    )
)
def test_reading_in_pieces_says_what_reading_at_once_says(value: Any) -> None:
    data = json.dumps(value).encode()
    if isinstance(value, (dict, list)) and value:
        try:
            pieces = bigjson.salvage(data, Notes())
        except DataError:
            return
        assert _plain(pieces) == value


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(v) for v in value]
    return {k: _plain(v) for k, v in value.items()} if isinstance(value, dict) else value


def test_a_zip_bomb_in_an_eval_log_is_skipped(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.eval", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("header.json", '{"eval": {"task": "t"}}')
        archive.writestr("samples/1_epoch_1.json", b" " * 60_000_000)
        archive.writestr("samples/2_epoch_1.json", '{"id": 2, "epoch": 1, "messages": []}')
    found = read(tmp_path / "x.eval")
    assert len({x.trace_id for x in found}) == 1 and found.skipped == 1


BIG = """
import resource, sys, time
from workbench.errors import DataError
from workbench.readers.importing import import_files
started = time.time()
try:
    print(import_files([sys.argv[1]], sys.argv[2]).spans)
except DataError as error:
    print("error", error)
from pathlib import Path
status = Path("/proc/self/status")  # its own peak; ru_maxrss begins with that of the process that started it
peak_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
if status.exists():
    peak_kb = int(status.read_text().split("VmHWM:")[1].split()[0])
print(peak_kb // 1000, round(time.time() - started))
"""
MIB = 1_000_000


def big(tmp_path: Path, kind: str, size: int) -> Path:
    path = tmp_path / "big"
    with path.open("wb") as file:
        if kind == "one object":
            file.write(b'{"resourceSpans":[{"resource":{"attributes":[]},"scopeSpans":[{"scope":{"name":"x"},"spans":[')
            n = 0
            while file.tell() < size:
                raw = span(
                    n % 1_000_000 + 1,
                    None,
                    traceId=f"{n + 1:032x}",
                    kind=1,
                    status={},
                    attributes=[
                        {"key": f"some.attribute.{i}", "value": {"stringValue": f"value {i}"}} for i in range(12)
                    ],
                )
                file.write((b"," if n else b"") + json.dumps(raw).encode())
                n += 1
            file.write(b"]}]}]}")
        elif kind == "lines":
            while file.tell() < size:
                file.write(LINES)
        elif kind == "brackets":
            file.write(b"[" + b"[]," * (size // 3) + b"[]]")
        elif kind == "one text":
            file.write(b'{"a":"' + b"x" * size + b'"}')
        else:
            file.write(bytes(range(256)) * (size // 256))
    return path


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["one object", "brackets", "one text", "lines", "binary"])
def test_200_mb_stay_within_four_times_the_file(tmp_path: Path, kind: str) -> None:
    path = big(tmp_path, kind, 200 * MIB)
    done = subprocess.run(
        [sys.executable, "-c", BIG, str(path), str(tmp_path / "run")], capture_output=True, text=True, timeout=400
    )
    assert done.returncode == 0, done.stderr[-2000:]
    first, second = done.stdout.strip().splitlines()
    memory_mb, seconds = map(int, second.split())
    print(kind, first[:100], memory_mb, "MB", seconds, "s")
    assert memory_mb <= 800
    assert first.startswith("error") == (kind in ("brackets", "one text", "binary"))


def test_the_probe_measures_memory() -> None:
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > 10_000
    assert isinstance(attempt(1)[0], Span) and s.TASK_ID
