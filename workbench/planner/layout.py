"""From a request in names and counts to a placement that can exist, or the reason why it cannot and the smallest change."""

from __future__ import annotations

from dataclasses import dataclass, replace

from workbench.errors import UsageError
from workbench.planner import architectures, hardware
from workbench.planner.architectures import ModelShape
from workbench.planner.engines import engine, whole_system
from workbench.planner.hardware import Gpu
from workbench.planner.memory import memory
from workbench.planner.workload import Placement


class Refused(UsageError):
    """The planner does not answer: the configuration cannot run, or lies too far from anything measured."""


@dataclass(frozen=True)
class Resolved:
    """A placement together with the engine version it was asked for."""

    place: Placement
    version: str


def resolve(
    gpu: str | Gpu, n_gpus: int, model: str | ModelShape, precision: str = "", engine_name: str = "",
    tp: int = 0, dp: int = 0, ep: int = 0,
) -> Resolved:  # fmt: skip
    """Build a placement; 0 lets the planner choose. Raises `UsageError` for unknown names, `Refused` for impossible ones."""
    card, shape = hardware.gpu(gpu), architectures.model(model)
    name, version = engine(engine_name)
    width = hardware.precision(precision or shape.native)
    if shape.family == "gptoss" and width == "fp8":
        width = "fp4"  # published rows label its MXFP4 weights fp8
    if shape.checked == "incomplete":
        raise Refused(f"the shape of {shape.name} is not public in full ({shape.source})")
    _check_precision(card, shape, width)
    if n_gpus < 1:
        raise UsageError(f"n_gpus must be at least 1, not {n_gpus}")
    if not tp and whole_system(engine_name):
        tp = _narrowest(Placement(shape, card, width, name), n_gpus)
    tp, dp, replicas = _parallel(card, shape, n_gpus, tp, dp)
    if ep and (not shape.experts and ep > 1):
        raise Refused(f"{shape.name} has no experts to lay over ep={ep}; use ep=1")
    if ep and shape.experts and shape.experts % ep:
        raise Refused(f"ep={ep} does not divide {shape.experts} experts")
    return Resolved(Placement(shape, card, width, name, tp, dp, ep or 1, replicas), version)


def _check_precision(card: Gpu, shape: ModelShape, width: str) -> None:
    native4 = width == "fp4" and shape.native == "fp4"
    if width == "fp4" and not card.fp4_tflops and not native4:
        raise Refused(f"{card.name} has no 4-bit floating point units; the nearest it runs is "
                      f"{'fp8' if card.fp8_tflops else 'int4 or bf16'}")  # fmt: skip
    if not card.supports(width):
        raise Refused(f"{card.name} ({card.generation}) has no {width} units; the nearest it runs is bf16 or int4")


def _parallel(card: Gpu, shape: ModelShape, n_gpus: int, tp: int, dp: int) -> tuple[int, int, int]:
    for name, value in (("tp", tp), ("dp", dp)):
        if value < 0:
            raise UsageError(f"{name} must be positive, not {value}")
    if not tp:
        limit = max(8, card.scaleup_gpus if card.switched else 8)
        tp = max(t for t in _divisors(n_gpus // max(dp, 1)) if t <= limit and not shape.heads % t)
    if shape.heads % tp:
        raise Refused(f"tp={tp} does not divide the {shape.heads} heads of {shape.name}; "
                      f"the nearest that does is tp={max(t for t in _divisors(shape.heads) if t <= tp)}")  # fmt: skip
    dp = dp or 1
    if n_gpus % (tp * dp):
        raise Refused(f"tp={tp} x dp={dp} does not divide {n_gpus} GPUs")
    replicas = n_gpus // (tp * dp)
    if dp > 1 and not shape.experts:
        return tp, 1, replicas * dp  # without experts to share, data parallel ranks are copies
    return tp, dp, replicas


def _narrowest(place: Placement, n_gpus: int) -> int:
    """The narrowest tensor parallelism that leaves a third of the memory to the cache: copies serve most, and who submits a
    whole machine lays it out so."""
    for tp in _divisors(n_gpus):
        if not place.shape.heads % tp and memory(replace(place, tp=tp), 1024).free_gib > place.gpu.memory_gib / 3:
            return tp
    return 0


def _divisors(number: int) -> list[int]:
    return [d for d in range(1, number + 1) if not number % d]


def check_fit(place: Placement, context: float) -> None:
    """Raise `Refused` where weights or one thread's cache do not fit: by how much, and the smallest change that helps."""
    use = memory(place, context)
    if use.max_threads >= 1:
        return
    need = -use.free_gib if use.free_gib < 0 else use.cache_per_thread_gib - use.free_gib
    what = (
        f"weights of {use.weights_gib:.1f} GiB per GPU plus {use.overhead_gib:.0f} GiB for the engine"
        if use.free_gib < 0
        else f"the cache of one thread of {context:,.0f} tokens ({use.cache_per_thread_gib:.1f} GiB)"
    )
    raise Refused(
        f"{what} do not fit a {place.gpu.name} of {use.total_gib:.0f} GiB: {need:.1f} GiB short per GPU; "
        f"{_smallest_change(place, context)}"
    )


def _smallest_change(place: Placement, context: float) -> str:
    for tp in (2, 4, 8, 16, 32, 64):
        wider = replace(place, tp=place.tp * tp)
        if not place.shape.heads % wider.tp and memory(wider, context).max_threads >= 1:
            return f"tp={wider.tp} ({wider.tp * place.dp} GPUs per replica) would fit"
    for width in ("fp8", "fp4", "int4"):
        narrow = replace(place, precision=width)
        if width != place.precision and place.gpu.supports(width) and memory(narrow, context).max_threads >= 1:
            return f"{width} weights would fit"
    return "no single change of tp or precision fits it"
