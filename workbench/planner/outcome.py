"""What a simulation found: times of every counted request, rates, utilisation and traffic."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from workbench.planner.workload import Array


@dataclass
class Outcome:
    """Figures of one simulation; arrays have one entry per counted request, times in seconds."""

    arrival_s: Array
    e2e_s: Array
    ttft_s: Array
    thread_s: Array
    tpot_s: Array
    threads: Array
    duration_s: float
    throughput_rps: float
    tokens_in: float
    tokens_out: int
    tokens_generated: int
    utilisation: list[float]
    reduce_bytes: float
    result_bytes: float
    preemptions: int
    in_flight: float
    finished: int = 0
    backlog: int = 0
    extra: dict[str, float] = field(default_factory=dict)

    def percentile(self, name: str, q: float) -> float:
        """Percentile `q` (0-100) of one of the arrays."""
        values = getattr(self, f"{name}_s")
        return float(np.percentile(values, q)) if len(values) else math.nan


def summary(outcome: Outcome) -> Mapping[str, float]:
    """Percentiles and rates of a simulation, by name."""
    return {
        **{f"{n}_p{q}_s": outcome.percentile(n, q) for n in ("e2e", "ttft", "thread") for q in (50, 95, 99)},
        "tpot_p50_ms": outcome.percentile("tpot", 50) * 1e3,
        "throughput_rps": outcome.throughput_rps,
        "utilisation": float(np.mean(outcome.utilisation)) if outcome.utilisation else 0.0,
        "preemptions": float(outcome.preemptions),
        "in_flight": outcome.in_flight,
    }
