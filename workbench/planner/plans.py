"""plan: every way to lay a mix of models on GPUs that can carry a load, simulated, priced, with intervals and reasons."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.errors import UsageError
from workbench.planner import architectures, hardware
from workbench.planner.coefficients import Effects, shipped
from workbench.planner.estimate import TOO_WIDE, Z80, evaluate, novelty
from workbench.planner.keys import keys
from workbench.planner.layout import Refused, Resolved, check_fit, resolve
from workbench.planner.load import Load
from workbench.planner.memory import memory
from workbench.planner.outcome import Outcome
from workbench.planner.prices import Api, PriceRange, gpu_price
from workbench.planner.replica import StepTable, tabulate
from workbench.planner.serving import Pool, RemoteModel, simulate
from workbench.planner.steps import decode_parts, named, prefill_time
from workbench.planner.workload import Array, Columns

if TYPE_CHECKING:
    import pandas as pd

SIMULATED = 400  # requests per simulation of a plan
SATURATED_USERS = 512


@dataclass(frozen=True)
class Part:
    """One model of the mix on its GPUs: what it is, how it lies, and how fast it steps with its uncertainty."""

    model: str
    threads: int
    gpus: int
    resolved: Resolved
    table: StepTable
    log_sd: float
    novelty: str
    logs: Array


def parse_gpus(gpus: str | hardware.Gpu | tuple[str | hardware.Gpu, int]) -> tuple[str | hardware.Gpu, int]:
    """`4xH200`, `4 x h200_sxm`, `("H200", 4)` or, of a Gpu of your own, `(gpu, 4)` as (name or Gpu, count)."""
    if isinstance(gpus, tuple):
        return gpus[0], int(gpus[1])
    if isinstance(gpus, hardware.Gpu):
        return gpus, 1
    match = re.fullmatch(r"\s*(\d+)\s*[x*×]\s*(.+?)\s*", str(gpus))
    if not match:
        return str(gpus), 1
    return match.group(2), int(match.group(1))


def plan(
    mix: Mapping[str, int] | str, gpus: str | tuple[str | hardware.Gpu, int] | Sequence[str], load: Load, *, precision: str = "",
    engine: str = "vllm", tp: int = 0, quality: float | None = None, synthesis: str | Api | None = None,
    price: str | float = "on_demand", requests: int = SIMULATED, seed: int = 0, effects: Effects | None = None,
) -> pd.DataFrame:  # fmt: skip
    """All feasible placements of `mix` ({model: threads per request}) on `gpus`, one row each, best end-to-end time first.

    `gpus` is `"4xH200"`, several of those, or `(Gpu(…), 4)` for a GPU that is not listed. `synthesis` names the model of the mix
    that merges, or an `Api`. Columns: the
    placement, memory, latency p50/p95 with 80 % intervals (`_low`, `_high`), throughput, `usd_per_request` (GPU hours at
    the load given, plus API tokens; `_full` at the most it carries) and per correct answer when `quality` (share correct) is
    given, network, the limiting resource, `pareto`, and `refused` with the reason for placements that cannot be. Raises
    `UsageError` for bad input.

    >>> load = wb.Load(rate_rps=0.5, threads=5, prefix_tokens=900)
    >>> wb.plan({"llama-3.1-70b": 5}, "4xH200", load)[["placement", "e2e_p50_s", "usd_per_request"]]
    """
    import pandas as pd

    effects = effects or shipped()
    mix = {mix: load.threads} if isinstance(mix, str) else dict(mix)
    if not mix or min(mix.values()) < 1:
        raise UsageError(f"a mix needs at least one model with at least one thread, not {mix}")
    if quality is not None and not 0 < quality <= 1:
        raise UsageError(f"quality is the share of correct answers, in (0, 1], not {quality}")
    if isinstance(synthesis, str) and synthesis not in mix:
        raise UsageError(f"synthesis model {synthesis!r} is not in the mix ({', '.join(mix)}); give an Api for another")
    if sum(mix.values()) != load.threads:
        load = load.with_threads(sum(mix.values()))
    for name in mix:
        architectures.model(name)
    rows = []
    for choice in [gpus] if isinstance(gpus, (str, tuple, hardware.Gpu)) else gpus:
        card, count = parse_gpus(choice)
        cost = _price(card, price)
        for split in _splits(list(mix), count):
            for chosen in _layouts(mix, split, card, precision, engine, tp):
                rows.append(_row(chosen, mix, split, card, load, cost, quality, synthesis, requests, seed, effects))
    frame = pd.DataFrame(rows)
    if (frame["refused"] != "").all():
        return frame.assign(pareto=False)
    frame["pareto"] = _pareto(frame)
    return frame.sort_values(["refused", "e2e_p95_s"], na_position="last").reset_index(drop=True)


def _price(card: str | hardware.Gpu, price: str | float) -> PriceRange | None:
    if isinstance(price, str):
        try:
            return gpu_price(card.name if isinstance(card, hardware.Gpu) else card, price)
        except UsageError:
            if price == "on_demand":
                return None
            raise
    return PriceRange(price, price, price, "", "given")


def _splits(models: Sequence[str], count: int) -> Iterator[dict[str, int]]:
    """Ways to give every model some of `count` GPUs, by powers of two (and the rest to the last)."""
    if count < len(models):
        raise UsageError(f"{len(models)} models need at least {len(models)} GPUs, not {count}")
    if len(models) == 1:
        yield {models[0]: count}
        return
    sizes = sorted({2**i for i in range(count.bit_length())} | {count - 2**i for i in range(count.bit_length())})
    for first in (s for s in sizes if 0 < s <= count - len(models) + 1):
        for rest in _splits(models[1:], count - first):
            yield {models[0]: first, **rest}


def _layouts(
    mix: Mapping[str, int], split: Mapping[str, int], card: str | hardware.Gpu, precision: str, engine: str, tp: int
) -> Iterator[list[Resolved | UsageError]]:
    choices: list[list[Resolved | UsageError]] = []
    for name in mix:
        gpus, shape = split[name], architectures.model(name)
        widths = [tp] if tp else [t for t in (1, 2, 4, 8, 16, 32, 64) if not gpus % t and not shape.heads % t] or [1]
        options: list[Resolved | UsageError] = []
        for width in widths:
            try:
                options.append(resolve(card, gpus, name, precision, engine, width))
            except Refused as reason:
                options.append(reason)
        choices.append(options)
    yield from (list(one) for one in product(*choices))


def _row(
    chosen: Sequence[Resolved | UsageError], mix: Mapping[str, int], split: Mapping[str, int], card: str | hardware.Gpu,
    load: Load, cost: PriceRange | None, quality: float | None, synthesis: str | Api | None, requests: int, seed: int,
    effects: Effects,
) -> dict[str, Any]:  # fmt: skip
    names = list(mix)
    row: dict[str, Any] = {
        "models": " + ".join(f"{mix[n]}x {architectures.model(n).name}" for n in names),
        "gpu": hardware.gpu(card).name, "n_gpus": sum(split.values()), "agents": load.threads,
        "placement": " + ".join(_words(resolved) for resolved in chosen),
    }  # fmt: skip
    try:
        for resolved in chosen:
            if isinstance(resolved, UsageError):
                raise resolved
            check_fit(resolved.place, load.context_tokens)
        parts = [_part(n, mix[n], split[n], r, load, effects) for n, r in zip(names, chosen, strict=True)]  # type: ignore[arg-type]
    except Refused as reason:
        return {**row, "refused": str(reason)}
    return {**row, **_figures(parts, load, cost, quality, synthesis, requests, seed), "refused": ""}


def _words(chosen: Resolved | UsageError) -> str:
    if isinstance(chosen, UsageError):
        return "impossible"
    place = chosen.place
    return f"{place.replicas}x(tp{place.tp}) {place.precision}"


def _part(name: str, threads: int, gpus: int, resolved: Resolved, load: Load, effects: Effects) -> Part:
    place = resolved.place
    levels = keys(place, resolved.version)
    prompt = load.prefix_tokens + load.prompt_tokens
    context = max(64.0, prompt + load.mean_output_tokens / 2)
    kind = novelty(levels, effects)
    _, sd, _ = evaluate(
        Columns([place]), [levels], np.array([prompt]), np.array([load.mean_output_tokens]),
        np.array([float(max(1, threads * 4))]), effects,
    )  # fmt: skip
    spread = float(sd[0, 2] * effects.calibration.get(kind, {}).get("e2e", 1.0))
    if spread * Z80 > math.log(TOO_WIDE):
        raise Refused(f"{place.shape.name} on {place.gpu.name} is too far from anything measured ({kind})")
    logs, _, _ = effects.design([levels])
    return Part(name, threads, gpus, resolved, tabulate(place, logs[0], context), spread, kind, logs)


def _pools(parts: Sequence[Part], synthesis: str | Api | None, pace: float) -> list[Pool]:
    """Pools with every step time scaled by exp(pace x the part's interval half-width)."""
    merger = synthesis if isinstance(synthesis, str) else parts[0].model
    pools = []
    for part in parts:
        factor = math.exp(pace * Z80 * part.log_sd)
        table = replace(
            part.table, base_s=[t * factor for t in part.table.base_s], cached_s=part.table.cached_s * factor,
            prefill_s=part.table.prefill_s * factor, prefill_square_s=part.table.prefill_square_s * factor,
        )  # fmt: skip
        merges = not isinstance(synthesis, Api) and part.model == merger
        pools.append(Pool(table, part.resolved.place.replicas, part.threads, merges))
    if isinstance(synthesis, Api):
        pools.append(Pool(RemoteModel(synthesis.first_token_s, synthesis.token_s), 1, 0, True))
    return pools


def _figures(
    parts: Sequence[Part], load: Load, cost: PriceRange | None, quality: float | None, synthesis: str | Api | None,
    requests: int, seed: int,
) -> dict[str, Any]:  # fmt: skip
    middle, fast, slow = (simulate(_pools(parts, synthesis, pace), load, requests, seed) for pace in (0.0, -1.0, 1.0))
    crowd = replace(load, rate_rps=0.0, users=SATURATED_USERS, think_s=0.0)
    most = simulate(_pools(parts, synthesis, 0.0), crowd, 2 * SATURATED_USERS, seed)
    uses = [
        memory(p.resolved.place, load.context_tokens, load.prefix_tokens, max(1, p.threads)) for p in parts
    ]  # fmt: skip
    tight = min(
        range(len(parts)), key=lambda i: uses[i].max_threads * parts[i].resolved.place.replicas / parts[i].threads
    )
    use, part = uses[tight], parts[tight]
    out: dict[str, Any] = {
        "memory_gib": use.weights_gib + use.overhead_gib, "headroom_gib": use.free_gib,
        "max_threads": use.max_threads * part.resolved.place.replicas,
        "novelty": max((p.novelty for p in parts), key=len),
    }  # fmt: skip
    for name in ("e2e", "ttft", "thread"):
        for q in (50, 95):
            out[f"{name}_p{q}_s"] = middle.percentile(name, q)
            if name != "thread":
                out[f"{name}_p{q}_s_low"], out[f"{name}_p{q}_s_high"] = (
                    fast.percentile(name, q),
                    slow.percentile(name, q),
                )
    out["tpot_p50_ms"] = middle.percentile("tpot", 50) * 1e3
    out["throughput_rps"], out["max_rate_rps"] = middle.throughput_rps, most.throughput_rps
    out["output_tok_s"] = middle.tokens_out / middle.duration_s
    rate = load.rate_rps or middle.throughput_rps
    out["stable"] = bool(load.users) or load.rate_rps < 0.97 * most.throughput_rps
    out["utilisation"] = min(1.0, rate / most.throughput_rps)
    out["network_gb_s"] = middle.reduce_bytes / middle.duration_s / 1e9
    out["results_kb_s"] = middle.result_bytes / middle.duration_s / 1e3
    out["preemptions"] = middle.preemptions
    out["limiting"] = _limiting(part, load, middle, bool(out["stable"]))
    served = rate if out["stable"] else most.throughput_rps
    out.update(_dollars(sum(p.gpus for p in parts), load, cost, quality, synthesis, served, most.throughput_rps))
    return out


def _dollars(
    gpus: int,
    load: Load,
    cost: PriceRange | None,
    quality: float | None,
    synthesis: str | Api | None,
    rate: float,
    most: float,
) -> dict[str, float]:
    """Dollars of a request: GPUs rented around the clock at the rate served, and at the most they could serve."""
    api = (
        synthesis.cost_usd(load.synthesis_prompt_tokens, load.synthesis_output_tokens)
        if isinstance(synthesis, Api)
        else 0.0
    )
    out = {}
    for end, dollars in (("", "middle"), ("_low", "low"), ("_high", "high")):
        hour = getattr(cost, dollars) if cost else math.nan
        each = gpus * hour / 3600 / max(rate, 1e-9) + api
        out[f"usd_per_request{end}"] = each
        out[f"usd_per_correct{end}"] = each / quality if quality else math.nan
    out["usd_per_request_full"] = gpus * (cost.middle if cost else math.nan) / 3600 / max(most, 1e-9) + api
    return out


def _limiting(part: Part, load: Load, run: Outcome, stable: bool) -> str:
    """What the time of a step goes to at the batch the simulation ran, or the memory that cut it."""
    if run.preemptions > 0.05 * max(1, run.finished):
        return "KV cache memory"
    place = part.resolved.place
    busy = float(run.thread_s.mean()) * run.throughput_rps * part.threads / place.replicas if len(run.thread_s) else 1.0
    batch = np.array([max(1.0, min(busy, 1024.0))])
    c, k = Columns([place]), named(part.logs)
    context = load.prefix_tokens + load.prompt_tokens + load.mean_output_tokens / 2
    shares = {n: float(v[0]) for n, v in decode_parts(c, k, batch, context).items()}
    new = load.prompt_tokens + load.prefix_tokens / max(1, part.threads)
    shares["prefill"] = float((prefill_time(c, k, new) * batch / load.mean_output_tokens)[0])
    words = {
        "weights": "memory bandwidth (weights)", "experts": "memory bandwidth (experts)",
        "attention": "memory bandwidth (KV cache)", "network": "network between GPUs",
        "overhead": "kernel and engine overhead", "prefill": "compute (prefill)",
    }  # fmt: skip
    first = words[max(shares, key=lambda n: shares[n])]
    return first if stable else f"throughput: more requests than it serves; {first}"


def _pareto(frame: pd.DataFrame) -> list[bool]:
    """Rows that no other beats in both 95th-percentile time and dollars per request."""
    time, usd = frame["e2e_p95_s"].to_numpy(float), frame["usd_per_request"].fillna(math.inf).to_numpy(float)
    flags = []
    for i in range(len(frame)):
        beaten = (time <= time[i]) & (usd <= usd[i]) & ((time < time[i]) | (usd < usd[i]))
        flags.append(bool(np.isfinite(time[i]) and not beaten.any()))
    return flags
