"""Expected score of a weighted vote over subsets of the recorded threads: all of them where few, else seeded draws."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Sequence

import numpy as np

from workbench.stats.arrays import Flags, Floats, Ints
from workbench.stats.ballots import Votes
from workbench.stats.rules import Scorer, Subset

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
    groups = votes.group_score
    most = groups.shape[1]
    padded = np.where(votes.group < 0, most, votes.group)  # silence votes into a column that is left out
    walk = grow if (weights > 0).all() else _walk
    rng = np.random.default_rng(seed)
    out = np.zeros((len(votes), len(sizes)))
    at_once = max(1, _CELLS // (len(votes) * (votes.size + 3 * most)))
    for start in range(0, draws, at_once):
        now = min(at_once, draws - start)
        row = np.tile(np.arange(len(votes)), now)
        order = rng.permuted(np.tile(np.arange(votes.size), (len(row), 1)), axis=1).T  # [V, B]: one thread at a time
        got = walk(padded[row, order], weights[row, order], groups[row], sizes)
        out += got.reshape(len(sizes), now, len(votes)).sum(axis=1).T
    return out / draws


def grow(group: Ints, weight: Floats, score: Floats, sizes: Sequence[int]) -> Floats:
    """[len(sizes), B] scores of the growing vote where all weights are above 0: only the group that gained can rise."""
    rows, most = np.arange(group.shape[1]), score.shape[1]
    total = np.zeros((len(rows), most + 1))
    score = np.column_stack([score, np.zeros(len(rows))])
    top, worth, tied = np.zeros(len(rows)), np.zeros(len(rows)), np.ones(len(rows))
    out = np.empty((len(sizes), len(rows)))
    for step in range(max(sizes)):
        now = group[step]
        value = total[rows, now] + weight[step]
        total[rows, now] = value
        gained = score[rows, now]
        slack = _SAME * np.maximum(1.0, top)
        spoke = now < most
        ahead, level = spoke & (value > top + slack), spoke & (np.abs(value - top) <= slack)
        worth = np.where(ahead, gained, np.where(level, worth + gained, worth))
        tied = np.where(ahead, 1.0, np.where(level, tied + 1, tied))
        top = np.where(ahead, value, top)
        for place in (i for i, k in enumerate(sizes) if k == step + 1):
            out[place] = worth / tied
    return out


def _walk(group: Ints, weight: Floats, score: Floats, sizes: Sequence[int]) -> Floats:
    """[len(sizes), B] as `grow`, for weights of any sign."""
    rows, most = np.arange(group.shape[1]), score.shape[1]
    total, said = np.zeros((len(rows), most + 1)), np.zeros((len(rows), most + 1), bool)
    out = np.empty((len(sizes), len(rows)))
    for step in range(max(sizes)):
        total[rows, group[step]] += weight[step]
        said[rows, group[step]] = True
        for place in (i for i, k in enumerate(sizes) if k == step + 1):
            out[place] = _winners(total[:, :most], said[:, :most], score)
    return out


def _winners(total: Floats, said: Flags, score: Floats) -> Floats:
    """The mean score of the groups with the highest total among those that were said (0 where nothing was)."""
    standing = np.where(said, total, -np.inf)
    top = standing.max(axis=-1, keepdims=True)
    tied = said & (standing >= top - _SAME * np.maximum(1.0, np.abs(np.where(np.isfinite(top), top, 0.0))))
    count = tied.sum(axis=-1)
    out: Floats = np.where(tied, score, 0.0).sum(axis=-1) / np.maximum(count, 1)
    return out


def sampled_subsets(votes: Votes, k: int, draws: int, seed: int) -> list[Subset]:
    """For every attempt all C(n, k) subsets where these are no more than `draws`, else `draws` of them without repeats.

    More draws hold all of fewer draws, so that what was paid for stays of use.
    """
    n, found = votes.size, []
    every = math.comb(n, k) <= draws
    for attempt, task in enumerate(votes.task):
        chosen: dict[tuple[int, ...], None] = dict.fromkeys(itertools.combinations(range(n), k) if every else ())
        rng = None if every else random.Random(f"{seed}/{k}/{attempt}")
        while rng is not None and len(chosen) < draws:
            chosen[tuple(sorted(rng.sample(range(n), k)))] = None
        found += [Subset(attempt, str(task), threads) for threads in chosen]
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
