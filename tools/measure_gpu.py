"""Measure this machine's GPU: a random-weight Llama-shaped model, continuous batching, a shared prefix, N threads.

    python tools/measure_gpu.py --gpu h200_sxm --model llama-3.1-8b --threads 1 2 4 8 16 32 --out measured_here.csv
    python tools/measure_gpu.py --gpu h100_sxm --model tiny --device cpu            # a smoke run without a GPU

Writes rows in the format of the public table (`workbench.planner.measurements` reads them, `tools/fit_planner.py` fits on
them) and prints each beside what the planner would have said. Plain PyTorch is the engine: scaled dot-product attention over
a contiguous cache, CUDA graphs for the decode step; no speculative decoding, no quantisation.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F

from workbench.errors import UsageError
from workbench.planner.architectures import ModelShape, model
from workbench.planner.estimate import Request, estimate

TINY = ModelShape(
    name="tiny", hidden=64, vocab=256, heads=4, kv_heads=2, head_dim=16, full_layers=2, dense_layers=2, intermediate=128
)
COLUMNS = ("source", "gpu", "n_gpus", "model", "precision", "engine", "isl", "osl", "concurrency_or_batch", "metric", "value",
           "unit", "url", "note")  # fmt: skip


class Decoder:
    """A decoder with random weights; layers share storage only when `layers_kept` < layers (never, unless memory demands)."""

    def __init__(self, shape: ModelShape, device: str, dtype: torch.dtype) -> None:
        if shape.experts or shape.kv_lora_rank or shape.mixer_layers:
            raise UsageError(f"{shape.name}: only plain Llama-shaped models can be measured with this tool")
        self.shape, self.device, self.dtype = shape, device, dtype
        h, d = shape.hidden, shape.head_dim

        def weight(rows: int, columns: int) -> torch.Tensor:
            return torch.randn(rows, columns, device=device, dtype=dtype) / columns**0.5

        self.layers = [
            {
                "qkv": weight((shape.heads + 2 * shape.kv_heads) * d, h), "out": weight(h, shape.heads * d),
                "up": weight(2 * shape.intermediate, h), "down": weight(h, shape.intermediate),
            }
            for _ in range(shape.attention_layers)
        ]  # fmt: skip
        self.embedding, self.head = weight(shape.vocab, h), weight(shape.vocab, h)

    def cache(self, threads: int, length: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """Empty keys and values: (threads, KV heads, length, head width) per layer."""
        size = (threads, self.shape.kv_heads, length, self.shape.head_dim)
        return [(torch.zeros(size, device=self.device, dtype=self.dtype), torch.zeros(size, device=self.device, dtype=self.dtype))
                for _ in self.layers]  # fmt: skip

    def forward(self, tokens: torch.Tensor, cache: Sequence[tuple[torch.Tensor, torch.Tensor]], at: torch.Tensor, reach: int,
                causal: bool) -> torch.Tensor:  # fmt: skip
        """Next tokens (threads,) after `tokens` (threads, n) at positions `at` (n,), attending to the first `reach` slots."""
        shape = self.shape
        x = self.embedding[tokens]
        threads, count, _ = x.shape
        slots = torch.arange(reach, device=self.device)
        mask = slots[None, :] <= at[:, None] if causal else (slots <= at[-1])[None, :]
        for layer, (keys, values) in zip(self.layers, cache, strict=True):
            qkv = F.linear(F.rms_norm(x, (shape.hidden,)), layer["qkv"])
            q, k, v = qkv.split([shape.heads * shape.head_dim, *[shape.kv_heads * shape.head_dim] * 2], dim=-1)
            q, k, v = (t.view(threads, count, -1, shape.head_dim).transpose(1, 2) for t in (q, k, v))
            keys.index_copy_(2, at, k)
            values.index_copy_(2, at, v)
            seen = F.scaled_dot_product_attention(q, keys[:, :, :reach], values[:, :, :reach], attn_mask=mask, enable_gqa=True)
            x = x + F.linear(seen.transpose(1, 2).reshape(threads, count, -1), layer["out"])
            gate, up = F.linear(F.rms_norm(x, (shape.hidden,)), layer["up"]).chunk(2, dim=-1)
            x = x + F.linear(F.silu(gate) * up, layer["down"])
        return F.linear(F.rms_norm(x[:, -1], (shape.hidden,)), self.head).argmax(-1)


@dataclass(frozen=True)
class Timing:
    """Times of one run, seconds."""

    first_s: float
    per_token_s: float


def measure(decoder: Decoder, threads: int, prefix: int, prompt: int, output: int) -> Timing:
    """Prefill the prefix once for all threads, then their own prompts, then decode `output` tokens together."""
    length = prefix + prompt + output
    cache = decoder.cache(threads, length)
    tokens = torch.randint(0, decoder.shape.vocab, (threads, prefix + prompt), device=decoder.device)
    place = torch.arange(length, device=decoder.device)
    sync: Callable[[], Any] = torch.cuda.synchronize if decoder.device != "cpu" else (lambda: None)
    with torch.inference_mode():
        sync()
        start = time.perf_counter()
        if prefix:
            one = [(k[:1], v[:1]) for k, v in cache]
            decoder.forward(tokens[:1, :prefix], one, place[:prefix], prefix, causal=True)
            for keys, values in cache:
                keys[1:, :, :prefix] = keys[:1, :, :prefix]
                values[1:, :, :prefix] = values[:1, :, :prefix]
        here = place[prefix : prefix + prompt]
        last = decoder.forward(tokens[:, prefix:], cache, here, prefix + prompt, causal=True)
        sync()
        first = time.perf_counter() - start
        step = _stepper(decoder, last, cache, length)
        at = torch.tensor([prefix + prompt], device=decoder.device)
        sync()
        start = time.perf_counter()
        for _ in range(output - 1):
            last = step(last, at)
            at += 1
        sync()
    return Timing(first, (time.perf_counter() - start) / max(1, output - 1))


def _stepper(decoder: Decoder, last: torch.Tensor, cache: Sequence[tuple[torch.Tensor, torch.Tensor]], reach: int,
             ) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:  # fmt: skip
    """One decode step; replayed as a CUDA graph where there is one to capture."""
    if decoder.device == "cpu":
        return lambda tokens, at: decoder.forward(tokens[:, None], cache, at, reach, causal=False)
    held, place = last.clone(), torch.tensor([reach - 1], device=decoder.device)
    side = torch.cuda.Stream()
    with torch.cuda.stream(side):
        decoder.forward(held[:, None], cache, place, reach, causal=False)
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        answer = decoder.forward(held[:, None], cache, place, reach, causal=False)

    def step(tokens: torch.Tensor, at: torch.Tensor) -> torch.Tensor:
        held.copy_(tokens)
        place.copy_(at)
        graph.replay()
        return answer

    return step


def rows(gpu: str, shape: ModelShape, threads: int, prefix: int, prompt: int, output: int, times: Timing) -> list[dict[str, Any]]:
    """Two rows of the public table's format."""
    base = {
        "source": "measure_gpu", "gpu": gpu, "n_gpus": 1, "model": shape.name, "precision": "bf16",
        "engine": f"any torch-{torch.__version__.split('+')[0]}", "isl": prefix + prompt, "osl": output,
        "concurrency_or_batch": threads, "unit": "ms", "url": "", "note": f"tp=1;attn_dp=1;moe_ep=1;prefix={prefix}",
    }  # fmt: skip
    return [{**base, "metric": "ttft", "value": round(times.first_s * 1e3, 4)},
            {**base, "metric": "tpot", "value": round(times.per_token_s * 1e3, 4)}]  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gpu", required=True, help="the row of the GPU table this machine is")
    parser.add_argument("--model", default="llama-3.1-8b", help="a listed Llama-shaped model, a config.json, or tiny")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2, 4, 8, 16, 32])
    parser.add_argument("--prefix", type=int, default=900)
    parser.add_argument("--prompt", type=int, default=120)
    parser.add_argument("--output", type=int, default=256)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--out", type=Path, default=Path("measured_here.csv"))
    options = parser.parse_args(arguments)
    shape = TINY if options.model == "tiny" else model(options.model)
    decoder = Decoder(shape, options.device, torch.bfloat16 if options.device != "cpu" else torch.float32)
    found: list[dict[str, Any]] = []
    for threads in options.threads:
        given = (threads, options.prefix, options.prompt, options.output)
        measure(decoder, *given)  # warm-up
        runs = [measure(decoder, *given) for _ in range(options.repeats)]
        middle = Timing(sorted(r.first_s for r in runs)[len(runs) // 2], sorted(r.per_token_s for r in runs)[len(runs) // 2])
        found += rows(options.gpu, shape, *given, middle)
        print(beside(options.gpu, shape, *given, middle), flush=True)
    with options.out.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(found)
    return found


def beside(gpu: str, shape: ModelShape, threads: int, prefix: int, prompt: int, output: int, times: Timing) -> str:
    """One line: measured beside the planner's estimate and its interval."""
    said = estimate(Request(gpu, 1, replace(shape), "bf16", "any", prefix + prompt, output, threads)).values
    inside = said["tpot_ms_low"] <= times.per_token_s * 1e3 <= said["tpot_ms_high"]
    return (f"N={threads:3d}  per token {times.per_token_s * 1e3:8.3f} ms, planned {said['tpot_ms']:8.3f} "
            f"({said['tpot_ms_low']:.3f}-{said['tpot_ms_high']:.3f}){'' if inside else '  OUTSIDE'}  "
            f"first token {times.first_s * 1e3:8.1f} ms, planned {said['ttft_ms']:8.1f}")  # fmt: skip


if __name__ == "__main__":
    main()
