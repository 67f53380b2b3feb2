"""Fit the planner's coefficients on public serving measurements, evaluate them held out, and write them with covariance.

    python tools/fit_planner.py ../shared/data/serving/measured.csv.gz            # fit, write coefficients.json
    python tools/fit_planner.py measured.csv.gz --evaluate                        # leave-out figures, writes nothing

The model is a hierarchical non-linear regression of log times: physics in `workbench.planner.steps` and `steady`, every
coefficient a sum of normal effects, Student-t residuals (reweighted least squares), spreads of the effects by EM.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.linalg import block_diag

from workbench.planner.coefficients import CENTRES, INDEX, NAMES, PARAMETERS, Array, Effect, Effects
from workbench.planner.estimate import QUANTITIES, Z80
from workbench.planner.estimate import evaluate as evaluate_columns
from workbench.planner.measurements import Measurements, read_measurements
from workbench.planner.steady import steady
from workbench.planner.steps import named

PHYSICS = ("all", "engine", "generation", "load")
BALANCE = 0.07  # rows of a model and engine count as (number of rows)^-BALANCE in the first stage
FREEDOM = 4.0  # of the Student-t residuals
FLOORS = {"tpot": 0.12, "ttft": 0.37, "throughput": 0.15}  # residual scale never below these
SPREADS: dict[str, dict[str, float]] = {
    "all": {p.name: p.spread for p in PARAMETERS if not p.name.endswith("pace")},
    "engine": {p.name: 0.5 * p.spread for p in PARAMETERS},
    "generation": {
        name: 0.4 * PARAMETERS[INDEX[name]].spread
        for name in ("read", "expert_read", "cache_read", "call_s", "block_s", "expert_block_s", "prefill",
                     "expert_prefill", "send", "first_s", "queue")
    },
    "gpu": {"pace": 0.06, "prompt_pace": 0.08},
    "precision": {"narrow": 0.1, "read": 0.08, "prefill": 0.1, "expert_read": 0.1},
    "shape": {"pace": 0.10, "block_s": 0.20, "prompt_pace": 0.15, "expert_read": 0.15, "expert_prefill": 0.2},
    "version": {"pace": 0.045, "prompt_pace": 0.056, "block_s": 0.056, "queue": 0.27, "first_s": 0.15},
    "cell": {"pace": 0.08, "prompt_pace": 0.1, "queue": 0.3},
    "deployment": {"pace": 0.06},
    "load": {"pace": 0.054, "prompt_pace": 0.054},
}  # fmt: skip


def predict(data: Measurements, logs: Array) -> Array:
    """Logarithm of each row's measured quantity at log coefficients `logs` (..., n, k)."""
    out = steady(data.columns, named(logs), data.prompt, data.output, data.concurrency)
    return np.log(np.where(data.is_ttft, out.ttft_s, np.where(data.is_rate, out.throughput_tok_s, out.tpot_s)))


def slopes(data: Measurements, logs: Array, step: float = 1e-4) -> tuple[Array, Array]:
    """Prediction and its derivatives by the log coefficients, all in one stacked evaluation."""
    stack = np.repeat(logs[None], len(NAMES) + 1, axis=0)
    stack[np.arange(1, len(NAMES) + 1), :, np.arange(len(NAMES))] += step
    values = predict(data, stack)
    return values[0], ((values[1:] - values[0]) / step).T


@dataclass
class Layout:
    """The columns of the regression: which effect moves which rows."""

    effects: list[Effect]
    rows: list[Array]
    prior: Array
    blocks: Array


def layout(data: Measurements, mask: Array, spreads: Mapping[tuple[str, str], float]) -> Layout:
    """One effect per (grouping, parameter, level seen in the rows of `mask`)."""
    effects, rows, prior, blocks = [], [], [], []
    for number, (grouping, parameter) in enumerate(spreads):
        levels = np.array([k[grouping] for k in data.keys])
        for level in pd.unique(levels[mask]):
            effects.append(Effect(parameter, grouping, str(level)))
            rows.append(levels == level)
            prior.append(spreads[(grouping, parameter)])
            blocks.append(number)
    return Layout(effects, rows, np.array(prior), np.array(blocks))


def fit(
    data: Measurements, mask: Array, spreads: Mapping[tuple[str, str], float] | None = None, near: Effects | None = None
) -> Effects:
    """Fit on the rows of `mask`, in two stages.

    First the physics (everybody, engine, generation), every model counting alike whatever its number of rows; then, with
    those held, the levels of models, versions, cells and deployments on what is left. Fitted together, the many levels
    take over what the few shared coefficients should explain and transfer to an unseen model suffers (docs/decisions).
    `near`, a fit on more rows, is where the search starts; it saves time and leaves the optimum where it is.
    """
    spreads = dict(spreads or {(g, p): s for g, block in SPREADS.items() for p, s in block.items()})
    noise = {kind: 2 * floor for kind, floor in FLOORS.items()}
    stages = [{k: v for k, v in spreads.items() if (k[0] in PHYSICS) == first} for first in (True, False)]
    counts = pd.Series([f"{k['shape']} {k['engine']}" for k in data.keys])
    size = counts.map(counts[mask].value_counts()).fillna(1).to_numpy(float)
    weight = np.clip((size / 60) ** -BALANCE, 0.1, 3.0)
    base = np.tile(CENTRES, (data.size, 1))
    known = dict(zip(near.effects, near.mean, strict=True)) if near else {}
    effects: list[Effect] = []
    means: list[Array] = []
    covariances: list[Array] = []
    for number, block in enumerate(stages):
        plan = layout(data, mask, block)
        first = np.array([known.get(effect, 0.0) for effect in plan.effects])
        importance = weight if number == 0 else np.ones(data.size)
        mean, covariance, noise = _solve(data, mask, plan, noise, base, importance, first, 5 if near else 14)
        for effect, rows, value in zip(plan.effects, plan.rows, mean, strict=True):
            base[rows, INDEX[effect.parameter]] += value
        effects += plan.effects
        means.append(mean)
        covariances.append(covariance)
    return Effects(effects, np.concatenate(means), block_diag(*covariances), spreads, noise, {})


def _solve(
    data: Measurements,
    mask: Array,
    plan: Layout,
    noise: Mapping[str, float],
    base: Array,
    importance: Array,
    first: Array,
    turns: int,
) -> tuple[Array, Array, dict[str, float]]:
    """Damped Gauss-Newton with Student-t weights; returns the mode, Laplace covariance and residual scales."""
    which = np.array([INDEX[e.parameter] for e in plan.effects])
    member = np.array(plan.rows)[:, mask]
    subset, start, importance = data.where(mask), base[mask], importance[mask]
    mean = first
    noise = dict(noise)

    def logs_at(value: Array) -> Array:
        logs = start.copy()
        for k in range(len(NAMES)):
            mine = which == k
            logs[:, k] += value[mine] @ member[mine]
        return logs

    def objective(residual: Array, value: Array) -> float:
        loss = 0.5 * (FREEDOM + 1) * np.log1p((residual / scale) ** 2 / FREEDOM)
        return float((importance * loss).sum() + 0.5 * ((value / plan.prior) ** 2).sum())

    damping = 1e-2
    scale = np.array([noise[kind] for kind in subset.kinds])
    prediction, slope = slopes(subset, logs_at(mean))
    for _ in range(turns):
        residual = subset.log_value - prediction
        for kind in noise:
            mine = subset.kinds == kind
            if mine.any():
                noise[kind] = max(FLOORS[kind], float(np.median(np.abs(residual[mine])) / 0.74))
        scale = np.array([noise[kind] for kind in subset.kinds])
        weight = importance * (FREEDOM + 1) / (FREEDOM + (residual / scale) ** 2) / scale**2
        jacobian = slope[:, which] * member.T
        hessian = jacobian.T @ (jacobian * weight[:, None]) + np.diag(1 / plan.prior**2)
        gradient = jacobian.T @ (weight * residual) - mean / plan.prior**2
        now = objective(residual, mean)
        for _ in range(6):
            trial = mean + np.linalg.solve(hessian + damping * np.diag(np.diag(hessian)), gradient)
            value, derivative = slopes(subset, logs_at(trial))
            if objective(subset.log_value - value, trial) < now:
                mean, prediction, slope, damping = trial, value, derivative, max(damping / 10, 1e-8)
                break
            damping *= 10
        else:
            break
    return mean, np.linalg.inv(hessian), noise


def outputs(data: Measurements, effects: Effects, mask: Array) -> pd.DataFrame:
    """Predicted times of the rows of `mask` with their log standard deviation."""
    subset = data.where(mask)
    logs, used, unseen = effects.design(subset.keys)
    value, slope = slopes(subset, logs)
    sd = np.sqrt(effects.variance(slope, used, unseen))
    frame = subset.frame.copy()
    frame["log_prediction"], frame["log_sd"], frame["log_value"] = value, sd, subset.log_value
    return frame


def left_out(
    data: Measurements,
    groups: Sequence[str],
    spreads: Mapping[tuple[str, str], float] | None = None,
    near: Effects | None = None,
) -> pd.DataFrame:
    """Predict every group of rows from a fit on all others."""
    names = np.asarray(groups)
    parts = []
    for name in pd.unique(names):
        inside = names == name
        if name and inside.any():
            effects = fit(data, ~inside & data.usable, spreads, near)
            parts.append(outputs(data, effects, inside & data.usable).assign(left_out=name))
    return pd.concat(parts)


def pairs(frame: pd.DataFrame) -> pd.DataFrame:
    """Join first-token and per-token rows of one configuration into end-to-end times, as benchmarks define them."""
    wide = frame[frame.kind != "throughput"].pivot_table(
        index=["config", "left_out", "osl"], columns="kind", values=["log_prediction", "log_value", "log_sd"]
    )
    if set(wide.columns.get_level_values("kind")) != {"ttft", "tpot"}:
        return pd.DataFrame()
    wide = wide.dropna()
    osl = wide.index.get_level_values("osl").to_numpy()
    out = wide.index.to_frame(index=False)
    for name, column in (("predicted", "log_prediction"), ("measured", "log_value")):
        ttft, tpot = np.exp(wide[column]["ttft"]).to_numpy(), np.exp(wide[column]["tpot"]).to_numpy()
        out[f"{name}_ttft"], out[f"{name}_tpot"], out[f"{name}_e2e"] = ttft, tpot, ttft + osl * tpot
    return out


def report(title: str, frame: pd.DataFrame) -> None:
    """Print median and 90th-percentile errors of each quantity."""
    line = [f"{title:34s}"]
    two = pairs(frame)
    for kind in ("e2e", "tpot", "ttft"):
        if len(two):
            error = (two[f"predicted_{kind}"] / two[f"measured_{kind}"] - 1).abs() * 100
            bias = (two[f"predicted_{kind}"] / two[f"measured_{kind}"]).median() * 100 - 100
            line.append(f"{kind} {error.median():5.1f} /{error.quantile(0.9):6.1f} ({bias:+.0f})")
    rate = frame[frame.kind == "throughput"]
    if len(rate):
        error = np.abs(np.expm1(rate.log_prediction - rate.log_value)) * 100
        line.append(f"throughput {error.median():5.1f} /{error.quantile(0.9):6.1f} (n={len(rate)})")
    print("  ".join(line), f" n={len(two)}", flush=True)


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table", type=Path)
    parser.add_argument(
        "--out", type=Path, default=Path(__file__).parents[1] / "workbench/planner/data/coefficients.json"
    )
    parser.add_argument("--evaluate", action="store_true", help="leave-out figures; writes nothing")
    options = parser.parse_args(arguments)
    data = read_measurements(options.table)
    print(f"{data.size} rows, {int((~data.usable).sum())} with labels that cannot be true", flush=True)
    effects = fit(data, data.usable)
    print(f"{len(effects.effects)} effects, noise {effects.noise}")
    frame = outputs(data, effects, data.usable).assign(left_out="")
    report("in sample", frame)
    if options.evaluate:
        evaluate(data, effects)
        return
    effects.calibration = calibrate(data, effects)
    effects.fitted_on = {
        "table": options.table.name,
        "rows": int(data.usable.sum()),
        "sources": sorted(set(map(str, data.frame.source))),
        "gpus": sorted({k["gpu"] for k in data.keys}),
        "models": sorted({k["shape"] for k in data.keys}),
    }
    effects.save(options.out)
    print(f"wrote {options.out}")


def held_out(data: Measurements, effects: Effects, mask: Array) -> pd.DataFrame:
    """Standardised errors of end-to-end, first-token, per-token time and rate for the rows of `mask`, by configuration."""
    subset = data.where(mask)
    wide = subset.frame.assign(row=np.arange(subset.size)).pivot_table(index="config", columns="kind", values="row")
    rows = []
    log, sd, _ = evaluate_columns(
        subset.columns, subset.keys, subset.prompt, subset.output, subset.concurrency, effects
    )
    for found in wide.itertuples(index=False):
        found = {k: int(v) for k, v in found._asdict().items() if v == v}
        row: dict[str, float] = {}
        for kind, q in (("ttft", 0), ("tpot", 1), ("throughput", 3)):
            if kind in found:
                i = found[kind]
                row[kind] = (subset.log_value[i] - log[i, q]) / sd[i, q]
        if {"ttft", "tpot"} <= set(found):
            i, j = found["ttft"], found["tpot"]
            e2e = np.logaddexp(subset.log_value[i], np.log(subset.output[i]) + subset.log_value[j])
            row["e2e"] = (e2e - log[i, 2]) / sd[i, 2]
        rows.append(row)
    return pd.DataFrame(rows)


def calibrate(data: Measurements, effects: Effects) -> dict[str, dict[str, float]]:
    """Factor on the standard deviation, by novelty, at which 80 % of held-out rows fall inside (split conformal, grouped)."""
    shape = np.array([k["shape"] for k in data.keys])
    gpu = np.array([k["gpu"] for k in data.keys])
    generation = np.array([k["generation"] for k in data.keys])
    cell = np.array([k["cell"] for k in data.keys])
    _, cell_number = np.unique(cell, return_inverse=True)
    splits = {
        "known": configurations(data, 5),
        "new combination": cell_number % 8,
        "new model": shape,
        "new GPU": gpu,
        "new generation": generation,
    }
    out: dict[str, dict[str, float]] = {}
    for novelty, groups in splits.items():
        parts = []
        for name in pd.unique(groups):
            inside = groups == name
            less = fit(data, ~inside & data.usable, effects.spreads, effects)
            parts.append(held_out(data, less, inside & data.usable).assign(group=name))
        errors = pd.concat(parts)
        kinds = [q for q in QUANTITIES if q in errors]
        out[novelty] = {q: round(float(errors[q].abs().quantile(0.8) / Z80), 3) for q in kinds}
        cover = {q: round(100 * crossed(errors, q)) for q in kinds}
        print(f"{novelty:16s} factors {out[novelty]}  covered, % (factor from the other groups) {cover}", flush=True)
    both = {q: max(out["new model"][q], out["new GPU"][q]) for q in out["new model"]}
    out["new model and GPU"] = both
    return out


def crossed(errors: pd.DataFrame, quantity: str) -> float:
    """Share of rows inside 80 % intervals whose factor was set without the row's own group: an honest coverage."""
    known = errors[errors[quantity].notna()]
    inside = 0
    for name, part in known.groupby("group"):
        limit = known.loc[known["group"] != name, quantity].abs().quantile(0.8)
        inside += int((part[quantity].abs() <= limit).sum())
    return inside / len(known)


def configurations(data: Measurements, folds: int) -> Array:
    """Fold numbers that keep rows of one configuration at all loads together."""
    group = data.frame.groupby(["gpu", "model", "engine", "note", "isl", "osl"], dropna=False).ngroup().to_numpy()
    return np.random.default_rng(0).integers(0, folds, group.max() + 1)[group]


def evaluate(data: Measurements, effects: Effects) -> None:
    """Every leave-out figure of docs/decisions/planner.md."""
    shape = [k["shape"] for k in data.keys]
    gpu = [k["gpu"] for k in data.keys]
    tables = ["TensorRT-LLM tables" if s.startswith("TensorRT") else "" for s in data.frame.source]
    for title, groups in (("model", shape), ("GPU", gpu), ("source: both tables", tables)):
        frame = left_out(data, groups, effects.spreads, effects)
        report(f"leave one {title} out", frame)
        for name, part in frame.groupby("left_out"):
            report(f"   {str(name)[-28:]}", part)
    report(
        "5 folds by configuration",
        left_out(data, [f"fold {f}" for f in configurations(data, 5)], effects.spreads, effects),
    )


if __name__ == "__main__":
    sys.exit(main())
