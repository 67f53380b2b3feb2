"""What must always hold of memory and step times, whatever the configuration."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.planner.coefficients import shipped
from workbench.planner.hardware import gpu
from workbench.planner.keys import keys
from workbench.planner.layout import Refused, check_fit, resolve
from workbench.planner.memory import memory
from workbench.planner.steady import steady
from workbench.planner.steps import decode_time, named, prefill_time
from workbench.planner.workload import Columns, Placement

GPUS = st.sampled_from(["h100_sxm", "h200_sxm", "b200_sxm", "a100_sxm", "mi300x", "l40s", "gb300"])
MODELS = st.sampled_from(
    ["llama-3.1-8b", "llama-3.1-70b", "gpt-oss-120b", "DeepSeek-R1", "Qwen3.5-397B-A17B", "gemma-3-27b"]
)
TP = st.sampled_from([1, 2, 4, 8])


def place(card: str, model: str, tp: int, **changes: Any) -> Placement:
    found = resolve(card, tp, model, "bf16" if "gpt" not in model else "fp4", "vllm", tp=tp).place
    return replace(found, gpu=replace(found.gpu, **changes))


def times(of: Placement, batch: float, context: float) -> tuple[float, float]:
    logs, _, _ = shipped().design([keys(of)])
    c, k = Columns([of]), named(logs)
    return float(decode_time(c, k, batch, context)[0]), float(prefill_time(c, k, context)[0])


@settings(max_examples=60, deadline=None)
@given(GPUS, MODELS, TP, st.integers(1, 512), st.integers(1, 30_000), st.floats(1.01, 8))
def test_more_bandwidth_never_slows_a_step(
    card: str, model: str, tp: int, batch: int, context: int, more: float
) -> None:
    base = gpu(card)
    slow = times(place(card, model, tp), batch, context)
    for change in ("bandwidth_tb_s", "scaleup_gb_s", "bf16_tflops"):
        fast = times(place(card, model, tp, **{change: getattr(base, change) * more}), batch, context)
        assert fast[0] <= slow[0] * (1 + 1e-12) and fast[1] <= slow[1] * (1 + 1e-12)


@settings(max_examples=60, deadline=None)
@given(GPUS, MODELS, TP, st.integers(100, 30_000), st.floats(1.01, 4), st.integers(1, 16))
def test_more_memory_never_lowers_the_threads_that_fit(
    card: str, model: str, tp: int, context: int, more: float, sharers: int
) -> None:
    base = gpu(card).memory_gib
    shared = context / 2
    small = memory(place(card, model, tp), context, shared, sharers)
    large = memory(place(card, model, tp, memory_gib=base * more), context, shared, sharers)
    assert large.max_threads >= small.max_threads
    assert memory(place(card, model, tp), context, shared, sharers + 1).max_threads >= small.max_threads


@settings(max_examples=60, deadline=None)
@given(GPUS, MODELS, TP, st.integers(1, 256), st.integers(1, 20_000))
def test_more_work_never_takes_less_time(card: str, model: str, tp: int, batch: int, context: int) -> None:
    of = place(card, model, tp)
    here = times(of, batch, context)
    assert times(of, batch + 1, context)[0] >= here[0] * (1 - 1e-9)
    assert times(of, batch, context + 500)[0] >= here[0] * (1 - 1e-9)
    assert times(of, batch, context + 500)[1] >= here[1]


@settings(max_examples=40, deadline=None)
@given(GPUS, MODELS, TP, st.integers(32, 8192), st.integers(16, 4096), st.integers(1, 1024))
def test_littles_law_holds_in_the_steady_state(
    card: str, model: str, tp: int, isl: int, osl: int, clients: int
) -> None:
    of = place(card, model, tp)
    logs, _, _ = shipped().design([keys(of)])
    out = steady(Columns([of]), named(logs), np.array([float(isl)]), np.array([float(osl)]), np.array([float(clients)]))
    assert out.throughput_tok_s[0] / osl * out.e2e_s[0] == pytest.approx(clients)


def test_weights_that_do_not_fit_say_by_how_much_and_what_would() -> None:
    with pytest.raises(Refused, match=r"GiB short per GPU; tp=2 .* would fit"):
        check_fit(resolve("H100", 1, "llama-3.1-70b", "bf16", "vllm").place, 2048)


def test_the_prefix_is_held_once() -> None:
    of = place("h100_sxm", "llama-3.1-8b", 1)
    alone, together = memory(of, 2000), memory(of, 2000, shared=1800, sharers=10)
    assert together.cache_per_thread_gib == pytest.approx(alone.cache_per_thread_gib * (200 + 180) / 2000)
    assert together.max_threads == pytest.approx(alone.max_threads * 2000 / 380, rel=0.01)
