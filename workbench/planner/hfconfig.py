"""A local Hugging Face config.json, read into the fields of a model shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.errors import DataError

_NATIVE = {"fp8": "fp8", "mxfp4": "fp4", "modelopt": "fp4", "nvfp4": "fp4", "awq": "int4", "gptq": "int4"}


def shape_fields(raw: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The fields of `ModelShape` that a config.json gives; multimodal configs are read through `text_config`."""
    config: Mapping[str, Any] = raw.get("text_config", raw)

    def need(*names: str) -> int:
        for name in names:
            if config.get(name) is not None:
                return int(config[name])
        raise DataError(f"{where}: needs {' or '.join(names)}; found {', '.join(sorted(config)[:20])}")

    def maybe(*names: str) -> int:
        return next((int(config[name]) for name in names if config.get(name)), 0)

    hidden, heads, layers = (
        need("hidden_size", "n_embd"),
        need("num_attention_heads", "n_head"),
        need("num_hidden_layers", "n_layer"),
    )
    experts = maybe("n_routed_experts", "num_local_experts", "num_experts")
    full, window_layers, mixers = _layer_kinds(config, layers)
    first_dense = maybe("first_k_dense_replace")
    moe_layers = layers - first_dense if experts else 0
    expert_width = maybe("moe_intermediate_size") or maybe("intermediate_size")
    shared = maybe("shared_expert_intermediate_size") or maybe("n_shared_experts") * expert_width
    quant = raw.get("quantization_config") or {}
    return {
        "hidden": hidden,
        "vocab": need("vocab_size"),
        "heads": heads,
        "kv_heads": maybe("num_key_value_heads") or heads,
        "head_dim": maybe("head_dim") or hidden // heads,
        "full_layers": full,
        "window_layers": window_layers,
        "window": maybe("sliding_window") if window_layers else 0,
        "mixer_layers": mixers,
        "mixer_params_m": 4 * hidden * hidden / 1e6 if mixers else 0.0,
        "dense_layers": layers - moe_layers,
        "intermediate": maybe("intermediate_size", "n_inner") or 4 * hidden,
        "mlp_matrices": 3 if str(config.get("hidden_act", "silu")) in ("silu", "swiglu", "gelu_pytorch_tanh") else 2,
        "moe_layers": moe_layers,
        "experts": experts,
        "experts_per_token": maybe("num_experts_per_tok", "experts_per_token"),
        "moe_intermediate": expert_width if experts else 0,
        "shared_intermediate": shared if experts else 0,
        "q_lora_rank": maybe("q_lora_rank"),
        "kv_lora_rank": maybe("kv_lora_rank"),
        "qk_nope": maybe("qk_nope_head_dim"),
        "qk_rope": maybe("qk_rope_head_dim"),
        "v_head_dim": maybe("v_head_dim"),
        "sparse_tokens": maybe("index_topk"),
        "tied": int(bool(config.get("tie_word_embeddings", False))),
        "native": _NATIVE.get(str(quant.get("quant_method", "")), "bf16"),
    }


def _layer_kinds(config: Mapping[str, Any], layers: int) -> tuple[int, int, int]:
    """Layers with a full cache, with a window, and with a state of fixed size."""
    kinds = config.get("layer_types")
    if not kinds:
        return layers, 0, 0
    window = sum(kind == "sliding_attention" for kind in kinds)
    mixers = sum("linear" in kind or "mamba" in kind for kind in kinds)
    return len(kinds) - window - mixers, window, mixers
