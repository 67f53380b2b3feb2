"""Nothing leaves the machine that the user did not ask for: every connection and every name looked up is listened to."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.chat_server import ChatServer

LISTENER = """
import os, sys
_out = os.environ["HEARD"]
def _hear(event, args):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
        where = args[1] if event == "socket.connect" else args[-1] if event == "socket.sendto" else args[0]
        with open(_out, "a") as f:
            f.write(f"{event}\\t{where!r}\\n")
sys.addaudithook(_hear)
"""
"""Heard in every Python process, kernels included: an audit hook put in place by sitecustomize."""
LOOPBACK = (
    "'127.0.0.1'",
    "('127.0.0.1'",
    "'localhost'",
    "('::1'",
    "'::1'",
    "b'localhost'",
    "b'127.0.0.1'",
    "'0.0.0.0'",
    "''",
    "None",
    "'/",
)
NOTEBOOK_RUN = [
    "-m",
    "papermill",
    "notebooks/start_here.ipynb",
    "{out}/o.ipynb",
    "-p",
    "limit",
    "4",
    "--no-progress-bar",
]
ROOT = Path(__file__).parents[1]


def heard(tmp_path: Path, words: list[str], **more: str) -> list[str]:
    """Run Python with the listener; what it talked to beyond this machine."""
    (tmp_path / "hook").mkdir(exist_ok=True)
    (tmp_path / "hook" / "sitecustomize.py").write_text(LISTENER)
    log = tmp_path / "heard.txt"
    log.touch()
    quiet = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy") and "API_KEY" not in k}
    env = (
        quiet
        | {"PYTHONPATH": f"{tmp_path / 'hook'}{os.pathsep}{ROOT}", "HEARD": str(log), "HOME": str(tmp_path)}
        | more
    )
    said = subprocess.run([sys.executable, *words], cwd=ROOT, env=env, capture_output=True, text=True, timeout=300)
    assert said.returncode == 0, said.stderr[-2000:]
    lines = [line.split("\t", 1) for line in log.read_text().splitlines()]
    return [where for _, where in lines if not where.startswith(LOOPBACK)]


def test_the_listener_hears(tmp_path: Path) -> None:
    code = "import socket\ntry: socket.getaddrinfo('example.invalid', 80)\nexcept OSError: pass"
    assert heard(tmp_path, ["-c", code]) == ["'example.invalid'"]


def test_importing_everything_is_silent(tmp_path: Path) -> None:
    code = "import workbench as wb\n[getattr(wb, n) for n in wb.__all__]\nfrom workbench.models.litellm import load\nload()"
    assert heard(tmp_path, ["-c", code]) == []


def test_a_call_through_litellm_talks_to_its_server_only(tmp_path: Path) -> None:
    with ChatServer() as server:
        code = (
            "import asyncio, workbench as wb\n"
            "mix = {'openai/any': 3}\n"
            "run = asyncio.run(wb.run([wb.Task('t', 'What is 2 + 2?', '4')], wb.Parallel(agents=3), mix,"
            f" api_base={server.api_base!r}, out={str(tmp_path / 'r')!r}))\n"
            "assert len(wb.calls(run)) == 3 and wb.calls(run)['error'].isna().all()"
        )
        assert heard(tmp_path, ["-c", code], OPENAI_API_KEY="sk-none") == []


@pytest.mark.slow
def test_the_demo_is_silent(tmp_path: Path) -> None:
    assert heard(tmp_path, ["-m", "workbench", "demo", "-o", str(tmp_path / "demo")]) == []


@pytest.mark.slow
def test_a_notebook_is_silent(tmp_path: Path) -> None:
    assert heard(tmp_path, [word.format(out=tmp_path) for word in NOTEBOOK_RUN]) == []


@pytest.mark.slow
def test_the_demo_works_with_the_network_cut(tmp_path: Path) -> None:
    cut = ["unshare", "--user", "--map-root-user", "--net"]
    if not shutil.which("unshare") or subprocess.run([*cut, "true"], capture_output=True).returncode:
        pytest.skip("this machine does not let a process have a network of its own (unshare --user --net)")
    work = f"ip link set lo up; exec {sys.executable} -m workbench demo --no-sweep -o {tmp_path / 'demo'}"
    said = subprocess.run([*cut, "sh", "-c", work], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert said.returncode == 0, said.stderr[-2000:]
    assert (tmp_path / "demo" / "report.html").exists()
