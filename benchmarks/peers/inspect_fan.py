"""Inspect AI: five epochs of every sample, reduced by their mode; args: api_base calls in_flight. Prints JSON."""

import json
import os
import sys
import tempfile
import time

from inspect_ai import Epochs, Task, eval
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.scorer import match
from inspect_ai.solver import generate, system_message

AGENTS = 5
api_base, calls, in_flight = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
os.environ |= {"MOCK_API_KEY": "none", "MOCK_BASE_URL": api_base}


def work(n: int, folder: str) -> None:
    samples = [Sample(input=f"What is {i} + 1?", target="4") for i in range(n)]
    task = Task(
        dataset=MemoryDataset(samples),
        solver=[system_message("Work step by step." * 10), generate()],
        scorer=match(numeric=True),
        epochs=Epochs(AGENTS, "mode"),
    )
    (log,) = eval(
        task,
        model="openai-api/mock/m",
        max_connections=in_flight,
        max_samples=in_flight,
        log_dir=folder,
        display="none",
        log_level="error",
        max_retries=0,
    )
    assert log.status == "success", log.error


with tempfile.TemporaryDirectory() as folder:
    work(max(1, in_flight // AGENTS), folder)
    wall, cpu = time.perf_counter(), time.process_time()
    work(calls // AGENTS, folder)
    print(json.dumps({"seconds": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu, "calls": calls}))
