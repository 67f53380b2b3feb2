"""Expected score of a weighted vote over subsets of the recorded threads: all of them where few, else seeded draws."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np

from workbench.rules import Scorer, Subset
from workbench.stats.arrays import Floats, Ints
from workbench.stats.ballots import Votes

_CELLS = 4_000_000  # numbers held at once
_SAME = 1e-9


def default_draws(attempts: int) -> int:
    """Draws per attempt that hold the standard error of drawing at or under 0.001 of accuracy (0.5 / sqrt(draws A))."""
    return int(min(2000, max(20, math.ceil(250_000 / attempts))))


def enumerated(votes: Votes, weights: Floats, k: int) -> Floats:
    """[A] the exact expected score of the weighted vote of k voters, over all C(n, k) subsets."""
    n, groups = votes.size, votes.group_score
    chosen = np.zeros((math.comb(n, k), n))
    for row, subset in enumerate(itertools.combinations(range(n), k)):
        chosen[row, list(subset)] = 1.0
    onehot = (votes.group[:, :, None] == np.arange(groups.shape[1])).astype(float)  # [A, V, M]; silence is in no group
    out = np.empty(len(votes))
    step = max(1, _CELLS // (len(chosen) * groups.shape[1]))
    for start in range(0, len(votes), step):
        part = slice(start, start + step)
        total = np.einsum("sv,avm->sam", chosen, onehot[part] * weights[part, :, None], optimize=True)
        said = np.einsum("sv,avm->sam", chosen, onehot[part], optimize=True) > 0.5
        out[part] = _winners(total, said, groups[part]).mean(axis=0)
    return out


def drawn(votes: Votes, weights: Floats, sizes: Sequence[int], draws: int, seed: int) -> Floats:
    """[A, len(sizes)] mean over `draws` random orders of the threads; the first k of an order are the vote of size k.

    Every attempt has its own orders, so errors of drawing do not add up over tasks.
    """
    n, groups = votes.size, votes.group_score
    most = groups.shape[1]
    padded = np.where(votes.group < 0, most, votes.group)  # silence votes into a column that is left out
    rng = np.random.default_rng(seed)
    out = np.zeros((len(votes), len(sizes)))
    at_once = max(1, _CELLS // (len(votes) * (n + 3 * most)))
    for start in range(0, draws, at_once):
        now = min(at_once, draws - start)
        order = rng.random((now * len(votes), n)).argsort(axis=1)
        group = np.take_along_axis(np.tile(padded, (now, 1)), order, axis=1)
        weight = np.take_along_axis(np.tile(weights, (now, 1)), order, axis=1)
        out += _walk(group, weight, groups, sizes).reshape(now, len(votes), len(sizes)).sum(axis=0)
    return out / draws


def _walk(group: Ints, weight: Floats, groups: Floats, sizes: Sequence[int]) -> Floats:
    """[B, len(sizes)] scores of the growing vote, one thread at a time."""
    rows, most = np.arange(len(group)), groups.shape[1]
    score = np.tile(groups, (len(group) // len(groups), 1))
    total, said = np.zeros((len(group), most + 1)), np.zeros((len(group), most + 1), bool)
    out = np.empty((len(group), len(sizes)))
    for step in range(max(sizes)):
        total[rows, group[:, step]] += weight[:, step]
        said[rows, group[:, step]] = True
        for place in (i for i, k in enumerate(sizes) if k == step + 1):
            out[:, place] = _winners(total[:, :most], said[:, :most], score)
    return out


def _winners(total: Floats, said: Floats, score: Floats) -> Floats:
    """The mean score of the groups with the highest total among those that were said (0 where nothing was)."""
    standing = np.where(said, total, -np.inf)
    top = standing.max(axis=-1, keepdims=True)
    tied = said & (standing >= top - _SAME * np.maximum(1.0, np.abs(np.where(np.isfinite(top), top, 0.0))))
    count = tied.sum(axis=-1)
    out: Floats = np.where(tied, score, 0.0).sum(axis=-1) / np.maximum(count, 1)
    return out


def sampled_subsets(votes: Votes, k: int, draws: int, seed: int) -> list[Subset]:
    """For every attempt all C(n, k) subsets where these are no more than `draws`, else `draws` of them without repeats."""
    n, rng, found = votes.size, np.random.default_rng(seed), []
    for attempt, task in enumerate(votes.task):
        if math.comb(n, k) <= draws:
            chosen: set[tuple[int, ...]] = set(itertools.combinations(range(n), k))
        else:
            chosen = set()
            while len(chosen) < draws:
                chosen.add(tuple(sorted(rng.choice(n, k, replace=False).tolist())))
        found += [Subset(attempt, str(task), threads) for threads in sorted(chosen)]
    return found


def called(votes: Votes, scorer: Scorer, k: int, draws: int, seed: int) -> Floats:
    """[A] the mean score the scorer gives to subsets of size k: the only syntheses that cost calls."""
    asked = sampled_subsets(votes, k, draws, seed)
    got = np.asarray(list(scorer(asked)), float)
    if got.shape != (len(asked),):
        raise ValueError(f"the scorer was asked for {len(asked)} scores and gave {got.shape}")
    attempt = np.array([subset.attempt for subset in asked])
    out: Floats = np.bincount(attempt, got, len(votes)) / np.bincount(attempt, minlength=len(votes))
    return out
