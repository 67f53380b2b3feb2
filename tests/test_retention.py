"""Runs in order: only a run's own files are deleted, each of several is told of, and a changed byte is found anywhere."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import fsspec
import pytest
from click.testing import CliRunner

from tests.making import attempt
from workbench.cli import cli
from workbench.errors import DataError
from workbench.store import Run, RunWriter, is_run, open_runs
from workbench.store.queries import sql
from workbench.store.retention import check, list_runs, remove, seal_run

SPANS = attempt(1)


def made(place: str | Path, seed: int = 1) -> None:
    with RunWriter(place) as writer:
        for span in attempt(seed):
            writer.write(span)


@pytest.fixture
def memory() -> Iterator[str]:
    url = "memory://retention"
    yield url
    fs = fsspec.filesystem("memory")
    if fs.exists("/retention"):
        fs.rm("/retention", recursive=True)


def test_only_the_runs_own_files_go(tmp_path: Path) -> None:
    made(tmp_path / "r")
    (tmp_path / "r/thesis.tex").write_text("years of work")
    (tmp_path / "r/pictures").mkdir()
    (tmp_path / "precious.jsonl").write_text("{}")
    (tmp_path / "r/spans-0002.jsonl").symlink_to(tmp_path / "precious.jsonl")
    assert remove(tmp_path / "r") > 0
    assert sorted(p.name for p in (tmp_path / "r").iterdir()) == ["pictures", "thesis.tex"]
    assert (tmp_path / "precious.jsonl").exists() and not is_run(tmp_path / "r")


def test_other_programs_have_a_run_json_too(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs/run.json").write_text('{"wandb": true}')
    with pytest.raises(DataError, match="no run"):
        remove(tmp_path / "theirs")
    assert (tmp_path / "theirs/run.json").exists()


def test_a_parquet_alone_is_a_run(tmp_path: Path) -> None:
    made(tmp_path / "r")
    for name in ("run.json", "spans.jsonl", "traces.parquet"):
        (tmp_path / "r" / name).unlink()
    assert is_run(tmp_path / "r") and Run(tmp_path / "r").spans() == SPANS
    assert len(open_runs(tmp_path)) == 1


def test_each_of_several_is_told_of(tmp_path: Path) -> None:
    made(tmp_path / "a")
    made(tmp_path / "c")
    names = [str(tmp_path / n) for n in "abc"]
    said = CliRunner().invoke(cli, ["runs", "rm", *names, "--yes", "--json"])
    assert said.exit_code == 1 and not (tmp_path / "a").exists() and not (tmp_path / "c").exists()
    rows = json.loads(said.stdout)
    assert [("error" in r) for r in rows] == [False, False, True] and "no run" in rows[2]["error"]
    made(tmp_path / "d")
    assert CliRunner().invoke(cli, ["runs", "seal", str(tmp_path / "b"), str(tmp_path / "d")]).exit_code == 1


def test_a_broken_run_does_not_hide_the_others(tmp_path: Path) -> None:
    made(tmp_path / "a")
    made(tmp_path / "b")
    (tmp_path / "a/run.json").write_text("{")
    (tmp_path / "b/spans.parquet").write_bytes(b"PAR1 no")
    made(tmp_path / "c")
    rows = {Path(row["path"]).name: row for row in list_runs(tmp_path)}
    assert "not JSON" in rows["a"]["broken"] and "broken" in rows["b"] and rows["c"]["spans"] == len(SPANS)
    said = CliRunner().invoke(cli, ["runs", "list", str(tmp_path)])
    assert said.exit_code == 0 and "not JSON" in said.stderr


def flip(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


@pytest.mark.parametrize("name", ["spans.parquet", "traces.parquet", "spans.jsonl"])
def test_a_flipped_bit_is_found(tmp_path: Path, name: str) -> None:
    made(tmp_path / "r")
    assert check(tmp_path / "r")["ok"]
    file = tmp_path / "r" / name
    data = file.read_bytes()
    at = data.index(b'"42"') + 1 if name.endswith("jsonl") else len(data) // 3  # one letter of an answer
    file.write_bytes(flip(data, at))
    assert any(name in line for line in check(tmp_path / "r")["problems"])
    assert CliRunner().invoke(cli, ["runs", "verify", str(tmp_path)]).exit_code == 1


def test_a_flipped_bit_is_found_in_an_object_store(memory: str) -> None:
    made(f"{memory}/r")
    assert check(f"{memory}/r")["ok"]
    fs = fsspec.filesystem("memory")
    data = fs.cat_file("/retention/r/traces.parquet")
    fs.pipe_file("/retention/r/traces.parquet", flip(data, len(data) // 3))
    assert any("traces.parquet" in line for line in check(f"{memory}/r")["problems"])


def test_lines_may_be_thrown_away_once_sealed(tmp_path: Path) -> None:
    made(tmp_path / "r")
    (tmp_path / "r/spans.jsonl").unlink()
    assert check(tmp_path / "r")["ok"] and Run(tmp_path / "r").spans() == SPANS


def test_nothing_to_verify_is_not_all_well(tmp_path: Path) -> None:
    said = CliRunner().invoke(cli, ["runs", "verify", str(tmp_path)])
    assert said.exit_code != 0 and "no runs" in said.stderr + str(said.exception)


def test_an_object_store_cannot_tell_who_writes(memory: str) -> None:
    writer = RunWriter(f"{memory}/r")
    writer.write(SPANS[0])
    writer.flush()
    for act in (remove, seal_run):
        with pytest.raises(DataError, match="--force"):
            act(f"{memory}/r")
    assert seal_run(f"{memory}/r", force=True)["spans"] == 1
    assert remove(f"{memory}/r") > 0


def test_eight_writers_into_an_object_store_lose_nothing(memory: str) -> None:
    def write(seed: int) -> None:
        made(f"{memory}/r", seed)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    run = Run(f"{memory}/r")
    want = {(s.trace_id, s.span_id) for seed in range(8) for s in attempt(seed)}
    assert {(s.trace_id, s.span_id) for s in run.spans()} == want and len(run.spans()) == len(want)
    assert run.sealed and check(f"{memory}/r")["ok"]


EIGHTH = """
import sys, time
from tests.making import attempt
from workbench.store import RunWriter
seed, folder, dies = int(sys.argv[1]), sys.argv[2], sys.argv[3] == "1"
writer = RunWriter(folder)
for n in range(40):
    for span in attempt(seed * 1000 + n):
        writer.write(span)
    if n == 20 and dies:
        print("half", flush=True)
        time.sleep(60)
writer.close()
"""


def test_eight_processes_and_one_killed_among_them(tmp_path: Path) -> None:
    start = [sys.executable, "-c", EIGHTH]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    writers = [
        subprocess.Popen(
            [*start, str(seed), str(tmp_path / "r"), str(int(seed == 0))], stdout=subprocess.PIPE, env=environment
        )
        for seed in range(8)
    ]
    assert writers[0].stdout is not None and writers[0].stdout.readline() == b"half\n"
    assert len(sql("select * from spans", tmp_path / "r")) >= 21 * len(SPANS)  # a question while they write
    writers[0].send_signal(signal.SIGKILL)
    assert [w.wait(120) for w in writers] == [-9, *[0] * 7]
    deadline = time.monotonic() + 10
    while not Run(tmp_path / "r").sealed and time.monotonic() < deadline:
        time.sleep(0.1)
    whole = (7 * 40 + 21) * len(SPANS)
    assert seal_run(tmp_path / "r")["spans"] == whole == len(Run(tmp_path / "r").spans())
    assert len(list((tmp_path / "r").glob("spans*.jsonl"))) == 8 and check(tmp_path / "r")["ok"]
