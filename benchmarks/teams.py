"""The teams that `benchmarks.strategies` compares, and how their settings are found on tasks of their own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import workbench as wb
from workbench import stats, stopping
from workbench.resampling import scores_at

WEIGHTS = Path(str(files("workbench.models.abacus") / "weights"))
SMALL, LARGE = "abacus-s", "abacus-m"
MIDDLE, ALL = (3, 6), (1, 8)
MOST = 10
COUNTS = (1, 2, 3, 4, 5, 7, 10)
STYLES = ("left-to-right", "pairs-first", "place-value", "estimate-first")
RULES = [
    {"rule": rule, "threshold": threshold, "minimum": minimum}
    for rule in ("beta", "dirichlet", "outlook")
    for threshold in (0.8, 0.9, 0.95)
    for minimum in (2, 4)
] + [{"rule": "window", "window": w, "minimum": 2} for w in (2, 3, 4)]
WAVE = 2
SHARE = 0.65
"""Of the large model's cost: what the cascade may use on the tasks it is tuned on (wanted is .7 on those reported)."""


def weights_id() -> str:
    """Which weights are measured: runs of others are never mixed in."""
    digest = hashlib.sha256()
    for path in sorted(WEIGHTS.glob("*.onnx")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:10]


def prices() -> dict[str, tuple[float, float]]:
    """A token costs a model's parameters in millions: what one pass of a token through it computes (2 N operations)."""
    known = json.loads((WEIGHTS / "provenance.json").read_text())
    return {name: (known[name]["parameters"] / 1e6,) * 2 for name in (SMALL, LARGE)}


def mix(*models: str, **more: Any) -> wb.ModelMix:
    """One agent of each model, with what their tokens cost."""
    used = {*models, *(m for m in more.values() if isinstance(m, str))}
    return wb.ModelMix(dict.fromkeys(models, 1), prices={m: p for m, p in prices().items() if m in used}, **more)


@dataclass(frozen=True)
class Tuned:
    """Settings found on other tasks of all difficulties: runs of many of `small`, few of `large`, one `direct` answer."""

    small: wb.Run
    large: wb.Run
    direct: wb.Run

    @cached_property
    def difficulty(self) -> pd.Series[float]:
        """By task."""
        return wb.answers(self.small).set_index("task_id")["difficulty"].astype(float)

    @cached_property
    def middle(self) -> stats.Votes:
        """The small model's votes on tasks of middle difficulty."""
        pool = stats.votes(self.small)
        hard = self.difficulty.loc[list(pool.task)].to_numpy()
        return pool.only(rows=(hard >= MIDDLE[0]) & (hard <= MIDDLE[1]))

    @cached_property
    def adaptive(self) -> dict[str, Any]:
        """The stopping rule that loses least among those that start at most 55 % of the threads (of tokens 60 % are wanted)."""
        rules = {
            i: stopping.rule(settings["rule"], **{k: v for k, v in settings.items() if k != "rule"})
            for i, settings in enumerate(RULES)
        }
        found = stats.savings(self.middle, rules, wave=WAVE, orders=10)
        allowed = found[found["threads"] <= 0.55 * MOST].sort_values(["lost", "threads"])
        return dict(RULES[int(allowed["rule"].iloc[0])])

    @cached_property
    def cascade(self) -> float:
        """The threshold on exp(mean log-probability) with the most right answers at SHARE of the large model's cost."""
        cheap, strong = (wb.threads(run) for run in (self.small, self.large))
        cheap, strong = (t[t["task_id"].map(self.difficulty).between(*MIDDLE)] for t in (cheap, strong))
        after = strong.groupby("task_id")[["score", "cost_usd"]].mean()
        cheap = cheap[cheap["task_id"].isin(after.index)]
        sure = np.exp(cheap["logprob"].to_numpy(float))
        costs = cheap["cost_usd"].mean() + _when(sure, cheap["task_id"].map(after["cost_usd"]))
        right = cheap["score"].mean() + _when(sure, cheap["task_id"].map(after["score"]) - cheap["score"].to_numpy())
        allowed = right[costs <= SHARE * after["cost_usd"].mean()]
        return round(float(allowed.idxmax()), 4)

    def routes(self, budget: float, difficulty: tuple[int, int] = ALL) -> stats.Routes:
        """By difficulty how many agents, or none but a direct answer, on `budget` tokens a task."""
        scores, tokens = choices(self.small, self.direct)
        kept = self.difficulty.loc[scores.index].between(*difficulty).to_numpy()
        return stats.fit_routes(scores[kept], self.difficulty, cost=tokens[kept], budget=budget, strength=0)


def _when(sure: np.ndarray[Any, Any], gain: pd.Series[float]) -> pd.Series[float]:
    """The mean of `gain` over the threads less sure than each threshold."""
    order = np.argsort(sure)
    return pd.Series(np.cumsum(gain.to_numpy(float)[order]) / len(sure), index=np.nextafter(sure[order], 2))


def choices(small: wb.Run, direct: wb.Run) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Expected scores and tokens [tasks, choices] of a direct answer and of 1 to ten agents with a weighted vote."""
    pool = stats.votes(small)
    each = pd.Series(
        sum(pool.numbers[n] for n in ("input_tokens", "output_tokens")).mean(axis=1), index=list(pool.task)
    )
    asked = wb.answers(direct).set_index("task_id")
    scores = pd.DataFrame({str(k): scores_at(pool, k, "weighted") for k in COUNTS})
    tokens = pd.DataFrame({str(k): k * each for k in COUNTS})
    scores["direct"] = asked["score"].astype(float)
    tokens["direct"] = (asked["input_tokens"] + asked["output_tokens"]).astype(float)
    return scores, tokens.loc[scores.index]


def route_strategies(synthesis: str = "weighted") -> dict[str, Any]:
    """What stands behind each choice of the routes."""
    teams = {str(k): {"strategy": {"name": "parallel", "agents": k, "synthesis": synthesis}} for k in COUNTS}
    return teams | {"direct": {"strategy": {"name": "single", "reasoning": "none"}}}


def teams(tuned: Tuned) -> Mapping[str, tuple[wb.Strategy, wb.ModelMix]]:
    """Every row of the table: its name, strategy and mix."""
    small, large = mix(SMALL), mix(LARGE)
    both, merging = mix(SMALL, LARGE), mix(SMALL, synthesizer=LARGE)
    budget = 3 * float(choices(tuned.small, tuned.direct)[1]["1"][tuned.difficulty.between(*MIDDLE)].mean())
    routed = tuned.routes(budget, MIDDLE).rules(route_strategies())
    return {
        "Single s, direct answer": (wb.Single(reasoning="none"), small),
        "Single s": (wb.Single(), small),
        "Single m": (wb.Single(), large),
        "Parallel s × 5": (wb.Parallel(agents=5), small),
        "Parallel s × 5, four styles": (wb.Parallel(agents=5), mix(SMALL, styles=STYLES)),
        "Parallel s × 10": (wb.Parallel(agents=MOST), small),
        "Parallel s × 10, weighted": (wb.Parallel(agents=MOST, synthesis="weighted"), small),
        "Parallel m × 5": (wb.Parallel(agents=5), large),
        "Decompose s": (wb.Decompose(agents=5), small),
        "Decompose s, m plans and merges": (wb.Decompose(agents=5), mix(SMALL, planner=LARGE, synthesizer=LARGE)),
        "Contemplate s × 5": (wb.Contemplate(agents=5), small),
        "Debate s × 3": (wb.Debate(agents=3), small),
        "Mixture s × 3, m merges": (wb.Mixture(agents=3), merging),
        "Adaptive s ≤ 10": (wb.Adaptive(agents=MOST, wave=WAVE, **tuned.adaptive), small),
        "Cascade s → m": (wb.Cascade(agents=1, by="logprob", threshold=tuned.cascade), both),
        "Route s by difficulty": (wb.Route(rules=routed), small),
    }
