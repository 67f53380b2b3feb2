"""Dollars: dated price ranges of GPU hours, and tokens of models behind an API."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.errors import UsageError
from workbench.planner import hardware, tables

KINDS = ("on_demand", "reserved", "owned")


@dataclass(frozen=True)
class PriceRange:
    """Dollars per GPU hour: lowest, middle and highest of the table's rows, with their newest date."""

    low: float
    middle: float
    high: float
    date: str
    kind: str


def gpu_price(name: str, kind: str = "on_demand") -> PriceRange:
    """The price range of a GPU hour. Raises `UsageError` where the table has none: then give `usd_per_gpu_hour` yourself."""
    if kind not in KINDS:
        raise UsageError(f"unknown price kind {kind!r}; known: {', '.join(KINDS)}")
    card = hardware.gpu(name).name
    listed = tables.rows("gpu_prices")
    rows = [r for r in listed if r["gpu"] == card and r["kind"] == kind]
    if not rows:
        others = sorted({r["kind"] for r in listed if r["gpu"] == card})
        raise UsageError(
            f"no {kind} price for {card}; priced here: {', '.join(others) or 'nothing'}; give usd_per_gpu_hour"
        )
    low = min(float(r["usd_per_gpu_hour_low"]) for r in rows)
    high = max(float(r["usd_per_gpu_hour_high"]) for r in rows)
    middles = sorted((float(r["usd_per_gpu_hour_low"]) * float(r["usd_per_gpu_hour_high"])) ** 0.5 for r in rows)
    return PriceRange(low, middles[len(middles) // 2], high, max(r["date"] for r in rows), kind)


@dataclass(frozen=True)
class Api:
    """A model behind an API: dollars per million tokens (LiteLLM's price map has them), and how it answers."""

    name: str
    usd_per_m_input: float
    usd_per_m_output: float
    first_token_s: float = 0.8
    token_s: float = 0.012

    def cost_usd(self, input_tokens: float, output_tokens: float) -> float:
        """Dollars for one call."""
        return (input_tokens * self.usd_per_m_input + output_tokens * self.usd_per_m_output) / 1e6
