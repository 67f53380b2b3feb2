"""Estimate: what the cells still to run will take, by the cells that have run, else by what is assumed and said so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.sweeps.sweep import Sweep

INPUT_TOKENS, OUTPUT_TOKENS = 200, 250
"""Of one short reasoning call; used only while no cell has run, and said so."""
CALL_S, AT_ONCE = 3.0, 16
"""Seconds of a hosted model's short call, and tasks that `run` puts at a time; likewise."""
CALLS: Mapping[str, tuple[int, int]] = {
    "single": (0, 1),
    "parallel": (1, 0),
    "adaptive": (1, 0),
    "decompose": (1, 2),
    "contemplate": (3, 0),
    "debate": (2, 0),
    "mixture": (2, 1),
}
"""Strategy -> calls per task at most, with its own settings: so many per agent, and so many more."""
CALLED = ("judge", "merge", "verify")
"""Syntheses that call a model once more."""

Prices = Callable[[str], "tuple[float, float] | None"]
"""A model's dollars per input and output token; None where nobody knows."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """Totals over the cells still to run; None where nothing is known. `basis` says what they rest on."""

    cells: int
    to_run: int
    calls: int | None
    tokens: float | None
    cost_usd: float | None
    minutes: float | None
    basis: str


def estimate(sweep: Sweep, jobs: int, resume: bool = True, prices: Prices = lambda _: None) -> Estimate:
    """Scale the measured tokens, dollars and seconds of finished cells by each cell's calls, its tasks × those per task.

    While none is done: assumed tokens and seconds per call, at the models' own `prices`.
    """
    done = sweep.ledger.done()
    todo = [cell for cell in sweep.cells if not resume or cell.identity not in done]
    at_once = max(1, min(jobs, len(todo)))
    counted = [_calls(sweep, cell.parameters) for cell in todo]
    known = [c for c in counted if c is not None]
    calls = sum(known) if len(known) == len(todo) else None
    if not done:
        return _assumed(sweep, todo, calls, counted, at_once, prices)
    work = [c or 1 for c in counted]
    rates: dict[str, list[float]] = {"tokens": [], "cost_usd": [], "seconds": []}
    for record in done.values():
        unit = _calls(sweep, record["parameters"]) or 1
        measures = record.get("measures", {})
        rates["seconds"].append(record["seconds"] / unit)
        if measures.get("input_tokens") is not None:
            rates["tokens"].append((measures["input_tokens"] + measures.get("output_tokens", 0)) / unit)
        if measures.get("cost_usd") is not None:
            rates["cost_usd"].append(measures["cost_usd"] / unit)
    totals = {name: fmean(values) * sum(work) if values else None for name, values in rates.items()}
    minutes = totals["seconds"] / 60 / at_once if totals["seconds"] is not None else None
    basis = f"measured on {len(done)} finished cell{'s' if len(done) > 1 else ''}"
    return Estimate(len(sweep.cells), len(todo), calls, totals["tokens"], totals["cost_usd"], minutes, basis)


def _assumed(
    sweep: Sweep, todo: list[Any], calls: int | None, counted: list[int | None], at_once: int, prices: Prices
) -> Estimate:
    said = f"no cell has run yet: {INPUT_TOKENS} + {OUTPUT_TOKENS} tokens and {CALL_S:g} s a call are assumed"
    if calls is None:
        words = f"{said[:19]}, and the notebook's parameters do not tell how many calls it makes"
        return Estimate(len(sweep.cells), len(todo), None, None, None, None, words)
    cost: float | None = 0.0
    for cell, n in zip(todo, counted, strict=True):
        each = _price(sweep, cell.parameters, prices)
        cost = None if cost is None or each is None else cost + (n or 0) * each
    minutes = calls * CALL_S / AT_ONCE / 60 / at_once
    basis = said if cost is not None else f"{said}; the price of its models is not known"
    tokens = float(calls * (INPUT_TOKENS + OUTPUT_TOKENS))
    return Estimate(len(sweep.cells), len(todo), calls, tokens, cost, minutes, basis)


def _price(sweep: Sweep, parameters: Mapping[str, Any], prices: Prices) -> float | None:
    """Dollars of a call to the cell's models, in the proportions of its agents; None where one is not known."""
    known = _values(sweep, parameters)
    mix = known.get("mix", known.get("model"))
    if isinstance(mix, Mapping):
        mix = mix.get("agents", mix)
    shares = {mix: 1} if isinstance(mix, str) else mix
    if not isinstance(shares, Mapping) or not all(isinstance(n, int) for n in shares.values()):
        return None
    total = 0.0
    for name, share in shares.items():
        price = prices(str(name))
        if price is None:
            return None
        total += share * (INPUT_TOKENS * price[0] + OUTPUT_TOKENS * price[1])
    return total / max(1, sum(shares.values()))


def _calls(sweep: Sweep, parameters: Mapping[str, Any]) -> int | None:
    """Model calls a cell makes at most, by the names that the workbench's notebooks use; None where they do not say."""
    known = _values(sweep, parameters)
    limit, agents, strategy = known.get("limit"), known.get("agents", 1), known.get("strategy", "parallel")
    if not isinstance(limit, int) or not isinstance(agents, int):
        return None
    per_agent, more = CALLS.get(strategy, (1, 1)) if isinstance(strategy, str) else (1, 1)
    return limit * (agents * per_agent + more + (known.get("synthesis") in CALLED))


def _values(sweep: Sweep, parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {name: p.default for name, p in sweep.parameters.items()} | dict(parameters)
