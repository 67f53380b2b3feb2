"""Cascades on recorded scores: what each share of escalated tasks reaches, against escalating at random."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from workbench.errors import UsageError
from workbench.stats.intervals import Estimate, clustered, quantile
from workbench.stats.pairing import sign_flip


@dataclass(frozen=True)
class Cascade:
    """`curve`: share (escalated), accuracy, low, high, random (as many escalated by lot), oracle (best order), threshold.

    `gain`: mean over all shares of accuracy above random, with its interval and `p` (sign-flip test). `recovered`: the mean share
    of the gap from cheap to strong that is closed (RouteLLM's APGR, arXiv 2406.18665; by lot 0.5).
    """

    curve: pd.DataFrame
    gain: Estimate
    recovered: float
    p: float
    cheap: float
    strong: float

    def share_for(self, accuracy: float) -> float:
        """The smallest share escalated that reaches this accuracy (NaN where none does)."""
        found = self.curve[self.curve["accuracy"] >= accuracy - 1e-12]
        return float(found["share"].iloc[0]) if len(found) else float("nan")


def cascade_curve(
    cheap: pd.Series[float],
    strong: pd.Series[float],
    trust: pd.Series[float],
    *,
    points: int = 101,
    level: float = 0.95,
    seed: int = 0,
) -> Cascade:
    """Escalate from `cheap` to `strong` where `trust` in the cheap answer is lowest; Series by task, on tasks all three have.

    `trust` is anything known before the strong model is asked: support of the cheap vote, a verifier's score. Equal trust is
    escalated by lot (expected value). The cost of both models is paid for an escalated task; see `share_for`.
    """
    tasks = cheap.index.intersection(strong.index, sort=False).intersection(trust.dropna().index, sort=False)
    n = len(tasks)
    if n < 2:
        raise UsageError(
            f"a cascade needs at least two tasks that both models answered and that have a trust, found {n}"
        )
    if points < 2:
        raise UsageError(f"points must be at least 2, got {points!r}")
    a, b, t = (s.loc[tasks].to_numpy(float) for s in (cheap, strong, trust))
    ranks, first = rankdata(t, method="average"), rankdata(t, method="min") - 1
    size = 2 * (ranks - first) - 1  # how many tasks share this trust
    better = np.cumsum(np.sort(b - a)[::-1])
    rows = []
    for share in np.linspace(0, 1, points):
        taken = np.clip((share * n - first) / size, 0, 1)  # chance of each task to be among the escalated
        got = clustered(a + taken * (b - a), np.asarray(tasks, object), level)
        full = round(share * n)
        oracle = a.mean() + (better[full - 1] / n if full else 0.0)
        limit = float(np.quantile(t, share, method="inverted_cdf"))
        rows.append((share, got.value, got.low, got.high, a.mean() + share * (b.mean() - a.mean()), oracle, limit))
    each = (b - a) * (0.5 - (ranks - 0.5) / n)
    mean, half = float(each.mean()), quantile(level, n - 1) * float(each.std(ddof=1)) / n**0.5
    gap = float(b.mean() - a.mean())
    return Cascade(
        curve=pd.DataFrame(rows, columns=["share", "accuracy", "low", "high", "random", "oracle", "threshold"]),
        gain=Estimate(mean, mean - half, mean + half, level, n, n),
        recovered=0.5 + mean / gap if gap else float("nan"),
        p=sign_flip(each, seed=seed),
        cheap=float(a.mean()),
        strong=float(b.mean()),
    )
