"""Sweeps on clusters: Dask on machines of their own that die and are cut off, and SLURM's commands."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.foreign import python_with
from tests.netns import machines
from tests.sweeping import notebook

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
CLUSTER = ("distributed>=2025.1", "dask-jobqueue>=0.9")
CELLS = 60
WORK = """import os, time
with open(rf'{marks}/{a:02}-{os.getpid()}', 'w') as file: file.write(os.environ.get('WB_WORKER', ''))
time.sleep(1.5)
from workbench import conclude
conclude(square=a * a, worker=os.environ.get('WB_WORKER', ''))"""
QUICK = {
    "DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": "6s",  # five minutes as it is
    "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "5s",
    "DASK_DISTRIBUTED__COMM__TIMEOUTS__TCP": "12s",
}


def environment(**more: str) -> dict[str, str]:
    own = f"{ROOT}:{next(p for p in sys.path if p.endswith('site-packages'))}"
    return {**os.environ, **QUICK, "PYTHONPATH": own, **more}


@contextmanager
def process(command: list[str], log: Path, **more: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process in a session of its own, with all it started gone at the end."""
    with log.open("wb") as out:
        made = subprocess.Popen(command, stdout=out, stderr=out, env=environment(**more), start_new_session=True)
        try:
            yield made
        finally:
            with_all(made, signal.SIGKILL)
            made.wait(20)


def with_all(made: subprocess.Popen[bytes], number: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(made.pid, number)


def until(ready: Callable[[], object], what: str, log: Path, seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not happen in {seconds:g} s: {log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.1)


def sweep_command(python: str, path: Path, out: Path, cells: int, cluster: str, *more: str) -> list[str]:
    code = "from workbench.commands.sweep import sweep_cmd; sweep_cmd()"
    grid = ["-g", "a=" + ",".join(map(str, range(cells)))]
    return [python, "-c", code, str(path), "-o", str(out), *grid, "--cluster", cluster, "--json", *more]


def test_sixty_cells_survive_a_dead_worker_and_one_that_is_cut_off(tmp_path: Path) -> None:
    python = python_with(*CLUSTER)
    (marks := tmp_path / "marks").mkdir()
    path = notebook(tmp_path / "n.ipynb", WORK, parameters=f"a = 0\nmarks = r'{marks}'")
    out = tmp_path / "out"

    def done() -> int:
        return len(list(out.glob("cells/*/cell.json")))

    def busy(name: str) -> bool:
        """Whether this worker is in the middle of a cell: began one under 0.7 s ago, and each takes 1.5 s."""
        young = (p for p in marks.iterdir() if time.time() - p.stat().st_mtime < 0.7)
        return any(p.read_text() == name for p in young)

    def logs(i: int) -> Path:
        return tmp_path / f"machine-{i}.log"

    def worker(i: int) -> list[str]:
        command = [python, "-m", "distributed.cli.dask_worker", scheduler, "--nthreads", "2", "--name", f"w{i}"]
        settings = ["--host", net.address(i + 1), "--local-directory", str(tmp_path), "--no-dashboard"]
        forever = (
            f"while :; do {shlex.join([*command, *settings])}; sleep 1; done"  # Dask's worker ends when it is cut off
        )
        return net.inside(i + 1, ["sh", "-c", forever])

    with machines(4) as net:
        scheduler = f"tcp://{net.address(1)}:8786"
        serve = [python, "-m", "distributed.cli.dask_scheduler", "--host", net.address(1), "--no-dashboard"]
        with (
            process(net.inside(1, serve), logs(0)),
            process(worker(1), logs(1), WB_WORKER="w1") as doomed,
            process(worker(2), logs(2), WB_WORKER="w2"),
            process(worker(3), logs(3), WB_WORKER="w3"),
        ):
            for i in (1, 2, 3):
                until(lambda i=i: "Registered to" in logs(i).read_text(errors="replace"), f"worker {i}", logs(i))
            with process(sweep_command(python, path, out, CELLS, scheduler), tmp_path / "sweep.log") as sweep:
                until(lambda: done() >= 6 and busy("w1"), "a cell on w1 after the sixth", tmp_path / "sweep.log")
                with_all(doomed, signal.SIGKILL)
                until(lambda: done() >= 12, "the twelfth cell", tmp_path / "sweep.log")
                net.cut(3)
                cut_s = time.time()
                time.sleep(14)  # more than the scheduler waits: it gives the cells to the one that is left
                net.join(3)
                until(lambda: sweep.poll() is not None, "the end", tmp_path / "sweep.log", 240)
    said = (tmp_path / "sweep.log").read_text().splitlines()
    result = json.loads(next(line for line in reversed(said) if line.startswith("{")))
    assert result["done"] == result["cells"] == CELLS and sweep.returncode == 0
    assert [row["a"] for row in result["rows"]] == list(range(CELLS))
    assert [row["square"] for row in result["rows"]] == [a * a for a in range(CELLS)]
    assert done() == CELLS and not list(out.glob("cells/*/claim.json"))
    began = [(p.name[:2], p.stat().st_mtime, p.read_text()) for p in marks.iterdir()]
    assert {int(a) for a, _, _ in began} == set(range(CELLS)) and {w for _, _, w in began} == {"w1", "w2", "w3"}
    assert len(began) > CELLS, "nothing was lost, so nothing was shown"
    back = [when for _, when, w in began if w == "w2" and when > cut_s + 14]
    assert back, "the worker that was cut off never came back to work"


SBATCH = """#!/bin/sh
# A scheduler of one machine: runs the job script in the background, as SLURM would on a node.
id=1; while ! mkdir "{folder}/$id" 2>/dev/null; do id=$((id + 1)); done
cp "$1" "{folder}/$id.script"
WB_WORKER=slurm-$id setsid sh "{folder}/$id.script" > "{folder}/$id.log" 2>&1 &
echo $! > "{folder}/$id.pid"
echo "Submitted batch job $id"
"""
SQUEUE = """#!/bin/sh
for pid in "{folder}"/*.pid; do
  kill -0 "$(cat "$pid")" 2>/dev/null && echo "$(basename "$pid" .pid) dask-worker RUNNING"
done
"""
SCANCEL = """#!/bin/sh
for id in "$@"; do echo "$id" >> "{folder}/cancelled"; kill -- "-$(cat "{folder}/$id.pid")"; done
"""


def test_slurm_starts_the_workers_and_ends_them(tmp_path: Path) -> None:
    python = python_with(*CLUSTER)
    (marks := tmp_path / "marks").mkdir()
    (jobs := tmp_path / "jobs").mkdir()
    (bin_ := tmp_path / "bin").mkdir()
    for name, text in (("sbatch", SBATCH), ("squeue", SQUEUE), ("scancel", SCANCEL)):
        (bin_ / name).write_text(text.replace("{folder}", str(jobs)))
        (bin_ / name).chmod(0o755)
    (tmp_path / "slurm.yaml").write_text(
        f"jobs: 2\ncores: 2\nprocesses: 1\nmemory: 2GB\nqueue: short\naccount: science\nwalltime: '00:10:00'\n"
        f"interface: lo\nlocal_directory: {tmp_path}\njob_extra_directives: ['--exclusive']\n"
    )
    path = notebook(tmp_path / "n.ipynb", WORK, parameters=f"a = 0\nmarks = r'{marks}'")
    command = sweep_command(python, path, tmp_path / "out", 8, f"slurm:{tmp_path / 'slurm.yaml'}")
    env = environment(PATH=f"{bin_}:{os.environ['PATH']}")
    ran = subprocess.run(command, capture_output=True, text=True, timeout=240, env=env)
    assert ran.returncode == 0, ran.stderr[-3000:]
    result = json.loads(ran.stdout.splitlines()[-1])
    assert result["done"] == 8 and {row["worker"] for row in result["rows"]} <= {"slurm-1", "slurm-2"}
    scripts = [p.read_text() for p in sorted(jobs.glob("*.script"))]
    assert len(scripts) == 2 and all("#SBATCH -p short" in s and "#SBATCH -A science" in s for s in scripts)
    assert "#SBATCH --exclusive" in scripts[0] and "#SBATCH -t 00:10:00" in scripts[0]
    assert sorted((jobs / "cancelled").read_text().split()) == ["1", "2"]


WRONG = {
    "jobs: 2\ncores: 2\nmemory: 1GB\nqeue: x\n": "unknown option 'qeue'; did you mean 'queue'",
    "jobs: 2\ncores: 2\n": "lacks memory",
    "jobs: 0\ncores: 2\nmemory: 1GB\n": "jobs must be a whole number",
    "[1, 2]\n": "holds no options",
    "a: [\n": "cannot be read as YAML",
}
READ = """
import json, pathlib, sys
from workbench.sweeps.cluster import read_slurm
said = []
for path in sys.argv[1:]:
    try:
        said.append(str(read_slurm(pathlib.Path(path))))
    except ValueError as error:
        said.append(str(error))
print(json.dumps(said))
"""


def test_a_wrong_slurm_file_is_named_before_anything_is_submitted(tmp_path: Path) -> None:
    paths = []
    for i, text in enumerate(WRONG):
        (tmp_path / f"{i}.yaml").write_text(text)
        paths.append(str(tmp_path / f"{i}.yaml"))
    command = [python_with(*CLUSTER), "-c", READ, *paths, str(tmp_path / "none.yaml")]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment())
    assert ran.returncode == 0, ran.stderr[-2000:]
    for words, said in zip([*WRONG.values(), "there is no file"], json.loads(ran.stdout), strict=True):
        assert words in said


def test_a_scheduler_that_does_not_answer_is_named(tmp_path: Path) -> None:
    path = notebook(tmp_path / "n.ipynb", "a")
    command = sweep_command(python_with(*CLUSTER), path, tmp_path / "out", 2, "tcp://127.0.0.1:9")
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment())
    assert ran.returncode == 1 and "no Dask scheduler answers at tcp://127.0.0.1:9" in ran.stderr, ran.stderr[-2000:]
