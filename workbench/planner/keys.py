"""Which effects a configuration belongs to: the levels of every grouping, by name."""

from __future__ import annotations

from workbench.planner.workload import Placement


def family(place: Placement) -> str:
    """What the model's shape is, for pooling: DeepSeek-V3 and R1 are one shape."""
    return "deepseek-ai/DeepSeek-V3" if place.shape.name == "deepseek-ai/DeepSeek-R1" else place.shape.name


def keys(place: Placement, version: str = "", saturated: bool = False) -> dict[str, str]:
    """Levels by grouping, as `Effects.design` takes them."""
    shape, gpu, engine = family(place), place.gpu.name, place.engine
    return {
        "all": "all",
        "engine": engine,
        "generation": place.gpu.generation,
        "gpu": gpu,
        "precision": f"{engine} {place.precision}",
        "shape": shape,
        "version": f"{engine} {version}",
        "cell": f"{shape} {gpu} {engine}",
        "deployment": f"{shape} {gpu} {engine} {version} {place.precision} tp{place.tp} dp{place.dp} ep{place.ep}",
        "load": "saturated" if saturated else "closed",
    }
