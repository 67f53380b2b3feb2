"""`make bench`: run the benchmarks one after the other and write what they print to benchmarks/RESULTS.md.

    python -m benchmarks                    # all (an hour or two)
    python -m benchmarks engine soak        # only these; what was measured before of the others stays
    python -m benchmarks --peers FOLDER     # beside the peers that `python -m benchmarks.peers FOLDER` made there

A benchmark prints JSON (a list of rows becomes a table) or text. Medians and spreads are the benchmark's own; the machine, the
versions and the load are said here.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

PLACE = Path(__file__).parent
RESULTS = PLACE / "RESULTS.md"
WANTED = {
    "orchestration": "Five agents and a vote: ours, bare LiteLLM, LangGraph, Inspect AI, OptiLLM",
    "engine": "The engine, the recorder, the frames, the import",
    "soak": "Load and soak",
    "large_run": "A run of 10,000 tasks, cell by cell",
    "sweeps": "Sweeps beside a papermill loop",
    "traces": "Traces at size",
    "traces_peers": "Traces beside Phoenix and MLflow",
    "widgets": "Widgets beside ipycytoscape, ipysigma, pyvis and Plotly",
    "planner": "The planner beside aiconfigurator and GenZ",
    "abacus": "The offline models",
    "strategies": "Every strategy, offline",
    "agentic": "Agentic measures",
    "episodes": "Ledger episodes on the offline model",
}
"""Module -> its heading. One that is not there (or whose peers cannot be had) says so."""
BESIDE = {"traces_peers": "{}", "widgets": "{}/widgets", "planner": "{}/planner/bin/python"}
"""What `--peers` of a module is, of the folder with the peers' environments."""
VERSIONS = ("litellm", "papermill", "duckdb", "pandas", "onnxruntime", "jupyterlab")
LIMIT_S = 3600


def machine() -> str:
    """The machine in one line."""
    about = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    name = re.search(r"model name\s*:\s*(.+)", about)
    cores = os.cpu_count()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    kind = name[1].strip() if name else platform.machine()
    return f"{cores} cores ({kind}), {memory:.0f} GiB, Python {platform.python_version()}"


def command(module: str, peers: Path | None) -> list[str]:
    """How a benchmark is started."""
    beside = ["--peers", BESIDE[module].format(peers)] if peers and module in BESIDE else []
    return ["-m", f"benchmarks.{module}", *beside]


def measured(module: str, peers: Path | None) -> str:
    """A benchmark's section: when, under what load, and what it printed."""
    if module == "traces_peers" and peers is None:
        return "not measured: it needs the peers, `make bench PEERS=FOLDER` after `python -m benchmarks.peers FOLDER`\n"
    load = os.getloadavg()[0]
    begin = time.monotonic()
    said = subprocess.run(
        [sys.executable, *command(module, peers)], capture_output=True, text=True, timeout=LIMIT_S
    )
    seconds = time.monotonic() - begin
    when = f"{time.strftime('%Y-%m-%d %H:%M')} UTC, {seconds:.0f} s, load when it began {load:.1f}"
    if said.returncode:
        last = said.stderr.strip().splitlines()[-1] if said.stderr.strip() else f"exit status {said.returncode}"
        return f"Not measured ({when}): `{last[:300]}`\n"
    return f"{when}\n\n{shown(said.stdout)}\n"


def shown(text: str) -> str:
    """A table where rows were printed as JSON, else the text as it came."""
    try:
        found = json.loads(text)
    except json.JSONDecodeError:
        return f"```text\n{text.strip()}\n```"
    if not (isinstance(found, list) and found and all(isinstance(row, dict) for row in found)):
        return f"```json\n{text.strip()}\n```"
    names = list(found[0])
    lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    return "\n".join([*lines, *("| " + " | ".join(str(row.get(n, "")) for n in names) + " |" for row in found)])


def kept() -> dict[str, str]:
    """The sections of the file as it is, by module."""
    if not RESULTS.exists():
        return {}
    parts = re.split(r"^<!-- (\w+) -->\n", RESULTS.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def write(sections: dict[str, str]) -> None:
    """The file, sections in their order."""
    head = (
        f"# Results\n\nMade by `make bench`; {machine()}; " + ", ".join(f"{n} {version(n)}" for n in VERSIONS) + ".\n\n"
    )
    body = "".join(f"<!-- {name} -->\n{sections[name].rstrip()}\n\n" for name in WANTED if name in sections)
    RESULTS.write_text(head + body.rstrip() + "\n", encoding="utf-8")


def main() -> None:
    """Measure and write after each, so that what is done is kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modules", nargs="*", choices=[*WANTED, []], help="only these")
    parser.add_argument("--peers", type=Path, metavar="FOLDER", help="made by `python -m benchmarks.peers FOLDER`")
    given = parser.parse_args()
    asked = given.modules or list(WANTED)
    sections = kept()
    for name in asked:
        if not (PLACE / f"{name}.py").exists():
            continue
        print(f"{name} …", flush=True)
        sections[name] = f"## {WANTED[name]}\n`python -m benchmarks.{name}`, {measured(name, given.peers)}"
        write(sections)


if __name__ == "__main__":
    main()
