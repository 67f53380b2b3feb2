"""workbench doctor: it says what works, names keys without showing them, and fails where something needs the user."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from workbench.commands import doctor


def test_a_good_installation_is_well_and_tells_its_versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    said = CliRunner().invoke(doctor.doctor_cmd, ["--json"])
    found = {f["what"]: f for f in json.loads(said.output)["findings"]}
    assert (
        said.exit_code == 0
        and found["abacus-s answers"]["state"] == "ok"
        and "492" in found["abacus-s answers"]["found"]
    )
    assert "jupyterlab 4" in found["packages"]["found"] and "trace.js" in found["widgets"]["found"]
    assert found["JupyterLab"]["state"] == "ok"


def test_keys_are_named_by_provider_and_never_shown() -> None:
    secret = "sk-abcdefghijklmnopqrstuvwxyz123456"
    findings = list(doctor.examine({"OPENAI_API_KEY": secret, "GEMINI_API_KEY": "", "HF_TOKEN": secret}))
    keys = next(f for f in findings if f.what == "keys")
    assert keys.found == "for huggingface, openai" and all(secret not in str(f) for f in findings)


def test_gpus_are_listed_where_there_are_some(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 'NVIDIA H200, 143771 MiB, 550.1'\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert next(f for f in doctor.examine({}) if f.what == "GPUs").found == "NVIDIA H200, 143771 MiB, 550.1"
    tool.write_text("#!/bin/sh\nexit 9\n")
    assert next(f for f in doctor.examine({}) if f.what == "GPUs").state == "note"


def test_what_is_missing_says_what_to_do_and_the_command_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "LAB_EXTENSIONS", ("no-such-extension",))
    said = CliRunner().invoke(doctor.doctor_cmd, [])
    assert said.exit_code == 1 and "make lab" in " ".join(said.output.split()) and "1 of these need you" in said.output
