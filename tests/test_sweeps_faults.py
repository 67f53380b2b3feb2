"""What a sweep survives: notebooks that misbehave, and kill -9 of each of its processes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.sweeping import notebook, outputs, text
from workbench import Sweep, WorkbenchError
from workbench.sweeps import server

SLOW_TEST = pytest.mark.slow
KINDS = ["bare", pytest.param("fork", marks=SLOW_TEST), pytest.param("cold", marks=SLOW_TEST)]
INTERRUPTS = (signal.SIGINT, signal.SIGTERM)


@pytest.mark.parametrize("kind", KINDS)
def test_misbehaving_notebooks_cost_only_themselves(tmp_path: Path, kind: str) -> None:
    path = notebook(
        tmp_path / "n.ipynb",
        "import os, threading, time\nprint('before')",
        "if how == 'endless':\n"
        "    print('in time', flush=True)\n"
        "    while True: pass\n"
        "if how == 'asleep': time.sleep(600)\n"
        "if how == 'suicide': os.kill(os.getpid(), 9)\n"
        "if how == 'exit': os._exit(3)\n"
        "if how == 'flood':\n"
        "    for i in range(3000): print('x' * 10_000)\n"
        "if how == 'chdir':\n"
        "    os.chdir('/'); os.environ['HOME'] = '/nowhere'\n"
        "if how == 'threads':\n"
        "    threading.Thread(target=time.sleep, args=(0.5,)).start()\n"
        "    threading.Thread(target=time.sleep, args=(600,), daemon=True).start()\n"
        "if how == 'orphan': import subprocess; subprocess.Popen(['sleep', '987'])",
        "print('after', os.getcwd())",
        parameters="how = ''",
    )
    ways = ["endless", "asleep", "suicide", "exit", "flood", "chdir", "threads", "orphan", "well"]
    sweep = Sweep(path, {"how": ways}, out=tmp_path / "out").run(kernel=kind, timeout_s=6, output_mib=1, jobs=2)
    frame = sweep.frame().set_index("how")
    assert [w for w in ways if frame["status"][w] == "failed"] == ["endless", "asleep", "suicide", "exit"], frame[
        "error"
    ]
    assert frame["error"]["endless"] == frame["error"]["asleep"] == "CellTimeoutError: not finished after 6 s (cell 4)"
    assert ("SIGKILL" in frame["error"]["suicide"] and "exit code 3" in frame["error"]["exit"]) or kind == "cold"
    for way in ways[:4]:
        assert text(frame["notebook"][way]).startswith("before") and "after" not in text(frame["notebook"][way])
    assert "in time" in text(frame["notebook"]["endless"])
    said = text(frame["notebook"]["flood"])
    assert len(said) < 3 << 20 and "more output than the sweep keeps" in said
    assert f"after {tmp_path}" in text(frame["notebook"]["well"]) and "after /\n" in text(frame["notebook"]["chdir"])
    if kind != "cold":
        assert subprocess.run(["pgrep", "-f", "^sleep 987$"], capture_output=True).returncode == 1


SLOW = "import time, os\nopen(rf'{marks}/{a}-{os.getpid()}', 'w').close()\ntime.sleep(pause)"


def started(marks: Path, count: int, seconds: float = 40) -> list[tuple[int, int]]:
    """(a, pid) of the kernels that have begun, once there are `count`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = [tuple(map(int, p.name.split("-"))) for p in marks.iterdir()]
        if len(found) >= count:
            return found  # type: ignore[return-value]
        time.sleep(0.02)
    raise AssertionError(f"only {sorted(p.name for p in marks.iterdir())} began")


def gone(pid: int, seconds: float = 10) -> bool:
    """Whether a process ends in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


def test_a_killed_fork_server_costs_no_cell(tmp_path: Path) -> None:
    (marks := tmp_path / "marks").mkdir()
    path = notebook(tmp_path / "n.ipynb", SLOW, parameters=f"a = 0\nmarks = r'{marks}'\npause = 1.5")

    def kill() -> None:
        started(marks, 2)
        os.kill(next(iter(server._servers.values())).pid, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    frame = Sweep(path, {"a": [1, 2, 3]}, out=tmp_path / "out").run(kernel="bare", jobs=2).frame()
    killer.join()
    assert list(frame["status"]) == ["done"] * 3, frame["error"].tolist()
    assert len(list(marks.iterdir())) == 5


def test_a_killed_kernel_fails_its_cell_and_a_retry_mends_it(tmp_path: Path) -> None:
    (marks := tmp_path / "marks").mkdir()
    path = notebook(tmp_path / "n.ipynb", SLOW, parameters=f"a = 0\nmarks = r'{marks}'\npause = 1.5")
    killer = threading.Thread(target=lambda: os.kill(started(marks, 1)[0][1], signal.SIGKILL))
    killer.start()
    frame = Sweep(path, {"a": [1]}, out=tmp_path / "out").run(kernel="bare", retries=1).frame()
    killer.join()
    assert list(frame["status"]) == ["done"] and len(list(marks.iterdir())) == 2


def command(path: Path, out: Path, *more: str) -> list[str]:
    code = "from workbench.commands.sweep import sweep_cmd; sweep_cmd()"
    return [sys.executable, "-c", code, str(path), "-o", str(out), "-g", "a=1,2,3,4", "--json", *more]


@pytest.mark.parametrize("number", [signal.SIGKILL, *(pytest.param(s, marks=SLOW_TEST) for s in INTERRUPTS)])
def test_a_killed_sweep_leaves_no_process_and_goes_on_where_it_was(tmp_path: Path, number: int) -> None:
    (marks := tmp_path / "marks").mkdir()
    path = notebook(tmp_path / "n.ipynb", SLOW, parameters=f"a = 0\nmarks = r'{marks}'\npause = 0.0")
    with path.open("r+") as file:
        content = file.read().replace(
            "time.sleep(pause)", "time.sleep(0 if a < 3 or os.path.exists(marks + '-go') else 600)"
        )
        file.seek(0)
        file.write(content)
        file.truncate()
    out = tmp_path / "out"
    quiet = subprocess.DEVNULL

    def hears_interrupts() -> None:  # a shell in the background ignores them, and so do all its children
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    process = subprocess.Popen(command(path, out), stdout=quiet, stderr=quiet, preexec_fn=hears_interrupts)
    running = [pid for a, pid in started(marks, 4) if a >= 3]
    servers = [
        int(s) for s in subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True).stdout.split()
    ]
    assert servers and len(running) == 2
    process.send_signal(number)
    process.wait(30)
    assert all(gone(pid) for pid in [*running, *servers])
    (tmp_path / "marks-go").touch()
    again = subprocess.run(command(path, out), capture_output=True, text=True, timeout=120)
    assert json.loads(again.stdout)["done"] == 4, again.stderr
    assert sorted(a for a, _ in started(marks, 6)) == [1, 2, 3, 3, 4, 4]


def test_a_full_disk_fails_the_cell_and_not_the_sweep(tmp_path: Path) -> None:
    path = notebook(tmp_path / "n.ipynb", "print('x' * 3_000_000 if a == 1 else 'short')")
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    kept = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
    try:
        frame = Sweep(path, {"a": [1, 2]}, out=tmp_path / "out").run(kernel="bare").frame()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, kept)
    assert list(frame["status"]) == ["failed", "done"] and "OSError" in frame["error"][0]
    assert outputs(frame["notebook"][1])[-1][0]["text"] == ["short\n"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own that holds 4 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    if shutil.which("mount") is None:
        pytest.skip("there is no mount here to make a small disk with")
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(place)], capture_output=True, text=True
    )
    if made.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {made.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_disk_without_room_fails_what_needs_it_and_the_rest_goes_on_once_there_is_some(
    tmp_path: Path, small_disk: Path
) -> None:
    path = notebook(tmp_path / "n.ipynb", "print('x' * (6_000_000 if a == 2 else 10))", parameters="a = 1")
    sweep = Sweep(path, {"a": [1, 2]}, out=small_disk / "out").run(kernel="bare", jobs=1)
    frame = sweep.frame()
    assert frame["status"][0] == "done" and frame["status"][1] != "done"
    (small_disk / "filler").write_bytes(b"x" * 10)
    with suppress(OSError), (small_disk / "filler").open("wb") as file:
        while True:
            file.write(b"x" * 4096)
            file.flush()
    with pytest.raises((OSError, WorkbenchError)):
        Sweep(path, {"a": [1, 3]}, out=small_disk / "out").run(kernel="bare", jobs=1)
    assert len(sweep.ledger.done()) == 1, "a cell is done, or its record is not there"
    (small_disk / "filler").unlink()
    again = Sweep(path, {"a": [1, 3]}, out=small_disk / "out").run(kernel="bare", jobs=1)
    assert list(again.frame()["status"]) == ["done", "done"], again.frame()["error"].tolist()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["bare", "fork"])
def test_a_flood_of_a_gigabyte_is_kept_out_of_the_notebook_and_of_memory(tmp_path: Path, kind: str) -> None:
    path = notebook(tmp_path / "n.ipynb", "for i in range(100_000): print('x' * 10_000)\nprint('end')")
    before = _memory_kib("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    frame = Sweep(path, {"a": [1, 2]}, out=tmp_path / "out").run(kernel=kind, jobs=1, output_mib=1).frame()
    assert list(frame["status"]) == ["done", "done"], frame["error"].tolist()
    assert all(Path(p).stat().st_size < 4 << 20 for p in frame["notebook"])
    peak = _memory_kib("VmHWM")
    assert peak < 2 << 20 and peak - before < 1 << 19


def _memory_kib(name: str) -> int:
    return int(Path("/proc/self/status").read_text().split(f"{name}:")[1].split()[0])


def test_a_killed_worker_of_a_pool_is_said_and_what_is_done_is_kept(tmp_path: Path) -> None:
    (marks := tmp_path / "marks").mkdir()
    path = notebook(tmp_path / "n.ipynb", SLOW, parameters=f"a = 0\nmarks = r'{marks}'\npause = 1.0")
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:

        def kill() -> None:
            started(marks, 2)
            for process in list(pool._processes.values()):
                os.kill(process.pid, signal.SIGKILL)  # type: ignore[arg-type]

        killer = threading.Thread(target=kill)
        killer.start()
        with pytest.raises(WorkbenchError, match="what is finished is kept"):
            Sweep(path, {"a": [1, 2]}, out=tmp_path / "out").run(executor=pool, jobs=1, kernel="bare")
        killer.join()
    frame = Sweep(path, {"a": [1, 2]}, out=tmp_path / "out").run(kernel="bare").frame()
    assert list(frame["status"]) == ["done", "done"]
    assert sorted(a for a, _ in started(marks, 3)) == [1, 2, 2]
