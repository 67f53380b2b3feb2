"""workbench probe: any model over the wire with tool calling, the offline model, and one JSON object in the terminal."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import workbench as wb
from tests.acting import Actor
from tests.chat_server import ChatServer, Fault
from workbench.episodes import Faults, Setup, environment

MODEL = "hosted_vllm/tiny"
QUALITIES = {"persistence", "orchestration", "recovery", "adherence", "reliability"}


def workbench(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "workbench", *words], capture_output=True, text=True, cwd=cwd, timeout=120
    )


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", ["travel", "repair"])
async def test_tools_go_over_the_wire(chat_server: ChatServer, tmp_path: Path, name: str, stream: bool) -> None:
    chat_server.answer = Actor(Setup(environment(name), 24, Faults(0.2), 3, 2)).serve
    chat_server.fault = lambda n, body: Fault(status=500) if n % 9 == 4 else None  # the engine tries again
    limits = wb.Limits(timeout_s=5, retry=wb.Retry(attempts=3, base_s=0.01, max_s=0.05))
    run = await wb.probe(
        MODEL, name, steps=24, trials=1, episodes=2, rules=3, faults=0.2, distractors=2, out=tmp_path / "r",
        api_base=chat_server.api_base, limits=limits, stream=stream,
    )  # fmt: skip
    answers, steps = wb.answers(run), wb.steps(run)
    assert (
        (answers["score"] == 1).all() and steps["right"].dropna().all() and not (steps["kind"] == "model_error").any()
    )
    body = chat_server.requests[0]
    assert {t["function"]["name"] for t in body["tools"]} >= {"get_traveller" if name == "travel" else "inspect"}
    system = body["messages"][0]
    assert system["role"] == "system" and "\n3. " in system["content"] and environment(name).brief in system["content"]
    told = [m for b in chat_server.requests for m in b["messages"] if m["role"] == "tool"]
    assert told and all(m["tool_call_id"] for m in told)
    assert (wb.calls(run)["attempts"] > 1).any()


def test_the_command_prints_one_json_object(tmp_path: Path) -> None:
    small = ("--steps", "10", "--trials", "2", "--episodes", "2", "--json")
    done = workbench("probe", "--model", "abacus-s", *small, "--rules", "1", "-o", "r", cwd=tmp_path)
    found: dict[str, Any] = json.loads(done.stdout)
    assert set(found) > QUALITIES and found["tasks"] == found["answered"] == 4 and found["trajectories"] == 4
    assert 0 <= found["accuracy"] <= 1 and found["output_tokens"] > 0
    assert found["orchestration"]["valid calls"]["n"] > 0 and found["adherence"]["violated: form"]["n"] > 0
    again = json.loads(
        workbench("probe", "--model", "abacus-s", *small, "--rules", "1", "-o", "r", cwd=tmp_path).stdout
    )
    assert again["accuracy"] == found["accuracy"] and again["output_tokens"] == found["output_tokens"]
    shown = json.loads(workbench("show", "r", "--task", "ledger/0", "-o", "p.svg", "--json", cwd=tmp_path).stdout)
    assert shown["answer"].endswith("requests right") and (tmp_path / "p.svg").stat().st_size > 1000


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--environment", "ledgr"), "did you mean 'ledger'"),
        (("--strategy", "paralel"), "unknown policy 'paralel'; did you mean 'parallel'"),
        (
            ("--strategy", "parallel", "--set", "agnts=3"),
            "policy 'parallel' has no setting 'agnts'; did you mean 'agents'",
        ),
        (("--faults", "1.5"), "the fault rate must be at least 0 and less than 1"),
        (("--fault", "late"), "unknown fault 'late'"),
        (("--rules", "9"), "rules must be a whole number from 0 to 5 in 'ledger', got 9"),
        (("--set", "agents"), "--set wants NAME=VALUE"),
        (("--model", "abacus-x"), "unknown model 'abacus-x'"),
    ],
)
def test_a_wrong_word_is_one_clear_line(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    done = workbench("probe", "--trials", "1", *words, cwd=tmp_path)
    assert done.returncode == 2 and said in done.stderr and "Traceback" not in done.stderr


async def test_a_package_offers_an_environment_and_a_policy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = tmp_path / "site" / "theirs_env-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs-env\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[workbench.environments]\ncount = theirs_env:Count\n[workbench.policies]\ntwice = theirs_env:Twice\n"
    )
    (tmp_path / "site" / "theirs_env.py").write_text(
        "from dataclasses import dataclass\n"
        "from typing import ClassVar\n"
        "from tests.test_episodes_worlds import Counter_ as Count\n"
        "from workbench.episodes.policies.single import OneAgent\n"
        "@dataclass(frozen=True)\n"
        "class Twice(OneAgent):\n"
        "    name: ClassVar[str] = 'twice'\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    actor = Actor(Setup(environment("count"), 8, Faults(0.2), 1, 0))
    run = await wb.probe(
        "m", "count", steps=8, trials=1, episodes=1, rules=1, faults=0.2, strategy="twice", out=tmp_path / "r",
        models={"m": wb.Scripted(actor, name="m")},
    )  # fmt: skip
    assert wb.answers(run)["score"].tolist() == [1.0] and wb.answers(run)["strategy"].tolist() == ["twice"]
    assert wb.answers(run)["task_id"].tolist() == ["counter/0"]
