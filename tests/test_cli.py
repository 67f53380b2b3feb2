"""The command line: one JSON object, errors of one line that say what to do, help with an example for every command."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from workbench.cli import COMMANDS

FIELDS = {"run", "tasks", "answered", "accuracy", "accuracy_low", "accuracy_high", "input_tokens", "output_tokens",
          "cost_usd", "wall_s", "critical_path_s", "compute_multiple"}  # fmt: skip


def workbench(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "workbench", *words], capture_output=True, text=True, cwd=cwd, timeout=120
    )


@pytest.fixture
def votes(tmp_path: Path) -> Path:
    rows = [
        {"id": f"q{i}", "question": f"What is {i} + 1?", "gold": str(i + 1), "answers": [str(i + 1)] * 3 + [str(i)] * 2}
        for i in range(8)
    ]
    path = tmp_path / "votes.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def test_run_prints_one_json_object(votes: Path, tmp_path: Path) -> None:
    common = ("run", "--tasks", str(votes), "--model", f"replay:{votes}", "--json")
    single = json.loads(workbench(*common, "--strategy", "single", "-o", "runs/one", cwd=tmp_path).stdout)
    five = json.loads(workbench(*common, "--agents", "5", "-o", "runs/five", cwd=tmp_path).stdout)
    assert set(five) == FIELDS and five["tasks"] == five["answered"] == 8 and five["accuracy"] == 1
    assert single["compute_multiple"] == 1 and five["compute_multiple"] == pytest.approx(5, rel=0.01)
    assert five["accuracy_low"] < 1 and Path(tmp_path / five["run"]).is_dir()


def test_show_and_answers_read_a_run(votes: Path, tmp_path: Path) -> None:
    workbench("run", "--tasks", str(votes), "--model", f"replay:{votes}", "-o", "r", "--json", cwd=tmp_path)
    shown = json.loads(workbench("show", "r", "--task", "q3", "-o", "p.svg", "--json", cwd=tmp_path).stdout)
    assert shown["answer"] == "4" and len(shown["threads"]) == 5 and (tmp_path / "p.svg").read_text().startswith("<svg")
    rows = json.loads(workbench("answers", "r", "--json", cwd=tmp_path).stdout)
    assert [r["task_id"] for r in rows] == [f"q{i}" for i in range(8)]
    page = json.loads(workbench("share", "r", "--task", "q3", "-o", "page.html", "--json", cwd=tmp_path).stdout)
    assert page["bytes"] < 400_000 and "default-src 'none'" in (tmp_path / "page.html").read_text()
    wrong = workbench("show", "r", "--task", "q33", cwd=tmp_path)
    assert wrong.returncode == 2 and "did you mean 'q3'" in wrong.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("rnu",), "no command 'rnu'; did you mean 'run'"),
        (("run", "--tasks", "nope.jsonl"), "no such task file: nope.jsonl"),
        (("run", "--tasks", "FILE", "--strategy", "paralel"), "did you mean 'parallel'"),
        (
            ("run", "--tasks", "FILE", "--strategy", "single", "--agents", "3"),
            "strategy 'single' has no setting 'agents'",
        ),
        (("run", "--tasks", "FILE", "--set", "wave"), "--set wants NAME=VALUE"),
        (("run", "--tasks", "FILE", "--model", "openai/gpt-4o"), "OPENAI_API_KEY"),
        (("run", "--tasks", "FILE", "--model", "abacus-x"), "did you mean 'abacus-s'"),
        (("run", "--tasks", "FILE", "--difficulty", "hard"), "--difficulty must look like 3 or 1-6"),
        (("show", "no-such-run"), "no run at"),
    ],
)
def test_errors_are_one_line_that_says_what_to_do(
    votes: Path, tmp_path: Path, words: tuple[str, ...], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    done = workbench(*(str(votes) if w == "FILE" else w for w in words), cwd=tmp_path)
    assert done.returncode == 2 and said in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "traces").exists()  # nothing was started


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example(name: str, tmp_path: Path) -> None:
    done = workbench(name, "--help", cwd=tmp_path)
    assert done.returncode == 0
    is_group = "Commands:" in done.stdout  # whose commands have the examples
    assert is_group or (f"  workbench {name}" in done.stdout and "--json" in done.stdout)


@pytest.mark.parametrize("clone", [True, False])
def test_what_the_demo_says_to_try_next_works_from_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clone: bool
) -> None:
    """A terminal does not know the clone's .venv, and an installed wheel has no Makefile."""
    from workbench.commands.demo import next_steps

    (tmp_path / "notebooks").mkdir()
    if clone:
        (tmp_path / "Makefile").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.prefix", str(tmp_path / ".venv"))
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    commands = [command for command, _ in next_steps(str(tmp_path / "traces/runs/demo"))]
    assert ("make lab" in commands) == clone == ("source .venv/bin/activate" in commands)
    assert "workbench answers traces/runs/demo --wrong" in commands
    monkeypatch.setenv("VIRTUAL_ENV", str(tmp_path / ".venv"))
    assert not any(command.startswith("source") for command, _ in next_steps("x"))
