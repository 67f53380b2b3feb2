"""A pool of replicas by names alone, ready to be simulated."""

from __future__ import annotations

from workbench.planner.coefficients import shipped
from workbench.planner.keys import keys
from workbench.planner.layout import check_fit, resolve
from workbench.planner.load import Load
from workbench.planner.replica import tabulate
from workbench.planner.serving import Pool


def pool(
    model: str, gpu: str, n_gpus: int, load: Load, *, precision: str = "", engine: str = "vllm", tp: int = 0, threads: int = 0,
    synthesis: bool = True,
) -> Pool:  # fmt: skip
    """Replicas of `model` on `n_gpus` GPUs that serve `threads` (all, if 0) of each request of `load`.

    Raises `UsageError` for unknown names and `Refused` for what cannot run.
    """
    resolved = resolve(gpu, n_gpus, model, precision, engine, tp)
    check_fit(resolved.place, load.context_tokens)
    logs, _, _ = shipped().design([keys(resolved.place, resolved.version)])
    context = max(64.0, load.prefix_tokens + load.prompt_tokens + load.mean_output_tokens / 2)
    return Pool(tabulate(resolved.place, logs[0], context), resolved.place.replicas, threads or load.threads, synthesis)
