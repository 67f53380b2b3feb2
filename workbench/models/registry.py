"""open_model: a model's name → the Model that answers for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.errors import UsageError, unknown
from workbench.models.base import Model

ABACUS = ("abacus-s", "abacus-m")


def open_model(
    name: str, *, api_base: str | None = None, seed: int = 0, options: Mapping[str, Any] | None = None
) -> Model:
    """The model of that name: `abacus-s`, `abacus-m`, `replay:FILE[#MODEL]`, `replay:RUN`, or any LiteLLM name.

    Raises UsageError for a name nobody knows and MissingKey where LiteLLM wants a key that is not set: before any task starts.
    """
    if not name:
        raise UsageError("a model needs a name")
    if name in ABACUS:
        from workbench.models.abacus import Abacus

        return Abacus(name)
    if name.startswith("replay:"):
        from workbench.models.replay import open_replay

        return open_replay(name.removeprefix("replay:"), seed=seed)
    if name.startswith("abacus"):
        raise unknown("model", name, ABACUS)
    from workbench.models.litellm import LiteLLM, provider

    provider(name)
    model = LiteLLM(name, api_base=api_base, options=options)
    model.check()
    return model


def price_per_token(name: str) -> tuple[float, float] | None:
    """Dollars per input and output token; zero for what runs here, None where nobody knows."""
    if name in ABACUS or name.startswith("replay:") or name == "scripted":
        return 0.0, 0.0
    from workbench.models.litellm import price_per_token as litellm_price

    return litellm_price(name)


def describe(name: str) -> dict[str, object]:
    """What is known of a model without calling it: where it runs, its price, whether its key is there."""
    if name in ABACUS or name.startswith("replay:"):
        open_model(name)
        return {"model": name, "provider": "here", "input_usd_per_million": 0.0, "output_usd_per_million": 0.0, "ready": True,
                "missing": None}  # fmt: skip
    from workbench.models.litellm import missing_key, provider

    where, price, missing = provider(name), price_per_token(name), missing_key(name)
    return {
        "model": name,
        "provider": where,
        "input_usd_per_million": price[0] * 1e6 if price else None,
        "output_usd_per_million": price[1] * 1e6 if price else None,
        "ready": missing is None,
        "missing": missing,
    }
