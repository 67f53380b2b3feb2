"""Model shapes: what a transformer's configuration says about its weights, its cache and its arithmetic."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from workbench.errors import DataError, UsageError
from workbench.planner.hfconfig import shape_fields
from workbench.planner.names import Names
from workbench.planner.tables import listed, rows


@dataclass(frozen=True)
class ModelShape:
    """Shape of one decoder; every count is per model unless it says per layer. Parameters follow from the shape.

    Layers are counted by what they do, so that hybrids fit: `full_layers` keep all tokens' keys and values,
    `window_layers` keep the last `window`, `mixer_layers` (Mamba, linear attention) keep a state of fixed size;
    `dense_layers` and `moe_layers` are the feed-forward blocks. `kv_lora_rank > 0` means multi-head latent
    attention (DeepSeek-V2, 2405.04434); `sparse_tokens > 0` that a step reads at most so many cached tokens.
    """

    name: str
    hidden: int
    vocab: int
    heads: int
    kv_heads: int
    head_dim: int
    full_layers: int
    window_layers: int = 0
    window: int = 0
    mixer_layers: int = 0
    mixer_params_m: float = 0.0
    state_mib: float = 0.0
    attention_params_m: float = 0.0
    kv_width: int = 0
    dense_layers: int = 0
    intermediate: int = 0
    mlp_matrices: int = 3
    moe_layers: int = 0
    experts: int = 0
    experts_per_token: int = 0
    moe_intermediate: int = 0
    shared_intermediate: int = 0
    moe_hidden: int = 0
    q_lora_rank: int = 0
    kv_lora_rank: int = 0
    qk_nope: int = 0
    qk_rope: int = 0
    v_head_dim: int = 0
    sparse_tokens: int = 0
    tied: int = 0
    native: str = "bf16"
    params_b: float = 0.0
    active_b: float = 0.0
    family: str = ""
    source: str = ""
    checked: str = "unverified"

    def __post_init__(self) -> None:
        for name in ("hidden", "vocab", "heads", "head_dim"):
            if getattr(self, name) <= 0:
                raise UsageError(f"model {self.name!r}: {name} must be positive, not {getattr(self, name)}")
        if self.heads % max(1, self.kv_heads):
            raise UsageError(f"model {self.name!r}: {self.heads} heads are not a multiple of {self.kv_heads} KV heads")
        if self.experts and not 0 < self.experts_per_token <= self.experts:
            raise UsageError(f"model {self.name!r}: {self.experts_per_token} of {self.experts} experts per token")

    @property
    def attention_layers(self) -> int:
        return self.full_layers + self.window_layers

    @property
    def blocks(self) -> int:
        """Kernel-launching blocks: half the sum of mixing and feed-forward layers (= layers of a plain decoder)."""
        return round((self.attention_layers + self.mixer_layers + self.dense_layers + self.moe_layers) / 2)

    @property
    def attention_params(self) -> float:
        """Parameters of one attention layer."""
        if self.attention_params_m:
            return self.attention_params_m * 1e6
        h, n = self.hidden, self.heads
        if self.kv_lora_rank:
            qk = self.qk_nope + self.qk_rope
            query = h * self.q_lora_rank + self.q_lora_rank * n * qk if self.q_lora_rank else h * n * qk
            cache_in = h * (self.kv_lora_rank + self.qk_rope)
            return query + cache_in + self.kv_lora_rank * n * (self.qk_nope + self.v_head_dim) + n * self.v_head_dim * h
        return h * self.head_dim * (2 * n + 2 * self.kv_heads)

    @property
    def mixing_params(self) -> float:
        """Parameters of all attention and mixer layers."""
        return self.attention_layers * self.attention_params + self.mixer_layers * self.mixer_params_m * 1e6

    @property
    def dense_params(self) -> float:
        """Parameters of all dense feed-forward layers."""
        return self.dense_layers * self.mlp_matrices * self.hidden * self.intermediate

    @property
    def expert_params(self) -> float:
        """Parameters of one routed expert."""
        return self.mlp_matrices * (self.moe_hidden or self.hidden) * self.moe_intermediate

    @property
    def shared_params(self) -> float:
        """Parameters of the shared experts (and of latent projections, where there are any) of one layer."""
        latent = 2 * self.hidden * self.moe_hidden if self.moe_hidden else 0
        return self.mlp_matrices * self.hidden * self.shared_intermediate + latent

    @property
    def embedding_params(self) -> float:
        return self.vocab * self.hidden * (1 if self.tied else 2)

    @property
    def total_params(self) -> float:
        routed = self.moe_layers * (self.shared_params + self.experts * (self.expert_params + self.hidden))
        return self.mixing_params + self.dense_params + routed + self.embedding_params

    @property
    def active_params(self) -> float:
        """Parameters one token passes through, embedding table left out."""
        routed = self.moe_layers * (self.shared_params + self.experts_per_token * self.expert_params)
        return self.mixing_params + self.dense_params + routed + self.vocab * self.hidden

    @property
    def kv_elements(self) -> int:
        """Cached numbers per token and attention layer."""
        if self.kv_width:
            return self.kv_width
        return self.kv_lora_rank + self.qk_rope if self.kv_lora_rank else 2 * self.kv_heads * self.head_dim

    @property
    def score_width(self) -> float:
        """Multiply-adds per query token, cached token and layer in decode, halved: queries·keys plus weights·values."""
        if self.kv_lora_rank:
            return self.heads * (2 * self.kv_lora_rank + self.qk_rope) / 2
        return self.heads * self.head_dim

    @property
    def prefill_width(self) -> float:
        """As `score_width`, in prefill, where latent attention works on the unfolded heads."""
        if self.kv_lora_rank:
            return self.heads * (self.qk_nope + self.qk_rope + self.v_head_dim) / 2
        return self.heads * self.head_dim


@cache
def table() -> Mapping[str, ModelShape]:
    """The shipped shapes by name (workbench/planner/data/models.csv)."""
    return listed(ModelShape, "models")


@cache
def aliases() -> Names:
    """The tolerant name matcher of the shipped models."""
    return Names("model", table(), {row["alias"]: row["model"] for row in rows("model_names")})


def model(name: str | ModelShape | Path) -> ModelShape:
    """Return the shape called `name`: a listed model in any common spelling, or a path to a Hugging Face config.json."""
    if isinstance(name, ModelShape):
        return name
    if isinstance(name, Path) or str(name).endswith(".json"):
        return from_config(name)
    return table()[aliases().find(str(name))]


def from_config(path: str | Path) -> ModelShape:
    """Read the shape from a local Hugging Face `config.json`; `DataError` names the missing field."""
    path = Path(path)
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError) as error:
        raise DataError(f"{path}: not a readable config.json: {error}") from error
    name = str(config.get("_name_or_path") or path.parent.name or path.stem)
    return ModelShape(name=name, source=str(path), **shape_fields(config, str(path)))


def scaled(shape: ModelShape, **changes: Any) -> ModelShape:
    """A changed copy, checked again."""
    return replace(shape, **changes)
