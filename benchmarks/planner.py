"""The planner's speed beside aiconfigurator and GenZ, and its accuracy held out: `python -m benchmarks.planner`.

    python -m benchmarks.planner                                   # speed of ours
    python -m benchmarks.planner --peers /path/to/venv/bin/python  # beside peers installed in another environment
    python -m benchmarks.planner --accuracy                        # leave-out figures (minutes; needs ../shared)

Times are CPU seconds of the process, so that a busy machine does not count; peers run in their own process.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from workbench.planner.batch import predict_rows
from workbench.planner.estimate import Request, estimate
from workbench.planner.load import Load, lengths
from workbench.planner.pools import pool
from workbench.planner.serving import simulate

ROOT = Path(__file__).parents[1]

AICONFIGURATOR = """
import json, time
from aiconfigurator.cli.api import cli_estimate
def one():
    return cli_estimate(model_path="meta-llama/Meta-Llama-3.1-70B", system_name="h200_sxm", mode="agg", backend_name="vllm",
                        isl=1024, osl=1024, batch_size=16, tp_size=4)
one(); start = time.process_time(); [one() for _ in range(5)]; print(json.dumps((time.process_time() - start) / 5))
"""
GENZ = """
import json, time
from GenZ import decode_moddeling, prefill_moddeling
h200 = {"Flops": 1979, "Memory_size": 141, "Memory_BW": 4800, "ICN": 450, "real_values": True}
def one():
    same = dict(model="meta-llama/Llama-3.1-70B", batch_size=16, input_tokens=1024, system_name=h200, bits="int8",
                tensor_parallel=4)
    return prefill_moddeling(**same), decode_moddeling(output_tokens=1024, **same)
one(); start = time.process_time(); [one() for _ in range(5)]; print(json.dumps((time.process_time() - start) / 5))
"""


def seconds(work: Callable[[], object], repeats: int) -> float:
    """CPU seconds of one call, after one to warm up."""
    work()
    start = time.process_time()
    for _ in range(repeats):
        work()
    return (time.process_time() - start) / repeats


def ours() -> dict[str, float]:
    """CPU seconds of one estimate, of 10,000 rows of a batch, and of 10,000 simulated fan-out requests."""
    request = Request("h200_sxm", 4, "meta-llama/Llama-3.1-70B", "fp8", "vllm", 1024, 1024, 16)
    models = ("llama-3.1-70b", "llama-3.1-8b", "gpt-oss-20b", "Qwen3-32B")
    row = {"precision": "fp8", "engine": "vllm", "tp": "", "dp": "", "ep": ""}
    rows = [
        row | {"gpu": g, "n_gpus": n, "model": m, "isl": 100 + 37 * i, "osl": 256, "concurrency": 1 + i % 200}
        for i, (g, n, m) in enumerate((g, n, m) for g in ("H100", "H200", "B200", "L40S", "MI300X") for n in (1, 2, 4, 8)
                                      for m in models for _ in range(125))
    ]  # fmt: skip
    load = Load(rate_rps=1.0, threads=5, prefix_tokens=900, prompt_tokens=120, output_tokens=lengths(600),
                synthesis_prompt_tokens=3900, synthesis_output_tokens=400)  # fmt: skip
    replicas = [pool("llama-3.1-70b", "H200", 4, load, precision="fp8")]
    return {
        "one estimate": seconds(lambda: estimate(request), 200),
        f"{len(rows):,} configurations": seconds(lambda: predict_rows(rows), 1),
        "10,000 fan-out requests (5 threads and a synthesis each)": seconds(lambda: simulate(replicas, load, 10_000), 1),
    }


def peer(python: str, script: str) -> float | str:
    """CPU seconds of one estimate by a peer, or why there is no figure."""
    run = subprocess.run([python, "-c", script], capture_output=True, text=True, timeout=600, check=False)
    if run.returncode:
        return run.stderr.strip().splitlines()[-1] if run.stderr.strip() else f"exit {run.returncode}"
    return float(json.loads(run.stdout.strip().splitlines()[-1]))


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers", help="a Python with aiconfigurator and GenZ installed")
    parser.add_argument("--accuracy", action="store_true")
    options = parser.parse_args()
    figures = ours()
    for name, value in figures.items():
        print(f"{name:60s} {value:10.4f} s")
    one = figures["one estimate"]
    for name, script in (("aiconfigurator", AICONFIGURATOR), ("GenZ", GENZ)) if options.peers else ():
        value = peer(options.peers, script)
        print(f"{'one estimate by ' + name:60s} " + (f"{value:10.4f} s, {value / one:.0f} times ours" if isinstance(value, float)
                                                     else f"no figure: {value}"))  # fmt: skip
    if options.accuracy:
        table = ROOT.parent / "shared/data/serving/measured.csv.gz"
        subprocess.run(["python", str(ROOT / "tools/fit_planner.py"), str(table), "--evaluate"], check=True)


if __name__ == "__main__":
    main()
