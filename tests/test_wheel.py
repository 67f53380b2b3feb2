"""Installed without the repository: the built wheel, alone in an empty environment, does everything a newcomer does."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
UV = Path(sys.executable).with_name("uv")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    made = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)]
    said = subprocess.run(made, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert said.returncode == 0, said.stderr
    return next(out.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of an empty environment that got only the wheel and what it asks for (in the lock's versions)."""
    if not UV.exists():
        pytest.skip("uv is not beside this Python (make setup puts it there)")
    home = tmp_path_factory.mktemp("environment") / "env"
    python, lock = str(home / "bin/python"), str(ROOT / "requirements.lock")
    made, filled = (
        ["venv", str(home), "--python", sys.executable],
        ["pip", "install", "--python", python, "-c", lock, str(wheel)],
    )
    for words in (made, filled):
        said = subprocess.run([str(UV), "-q", *words], capture_output=True, text=True, timeout=600)
        assert said.returncode == 0, said.stderr
    return home / "bin"


def run(installed: Path, where: Path, *words: str, seconds: float = 600) -> str:
    env = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    env |= {"PATH": f"{installed}{os.pathsep}{os.environ['PATH']}", "HOME": str(where)}
    said = subprocess.run(
        [str(installed / words[0]), *words[1:]], cwd=where, env=env, capture_output=True, text=True, timeout=seconds
    )
    assert said.returncode == 0, said.stdout[-1500:] + said.stderr[-1500:]
    return said.stdout


def test_the_wheel_holds_what_users_need_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    for needed in (
        "static/trace.js",
        "weights/abacus-s.onnx",
        "notebooks/start_here.ipynb",
        "prompts/default/solve.md",
        "py.typed",
    ):
        assert any(n.endswith(needed) for n in names), needed
    assert not [n for n in names if n.startswith(("tests/", "benchmarks/", "tools/", "widgets/"))]
    assert wheel.stat().st_size < 25e6


def test_a_newcomer_needs_no_repository(installed: Path, tmp_path: Path) -> None:
    assert json.loads(run(installed, tmp_path, "workbench", "doctor", "--json"))["broken"] == 0
    found = json.loads(run(installed, tmp_path, "workbench", "demo", "--json", "-o", "demo"))
    assert Path(tmp_path, found["report"]).exists() and len(found["strategies"]) == 3
    run(installed, tmp_path, "workbench", "share", "demo/parallel", "-o", "page.html")
    assert (tmp_path / "page.html").stat().st_size > 50_000


def test_every_notebook_of_the_catalogue_runs_from_a_copy(installed: Path, tmp_path: Path) -> None:
    from workbench.sweeps import catalogue

    for name in sorted(catalogue.entries()):
        run(installed, tmp_path, "workbench", "notebooks", "copy", name, ".")
        run(installed, tmp_path, "workbench", "sweep", f"{name}.ipynb", "-o", f"out-{name}")
        assert len(list((tmp_path / f"out-{name}").glob("cells/*/notebook.ipynb"))) == 1
        shutil.rmtree(tmp_path / f"out-{name}")
