"""Public serving measurements read into configurations: the table format of `../shared/data/serving/measured.csv.gz`.

Columns: source, gpu, n_gpus, model, precision, engine, isl, osl, concurrency_or_batch, metric, value, unit, note; the same
that `tools/measure_gpu.py` writes. Times in ms, rates in output tokens per second.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.errors import DataError
from workbench.planner import architectures, hardware
from workbench.planner.engines import engine
from workbench.planner.keys import keys
from workbench.planner.memory import free_bytes
from workbench.planner.workload import Array, Columns, Placement

Mask = NDArray[np.bool_]

KINDS = {"ttft": "ttft", "tpot": "tpot", "output_throughput": "throughput", "output_throughput_per_gpu": "throughput"}


@dataclass
class Measurements:
    """Rows as arrays; `usable` is false where the label cannot be true (weights that do not fit the GPUs named)."""

    frame: pd.DataFrame
    columns: Columns
    keys: list[dict[str, str]]
    prompt: Array
    output: Array
    concurrency: Array
    log_value: Array
    kinds: Array
    usable: Mask

    @property
    def size(self) -> int:
        return len(self.keys)

    @property
    def is_ttft(self) -> Mask:
        return np.asarray(self.kinds == "ttft")

    @property
    def is_rate(self) -> Mask:
        return np.asarray(self.kinds == "throughput")

    def where(self, mask: Mask) -> Measurements:
        """The rows of a boolean mask."""
        chosen = [int(i) for i in np.flatnonzero(mask)]
        return Measurements(
            self.frame.iloc[chosen],
            Columns([self.columns.places[i] for i in chosen]),
            [self.keys[i] for i in chosen],
            self.prompt[chosen], self.output[chosen], self.concurrency[chosen],
            self.log_value[chosen], self.kinds[chosen], self.usable[chosen],
        )  # fmt: skip


def read_measurements(path: Path) -> Measurements:
    """Read a table of measurements; rows that are not serving times (collectives, prefill rates) are left out."""
    raw = pd.read_csv(path)
    missing = {"gpu", "n_gpus", "model", "precision", "engine", "isl", "osl", "metric", "value"} - set(raw.columns)
    if missing:
        raise DataError(f"{path}: columns missing: {', '.join(sorted(missing))}")
    raw = raw[raw.metric.isin(KINDS) & raw.isl.notna() & raw.osl.notna()].reset_index(drop=True)
    places, levels, kinds, values, concurrency = [], [], [], [], []
    for row in raw.itertuples():
        place, version, clients = _configuration(row)
        kind = KINDS[str(row.metric)]
        places.append(place)
        levels.append(keys(place, version, kind == "throughput"))
        kinds.append(kind)
        concurrency.append(clients)
        per_gpu = str(row.metric).endswith("per_gpu")
        scale = 1e-3 if kind != "throughput" else float(row.n_gpus) if per_gpu else 1.0  # type: ignore[arg-type]
        values.append(float(row.value) * scale)  # type: ignore[arg-type]
    raw["kind"] = kinds
    words = raw.drop(columns=["metric", "value", "unit", "kind"]).astype(object).fillna("").astype(str)
    raw["config"] = words.agg("|".join, axis=1)
    columns = Columns(places)
    return Measurements(
        raw, columns, levels, raw.isl.to_numpy(float), raw.osl.to_numpy(float), np.array(concurrency, dtype=float),
        np.log(np.array(values)), np.array(kinds), (free_bytes(columns) > 0),
    )  # fmt: skip


def _configuration(row: object) -> tuple[Placement, str, float]:
    note = str(getattr(row, "note", ""))
    layout = {key: float(value) for key, value in re.findall(r"(tp|attn_dp|moe_ep)=(\d+(?:\.\d+)?)", note)}
    gpus = int(float(row.n_gpus))  # type: ignore[attr-defined]
    tp = int(layout.get("tp", gpus))
    name, version = engine(str(row.engine))  # type: ignore[attr-defined]
    shape = architectures.model(str(row.model))  # type: ignore[attr-defined]
    width = hardware.precision(str(row.precision))  # type: ignore[attr-defined]
    if shape.family == "gptoss":
        width = "fp4"  # MXFP4 whatever the label says
    place = Placement(
        shape, hardware.gpu(str(row.gpu)), width, name,  # type: ignore[attr-defined]
        tp, int(layout.get("attn_dp", 1)), int(layout.get("moe_ep", 1)),
    )  # fmt: skip
    clients = str(getattr(row, "concurrency_or_batch", "max"))
    return place, version, np.inf if clients in ("max", "nan", "") else float(clients)
