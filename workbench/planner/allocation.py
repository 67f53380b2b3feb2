"""Dynamic allocation: how many agents each request gets, by its difficulty and the queue, against every fixed number."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from math import comb, factorial
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.errors import UsageError
from workbench.planner.load import Load
from workbench.planner.outcome import Outcome
from workbench.planner.serving import Pool, simulate

if TYPE_CHECKING:
    import pandas as pd

Quality = Callable[[float, int], float]
"""(difficulty in 0..1, agents) -> probability that the request is answered correctly."""


def majority_quality(easy: float = 0.95, hard: float = 0.45, wrong: int = 4) -> Quality:
    """Quality of a plurality vote where one thread is right with a probability falling from `easy` to `hard`.

    Threads err independently, each wrong answer being one of `wrong` equally likely ones; ties are drawn. Use
    `quality_table` with a resampled run where you have one: real threads are not independent.
    """
    if not (0 < hard <= easy < 1 and wrong >= 1):
        raise UsageError(f"needs 0 < hard <= easy < 1 and wrong >= 1, not {hard}, {easy}, {wrong}")

    def quality(difficulty: float, agents: int) -> float:
        right = easy + (hard - easy) * difficulty
        chance = 0.0
        for votes in range(1, agents + 1):
            here = comb(agents, votes) * right**votes * (1 - right) ** (agents - votes)
            chance += here * _beats(votes, agents - votes, wrong)
        return chance

    return quality


@cache
def _beats(votes: int, others: int, wrong: int) -> float:
    """Chance that `votes` for the right answer win against `others` votes spread evenly at random over `wrong` answers.

    Exact: ways to fill the answers with at most `votes` each, by how many tie; t ties leave a chance of 1 / (t + 1).
    """
    ways = {(0, 0): 1.0}  # (votes spent, answers that tie) -> sum of 1 / (product of factorials)
    for _ in range(wrong):
        grown: dict[tuple[int, int], float] = {}
        for (spent, ties), weight in ways.items():
            for more in range(min(votes, others - spent) + 1):
                key = (spent + more, ties + (more == votes))
                grown[key] = grown.get(key, 0.0) + weight / factorial(more)
        ways = grown
    total = sum(weight / (ties + 1) for (spent, ties), weight in ways.items() if spent == others)
    return float(total * factorial(others) / wrong**others)


def quality_table(table: Mapping[tuple[float, int], float]) -> Quality:
    """Quality interpolated from measured values {(difficulty, agents): share correct}, as `workbench.resample` gives."""
    if not table:
        raise UsageError("a quality table needs at least one value")
    levels = sorted({d for d, _ in table})
    curves = {d: sorted((n, q) for (at, n), q in table.items() if at == d) for d in levels}

    def quality(difficulty: float, agents: int) -> float:
        values = [float(np.interp(agents, [n for n, _ in curves[d]], [q for _, q in curves[d]])) for d in levels]
        return float(np.interp(difficulty, levels, values))

    return quality


@dataclass(frozen=True)
class Policy:
    """Agents by difficulty band (easy, middle, hard), fewer when the queue is long.

    `bands` are the difficulties where middle and hard begin; with `queue_limit` > 0 a request that finds more than that many
    threads waiting or running on its replica gets in proportion fewer agents, never below one.
    """

    agents: tuple[int, int, int]
    bands: tuple[float, float] = (1 / 3, 2 / 3)
    queue_limit: float = 0.0

    def __post_init__(self) -> None:
        if min(self.agents) < 1 or not 0 <= self.bands[0] <= self.bands[1] <= 1 or self.queue_limit < 0:
            raise UsageError(f"a policy needs agents >= 1, bands in order within 0..1 and queue_limit >= 0, not {self}")

    def __call__(self, number: int, difficulty: float, waiting: float) -> int:
        wanted = self.agents[int(difficulty >= self.bands[0]) + int(difficulty >= self.bands[1])]
        if self.queue_limit and waiting > self.queue_limit:
            wanted = max(1, round(wanted * self.queue_limit / waiting))
        return wanted

    def settings(self, scale: tuple[float, float] = (0.0, 1.0)) -> dict[str, dict[str, Any]]:
        """The policy as settings of the strategies `adaptive` (most agents, started in waves) and `route` (agents by band).

        `scale` is the range of the tasks' own difficulty, such as (1, 6), that 0..1 stands for here.
        """
        low, width = scale[0], scale[1] - scale[0]
        kinds = [{"name": "parallel", "agents": n} if n > 1 else {"name": "single"} for n in self.agents]
        rules = [{"max": low + width * edge, "strategy": kind} for edge, kind in zip(self.bands, kinds, strict=False)]
        return {
            "adaptive": {"agents": max(self.agents), "wave": min(self.agents), "minimum": min(self.agents)},
            "route": {"rules": rules, "default": kinds[2], "by": "difficulty"},
        }


def compare(
    policies: Mapping[str, Policy], pools: Sequence[Pool], load: Load, difficulty: Sequence[float], quality: Quality,
    requests: int = 1000, seed: int = 0,
) -> pd.DataFrame:  # fmt: skip
    """Simulate every policy on the same arrivals, lengths and difficulties; one row each.

    Columns: mean agents, quality, `tokens_per_request` and `gpu_s_per_request` (what it costs), e2e p50 and p95.
    """
    import pandas as pd

    if not difficulty or min(difficulty) < 0 or max(difficulty) > 1:
        raise UsageError("difficulty needs values between 0 and 1")
    return pd.DataFrame([{"policy": name, **_measure(p, pools, load, difficulty, quality, requests, seed)}
                         for name, p in policies.items()])  # fmt: skip


def _measure(
    policy: Policy,
    pools: Sequence[Pool],
    load: Load,
    difficulty: Sequence[float],
    quality: Quality,
    requests: int,
    seed: int,
) -> dict[str, float]:
    given: dict[int, int] = {}

    def allocate(number: int, hard: float, waiting: float) -> int:
        given[number] = policy(number, hard, waiting)
        return given[number]

    run: Outcome = simulate(pools, load, requests, seed, allocate, difficulty)
    right = [quality(difficulty[number % len(difficulty)], agents) for number, agents in given.items()]
    return {
        "mean_agents": float(np.mean(list(given.values()))), "quality": float(np.mean(right)),
        "tokens_per_request": run.tokens_generated / max(1, run.finished),
        "gpu_s_per_request": _gpu_seconds(run, pools) / max(1, run.finished),
        "e2e_p50_s": run.percentile("e2e", 50), "e2e_p95_s": run.percentile("e2e", 95),
    }  # fmt: skip


def _gpu_seconds(run: Outcome, pools: Sequence[Pool]) -> float:
    gpus = [
        getattr(pool.table, "gpus", 0)
        for pool in pools
        for _ in range(pool.replicas if hasattr(pool.table, "gpus") else 0)
    ]
    return sum(use * n for use, n in zip(run.utilisation, gpus, strict=True)) * run.duration_s


def choose_policy(
    pools: Sequence[Pool], load: Load, difficulty: Sequence[float], quality: Quality, most: int = 8, requests: int = 400,
    seed: int = 0,
) -> tuple[Policy, pd.DataFrame]:  # fmt: skip
    """The policy with the best quality among those that cost no more tokens than some fixed number of agents, and the table.

    Every fixed number 1..`most` and every rising policy over a small grid is simulated; for each fixed number the table
    holds the best policy of at most its tokens (`same cost`) and the fastest of at least its quality (`same quality`).
    """
    import pandas as pd

    fixed = {f"fixed {n}": Policy((n, n, n)) for n in range(1, most + 1)}
    sizes = sorted({1, 2, 3, 5, most})
    users = max(1.0, float(load.threads * (load.users or 20 * load.rate_rps)))
    moving = {
        f"{a}/{b}/{c} queue {limit:g}": Policy((a, b, c), queue_limit=limit)
        for a, b, c in product(sizes, repeat=3)
        if a <= b <= c and a < c
        for limit in (0.0, users)
    }
    table = compare({**fixed, **moving}, pools, load, difficulty, quality, requests, seed)
    table["kind"] = ["fixed" if name in fixed else "dynamic" for name in table["policy"]]
    dynamic = table[table["kind"] == "dynamic"]
    rows = []
    still = table[table["kind"] == "fixed"]
    columns = [still[n].tolist() for n in ("policy", "quality", "e2e_p95_s", "tokens_per_request")]
    for name, right, late, cost in zip(*columns, strict=True):
        cheap = dynamic[dynamic["tokens_per_request"] <= cost * 1.001].sort_values("quality", ascending=False)
        good = dynamic[dynamic["quality"] >= right - 1e-9].sort_values("e2e_p95_s")
        rows.append({
            "fixed": name, "quality": right, "e2e_p95_s": late, "tokens_per_request": cost,
            "same_cost": cheap["policy"].iloc[0] if len(cheap) else "",
            "same_cost_quality": cheap["quality"].iloc[0] if len(cheap) else np.nan,
            "same_quality": good["policy"].iloc[0] if len(good) else "",
            "same_quality_p95_s": good["e2e_p95_s"].iloc[0] if len(good) else np.nan,
        })  # fmt: skip
    answer = pd.DataFrame(rows)
    gain = (answer["same_cost_quality"] - answer["quality"]).fillna(-1.0).to_numpy()
    name = str(answer["same_cost"].iloc[int(gain.argmax())])
    return ({**fixed, **moving})[name or "fixed 1"], answer
