"""The fitted coefficients: partially pooled effects, their covariance, and how a configuration picks its own.

A coefficient's logarithm is a sum of effects: one for everybody, one per engine, GPU generation, model, engine version
and so on. Each effect was drawn from N(0, sd²) and fitted together with all others (tools/fit_planner.py), so a
configuration whose model or GPU was never measured falls back to the pooled value and carries the spread of that
level as extra variance: intervals widen by themselves away from what was measured.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

CUT = 0.003  # correlations below this are not stored
Array = NDArray[np.float64]
Keys = Mapping[str, str]  # grouping -> level, e.g. {"engine": "vllm", "generation": "hopper"}


@dataclass(frozen=True)
class Parameter:
    """One physical coefficient: prior centre, prior spread of its logarithm, and what it means."""

    name: str
    centre: float
    spread: float
    meaning: str


PARAMETERS = (
    Parameter("read", 0.82, 0.32, "share of memory bandwidth reached when reading dense weights"),
    Parameter("multiply", 0.60, 0.40, "share of peak reached by dense products in a decode step"),
    Parameter("expert_read", 0.70, 0.30, "as read, for experts' weights"),
    Parameter("expert_multiply", 0.40, 0.50, "as multiply, for experts"),
    Parameter("cache_read", 0.80, 0.30, "as read, for the KV cache"),
    Parameter("score", 0.30, 0.15, "share of 16-bit peak reached by decode attention"),
    Parameter("send", 0.50, 0.60, "share of link bandwidth reached"),
    Parameter("call_s", 6e-6, 0.70, "latency of one collective call"),
    Parameter("block_s", 35e-6, 0.40, "fixed cost of one layer's kernels"),
    Parameter("expert_block_s", 15e-6, 0.30, "more for a mixture layer (router, permutation)"),
    Parameter("latent_block_s", 30e-6, 0.70, "more for latent attention"),
    Parameter("sparse_block_s", 50e-6, 0.70, "more for an attention indexer"),
    Parameter("mixer_block_s", 10e-6, 0.70, "more for a linear-attention or Mamba layer"),
    Parameter("step_s", 5e-4, 0.80, "fixed cost of one engine step"),
    Parameter("thread_s", 1e-5, 0.80, "cost per thread and step (sampling, detokenising)"),
    Parameter("moves", 20.0, 0.70, "hidden-state passes per layer through memory"),
    Parameter("spread", 0.95, 0.05, "how independently tokens choose experts"),
    Parameter("narrow", 0.57, 0.11, "4-bit weights' efficiency beside 8-bit"),
    Parameter("prefill", 0.50, 0.30, "share of peak reached by dense products in prefill"),
    Parameter("expert_prefill", 0.30, 0.40, "as prefill, for experts"),
    Parameter("prefill_score", 0.60, 0.60, "share of 16-bit peak reached by prefill attention"),
    Parameter("interleave", 0.67, 0.20, "share of others' prefill that a decoding thread waits for"),
    Parameter("prompt_block_s", 150e-6, 0.80, "fixed cost of one layer in prefill, where no graph is replayed"),
    Parameter("prompt_expert_s", 300e-6, 1.00, "more for a mixture layer"),
    Parameter("prompt_latent_s", 300e-6, 1.00, "more for latent attention"),
    Parameter("prompt_share", 0.30, 0.60, "share of prefill's fixed cost that stops decoding threads"),
    Parameter("first_s", 0.02, 0.70, "fixed time to a first token (HTTP, tokenising, scheduling)"),
    Parameter("queue", 0.19, 1.30, "share of its neighbours' prefill that a prompt waits for"),
    Parameter("queue_power", 0.80, 0.36, "growth of that wait with the number of threads"),
    Parameter("backlog", 0.58, 0.40, "share of the wait for memory that a bounded queue shows"),
    Parameter("reserve", 0.75, 0.20, "share of the output that a thread's cache reserves"),
    Parameter("pace", 1.00, 0.15, "everything in decode: speculation, builds, drivers"),
    Parameter("prompt_pace", 1.00, 0.15, "everything in prefill"),
)
NAMES = tuple(p.name for p in PARAMETERS)
CENTRES = np.log([p.centre for p in PARAMETERS])
INDEX = {name: i for i, name in enumerate(NAMES)}


@dataclass(frozen=True)
class Effect:
    """One fitted number: how level `level` of `grouping` moves the logarithm of `parameter`."""

    parameter: str
    grouping: str
    level: str


class Effects:
    """All effects with their mean, covariance and the spread of each (grouping, parameter) that levels come from."""

    def __init__(
        self,
        effects: Sequence[Effect],
        mean: Array,
        covariance: Array,
        spreads: Mapping[tuple[str, str], float],
        noise: Mapping[str, float],
        calibration: Mapping[str, Mapping[str, float]],
        fitted_on: Mapping[str, Any] | None = None,
    ) -> None:
        self.effects = tuple(effects)
        self.mean = np.asarray(mean, dtype=float)
        self.covariance = np.asarray(covariance, dtype=float)
        self.spreads = dict(spreads)
        self.noise = dict(noise)
        self.calibration = {k: dict(v) for k, v in calibration.items()}
        self.fitted_on = dict(fitted_on or {})
        self.groupings = tuple(dict.fromkeys(g for g, _ in self.spreads))
        self._levels: dict[tuple[str, str], list[tuple[int, int]]] = {}
        for position, effect in enumerate(self.effects):
            key = (effect.grouping, effect.level)
            self._levels.setdefault(key, []).append((INDEX[effect.parameter], position))
        self._unseen: dict[str, list[tuple[int, float]]] = {}
        for (grouping, parameter), spread in self.spreads.items():
            self._unseen.setdefault(grouping, []).append((INDEX[parameter], spread))

    def known(self, grouping: str, level: str) -> bool:
        return (grouping, level) in self._levels

    def design(self, keys: Sequence[Keys]) -> tuple[Array, list[list[tuple[int, int]]], Array]:
        """For each configuration: log coefficients (n, k), the effects it uses, and variance of unseen levels (n, k)."""
        logs = np.tile(CENTRES, (len(keys), 1))
        unseen = np.zeros_like(logs)
        used: list[list[tuple[int, int]]] = []
        for row, levels in enumerate(keys):
            mine: list[tuple[int, int]] = []
            for grouping in self.groupings:
                found = self._levels.get((grouping, levels.get(grouping, "")))
                if found is None:
                    for k, spread in self._unseen[grouping]:
                        unseen[row, k] += spread**2
                else:
                    mine.extend(found)
            for k, position in mine:
                logs[row, k] += self.mean[position]
            used.append(mine)
        return logs, used, unseen

    def variance(self, slopes: Array, used: Sequence[Sequence[tuple[int, int]]], unseen: Array) -> Array:
        """Variance of a log quantity with derivatives `slopes` (n, k) by the log coefficients."""
        total = np.einsum("nk,nk->n", slopes**2, unseen)
        for row, mine in enumerate(used):
            if mine:
                ks, positions = zip(*mine, strict=True)
                gradient = slopes[row, list(ks)]
                index = list(positions)
                total[row] += gradient @ self.covariance[np.ix_(index, index)] @ gradient
        return np.asarray(total)

    def save(self, path: Path) -> None:
        """Write as JSON: numbers to five digits; of the covariance, correlations above `CUT` (lower triangle, by row).

        What is cut is made up for on the diagonal, so that no variance can come out negative.
        """
        sd = np.sqrt(np.diag(self.covariance))
        kept = np.where(np.abs(self.covariance) > CUT * np.outer(sd, sd), self.covariance, 0.0)
        lost = 1e-5 - float(np.linalg.eigvalsh(kept / np.outer(sd, sd)).min())  # in units of each effect's own variance
        kept += max(lost, 0.0) * np.diag(sd**2)
        lower = [[[int(j), float(f"{row[j]:.5g}")] for j in np.flatnonzero(row[: i + 1])] for i, row in enumerate(kept)]
        data = {
            "fitted_on": self.fitted_on,
            "noise": self.noise,
            "calibration": self.calibration,
            "spreads": [[g, p, float(f"{s:.5g}")] for (g, p), s in self.spreads.items()],
            "effects": [
                [e.parameter, e.grouping, e.level, float(f"{m:.5g}")]
                for e, m in zip(self.effects, self.mean, strict=True)
            ],
            "covariance": lower,
        }
        text = json.dumps(data, separators=(",", ":"))
        path.write_text(text.replace('],["', '],\n["').replace("]],[[", "]],\n[[") + "\n", encoding="utf-8")


def load_effects(path: Path) -> Effects:
    """Read what `Effects.save` wrote."""
    data = json.loads(path.read_text(encoding="utf-8"))
    size = len(data["effects"])
    covariance = np.zeros((size, size))
    for i, row in enumerate(data["covariance"]):
        for j, value in row:
            covariance[i, j] = covariance[j, i] = value
    return Effects(
        [Effect(p, g, level) for p, g, level, _ in data["effects"]],
        np.array([m for *_, m in data["effects"]]),
        covariance,
        {(g, p): s for g, p, s in data["spreads"]},
        data["noise"],
        data["calibration"],
        data["fitted_on"],
    )


@cache
def shipped() -> Effects:
    """The coefficients that come with the workbench."""
    return load_effects(Path(str(resources.files("workbench.planner"))) / "data" / "coefficients.json")
