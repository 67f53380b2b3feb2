"""The store: whole spans only, one file per writer, sealed without loss, readable while it is written, anywhere."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.making import attempt
from workbench.errors import DataError, UsageError
from workbench.store import Run, RunWriter, SpanSet, open_runs
from workbench.store.retention import check, list_runs, remove, seal_run

SPANS = attempt(1)


def test_a_run_is_read_while_it_is_written(tmp_path: Path) -> None:
    with RunWriter(tmp_path / "r", {"name": "x"}) as writer:
        run = Run(tmp_path / "r")
        for count, span in enumerate(SPANS, 1):
            writer.write(span)
            assert run.spans() == SPANS[:count]
        assert not run.closed and not run.sealed
    assert run.closed and run.sealed
    assert run.spans() == SPANS
    assert run.trace(SPANS[0].trace_id) == SPANS and run.trace("0" * 32) == []
    assert (tmp_path / "r/spans.jsonl").exists()
    assert run.manifest["name"] == "x" and run.id == "r"


def test_a_torn_last_line_is_reported_and_the_rest_is_whole(tmp_path: Path) -> None:
    writer = RunWriter(tmp_path / "r")
    for span in SPANS:
        writer.write(span)
    with (tmp_path / "r/spans.jsonl").open("ab") as file:
        file.write(b'{"resourceSpans":[{"resou')
    run = Run(tmp_path / "r")
    assert run.spans() == SPANS
    assert len(run.warnings) == 1 and "torn" in run.warnings[0]
    writer.close()
    assert Run(tmp_path / "r").spans() == SPANS and "torn" in Run(tmp_path / "r").warnings[0]
    assert check(tmp_path / "r")["ok"]


def test_a_second_writer_gets_a_file_of_its_own_and_keeps_the_identity(tmp_path: Path) -> None:
    first = RunWriter(tmp_path / "r", {"id": "abc", "seed": 1})
    first.write(SPANS[0])
    second = RunWriter(tmp_path / "r", {"id": "other", "seed": 2, "more": 3})
    second.write(SPANS[1])
    first.close()
    assert not Run(tmp_path / "r").closed  # the other still writes
    second.close()
    run = Run(tmp_path / "r")
    assert run.closed and run.sealed and run.spans() == SPANS[:2]
    assert (run.id, run.manifest["seed"], run.manifest["more"]) == ("abc", 1, 3)
    assert sorted(p.name for p in (tmp_path / "r").glob("*.jsonl")) == ["spans-0002.jsonl", "spans.jsonl"]


def test_going_on_after_sealing_is_read_too(tmp_path: Path) -> None:
    with RunWriter(tmp_path / "r") as writer:
        writer.write(SPANS[0])
    with RunWriter(tmp_path / "r") as writer:
        writer.write(SPANS[1])
        assert Run(tmp_path / "r").spans() == SPANS[:2]
    assert Run(tmp_path / "r").sealed and Run(tmp_path / "r").spans() == SPANS[:2]


WRITE = """
import sys; from workbench.store import RunWriter; from tests.making import attempt
with RunWriter(sys.argv[1]) as writer:
    for i in range(5):
        for span in attempt(100 * int(sys.argv[2]) + i): writer.write(span)
"""


def test_eight_processes_write_one_run(tmp_path: Path) -> None:
    each = [subprocess.Popen([sys.executable, "-c", WRITE, str(tmp_path / "r"), str(n)]) for n in range(8)]
    assert [process.wait() for process in each] == [0] * 8
    run = Run(tmp_path / "r")
    expected = {span for n in range(8) for i in range(5) for span in map(_key, attempt(100 * n + i))}
    assert {_key(span) for span in run.spans()} == expected and len(run.spans()) == len(expected)
    assert len(list((tmp_path / "r").glob("spans*.jsonl"))) == 8
    assert run.closed and run.sealed and check(run.path)["ok"]


def _key(span: object) -> tuple[str, str]:
    return span.trace_id, span.span_id  # type: ignore[attr-defined]


def test_any_fsspec_place_holds_runs() -> None:
    place = "memory://store-test/r"
    with RunWriter(place) as writer:
        for span in SPANS:
            writer.write(span)
        writer.flush()
        assert Run(place).spans() == SPANS
    assert Run(place).sealed and Run(place).spans() == SPANS
    assert [run.id for run in open_runs("memory://store-test")] == ["r"]
    assert remove(place) > 0
    assert open_runs("memory://store-test") == []


def test_retention(tmp_path: Path) -> None:
    with RunWriter(tmp_path / "a") as writer:
        for span in SPANS:
            writer.write(span)
    live = RunWriter(tmp_path / "b")
    live.write(SPANS[0])
    listed = {row["run"]: row for row in list_runs(tmp_path)}
    assert (listed["a"]["spans"], listed["a"]["status"], listed["b"]["status"]) == (len(SPANS), "closed", "open")
    with pytest.raises(DataError, match="being written"):
        remove(tmp_path / "b")
    with pytest.raises(DataError, match="being written"):
        seal_run(tmp_path / "b")
    (tmp_path / "no-run").mkdir()
    with pytest.raises(DataError, match="no run"):
        remove(tmp_path / "no-run")
    assert remove(tmp_path / "a") > 0 and not (tmp_path / "a").exists()
    live.close()


def test_a_killed_run_is_sealed_by_hand(tmp_path: Path) -> None:
    code = (
        WRITE.replace("with RunWriter(sys.argv[1]) as writer:", "writer = RunWriter(sys.argv[1])\nif 1:")
        + "\nimport os; os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path / "r"), "1"]).returncode == 9
    assert not Run(tmp_path / "r").closed
    spans = Run(tmp_path / "r").spans()
    assert seal_run(tmp_path / "r")["spans"] == len(spans) == 5 * len(SPANS)
    assert Run(tmp_path / "r").closed and Run(tmp_path / "r").spans() == spans


@pytest.mark.parametrize("harm", ["parquet", "lines", "manifest", "gone"])
def test_verify_finds_what_was_changed(tmp_path: Path, harm: str) -> None:
    with RunWriter(tmp_path / "r") as writer:
        for span in SPANS:
            writer.write(span)
    assert check(tmp_path / "r") == {"path": str(tmp_path / "r"), "ok": True, "problems": [], "notes": []}
    parquet, text = tmp_path / "r/spans.parquet", tmp_path / "r/spans.jsonl"
    if harm == "parquet":
        data = bytearray(parquet.read_bytes())
        data[200] ^= 1
        parquet.write_bytes(data)
    elif harm == "lines":
        text.write_bytes(text.read_bytes()[:-200])
    elif harm == "manifest":
        (tmp_path / "r/run.json").write_text("{")
    else:
        parquet.unlink()
    assert not check(tmp_path / "r")["ok"]


def test_what_a_run_shows_of_itself(tmp_path: Path) -> None:
    shown = SpanSet(SPANS, id="<b>r</b>")
    assert "1 attempts, accuracy 1.000, 3 calls, 45 tokens" in repr(shown)
    page = shown._repr_mimebundle_()["text/html"]
    assert "&lt;b&gt;" in page and "<b>" not in page


def test_wrong_places_and_late_writes_are_errors(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no run at"):
        Run(tmp_path)
    with pytest.raises(DataError, match="no folder"):
        open_runs(tmp_path / "none")
    writer = RunWriter(tmp_path / "r")
    writer.close()
    writer.close()
    with pytest.raises(UsageError, match="closed"):
        writer.write(SPANS[0])
    assert json.loads((tmp_path / "r/run.json").read_text())["status"] == "closed"
