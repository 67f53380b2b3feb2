"""A sweep's folder anywhere fsspec reaches: memory, and a real S3 server on loopback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import fsspec
import pandas as pd
import pytest

from tests.foreign import s3
from tests.sweeping import notebook
from workbench import Sweep, UsageError
from workbench.store.places import Place
from workbench.sweeps import objects
from workbench.sweeps.claims import CLAIM_FILE, claim
from workbench.sweeps.ledger import open_ledger

ROOT = Path(__file__).parents[1]
RECORDS = """import workbench as wb
tasks = [wb.Task(f't{i}', f'{i}', str(i)) for i in range(3)]
assert a != 2 or __import__('os').path.exists(r'%s')
model = wb.Scripted(lambda r: 'The answer is ' + r.user_text, name='m')
run = await wb.run(tasks, 'single', {'m': 1}, out=out, grade='numeric', models={'m': model})
wb.conclude(run)"""


@pytest.fixture
def memory() -> str:
    fs = fsspec.filesystem("memory")
    if fs.exists("/sweeps-test"):
        fs.rm("/sweeps-test", recursive=True)
    return "memory://sweeps-test/s"


def test_a_sweep_in_memory_runs_resumes_and_opens(memory: str, tmp_path: Path) -> None:
    path = notebook(tmp_path / "n.ipynb", RECORDS % (tmp_path / "go"))
    sweep = Sweep(path, {"a": [1, 2]}, out=memory).run()
    frame = sweep.frame()
    assert list(frame["status"]) == ["done", "failed"] and frame["accuracy"][0] == 1.0, frame["error"].tolist()
    assert frame["run"][0].startswith("memory://") and "AssertionError" in frame["error"][1]
    cells = json.loads(fsspec.open(frame["notebook"][1]).open().read())["cells"]
    assert cells[-1]["outputs"][-1]["ename"] == "AssertionError"
    (tmp_path / "go").touch()
    before = Place(frame["notebook"][0].rsplit("/", 1)[0])
    first = before.fs.modified(before.file("cell.json"))
    again = Sweep(path, {"a": [1, 2]}, out=memory).run()
    assert list(again.frame()["status"]) == ["done", "done"]
    assert before.fs.modified(before.file("cell.json")) == first
    assert Sweep.open(memory).frame().equals(again.frame())
    assert pd.read_parquet(sweep.at("sweep.parquet"))["a"].tolist() == [1, 2]
    assert sweep.recommend().choice in ("a=1", "a=2")


def test_money_and_lock_behind_a_url(memory: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects, "SETTLE_S", 0.0)
    ledger = open_ledger(Place(memory))
    ledger.spend(cell="x", granted_usd=2.0)
    ledger.spend(cell="y", granted_usd=1.0)
    ledger.spend(cell="x", spent_usd=0.5)
    assert ledger.spending() == (0.5, {"y": 1.0})
    with ledger.lock() as still_ours:
        with pytest.raises(UsageError, match=rf"in use by another sweep .process {os.getpid()}"), ledger.lock():
            raise AssertionError("two hold one lock")
        still_ours()
    with ledger.lock():
        pass


def test_a_lease_nobody_renews_is_taken_over_and_its_holder_stops(memory: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects, "SETTLE_S", 0.0)
    monkeypatch.setattr(objects, "RENEW_S", 0.2)
    place = Place(memory)
    with open_ledger(place).lock() as still_ours:
        place.write(objects.LOCK_FILE, json.dumps({"id": "other", "who": "another", "renewed": time.time()}).encode())
        deadline = time.monotonic() + 10
        with pytest.raises(UsageError, match="took over"):
            while time.monotonic() < deadline:
                still_ours()
                time.sleep(0.02)
    assert json.loads(place.read(objects.LOCK_FILE))["id"] == "other"
    place.write(objects.LOCK_FILE, json.dumps({"id": "x", "renewed": time.time() - objects.STALE_S - 1}).encode())
    with open_ledger(place).lock():
        assert json.loads(place.read(objects.LOCK_FILE))["who"].startswith("process")


def test_an_execution_that_finds_a_living_claim_keeps_to_files_of_its_own(tmp_path: Path) -> None:
    place = Place(tmp_path)
    with claim(place, "run") as first:
        assert first == ""
    assert not place.exists(CLAIM_FILE)
    (place / "run").write("spans.jsonl", b"paid for\n")
    other = {"id": "x", "suffix": "", "host": "elsewhere", "pid": 1}
    place.write(CLAIM_FILE, json.dumps(other).encode())
    with claim(place, "run") as second:
        assert second.startswith("-") and (place / f"run{second}").read("spans.jsonl") == b"paid for\n"
    dead = subprocess.Popen(["true"])
    dead.wait()
    import socket

    place.write(CLAIM_FILE, json.dumps({**other, "host": socket.gethostname(), "pid": dead.pid}).encode())
    with claim(place, "run") as third:
        assert third == ""


S3 = """
import json, sys
from pathlib import Path
from workbench import Sweep, UsageError
from workbench.sweeps import objects
import s3fs
s3fs.S3FileSystem(endpoint_url=sys.argv[1]).mkdir("bucket")
path, go = Path(sys.argv[2]), Path(sys.argv[3])
sweep = Sweep(path, {"a": [1, 2, 3, 4]}, out="s3://bucket/x").run()
frame = sweep.frame()
assert list(frame["status"]) == ["done", "failed", "done", "done"], frame["error"].tolist()
assert frame["run"][0].startswith("s3://bucket/x/cells/"), frame["run"][0]
go.touch()
with sweep.ledger.lock():
    try:
        Sweep(path, {"a": [1]}, out="s3://bucket/x").run()
    except UsageError as error:
        assert "in use by another sweep" in str(error)
    else:
        raise AssertionError("two sweeps in one folder")
again = Sweep(path, {"a": [1, 2, 3, 4]}, out="s3://bucket/x").run(kernel="fork", executor="processes")
assert list(again.frame()["status"]) == ["done"] * 4, again.frame()["error"].tolist()
assert Sweep.open("s3://bucket/x").frame()["accuracy"].tolist() == [1.0] * 4
assert sweep.recommend().choice
print("ok")
"""


@pytest.mark.slow
def test_a_sweep_on_s3(tmp_path: Path) -> None:
    path = notebook(tmp_path / "n.ipynb", RECORDS % (tmp_path / "go"))
    script = tmp_path / "sweep_s3.py"
    script.write_text("if __name__ == '__main__':\n" + "".join(f"    {line}\n" for line in S3.strip().splitlines()))
    ours = f"{ROOT}:{next(p for p in sys.path if p.endswith('site-packages'))}"
    with s3(tmp_path) as (python, url, env):
        words = [python, str(script), url, str(path), str(tmp_path / "go")]
        env["PYTHONPATH"] = ours
        done = subprocess.run(words, capture_output=True, text=True, timeout=240, env=env, cwd=tmp_path)
    assert done.returncode == 0 and "ok" in done.stdout, done.stderr[-3000:]
