"""Estimate: what the cells still to run will take, by the cells that have run, before anything is started."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.sweeps.sweep import Sweep

TOKENS_PER_CALL = 450
"""Input and output of one short reasoning call; used only while no cell has run, and said so."""


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


def estimate(sweep: Sweep, jobs: int, resume: bool = True) -> Estimate:
    """Scale the measured tokens, dollars and seconds of finished cells by each cell's calls (tasks × (agents + 1))."""
    done = sweep.ledger.done()
    todo = [cell for cell in sweep.cells if not resume or cell.identity not in done]
    calls = [_calls(sweep, cell.parameters) for cell in todo]
    work = [c or 1 for c in calls]
    all_calls = sum(work) if None not in calls else None
    rates: dict[str, list[float]] = {"tokens": [], "cost_usd": [], "seconds": []}
    for record in done.values():
        unit = _calls(sweep, record["parameters"]) or 1
        measures = record.get("measures", {})
        rates["seconds"].append(record["seconds"] / unit)
        if measures.get("input_tokens") is not None:
            rates["tokens"].append((measures["input_tokens"] + measures.get("output_tokens", 0)) / unit)
        if measures.get("cost_usd") is not None:
            rates["cost_usd"].append(measures["cost_usd"] / unit)
    if not done:
        tokens = float(all_calls * TOKENS_PER_CALL) if all_calls is not None else None
        basis = f"no cell has run yet: {TOKENS_PER_CALL} tokens a call are assumed, price and time are not known"
        return Estimate(len(sweep.cells), len(todo), all_calls, tokens, None, None, basis)
    totals = {name: fmean(values) * sum(work) if values else None for name, values in rates.items()}
    minutes = totals["seconds"] / 60 / max(1, min(jobs, len(todo) or 1)) if totals["seconds"] is not None else None
    basis = f"measured on {len(done)} finished cell{'s' if len(done) > 1 else ''}"
    return Estimate(len(sweep.cells), len(todo), all_calls, totals["tokens"], totals["cost_usd"], minutes, basis)


def _calls(sweep: Sweep, parameters: Mapping[str, Any]) -> int | None:
    """Model calls a cell will make, by the names that the workbench's notebooks use; None where they do not say."""
    known = {name: p.default for name, p in sweep.parameters.items()} | dict(parameters)
    limit, agents = known.get("limit"), known.get("agents", 1)
    if not isinstance(limit, int) or not isinstance(agents, int):
        return None
    return limit * (agents + 1 if agents > 1 else 1)
