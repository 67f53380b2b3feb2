"""Estimates and batches: answered with an interval or refused with a reason; the shipped coefficients against held-out rows."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from workbench.errors import DataError, UsageError
from workbench.planner.batch import OUTPUTS, predict_batch
from workbench.planner.coefficients import load_effects, shipped
from workbench.planner.command import plan as command
from workbench.planner.estimate import Request, estimate, estimates
from workbench.planner.layout import Refused
from workbench.planner.load import Load, lengths
from workbench.planner.plans import plan
from workbench.planner.prices import Api

HEAD = "gpu,n_gpus,model,precision,engine,isl,osl,concurrency,tp\n"


def fit_tool() -> ModuleType:
    path = Path(__file__).parents[1] / "tools" / "fit_planner.py"
    spec = importlib.util.spec_from_file_location("fit_planner", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["fit_planner"] = module
    spec.loader.exec_module(module)
    return module


def width(answer: object, name: str = "e2e_ms") -> float:
    values = answer.values  # type: ignore[attr-defined]
    return float(values[f"{name}_high"] / values[f"{name}_low"])


def test_every_output_lies_in_its_interval() -> None:
    answer = estimate(Request("h200_sxm", 4, "meta-llama/Llama-3.1-70B", "fp8", "vllm", 1024, 1024, 16))
    for name in OUTPUTS:
        assert answer.values[f"{name}_low"] < answer.values[name] < answer.values[f"{name}_high"]


def test_intervals_widen_away_from_what_was_measured() -> None:
    known = estimate(Request("h200_sxm", 4, "llama-3.1-70b", "fp8", "vllm", 1024, 1024, 16))
    model = estimate(Request("h200_sxm", 4, "gemma-3-27b", "bf16", "vllm", 1024, 1024, 16))
    card = estimate(Request("mi300x", 4, "llama-3.1-70b", "fp8", "vllm", 1024, 1024, 16))
    long = estimate(Request("h200_sxm", 4, "llama-3.1-70b", "fp8", "vllm", 100_000, 1024, 4))
    near = estimate(Request("h200_sxm", 4, "llama-3.1-70b", "fp8", "vllm", 20_000, 1024, 4))
    assert (known.novelty, model.novelty, card.novelty) == ("known", "new model", "new generation")
    assert width(known) < width(model) and width(known) < width(card) and width(near) < width(long)


def test_far_beyond_the_measured_range_is_refused_with_the_reason() -> None:
    with pytest.raises(Refused, match="beyond anything measured"):
        estimate(Request("h200_sxm", 8, "llama-3.1-8b", "fp8", "vllm", 1024, 1024, 100_000))


@pytest.mark.parametrize(
    "bad", [{"isl": -5}, {"osl": 0}, {"concurrency": 0}, {"concurrency": float("nan")}, {"n_gpus": 0}]
)
def test_numbers_that_cannot_be(bad: dict[str, float]) -> None:
    given = {"gpu": "H100", "n_gpus": 1, "model": "llama-3.1-8b", "precision": "bf16", "engine": "vllm"} | bad
    with pytest.raises(UsageError, match=next(iter(bad))):
        estimate(Request(**given))  # type: ignore[arg-type]


def test_many_answer_as_one_would() -> None:
    requests = [
        Request("H100", n, m, "bf16", "sglang", 512, 128, c)
        for n in (1, 8)
        for m in ("llama-3.1-8b", "?")
        for c in (1, 99)
    ]
    for request, answer in zip(requests, estimates(requests), strict=True):
        if isinstance(answer, UsageError):
            assert request.model == "?"
        else:
            assert answer.values == pytest.approx(estimate(request).values)


def test_a_batch_answers_or_refuses_every_row(tmp_path: Path) -> None:
    rows = [
        "h200_sxm,4,meta-llama/Llama-3.1-70B,fp8,vllm 0.18.0,1024,1024,16,",
        "L40S,8,LLaMA-3.1-70B,FP8,TensorRT-LLM 0.14,500,2000,max,8",
        "b300_sxm,8,MiniMaxAI/MiniMax-M2.5,fp8,sglang,1024,1024,64,8",
        "H100,1,llama-3.1-70b,bf16,vllm,1000,1000,8,",
        "H100,1,llama-3.1-8b,fp4,vllm,1000,1000,8,",
        "warp9,1,llama-3.1-8b,bf16,vllm,1000,1000,8,",
        "H100,1,llama-3.1-8b,bf16,vllm,many,1000,8,",
    ]
    (tmp_path / "in.csv").write_text(HEAD + "\n".join(rows))
    out = predict_batch(tmp_path / "in.csv")
    assert len(out) == len(rows)
    good = out["refused"] == ""
    assert list(good) == [True, True, True, False, False, False, False]
    assert out.loc[good, [f"{o}{end}" for o in OUTPUTS for end in ("", "_low", "_high")]].notna().all().all()
    for reason, words in zip(out.loc[~good, "refused"], ("GiB short", "4-bit", "warp9", "number"), strict=True):
        assert words in reason
    (tmp_path / "bad.csv").write_text("gpu,model\nH100,llama\n")
    with pytest.raises(DataError, match="n_gpus"):
        predict_batch(tmp_path / "bad.csv")


def test_the_command(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text(HEAD + "H100,1,llama-3.1-8b,bf16,vllm,1000,1000,8,\n")
    run = CliRunner().invoke(command, ["--batch", str(tmp_path / "in.csv"), "-o", str(tmp_path / "out.csv")])
    assert run.exit_code == 0, run.output
    assert pd.read_csv(tmp_path / "out.csv")["tpot_ms"].iloc[0] > 0
    asked = "--model llama-3.1-70b --gpu H200 --gpus 4 --precision fp8 --agents 5 --prefix 900 --prompt 120 --output 600"
    run = CliRunner().invoke(command, [*asked.split(), "--rate", "2", "--json"])
    assert run.exit_code == 0, run.output
    rows = json.loads(run.output)
    assert {"e2e_p95_s", "e2e_p95_s_low", "usd_per_request", "limiting", "max_threads", "network_gb_s"} <= set(rows[0])


def test_a_plan_names_what_limits_and_keeps_the_front() -> None:
    load = Load(rate_rps=0.3, threads=5, prefix_tokens=900, prompt_tokens=120, output_tokens=lengths(300))
    frame = plan("llama-3.1-70b", ["2xH100", "4xH100"], load, precision="fp8", quality=0.8, requests=120)
    good = frame[frame["refused"] == ""]
    assert (good["e2e_p50_s_low"] <= good["e2e_p50_s"]).all() and (good["e2e_p50_s"] <= good["e2e_p50_s_high"]).all()
    assert np.allclose(good["usd_per_correct"], good["usd_per_request"] / 0.8)
    assert good["pareto"].any() and good["limiting"].ne("").all()
    assert frame["refused"].str.contains("GiB short").sum() == 0 or good["n_gpus"].max() == 4


def test_hybrid_plans_and_bad_questions() -> None:
    load = Load(
        rate_rps=0.2, threads=4, output_tokens=lengths(200), synthesis_prompt_tokens=900, synthesis_output_tokens=200
    )
    api = Api("claude", 3.0, 15.0)
    frame = plan({"llama-3.1-8b": 3, "qwen3-8b": 1}, "2xH100", load, precision="bf16", synthesis=api, requests=80)
    assert frame["usd_per_request"].min() > api.cost_usd(900, 200)
    with pytest.raises(UsageError, match="not in the mix"):
        plan({"llama-3.1-8b": 3}, "1xH100", load, synthesis="qwen3-8b")
    with pytest.raises(UsageError, match="at least 2 GPUs"):
        plan({"llama-3.1-8b": 1, "qwen3-8b": 1}, "1xH100", load)
    with pytest.raises(UsageError, match="quality"):
        plan("llama-3.1-8b", "1xH100", load, quality=2.0)


def test_load_from_recorded_calls() -> None:
    calls = pd.DataFrame({
        "trace_id": ["a"] * 4 + ["b"] * 4, "thread": [0, 1, 2, None] * 2, "role": ["solve", "solve", "solve", "merge"] * 2,
        "round": [0, 0, 0, None] * 2, "start_ns": [0, 0, 0, 10, 20, 20, 20, 30], "end_ns": [9, 8, 7, 19, 28, 29, 27, 40],
        "input_tokens": [100, 110, 120, 400] * 2, "output_tokens": [50, 60, 70, 30] * 2,
    })  # fmt: skip
    load = Load.from_calls(calls)
    assert (load.threads, load.users, load.rounds) == (3, 1, 1)
    assert load.prefix_tokens == 100 and load.prompt_tokens == pytest.approx(10)
    assert load.mean_output_tokens == pytest.approx(60, rel=0.05)
    assert (load.synthesis_prompt_tokens, load.synthesis_output_tokens) == (400, 30)
    with pytest.raises(DataError, match="columns"):
        Load.from_calls(calls.drop(columns="role"))


def test_coefficients_survive_the_file(tmp_path: Path) -> None:
    effects = shipped()
    effects.save(tmp_path / "c.json")
    again = load_effects(tmp_path / "c.json")
    assert np.allclose(effects.mean, again.mean) and effects.effects == again.effects
    assert np.linalg.eigvalsh(again.covariance).min() > -1e-6


def test_the_shipped_fit_describes_the_public_rows(shared: Path) -> None:
    """In sample, by the figures of docs/decisions/planner.md; the held-out ones take minutes and are a slow test."""
    tool = fit_tool()
    data = tool.read_measurements(shared / "data/serving/measured.csv.gz")
    frame = tool.outputs(data, shipped(), data.usable).assign(left_out="")
    two = tool.pairs(frame)
    error = (two["predicted_e2e"] / two["measured_e2e"] - 1).abs()
    assert error.median() < 0.06 and error.quantile(0.9) < 0.25


@pytest.mark.slow
def test_held_out_accuracy(shared: Path) -> None:
    """The targets: a model, a GPU type and the TensorRT-LLM tables predicted from fits without them."""
    tool = fit_tool()
    data = tool.read_measurements(shared / "data/serving/measured.csv.gz")
    limits = {"shape": (0.15, 0.42), "gpu": (0.16, 0.50)}
    for grouping, (median, tail) in limits.items():
        two = tool.pairs(tool.left_out(data, [k[grouping] for k in data.keys], shipped().spreads, shipped()))
        error = (two["predicted_e2e"] / two["measured_e2e"] - 1).abs()
        assert error.median() < median and error.quantile(0.9) < tail, grouping
    tables = np.where(data.frame["source"].str.startswith("TensorRT"), "tables", "")
    rates = tool.left_out(data, list(tables), shipped().spreads, shipped())
    rates = rates[rates["kind"] == "throughput"]
    error = np.abs(np.expm1(rates["log_prediction"] - rates["log_value"]))
    assert error.median() < 0.18 and error.quantile(0.9) < 0.5
