"""Kill -9 at any moment: what was recorded is readable, the run resumes, nothing that was recorded is paid for twice."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import workbench as wb
from tests.scripted import MIX

CHILD = """
import asyncio, os, sys, workbench as wb
from pathlib import Path

def answer(request):
    # the other side's own book of what was asked, one line per call that it finished
    with open(sys.argv[2], "a") as book:
        book.write(f"{request.task_id} {request.sample}\\n")
    return f"Answer: {int(request.task_id) + 1}"

tasks = [wb.Task(str(i), f"What is {i} + 1?", str(i + 1)) for i in range(100)]
model = wb.Scripted(answer, latency_s=0.004)
asyncio.run(wb.run(tasks, wb.Parallel(agents=3), wb.ModelMix({"m": 1}), out=sys.argv[1], models={"m": model}, at_once=4))
"""


@pytest.mark.slow
def test_killed_at_twenty_random_moments(tmp_path: Path) -> None:
    place, book = tmp_path / "r", tmp_path / "book"
    moments = random.Random(7)
    kills = 0
    recorded: set[tuple[str, int]] = set()
    for _ in range(200):
        child = subprocess.Popen([sys.executable, "-c", CHILD, str(place), str(book)], stderr=subprocess.PIPE)
        lines = len(book.read_text().splitlines()) if book.exists() else 0
        # a moment of the work, not of the start: a few more calls after the first
        wanted = lines + moments.randint(1, 12)
        while child.poll() is None and (len(book.read_text().splitlines()) if book.exists() else 0) < wanted:
            time.sleep(0.001)
        if child.poll() is None:
            time.sleep(moments.random() * 0.006)
            child.send_signal(signal.SIGKILL)
            kills += 1
        child.wait()
        asked = {(task, int(sample)) for task, sample in map(str.split, book.read_text().splitlines()[lines:])}
        assert not asked & recorded  # nothing that was recorded is paid for twice
        spans = wb.Run(str(place)).spans()
        now = {
            (str(s.attributes["workbench.task.id"]), int(s.attributes["workbench.sample"]))
            for s in spans
            if s.attributes.get("gen_ai.operation.name") == "chat" and s.status != "ERROR"
        }
        assert recorded <= now  # nothing that was readable once is lost
        recorded = now
        if child.returncode == 0:
            break
    assert kills >= 20, f"only {kills} kills before the run was done"
    run = wb.Run(str(place))
    answers = wb.answers(run)
    assert sorted(answers.task_id, key=int) == [str(i) for i in range(100)] and (answers.score == 1).all()
    assert len(wb.calls(run)) == 300
    assert run.closed and run.verify() == []


def test_a_killed_run_leaves_its_record_readable(tmp_path: Path) -> None:
    place, book = tmp_path / "r", tmp_path / "book"
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(place), str(book)], stderr=subprocess.PIPE)
    while child.poll() is None and (len(book.read_text().splitlines()) if book.exists() else 0) < 40:
        time.sleep(0.002)
    child.send_signal(signal.SIGKILL)
    child.wait()
    run = wb.Run(str(place))
    calls = wb.calls(run)
    assert len(calls) >= 20 and not run.closed
    assert (wb.answers(run).score == 1).all() and len(MIX.models) == 1
