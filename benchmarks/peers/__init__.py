"""The other tools that benchmarks measure beside ours: one environment each, in a folder of their own, never in ours.

    python -m benchmarks.peers FOLDER            # make them all (about 6 GB; minutes)
    python -m benchmarks.peers FOLDER phoenix    # only this one

FOLDER/<name> is then what a benchmark is given with `--peers FOLDER`. The files here run inside those environments.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

SCRIPTS = Path(__file__).parent
PACKAGES: dict[str, tuple[str, ...]] = {
    "langgraph": ("langgraph", "langchain-openai"),
    "inspect": ("inspect-ai", "openai"),
    "optillm": ("flask", "openai", "numpy", "networkx", "aiohttp", "requests", "z3-solver", "cerebras_cloud_sdk",
                "azure-identity", "litellm", "PyYAML", "math-verify", "scikit-learn", "beautifulsoup4", "lxml"),
    "phoenix": ("arize-phoenix",),
    "mlflow": ("mlflow",),
    "sweeps": ("papermill", "ploomber-engine", "ipykernel", "litellm", "pandas", "seaborn"),
    "planner": ("aiconfigurator", "genz-llm"),
    "widgets": (),
}  # fmt: skip
"""Environment -> what is installed in it, with what that asks for."""
ALONE: dict[str, tuple[str, ...]] = {
    "optillm": ("optillm==0.4.0",),
    "widgets": ("ipycytoscape", "spectate", "ipysigma", "pyvis", "jsonpickle", "plotly", "narwhals"),
}
"""Installed without what they ask for: OptiLLM lists gigabytes of torch that its proxy does not need; widgets use our kernel."""


class NoPeer(RuntimeError):
    """A peer's environment is not there, or could not be made."""


def home(folder: Path, name: str) -> Path:
    """The environment of one peer; NoPeer says how to make it where it is not there."""
    if not (folder / name / "made").exists():
        raise NoPeer(f"no environment of {name} in {folder}: make it with `python -m benchmarks.peers {folder} {name}`")
    return folder / name


def program(folder: Path, name: str, command: str = "python") -> str:
    """A program of a peer's environment, by default its interpreter."""
    return str(home(folder, name) / "bin" / command)


def make(folder: Path, name: str) -> Path:
    """Make one environment, unless it is there already."""
    place = folder / name
    if (place / "made").exists():
        return place
    place.mkdir(parents=True, exist_ok=True)
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(place)], check=True)
    for packages, options in ((PACKAGES[name], ()), (ALONE.get(name, ()), ("--no-deps",))):
        if packages:
            _install(place, packages, options)
    said = subprocess.run([_python(place), "-m", "pip", "freeze"], capture_output=True, text=True, check=True)
    (place / "made").write_text(said.stdout)
    return place


def _install(place: Path, packages: Iterable[str], options: Iterable[str]) -> None:
    command = [_python(place), "-m", "pip", "install", "-q", "--disable-pip-version-check", *options, *packages]
    said = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": ""})
    if said.returncode:
        raise NoPeer(f"{place.name} cannot be installed here: {said.stderr.strip()[-500:]}")


def _python(place: Path) -> str:
    return str(place / "bin/python")


def versions(folder: Path, name: str) -> str:
    """What the peer's own packages are, `name version, …`."""
    pinned = dict(
        line.split("==", 1) for line in (home(folder, name) / "made").read_text().splitlines() if "==" in line
    )
    wanted = {_plain(word.split("==")[0]) for word in (*PACKAGES[name], *ALONE.get(name, ()))}
    return ", ".join(f"{k} {v}" for k, v in pinned.items() if _plain(k) in wanted)


def _plain(name: str) -> str:
    return name.lower().replace("_", "-")
