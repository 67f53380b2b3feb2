"""One configuration or ten thousand: times, rate and memory with 80 % intervals, or the reason for not answering."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from workbench.errors import UsageError
from workbench.planner.coefficients import NAMES, Effects, shipped
from workbench.planner.keys import keys
from workbench.planner.layout import Refused, Resolved, check_fit, resolve
from workbench.planner.memory import GIB, OVERHEAD_GIB, thread_bytes, weight_bytes_per_gpu
from workbench.planner.steady import steady
from workbench.planner.steps import named
from workbench.planner.workload import Array, Columns

Z80 = 1.2816  # half-width of a normal's central 80 % in standard deviations
QUANTITIES = ("ttft", "tpot", "e2e", "throughput")
MEASURED = {"isl": (100.0, 20000.0), "osl": (1.0, 8192.0), "concurrency": (1.0, 1024.0)}
STRETCH = 0.12  # log sd added per factor e beyond the measured range
TOO_FAR = 12.0  # factor beyond the measured range at which the planner refuses
TOO_WIDE = 4.0  # refuse where the 80 % interval spans more than this factor either way


@dataclass(frozen=True)
class Request:
    """One configuration to estimate; `concurrency` counts clients over all GPUs, inf is a queue that never empties."""

    gpu: Any
    n_gpus: int
    model: Any
    precision: str = ""
    engine: str = ""
    isl: float = 1024.0
    osl: float = 1024.0
    concurrency: float = 1.0
    tp: int = 0
    dp: int = 0
    ep: int = 0


@dataclass(frozen=True)
class Estimate:
    """Medians with 80 % intervals: milliseconds, output tokens per second over all GPUs, GiB per GPU."""

    values: Mapping[str, float]
    resolved: Resolved
    running: float
    novelty: str


def estimate(request: Request, effects: Effects | None = None) -> Estimate:
    """Estimate one configuration. Raises `UsageError` (bad names or numbers) or `Refused` (with the reason)."""
    answer = estimates([request], effects)[0]
    if isinstance(answer, UsageError):
        raise answer
    return answer


def estimates(requests: Sequence[Request], effects: Effects | None = None) -> list[Estimate | UsageError]:
    """Estimate many; an entry that cannot be answered is the error that says why, in its place."""
    effects = effects or shipped()
    answers: list[Estimate | UsageError] = []
    ready: list[int] = []
    for request in requests:
        try:
            answers.append(_prepare(request))  # type: ignore[arg-type]
            ready.append(len(answers) - 1)
        except UsageError as error:
            answers.append(error)
    for start in range(0, len(ready), 1000):
        part = ready[start : start + 1000]
        resolved = [answers[i] for i in part]
        for i, answer in zip(part, _evaluate([requests[i] for i in part], resolved, effects), strict=True):  # type: ignore[arg-type]
            answers[i] = answer
    return answers


def _prepare(request: Request) -> Resolved:
    for name in ("isl", "osl", "concurrency"):
        value = getattr(request, name)
        if not value > 0:
            raise UsageError(f"{name} must be positive, not {value}")
        low, high = MEASURED[name]
        if np.isfinite(value) and value > high * TOO_FAR:
            raise Refused(
                f"{name}={value:,.0f} is {value / high:.0f} times beyond anything measured ({low:g}-{high:g})"
            )
    resolved = resolve(
        request.gpu,
        request.n_gpus,
        request.model,
        request.precision,
        request.engine,
        request.tp,
        request.dp,
        request.ep,
    )
    check_fit(resolved.place, request.isl + request.osl)
    return resolved


def novelty(levels: Mapping[str, str], effects: Effects) -> str:
    """How far a configuration is from what was fitted; names the calibration class of its interval."""
    new = [g for g in ("shape", "gpu") if not effects.known(g, levels[g])]
    if not effects.known("generation", levels["generation"]):
        return "new generation"
    if new:
        return "new " + " and ".join({"shape": "model", "gpu": "GPU"}[g] for g in new)
    return "known" if effects.known("cell", levels["cell"]) else "new combination"


def evaluate(
    c: Columns, levels: Sequence[Mapping[str, str]], isl: Array, osl: Array, clients: Array, effects: Effects
) -> tuple[Array, Array, Array]:
    """Log ttft, tpot, e2e, throughput (n, 4), their standard deviations (n, 4), and running threads per replica (n,)."""
    logs, used, unseen = effects.design(levels)
    step = 1e-4
    stack = np.repeat(logs[None], len(NAMES) + 1, axis=0)
    stack[np.arange(1, len(NAMES) + 1), :, np.arange(len(NAMES))] += step
    out = steady(c, named(stack), isl, osl, clients)
    values = np.log(np.stack([out.ttft_s, out.tpot_s, out.e2e_s, out.throughput_tok_s], axis=-1))
    slopes = (values[1:] - values[0]) / step  # (k, n, 4)
    share = (out.ttft_s / out.e2e_s)[0]
    noise = np.stack([
        np.full(len(isl), effects.noise["ttft"]),
        np.full(len(isl), effects.noise["tpot"]),
        np.hypot(share * effects.noise["ttft"], (1 - share) * effects.noise["tpot"]),
        np.where(np.isfinite(clients), np.hypot(share * effects.noise["ttft"], (1 - share) * effects.noise["tpot"]),
                 effects.noise["throughput"]),
    ], axis=-1)  # fmt: skip
    variance = np.stack([effects.variance(slopes[:, :, q].T, used, unseen) for q in range(4)], axis=-1)
    return values[0], np.sqrt(variance + noise**2), out.running[0]


def stretch(isl: Array, osl: Array, clients: Array) -> Array:
    """Log standard deviation added for lengths and loads beyond the measured range."""
    total = np.zeros(len(isl))
    for value, (low, high) in zip(
        (isl, osl, np.where(np.isfinite(clients), clients, 64.0)), MEASURED.values(), strict=True
    ):
        beyond = np.maximum(np.log(value / high), 0) + np.maximum(np.log(low / value), 0)
        total = np.hypot(total, STRETCH * beyond)
    return total


def _evaluate(
    requests: Sequence[Request], resolved: Sequence[Resolved], effects: Effects
) -> list[Estimate | UsageError]:
    places = [r.place for r in resolved]
    c = Columns(places)
    isl, osl, clients = (
        np.array([getattr(r, n) for r in requests], dtype=float) for n in ("isl", "osl", "concurrency")
    )
    levels = [keys(r.place, r.version, not np.isfinite(q.concurrency)) for r, q in zip(resolved, requests, strict=True)]
    log, sd, running = evaluate(c, levels, isl, osl, clients, effects)
    kinds = [novelty(level, effects) for level in levels]
    factor = np.array([[effects.calibration.get(k, {}).get(q, 1.0) for q in QUANTITIES] for k in kinds])
    half = Z80 * np.hypot(sd * factor, stretch(isl, osl, clients)[:, None])
    unit = np.array([1e3, 1e3, 1e3, 1.0])
    middle, low, high = np.exp(log) * unit, np.exp(log - half) * unit, np.exp(log + half) * unit
    cache = running / c.dp * thread_bytes(c, isl + osl / 2) / GIB
    weights = weight_bytes_per_gpu(c) / GIB
    answers: list[Estimate | UsageError] = []
    for i, name in enumerate(kinds):
        if half[i, 2] > np.log(TOO_WIDE):
            answers.append(Refused(f"too far from anything measured ({name}): the 80 % interval of the end-to-end time "
                                   f"would span {low[i, 2] / 1e3:.3g}-{high[i, 2] / 1e3:.3g} s"))  # fmt: skip
            continue
        values = {}
        for q, label in enumerate(("ttft_ms", "tpot_ms", "e2e_ms", "throughput_tok_s")):
            values[label] = float(middle[i, q])
            values[f"{label}_low"], values[f"{label}_high"] = float(low[i, q]), float(high[i, q])
        total = float(weights[i] + OVERHEAD_GIB + cache[i])
        values["memory_gib"] = total
        values["memory_gib_low"] = float(0.97 * weights[i] + 1.0 + 0.85 * cache[i])
        values["memory_gib_high"] = float(min(1.03 * weights[i] + 5.0 + 1.15 * cache[i], places[i].gpu.memory_gib))
        answers.append(Estimate(values, resolved[i], float(running[i]), name))
    return answers
