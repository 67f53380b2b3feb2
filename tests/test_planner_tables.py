"""The planner's tables and names: shapes agree with published sizes, spellings find the same row, wrong ones say what is near."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from workbench.errors import DataError, UsageError
from workbench.planner import architectures, hardware, prices
from workbench.planner.engines import engine
from workbench.planner.layout import Refused, resolve


@pytest.mark.parametrize("shape", [s for s in architectures.table().values() if s.params_b], ids=lambda s: s.name)
def test_a_shape_has_the_parameters_its_publisher_names(shape: architectures.ModelShape) -> None:
    assert shape.total_params / 1e9 == pytest.approx(shape.params_b, rel=0.03)
    assert shape.active_params / 1e9 == pytest.approx(shape.active_b, rel=0.12)


def test_kv_cache_of_known_models() -> None:
    llama = architectures.model("llama-3.1-70b")
    assert (
        2 * llama.full_layers * llama.kv_elements == 327_680
    )  # bytes per token in 16 bits, as vLLM's documentation counts
    deepseek = architectures.model("DeepSeek-R1")
    assert deepseek.kv_elements == 576  # latent 512 and rotary 64, 2405.04434


@pytest.mark.parametrize(
    ("spelled", "name"),
    [("H200", "h200_sxm"), ("H200-SXM", "h200_sxm"), ("NVIDIA H100 80GB HBM3", "h100_sxm"), ("A100-PCIe-80GB", "a100_pcie"),
     ("GB200-NVL72", "gb200"), ("MI300X", "mi300x"), ("RTX4090", "rtx_4090"), ("l40s", "l40s")],
)  # fmt: skip
def test_gpu_spellings(spelled: str, name: str) -> None:
    assert hardware.gpu(spelled).name == name


@pytest.mark.parametrize(
    ("spelled", "name"),
    [("meta-llama/Llama-3.1-70B", "meta-llama/Llama-3.1-70B"), ("llama-3.1-70b", "meta-llama/Llama-3.1-70B"),
     ("LLaMA 70B", "meta-llama/Llama-2-70b"), ("nvidia/DeepSeek-R1-NVFP4", "deepseek-ai/DeepSeek-R1"),
     ("zhipuai/GLM-5", "zai-org/GLM-5"), ("Qwen/Qwen3-235B-A22B-FP8", "Qwen/Qwen3-235B-A22B")],
)  # fmt: skip
def test_model_spellings(spelled: str, name: str) -> None:
    assert architectures.model(spelled).name == name


@pytest.mark.parametrize(
    ("text", "answer"),
    [("trtllm 1.2.0rc2", ("trtllm", "1.2.0rc2")), ("TensorRT-LLM 0.14", ("trtllm", "0.14")), ("vLLM", ("vllm", "")),
     ("sglang nan", ("sglang", "")), ("", ("any", "")), ("ROCm 6.4.2, vLLM 0.9", ("vllm", "ROCm 6.4.2, vLLM 0.9"))],
)  # fmt: skip
def test_engine_spellings(text: str, answer: tuple[str, str]) -> None:
    assert engine(text) == answer


def test_unknown_names_say_what_is_near() -> None:
    with pytest.raises(UsageError, match="h100_sxm"):
        hardware.gpu("H10O-SXM")
    with pytest.raises(UsageError, match=r"Llama-3\.1-70B"):
        architectures.model("lama-3.1-70b")
    with pytest.raises(UsageError, match="vllm"):
        engine("vlm")


def test_every_public_spelling_is_known(shared: Path) -> None:
    for row in csv.DictReader((shared / "data/serving/gpus.csv").open()):
        hardware.gpu(row["gpu"])
    for row in csv.DictReader((shared / "data/serving/models.csv").open()):
        architectures.model(row["model"])
    for row in csv.DictReader((shared / "data/serving/gpu_prices.csv").open()):
        hardware.gpu(row["gpu"])


def test_shapes_agree_with_the_public_table(shared: Path) -> None:
    """An independent reading of the same configurations: hidden size, heads, experts and vocabulary."""
    for row in csv.DictReader((shared / "data/serving/models.csv").open()):
        shape = architectures.model(row["model"])
        if shape.checked == "incomplete" or "Qwen3-VL-2B" in row["model"]:
            continue
        assert (shape.hidden, shape.vocab) == (int(row["hidden"]), int(row["vocab"])), row["model"]
        assert shape.heads == int(row["heads"]), row["model"]
        if row["experts"]:
            assert shape.experts == int(float(row["experts"])), row["model"]


def test_a_hugging_face_config_is_read(tmp_path: Path) -> None:
    config = {
        "hidden_size": 4096, "num_attention_heads": 32, "num_key_value_heads": 8, "num_hidden_layers": 32,
        "intermediate_size": 14336, "vocab_size": 128256, "hidden_act": "silu", "tie_word_embeddings": False,
    }  # fmt: skip
    path = tmp_path / "Llama-3.1-8B" / "config.json"
    path.parent.mkdir()
    path.write_text(json.dumps(config))
    ours, listed = architectures.model(path), architectures.model("llama-3.1-8b")
    assert ours.total_params == listed.total_params
    assert ours.kv_elements == listed.kv_elements
    path.write_text(json.dumps({"hidden_size": 4096}))
    with pytest.raises(DataError, match="num_attention_heads"):
        architectures.model(path)


def test_a_mixture_config_is_read(tmp_path: Path) -> None:
    config = {
        "hidden_size": 7168, "num_attention_heads": 128, "num_key_value_heads": 128, "num_hidden_layers": 61,
        "vocab_size": 129280, "intermediate_size": 18432, "moe_intermediate_size": 2048, "n_routed_experts": 256,
        "n_shared_experts": 1,
        "num_experts_per_tok": 8, "first_k_dense_replace": 3, "q_lora_rank": 1536, "kv_lora_rank": 512, "qk_nope_head_dim": 128,
        "qk_rope_head_dim": 64, "v_head_dim": 128, "quantization_config": {"quant_method": "fp8"},
    }  # fmt: skip
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config))
    assert architectures.from_config(path).total_params == architectures.model("DeepSeek-V3").total_params


def test_impossible_placements_say_what_would_do() -> None:
    with pytest.raises(Refused, match="heads"):
        resolve("H100", 8, "Qwen2.5-14B", "bf16", "vllm", tp=16)
    with pytest.raises(Refused, match="no 4-bit"):
        resolve("H100", 1, "llama-3.1-8b", "fp4", "vllm")
    with pytest.raises(Refused, match="no fp8"):
        resolve("A100", 1, "llama-3.1-8b", "fp8", "vllm")
    with pytest.raises(Refused, match="not public"):
        resolve("B200", 8, "Kimi-K3", "fp4", "vllm")
    with pytest.raises(Refused, match="does not divide 4 GPUs"):
        resolve("H100", 4, "llama-3.1-8b", "bf16", "vllm", tp=8)


def test_prices_are_ranges_with_a_date() -> None:
    price = prices.gpu_price("H100")
    assert 0 < price.low <= price.middle <= price.high and price.date
    with pytest.raises(UsageError, match="usd_per_gpu_hour"):
        prices.gpu_price("gb200")


def test_a_whole_machine_is_laid_out_in_copies() -> None:
    assert resolve("H200", 8, "llama2-70b", "fp8", "TensorRT 10.11.0, CUDA 12.9").place.replicas > 1
    assert resolve("H200", 8, "llama2-70b", "fp8", "TensorRT-LLM 1.0").place.replicas == 1
