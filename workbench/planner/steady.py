"""The steady state of a closed loop: `concurrency` clients, each sending its next request when the last is answered.

This is how public serving benchmarks measure (InferenceX, TensorRT-LLM's tables, genai-perf), so it is what the
coefficients are fitted through. Fan-out and open arrivals are simulated in `serving`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from workbench.planner.memory import capacity
from workbench.planner.steps import Coefficients, decode_time, prefill_fixed_time, prefill_time
from workbench.planner.workload import Array, Columns

MAX_THREADS = 2048.0  # engines' own limit on running sequences per replica when concurrency is unbounded


@dataclass(frozen=True)
class Steady:
    """Times in seconds and rates over all replicas, one entry per configuration."""

    ttft_s: Array
    tpot_s: Array
    e2e_s: Array
    throughput_tok_s: Array
    running: Array


def steady(c: Columns, k: Coefficients, prompt: Any, output: Any, concurrency: Any) -> Steady:
    """Steady state for prompts of `prompt` and answers of `output` tokens; `concurrency` inf means a full queue."""
    mine = np.asarray(concurrency, dtype=float) / c.replicas
    fits = np.maximum(1.0, capacity(c, prompt + k["reserve"] * output))
    running = np.maximum(1.0, np.minimum(np.minimum(mine, fits), MAX_THREADS))
    step = decode_time(c, k, running, prompt + output / 2)
    alone = prefill_time(c, k, prompt)
    start = prefill_fixed_time(c, k)
    tpot = step + running * (k["interleave"] * alone + k["prompt_share"] * start) / output
    wait_memory = np.where(np.isfinite(mine), np.maximum(mine / running - 1, 0.0), 0.0)
    first = (
        k["first_s"]
        + alone * c.dp
        + start
        + 0.5 * step
        + k["queue"] * alone * np.maximum(running - 1, 0.0) ** k["queue_power"]
    )
    ttft = first + k["backlog"] * wait_memory * output * tpot
    e2e = ttft + output * tpot
    full = running * output / (output * step + running * (alone + k["prompt_share"] * start))
    rate = np.where(np.isfinite(mine), np.where(np.isfinite(mine), mine, 1.0) * output / e2e, full)
    return Steady(ttft, tpot, e2e, c.replicas * rate, running)
