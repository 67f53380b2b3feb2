"""Train one abacus from scratch on the CPU: python -m tools.abacus.train abacus-s --steps 12000 (resumes from its checkpoint)."""

from __future__ import annotations

import argparse
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from tools.abacus.model import SHAPES, Transformer
from tools.abacus.stream import Stream

RATES = {"abacus-s": (0.02, 3e-3), "abacus-m": (0.015, 2e-3)}
"""Muon's and AdamW's; at (0.02, 3e-3) a model 192 wide stayed at a loss of 0.19 for a thousand steps: it copied badly."""

WARM_STEPS, DECAY_SHARE = 100, 0.4


def rate(step: int, steps: int) -> float:
    """Warm up, hold, fall linearly to nothing over the last `DECAY_SHARE` of the steps (so that a held run can be prolonged)."""
    return min(1.0, (step + 1) / WARM_STEPS, (steps - step) / (DECAY_SHARE * steps))


def optimizers(model: Transformer, muon: float, adam: float) -> list[torch.optim.Optimizer]:
    """Muon for the matrices within the blocks, AdamW for embeddings and norms."""
    matrices = [p for p in model.blocks.parameters() if p.dim() == 2]
    tables = [model.embed.weight, *model.before.parameters()]
    others = [p for p in model.parameters() if p.dim() < 2] + tables
    return [
        torch.optim.Muon(matrices, lr=muon, momentum=0.95, weight_decay=0.0),
        torch.optim.AdamW(others, lr=adam, betas=(0.9, 0.98), weight_decay=0.0),
    ]


def train(name: str, steps: int, folder: Path, seed: int, threads: int, fused: bool, finish: int) -> None:
    """Run to `steps`, from the checkpoint in `folder` where there is one."""
    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    model, stream = Transformer(SHAPES[name]), Stream(seed, finish)
    makers = optimizers(model, *RATES[name])
    path = folder / f"{name}.pt"
    start = 0
    if path.exists():
        kept = torch.load(path, weights_only=True)
        model.load_state_dict(kept["model"])
        for maker, state in zip(makers, kept["optimizers"], strict=True):
            maker.load_state_dict(state)
        start = kept["step"]
    loss_of = torch.compile(model.loss, dynamic=False) if fused else model.loss
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total}"), TimeRemainingColumn(),
        redirect_stdout=False, redirect_stderr=False, disable=not sys.stdout.isatty(),
    )  # fmt: skip
    began, recent = time.time(), 0.0
    with bar, ThreadPoolExecutor(1) as ahead:
        task = bar.add_task(name, total=steps, completed=start)
        coming = ahead.submit(stream.batch, start)
        for step in range(start, steps):
            ids, learn, parts = coming.result()
            coming = ahead.submit(stream.batch, step + 1)
            for maker, base in zip(makers, RATES[name], strict=True):
                for group in maker.param_groups:
                    group["lr"] = base * rate(step, steps)
            with torch.autocast("cpu", torch.bfloat16):
                loss = loss_of(torch.from_numpy(ids), torch.from_numpy(learn), torch.from_numpy(parts))
            model.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            for maker in makers:
                maker.step()
            recent = loss.item() if recent == 0.0 else 0.98 * recent + 0.02 * loss.item()
            bar.update(task, advance=1, description=f"{name} loss {recent:.4f}")
            if step % 50 == 49:
                print(f"{name} step {step + 1} loss {recent:.4f} {time.time() - began:.0f} s", flush=True)
            if step % 100 == 99 or step == steps - 1:
                save(path, model, makers, step + 1, steps, seed)


def save(path: Path, model: Transformer, makers: list[torch.optim.Optimizer], step: int, steps: int, seed: int) -> None:
    """Write the checkpoint whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".part")
    states = [m.state_dict() for m in makers]
    torch.save({"model": model.state_dict(), "optimizers": states, "step": step, "steps": steps, "seed": seed}, beside)
    beside.replace(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=SHAPES)
    parser.add_argument("--steps", type=int, default=12_000)
    parser.add_argument("--folder", type=Path, default=Path("build/abacus"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--finish", type=int, default=10**9, help="the step from which roles are drawn as FINISH says")
    parser.add_argument("--no-compile", action="store_true", help="where no C++ compiler is at hand; slower")
    a = parser.parse_args()
    train(a.name, a.steps, a.folder, a.seed, a.threads, not a.no_compile, a.finish)


if __name__ == "__main__":
    main()
