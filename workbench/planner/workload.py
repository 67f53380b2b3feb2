"""Configurations as columns: what one engine step must read, compute and send, in seconds at a GPU's full rates.

Everything here is arithmetic on shapes and data sheets; nothing is fitted. `steps` turns it into time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.planner.architectures import ModelShape
from workbench.planner.hardware import Gpu

Array = NDArray[np.float64]

BYTES = {"bf16": 2.0, "fp8": 1.0, "int8": 1.0, "fp4": 0.5625, "int4": 0.5625}  # 4-bit formats carry a scale per block
_SHAPE = (
    "hidden", "vocab", "kv_heads", "kv_elements", "kv_lora_rank", "score_width", "prefill_width", "full_layers",
    "window_layers", "window", "mixing_params", "dense_params", "shared_params", "expert_params", "moe_layers", "experts",
    "experts_per_token", "attention_layers", "sparse_tokens", "blocks", "state_mib", "mixer_layers", "embedding_params",
)  # fmt: skip
_LAYOUT = (
    "bandwidth", "peak", "peak16", "link", "switched", "tp", "dp", "ep", "replicas", "dense_bytes", "expert_bytes", "kv_bytes",
)  # fmt: skip


@dataclass(frozen=True)
class Placement:
    """How one model lies on GPUs: `tp` ranks share a layer, `dp` attention replicas share the experts, `ep` of them hold
    whole experts; `replicas` independent copies."""

    shape: ModelShape
    gpu: Gpu
    precision: str
    engine: str
    tp: int = 1
    dp: int = 1
    ep: int = 1
    replicas: int = 1
    kv_precision: str = ""

    @property
    def gpus(self) -> int:
        return self.tp * self.dp * self.replicas


def weight_bytes(place: Placement) -> tuple[float, float]:
    """Bytes per parameter of (attention and other dense weights, routed experts)."""
    width = BYTES[place.precision]
    experts_only = place.shape.experts and (
        place.precision == "int4" or (place.precision == "fp4" and place.shape.native == "fp4")
    )
    return (2.0 if experts_only else width), width


def kv_bytes(place: Placement) -> float:
    """Bytes per cached number; TensorRT-LLM quantises the cache with the weights, the others keep 16 bits."""
    kv = place.kv_precision or ("fp8" if place.engine == "trtllm" and place.precision in ("fp8", "fp4") else "bf16")
    return BYTES[kv]


class Columns:
    """Arrays over configurations: shape and GPU numbers by name, with the layout beside them."""

    def __init__(self, places: Sequence[Placement]) -> None:
        self.places = places
        memo: dict[int, list[float]] = {}
        rows = []
        for place in places:
            key = id(place.shape)
            if key not in memo:
                memo[key] = [float(getattr(place.shape, name)) for name in _SHAPE]
            rows.append(memo[key])
        block = np.array(rows, dtype=float).T
        self.shape: dict[str, Array] = dict(zip(_SHAPE, block, strict=True))
        hardware = [
            (
                p.gpu.bandwidth_tb_s * 1e12,
                p.gpu.peak_tflops(p.precision) * 1e12,
                p.gpu.bf16_tflops * 1e12,
                (p.gpu.scaleup_gb_s if p.tp * p.dp <= max(8, p.gpu.scaleup_gpus) else p.gpu.scaleout_gb_s) * 1e9,
                float(p.gpu.switched),
                p.tp, p.dp, p.ep, p.replicas,
                *weight_bytes(p), kv_bytes(p),
            )
            for p in places
        ]  # fmt: skip
        self.layout: dict[str, Array] = dict(zip(_LAYOUT, np.array(hardware, dtype=float).T, strict=True))

    def __getattr__(self, name: str) -> Array:
        for source in ("shape", "layout"):
            column = self.__dict__.get(source, {}).get(name)
            if column is not None:
                return column  # type: ignore[no-any-return]
        raise AttributeError(name)

    @property
    def group(self) -> Array:
        """GPUs of one replica."""
        return self.tp * self.dp


def touched_experts(c: Columns, tokens: Any, spread: Any = 1.0) -> Array:
    """Distinct experts that `tokens` tokens reach, each choosing at random; `spread` < 1 for correlated choices."""
    share = np.divide(c.experts_per_token, c.experts, out=np.zeros_like(c.experts), where=c.experts > 0)
    return np.asarray(c.experts * -np.expm1(np.log1p(-np.minimum(share, 0.999999)) * tokens**spread))


def cached_token_layers(c: Columns, context: Any) -> Array:
    """Token-layers one thread reads per step at `context` tokens."""
    full = np.where(c.sparse_tokens > 0, np.minimum(context, c.sparse_tokens), context)
    return np.asarray(c.full_layers * full + c.window_layers * np.minimum(context, c.window))


def decode_work(c: Columns, batch: Any, context: Any, spread: Any = 1.0) -> dict[str, Array]:
    """Seconds at full rate for one decode step of `batch` threads per replica, each `context` tokens long."""
    rank = batch / c.dp
    dense_per_rank = c.mixing_params + c.moe_layers * c.shared_params
    head = c.vocab * c.hidden
    touched = touched_experts(c, batch, spread)
    cache_shards = np.where(c.kv_lora_rank > 0, 1.0, np.minimum(c.tp, np.maximum(c.kv_heads, 1)))
    active_experts = c.moe_layers * c.experts_per_token * c.expert_params
    tokens_kv = cached_token_layers(c, context)
    return {
        "dense_read": (dense_per_rank * c.dense_bytes + head * 2 + c.dense_params * c.dense_bytes) / c.tp / c.bandwidth,
        "expert_read": c.moe_layers * touched * c.expert_params * c.expert_bytes / c.group / c.bandwidth,
        "cache_read": rank * tokens_kv * c.kv_elements * c.kv_bytes / cache_shards / c.bandwidth,
        "state_read": 2 * rank * c.mixer_layers * c.state_mib * 2**20 / c.tp / c.bandwidth,
        "dense_flop": 2 * rank * (dense_per_rank + c.dense_params + head) / c.tp / c.peak,
        "expert_flop": 2 * batch * active_experts / c.group / c.peak,
        "score_flop": 4 * rank * tokens_kv * c.score_width / c.tp / c.peak16,
        **_traffic(c, rank),
    }


def prefill_work(c: Columns, tokens: Any, past: Any = 0.0) -> dict[str, Array]:
    """Seconds at full rate to prefill one prompt of `tokens` tokens after `past` cached ones, amortised over its replica."""
    dense_per_rank = c.mixing_params + c.moe_layers * c.shared_params + c.dense_params
    active_experts = c.moe_layers * c.experts_per_token * c.expert_params
    pairs = tokens * (past + tokens / 2)
    reach = np.where(c.sparse_tokens > 0, np.minimum(tokens * c.sparse_tokens, pairs), pairs)
    near = np.minimum(tokens * c.window, pairs)
    scores = 4 * (c.full_layers * reach + c.window_layers * near) * c.prefill_width
    return {
        "dense_flop": 2 * tokens * dense_per_rank / c.group / c.peak,
        "expert_flop": 2 * tokens * active_experts / c.group / c.peak,
        "score_flop": scores / c.group / c.peak16,
        **_traffic(c, tokens / c.dp),
    }


def _traffic(c: Columns, rank_tokens: Any) -> dict[str, Array]:
    """Reductions over tensor ranks (ring volume) and expert exchange over data ranks, in seconds and in counts."""
    many = c.tp > 1
    blocks = 2 * c.blocks
    reduce = np.where(many, blocks * rank_tokens * c.hidden * 2 * 2 * (c.tp - 1) / c.tp, 0.0)
    swap = np.where((c.dp > 1) & (c.moe_layers > 0), c.moe_layers, 0.0)
    exchanged = swap * rank_tokens * c.hidden * 2 * 2 * np.minimum(c.experts_per_token, c.dp - 1)
    return {
        "reduce_bytes": reduce,
        "swap_bytes": exchanged,
        "send": (reduce + exchanged) / c.link,
        "calls": np.where(many, blocks, 0.0) + 2 * swap,
    }
