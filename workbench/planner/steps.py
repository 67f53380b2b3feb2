"""The time of one engine step, from its work at full rate and the fitted coefficients.

Roofline per kernel group (dense products, experts, attention, exchange), smoothly joined, plus fixed costs per layer,
call, step and thread. Source of the form: Williams et al., 'Roofline' (CACM 2009); NCCL's alpha-beta model for collectives.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from workbench.planner.coefficients import NAMES
from workbench.planner.workload import Array, Columns, decode_work, prefill_work

Coefficients = Mapping[str, Any]
_JOIN = 3.0  # exponent that joins the two sides of a roofline


def named(logs: Array) -> dict[str, Array]:
    """Coefficients by name from their logarithms (..., k)."""
    return dict(zip(NAMES, np.moveaxis(np.exp(logs), -1, 0), strict=True))


def _join(one: Any, other: Any) -> Any:
    high = np.maximum(one, other)
    low = np.minimum(one, other)
    ratio = np.divide(low, high, out=np.zeros_like(high), where=high > 0)
    return high * (1 + ratio**_JOIN) ** (1 / _JOIN)


def _narrow(c: Columns, k: Coefficients) -> Array:
    return np.asarray(np.where(c.expert_bytes < 1, k["narrow"], 1.0))


def fixed_time(c: Columns, k: Coefficients) -> Array:
    """Seconds of one step that depend on neither batch nor context: kernels per layer, collective calls, the step itself."""
    latent = np.where(c.kv_lora_rank > 0, c.attention_layers, 0.0)
    sparse = np.where(c.sparse_tokens > 0, c.attention_layers, 0.0)
    swaps = np.where((c.dp > 1) & (c.moe_layers > 0), 2 * c.moe_layers, 0.0)
    calls = np.where(c.tp > 1, 2 * c.blocks, 0.0) + swaps
    return np.asarray(
        c.blocks * k["block_s"]
        + c.moe_layers * k["expert_block_s"]
        + latent * k["latent_block_s"]
        + sparse * k["sparse_block_s"]
        + c.mixer_layers * k["mixer_block_s"]
        + k["step_s"]
        + calls * k["call_s"]
    )


def decode_parts(c: Columns, k: Coefficients, batch: Any, context: Any) -> dict[str, Array]:
    """Seconds of one decode step of `batch` threads per replica at `context` tokens, by what they are spent on."""
    work = decode_work(c, batch, context, k["spread"])
    narrow = _narrow(c, k)
    moved = batch / c.dp * c.hidden * c.blocks * 2 / c.bandwidth
    return {
        "weights": _join(work["dense_read"] / k["read"], work["dense_flop"] / k["multiply"]) / narrow,
        "experts": _join(work["expert_read"] / k["expert_read"], work["expert_flop"] / k["expert_multiply"]) / narrow,
        "attention": _join(work["cache_read"] / k["cache_read"], work["score_flop"] / k["score"])
        + work["state_read"] / k["read"],
        "network": work["send"] / k["send"],
        "overhead": fixed_time(c, k) + batch * k["thread_s"] + moved * k["moves"],
    }


def decode_time(c: Columns, k: Coefficients, batch: Any, context: Any) -> Array:
    """Seconds of one decode step."""
    parts = decode_parts(c, k, batch, context)
    return np.asarray(k["pace"] * sum(parts.values(), start=np.zeros(len(c.places))))


def prefill_fixed_time(c: Columns, k: Coefficients) -> Array:
    """Seconds of one prefill step that do not depend on its tokens."""
    latent = np.where(c.kv_lora_rank > 0, c.attention_layers, 0.0)
    per_layer = c.blocks * k["prompt_block_s"] + c.moe_layers * k["prompt_expert_s"] + latent * k["prompt_latent_s"]
    return np.asarray(k["prompt_pace"] * per_layer)


def prefill_time(c: Columns, k: Coefficients, tokens: Any, past: Any = 0.0) -> Array:
    """Seconds of a replica's time that one prompt of `tokens` tokens after `past` cached ones takes, fixed costs left out."""
    work = prefill_work(c, tokens, past)
    products = (work["dense_flop"] / k["prefill"] + work["expert_flop"] / k["expert_prefill"]) / _narrow(c, k)
    moved = tokens * c.hidden * c.blocks * 2 / c.group / c.bandwidth
    rest = work["score_flop"] / k["prefill_score"] + work["send"] / k["send"] + moved * k["moves"]
    return np.asarray(k["prompt_pace"] * (products + rest))
