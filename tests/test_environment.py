"""The three places that list dependencies say the same, and the lock names no address."""

from __future__ import annotations

import importlib.util
import re
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_environment_yml_lists_what_pyproject_lists() -> None:
    listed = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    pip = next(d["pip"] for d in listed if isinstance(d, dict))
    assert [d for d in pip if d != "-e ."] == PROJECT["dependencies"]
    assert f"python{PROJECT['requires-python']}" in listed


def test_the_lock_holds_every_dependency_with_hashes_and_no_address() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    assert "://" not in lock and "--index-url" not in lock
    entries = re.findall(r"^([a-z0-9._-]+)(?:\[[^]]*\])?==", lock, re.MULTILINE)
    assert lock.count("--hash=sha256:") >= len(entries) > 100
    names = {re.split(r"[\[<>=~ ]", d)[0].lower() for d in PROJECT["dependencies"]}
    assert names <= set(entries)


def test_every_direct_dependency_is_defended_in_the_design() -> None:
    design = (ROOT / "docs" / "design.md").read_text()
    names = [re.split(r"[\[<>=~ ]", d)[0] for d in PROJECT["dependencies"]]
    assert [n for n in names if f"`{n}`" not in design] == []


def test_every_licence_is_listed_and_allowed() -> None:
    spec = importlib.util.spec_from_file_location("licences", ROOT / "tools" / "licences.py")
    assert spec and spec.loader
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    _, complaints = tool.document()
    assert complaints == []
    page = (ROOT / "docs" / "licences.md").read_text()
    assert [n for n in tool.closure(tool.OURS) if f"| {n} |" not in page] == [], "run python tools/licences.py"
