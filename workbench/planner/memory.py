"""Memory: weights, cache per thread with the prefix shared once, engine overhead; how many threads fit, and what gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from workbench.planner.workload import Array, Columns, Placement

GIB = float(2**30)
USABLE = (
    0.92  # of a GPU's memory that an engine takes for weights and cache (vLLM and SGLang defaults are 0.9 and 0.88)
)
OVERHEAD_GIB = 2.0  # CUDA context, graphs, activations and communication buffers per GPU
TRT_CACHE_SHARE = 0.9  # TensorRT-LLM gives this share of what weights leave to the cache


def weight_bytes_per_gpu(c: Columns) -> Array:
    """Bytes of weights on each GPU; embeddings stay in 16 bits, experts lie spread over the whole replica."""
    dense = (c.mixing_params + c.moe_layers * c.shared_params + c.dense_params) * c.dense_bytes
    routed = c.moe_layers * c.experts * c.expert_params * c.expert_bytes
    return (dense + 2 * c.embedding_params) / c.tp + routed / c.group


def thread_bytes(c: Columns, context: Any) -> Array:
    """Cache bytes per GPU of one thread holding `context` tokens."""
    shards = np.where(c.kv_lora_rank > 0, 1.0, np.minimum(c.tp, np.maximum(c.kv_heads, 1)))
    tokens = c.full_layers * context + c.window_layers * np.minimum(context, c.window)
    state = c.mixer_layers * c.state_mib * 2**20 / c.tp
    return np.asarray(tokens * c.kv_elements * c.kv_bytes / shards + state)


def free_bytes(c: Columns) -> Array:
    """Bytes per GPU left for the cache; negative where the weights do not fit."""
    total = np.array([p.gpu.memory_gib for p in c.places]) * GIB
    left = total - weight_bytes_per_gpu(c) - OVERHEAD_GIB * GIB
    trt = np.array([p.engine == "trtllm" for p in c.places])
    return np.where(trt, np.where(left > 0, TRT_CACHE_SHARE, 1.0) * left, left - (1 - USABLE) * total)


def capacity(c: Columns, context: Any, shared: Any = 0.0, sharers: Any = 1.0) -> Array:
    """Threads per replica that fit at `context` tokens each, of which `shared` lie once for every `sharers` threads."""
    per_thread = thread_bytes(c, context)
    if np.any(np.asarray(shared) > 0):
        prefix = thread_bytes(c, shared)
        per_thread = per_thread - prefix + prefix / np.maximum(sharers, 1.0)
    return np.maximum(free_bytes(c), 0.0) / per_thread * c.dp


@dataclass(frozen=True)
class MemoryUse:
    """Memory of one GPU in GiB, and the threads of one replica that fit."""

    weights_gib: float
    cache_per_thread_gib: float
    overhead_gib: float
    total_gib: float
    free_gib: float
    max_threads: int


def memory(place: Placement, context: float, shared: float = 0.0, sharers: float = 1.0) -> MemoryUse:
    """Memory of `place` for threads of `context` tokens that share their first `shared` tokens among `sharers` threads."""
    c = Columns([place])
    weights = float(weight_bytes_per_gpu(c)[0]) / GIB
    free = float(free_bytes(c)[0]) / GIB
    fit = float(capacity(c, context, shared, sharers)[0])
    per_thread = max(free, 0.0) / fit * float(c.dp[0]) if fit > 0 else float(thread_bytes(c, context)[0]) / GIB
    return MemoryUse(weights, per_thread, OVERHEAD_GIB, place.gpu.memory_gib, free, int(fit))
