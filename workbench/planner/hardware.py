"""GPUs: memory, bandwidth, peak rates by precision and links, from a table that a user extends by a row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from workbench.errors import UsageError
from workbench.planner.names import Names
from workbench.planner.tables import listed, rows

PRECISIONS = ("bf16", "fp8", "fp4", "int4", "int8")


@dataclass(frozen=True)
class Gpu:
    """One GPU type. Peak rates are dense; link rates are per GPU and direction; `scaleup_gpus` share the fast link."""

    name: str
    generation: str
    memory_gib: float
    bandwidth_tb_s: float
    bf16_tflops: float
    fp8_tflops: float = 0.0
    fp4_tflops: float = 0.0
    scaleup_gb_s: float = 32.0
    scaleup_gpus: int = 1
    scaleout_gb_s: float = 12.5
    link: str = ""
    source: str = ""
    checked: str = "unverified"

    def __post_init__(self) -> None:
        for name in ("memory_gib", "bandwidth_tb_s", "bf16_tflops", "scaleup_gb_s", "scaleout_gb_s"):
            if getattr(self, name) <= 0:
                raise UsageError(f"GPU {self.name!r}: {name} must be positive, not {getattr(self, name)}")

    @property
    def switched(self) -> bool:
        """Whether GPUs talk over a switched fabric (NVLink, Infinity Fabric) rather than the host's bus."""
        return not self.link.startswith("PCIe")

    def peak_tflops(self, precision: str) -> float:
        """Dense peak for matrix products in `precision`; a precision without units of its own computes in the next wider."""
        if precision == "fp4":
            return self.fp4_tflops or self.bf16_tflops
        if precision == "fp8":
            return self.fp8_tflops or self.bf16_tflops
        return self.bf16_tflops

    def supports(self, precision: str) -> bool:
        """Whether an engine runs this precision here: in hardware, or as weights widened on the way (int4, fp4 on Hopper)."""
        if precision == "fp8":
            return self.fp8_tflops > 0
        return precision in PRECISIONS


@cache
def table() -> Mapping[str, Gpu]:
    """The shipped GPUs by name (workbench/planner/data/gpus.csv)."""
    return listed(Gpu, "gpus")


@cache
def aliases() -> Names:
    """The tolerant name matcher of the shipped GPUs."""
    return Names("GPU", table(), {row["alias"]: row["gpu"] for row in rows("gpu_names")})


def gpu(name: str | Gpu) -> Gpu:
    """Return the GPU called `name` in any common spelling (`H200`, `h200_sxm`, `NVIDIA H200-SXM-141GB`)."""
    return name if isinstance(name, Gpu) else table()[aliases().find(name)]


def precision(text: str) -> str:
    """Normalise a precision's spelling; `UsageError` names what is allowed."""
    known = {
        "bf16": "bf16", "fp16": "bf16", "float16": "bf16", "bfloat16": "bf16", "half": "bf16",
        "fp8": "fp8", "mxfp8": "fp8", "e4m3": "fp8", "float8": "fp8", "fp8_block": "fp8", "w8a8": "fp8",
        "fp4": "fp4", "nvfp4": "fp4", "mxfp4": "fp4", "float4": "fp4",
        "int4": "int4", "w4a16": "int4", "awq": "int4", "gptq": "int4", "int4_wo": "int4",
        "int8": "int8",
    }  # fmt: skip
    name = known.get(str(text).strip().lower())
    if name is None:
        raise UsageError(f"unknown precision {str(text)!r}; known: {', '.join(sorted(known))}")
    return name
