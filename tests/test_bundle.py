"""The committed bundle is what its sources build: users install it, nobody edits it by hand."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def test_the_lock_names_no_host() -> None:
    lock = json.loads((ROOT / "widgets/package-lock.json").read_text())
    assert not [name for name, package in lock["packages"].items() if "resolved" in package]
    assert all("integrity" in package for name, package in lock["packages"].items() if name)


@pytest.mark.slow
def test_the_committed_bundle_is_a_rebuild(tmp_path: Path) -> None:
    if shutil.which("npm") is None:
        pytest.skip("there is no npm here (.ci/run has it)")
    copy = tmp_path / "widgets"
    shutil.copytree(ROOT / "widgets", copy, ignore=shutil.ignore_patterns("node_modules"))
    (tmp_path / "workbench/widgets/static").mkdir(parents=True)
    subprocess.run("npm ci --silent --no-audit --no-fund && npm run --silent build", shell=True, cwd=copy, check=True)
    for built in (tmp_path / "workbench/widgets/static").iterdir():
        assert built.read_bytes() == (ROOT / "workbench/widgets/static" / built.name).read_bytes(), "run make front"
