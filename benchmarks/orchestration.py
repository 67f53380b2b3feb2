"""Five agents and a vote, over bare LiteLLM and by three peers, on one mock server: `python -m benchmarks.orchestration`.

Every program makes the same calls to the same server (50 ms an answer), at 5, 50 and 500 calls in flight; peers run in
environments of their own. Rounds alternate and medians are shown with their spread: the machine's noise hits all alike.
CPU is of the program's own process; OptiLLM is a proxy, so its server's CPU is what is counted.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.engine import bare, ours
from benchmarks.mock_server import mock_server
from tests.foreign import python_with

HERE = Path(__file__).parent
IN_FLIGHT = {5: 250, 50: 1_500, 500: 3_000}
"""Calls in flight -> calls made."""
PEERS = {
    "LangGraph": ("langgraph_fan.py", ("langgraph", "langchain-openai")),
    "Inspect AI": ("inspect_fan.py", ("inspect-ai", "openai")),
    "OptiLLM": (
        "optillm_fan.py",
        ("flask", "openai", "numpy", "networkx", "aiohttp", "requests", "z3-solver", "cerebras_cloud_sdk", "azure-identity",
         "litellm", "PyYAML", "math-verify", "scikit-learn", "beautifulsoup4", "lxml"),
    ),
}  # fmt: skip
ALONE = {"OptiLLM": "optillm==0.4.0"}
"""Installed without what it asks for: its proxy needs none of the gigabytes of torch and transformers that it lists."""
OURS = "workbench"
BARE = "bare LiteLLM"


def here(which: str, api_base: str, calls: int, in_flight: int) -> dict[str, float]:
    """Ours or bare LiteLLM, in a process of its own as the peers are."""
    asked = [sys.executable, "-m", "benchmarks.orchestration", "--one", which, api_base, str(calls), str(in_flight)]
    return _json(asked)


async def one(which: str, api_base: str, calls: int, in_flight: int) -> dict[str, float]:
    """One measurement, after a warm-up, inside the process."""
    with tempfile.TemporaryDirectory() as folder:
        await bare(api_base, in_flight, in_flight)
        if which == OURS:
            await ours(api_base, max(in_flight, 25), in_flight, Path(folder) / "warm")
            wall, cpu = await ours(api_base, calls, in_flight, Path(folder) / "run")
        else:
            wall, cpu = await bare(api_base, calls, in_flight)
    return {"seconds": wall, "cpu_s": cpu, "calls": calls}


def peers() -> dict[str, Callable[[str, int, int], dict[str, float]]]:
    """The programs that can be had here, by name."""
    found: dict[str, Callable[[str, int, int], dict[str, float]]] = {}
    for name in (BARE, OURS):
        found[name] = lambda base, calls, at_once, name=name: here(name, base, calls, at_once)  # type: ignore[misc]
    for name, (script, packages) in PEERS.items():
        if not (HERE / "peers" / script).exists():
            continue
        python = python_with(*packages)
        if name in ALONE:
            subprocess.run([python, "-m", "pip", "install", "-q", "--no-deps", ALONE[name]], check=True)
        found[name] = lambda base, calls, at_once, python=python, script=script: _json(  # type: ignore[misc]
            [python, str(HERE / "peers" / script), base, str(calls), str(at_once)]
        )
    return found


def _json(asked: list[str]) -> dict[str, float]:
    said = subprocess.run(asked, capture_output=True, text=True, timeout=600)
    if said.returncode:
        last = said.stderr.strip().splitlines()[-1] if said.stderr.strip() else f"exit status {said.returncode}"
        raise RuntimeError(last[:120])
    found: dict[str, float] = json.loads(said.stdout.strip().splitlines()[-1])
    return found


def measure(repeats: int, only: list[int]) -> list[dict[str, Any]]:
    """A row per number in flight and program."""
    programs = peers()
    rows = []
    with mock_server(0.05) as api_base:
        for in_flight in only:
            calls = IN_FLIGHT[in_flight]
            got: dict[str, list[dict[str, float]]] = {name: [] for name in programs}
            failed: dict[str, str] = {}
            for _ in range(repeats):
                for name, program in programs.items():
                    try:
                        got[name].append(program(api_base, calls, in_flight))
                    except RuntimeError as e:  # a peer that breaks under this load
                        failed[name] = str(e)
            base = statistics.median(g["seconds"] for g in got[BARE])
            for name, found in got.items():
                if not found:
                    rows.append({"in flight": in_flight, "program": name, "calls/s": f"broke: {failed[name]}"})
                    continue
                rates = [g["calls"] / g["seconds"] for g in found]
                rows.append({
                    "in flight": in_flight, "program": name, "calls/s": round(statistics.median(rates)),
                    "spread": f"{min(rates):,.0f}–{max(rates):,.0f}",
                    "share of bare": round(base / statistics.median(g["seconds"] for g in found), 2),
                    "CPU ms a call": round(statistics.median(g["cpu_s"] / g["calls"] * 1e3 for g in found), 2),
                })  # fmt: skip
    return rows


def main() -> None:
    """Print one JSON list of rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3, help="rounds")
    parser.add_argument("--in-flight", type=int, nargs="*", default=list(IN_FLIGHT))
    parser.add_argument("--one", nargs=4, metavar=("WHICH", "API_BASE", "CALLS", "IN_FLIGHT"), help="used by itself")
    options = parser.parse_args()
    if options.one:
        which, api_base, calls, in_flight = options.one
        print(json.dumps(asyncio.run(one(which, api_base, int(calls), int(in_flight)))))
        return
    print(json.dumps(measure(options.repeats, options.in_flight), indent=2))


if __name__ == "__main__":
    main()
