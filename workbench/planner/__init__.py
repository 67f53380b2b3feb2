"""How many agents GPUs carry, how fast, at what price: reads plain numbers, never a model and never a key."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_WHERE = {
    "Load": "load",
    "lengths": "load",
    "Gpu": "hardware",
    "gpu": "hardware",
    "ModelShape": "architectures",
    "model": "architectures",
    "Api": "prices",
    "gpu_price": "prices",
    "plan": "plans",
    "plot_pareto": "pictures",
    "plot_memory": "pictures",
    "Request": "estimate",
    "Estimate": "estimate",
    "estimates": "estimate",
    "predict_batch": "batch",
    "Policy": "allocation",
    "choose_policy": "allocation",
    "compare": "allocation",
    "majority_quality": "allocation",
    "quality_table": "allocation",
    "Pool": "serving",
    "RemoteModel": "serving",
    "simulate": "serving",
    "pool": "pools",
}
"""Public name -> the module that has it, imported on first use."""

__all__ = sorted(_WHERE)


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
    return value


def __dir__() -> list[str]:
    return __all__
