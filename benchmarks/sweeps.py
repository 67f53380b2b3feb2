"""Sweeps beside a papermill loop: time a notebook, memory a kernel, cost of resuming: `python -m benchmarks.sweeps`."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

TRIVIAL = ["x = a * 2\nprint('twice', x)", "x"]
HEAVY = ["import litellm, pandas, seaborn", "x = a * 2\nprint('twice', x)", "pandas.DataFrame({'a': [a]})"]
MEMORY = """private = sum(int(line.split()[1]) for line in open('/proc/self/smaps_rollup') if line.startswith('Private'))
from IPython.display import display
display({'application/vnd.workbench.measures+json': {'private_mb': private / 1024}}, raw=True)"""


def notebook(path: Path, cells: list[str]) -> Path:
    """A notebook of code cells with one parameter, a."""
    content = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        "cells": [
            {"id": f"c{i}", "cell_type": "code", "source": text, "outputs": [], "execution_count": None,
             "metadata": {"tags": ["parameters"] if i == 0 else []}}
            for i, text in enumerate(["a = 1", *cells])
        ],
    }  # fmt: skip
    path.write_text(json.dumps(content))
    return path


def cold_loop(path: Path, cells: int) -> float:
    """Seconds per notebook of papermill's own API, one after the other."""
    import papermill

    begin = time.perf_counter()
    for i in range(cells):
        papermill.execute_notebook(str(path), str(path.with_suffix(f".{i}.out.ipynb")), {"a": i}, progress_bar=False)
    return (time.perf_counter() - begin) / cells


def swept(path: Path, out: Path, cells: int, jobs: int, kernel: str) -> dict[str, float]:
    """A sweep's seconds per cell: all in, start of the fork server included, and once it runs."""
    from workbench.sweeps import Sweep

    ends: list[float] = []
    begin = time.perf_counter()

    def on_change(state: Any) -> None:
        while len(ends) < state.done:
            ends.append(time.perf_counter() - begin)

    sweep = Sweep(path, {"a": list(range(cells))}, out=out)
    sweep.run(jobs=jobs, kernel=kernel, on_change=on_change)
    total = time.perf_counter() - begin
    frame = sweep.frame()
    assert set(frame["status"]) == {"done"}, frame["error"].tolist()
    running = (ends[-1] - ends[jobs - 1]) / (len(ends) - jobs)
    return {"all_in_s": total / cells, "running_s": running, "cell_median_s": float(frame["seconds"].median())}


def resumed(path: Path, out: Path, cells: int) -> float:
    """Seconds to plan, hash and resume a sweep in which every cell is done."""
    from workbench.sweeps import Sweep
    from workbench.sweeps.one import Outcome, record

    sweep = Sweep(path, {"a": list(range(cells))}, out=out)
    for cell in sweep.cells:
        job = sweep.job(cell)
        Path(job.folder).mkdir(parents=True)
        record(job, Outcome(cell.identity, "done", 0.1, "bare", None, {"accuracy": 0.5, "cost_usd": 0.0}))
    del sweep
    begin = time.perf_counter()
    Sweep(path, {"a": list(range(cells))}, out=out).run()
    return time.perf_counter() - begin


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=int, default=40)
    parser.add_argument("--cold", type=int, default=4, help="notebooks of the papermill loop, before and after the sweeps")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--kernels", default="bare,fork")
    parser.add_argument("--resumed", type=int, default=10_000)
    given = parser.parse_args()
    if os.environ.pop("PYTHONDONTWRITEBYTECODE", None) is not None:
        raise SystemExit(subprocess.call([sys.executable, "-m", "benchmarks.sweeps", *sys.argv[1:]]))
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # or the cold loop waits for a network that is not there
    results: dict[str, Any] = {"load_average": os.getloadavg()[0]}
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        for name, cells in {"trivial": TRIVIAL, "heavy": HEAVY}.items():
            path = notebook(place / f"{name}.ipynb", cells)
            cold_loop(path, 1)
            cold = [cold_loop(path, given.cold)]
            found: dict[str, Any] = {}
            for kernel in given.kernels.split(","):
                found[kernel] = swept(path, place / f"{name}-{kernel}", given.cells, given.jobs, kernel)
                found[kernel]["alone_s"] = swept(path, place / f"{name}-{kernel}-1", 10, 1, kernel)["running_s"]
                cold.append(cold_loop(path, given.cold))
            base = statistics.fmean(cold)
            for numbers in found.values():
                numbers["times_faster_running"] = base / numbers["running_s"]
                numbers["times_faster_all_in"] = base / numbers["all_in_s"]
            results[name] = {"papermill_s": base, "papermill_each": cold, **found}
        from workbench.sweeps import Sweep

        path = notebook(place / "memory.ipynb", [*HEAVY, MEMORY])
        frame = Sweep(path, {"a": [1, 2, 3]}, out=place / "memory").run(kernel="bare").frame()
        results["private_mb_per_kernel"] = float(frame["private_mb"].median())
        results["resume_s"] = {given.resumed: resumed(place / "trivial.ipynb", place / "resumed", given.resumed)}
    print(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
