"""What a vote of k of the recorded voters would have scored, in expectation over all subsets: in closed form.

Ties are worth the mean score of the tied answers: the expected value when the first of them to be given stands and the
threads come in random order (or a coin is thrown). A voter who says nothing is no vote; where nobody speaks the score is 0.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import gammaln

from workbench.errors import UsageError
from workbench.stats.arrays import Floats, Ints

_ROWS = 4096  # patterns worked on at once: bounds the memory
MOST_VOTERS = 1000  # beyond it the count of subsets leaves the range of a double


def subsets(n: int, k: Floats | Ints | int) -> Floats:
    """C(n, k) as float, 0 where k is outside 0..n."""
    k = np.asarray(k, float)
    inside = (k >= 0) & (k <= n)
    safe = np.where(inside, k, 0)
    out = np.exp(gammaln(n + 1) - gammaln(safe + 1) - gammaln(n - safe + 1))
    return np.where(inside, np.rint(out) if n <= 50 else out, 0.0)


def binomials(n: int) -> Floats:
    """[n + 1, n + 1] table of C(a, b), by Pascal's rule: all terms positive, so relative errors stay at rounding."""
    table = np.zeros((n + 1, n + 1))
    table[:, 0] = 1.0
    for a in range(1, n + 1):
        table[a, 1:] = table[a - 1, 1:] + table[a - 1, :-1]
    return table


def majority(counts: Ints, score: Floats, silent: Ints, sizes: Sequence[int]) -> Floats:
    """[A, len(sizes)] expected score of the plurality vote of k voters drawn without replacement.

    `counts` [A, M] voters behind each answer, `score` [A, M] its score, `silent` [A]. The votes of a draw follow the
    multivariate hypergeometric law; a group with j votes wins where no other has more, and 1 / (t + 1) of the time where
    t others tie. Summed by a generating function: the others' product of (sum_{i<j} C(c, i) z^i + y C(c, j) z^j), where
    1 / (t + 1) is the integral of y^t over 0..1, exact with few Gauss-Legendre nodes.
    """
    n = _voters(counts, silent, sizes)
    rows, columns = np.nonzero((score != 0) & (counts > 0))
    out = np.zeros((len(counts), len(sizes)))
    if len(rows) == 0:
        return out
    rest = counts[rows].copy()
    own = rest[np.arange(len(rows)), columns].copy()
    rest[np.arange(len(rows)), columns] = 0
    rest = -np.sort(-rest, axis=1)
    # many attempts look alike: each pattern (own votes, the others', silence) is worked out once
    patterns, inverse = np.unique(np.column_stack([own, silent[rows], rest]), axis=0, return_inverse=True)
    table = binomials(n)
    wins = np.concatenate([_wins(part, table) for part in np.array_split(patterns, -(-len(patterns) // _ROWS))])
    chosen = wins[:, list(sizes)] / table[n, list(sizes)]
    np.add.at(out, rows, chosen[inverse.ravel()] * score[rows, columns][:, None])
    return out


def _voters(counts: Ints, silent: Ints, sizes: Sequence[int]) -> int:
    totals = np.unique(counts.sum(axis=1) + silent)
    if len(totals) != 1:
        raise UsageError(f"every attempt needs the same number of voters, found {totals.tolist()}")
    n = int(totals[0])
    if n > MOST_VOTERS:
        raise UsageError(f"at most {MOST_VOTERS} voters, got {n}")
    for k in sizes:
        if not 1 <= k <= n:
            raise UsageError(f"a vote of {k} agents needs between 1 and the {n} recorded")
    return n


def _wins(patterns: Ints, table: Floats) -> Floats:
    """[P, n + 1] in how many subsets of each size the own group wins, ties by their share."""
    n = len(table) - 1
    own, silent, rest = patterns[:, 0], patterns[:, 1], patterns[:, 2:]
    rest = rest[:, : int((rest > 0).any(axis=0).sum())]
    out = np.zeros((len(patterns), n + 1))
    for j in range(1, int(own.max()) + 1):
        rows = np.flatnonzero(own >= j)
        nodes, weights = _unit_nodes(min(rest.shape[1], n // j - 1))
        ways = _others(table, silent[rows], rest[rows], j, nodes) @ weights
        out[rows, j:] += table[own[rows], j, None] * ways[:, : n + 1 - j]
    return out


def _others(table: Floats, silent: Ints, rest: Ints, j: int, nodes: Floats) -> Floats:
    """[P, n + 1, nodes] coefficients of z in the others' product, each group held to at most j votes."""
    n = len(table) - 1
    ways = np.repeat(table[silent][:, :, None], len(nodes), axis=2)
    for c in rest.T:
        live = np.flatnonzero(c)
        if len(live) == 0:
            break
        before = ways[live]
        after = before.copy()  # i = 0: C(c, 0) = 1
        for i in range(1, min(j, int(c.max())) + 1):
            factor = table[c[live], i][:, None, None] * (nodes if i == j else 1.0)
            after[:, i:] += factor * before[:, : n + 1 - i]
        ways[live] = after
    return ways


def _unit_nodes(degree: int) -> tuple[Floats, Floats]:
    """Gauss-Legendre nodes and weights on 0..1 that integrate polynomials of that degree exactly."""
    x, w = np.polynomial.legendre.leggauss(max(1, degree // 2 + 1))
    return (x + 1) / 2, w / 2


def best(score: Floats, rank_by: Floats, sizes: Sequence[int]) -> Floats:
    """[A, len(sizes)] expected score of the voter with the highest `rank_by` [A, V] among k; NaN ranks last, ties share.

    With the voters sorted, the r-th from below (from 0) is the best of C(r, k - 1) of the C(n, k) subsets.
    """
    n = score.shape[1]
    order = np.argsort(np.where(np.isnan(rank_by), -np.inf, rank_by), axis=1, kind="stable")
    ranked = np.take_along_axis(np.where(np.isnan(rank_by), -np.inf, rank_by), order, axis=1)
    values = _tied_mean(ranked, np.take_along_axis(score, order, axis=1))
    out = np.empty((len(score), len(sizes)))
    for place, k in enumerate(sizes):
        if not 1 <= k <= n:
            raise UsageError(f"a choice among {k} agents needs between 1 and the {n} recorded")
        share = np.array([_ratio(r, k, n) for r in range(n)])
        out[:, place] = values @ share
    return out


def _tied_mean(ranked: Floats, values: Floats) -> Floats:
    """Each row's values averaged over runs of equal rank."""
    rows, n = ranked.shape
    fresh = np.ones((rows, n), bool)
    fresh[:, 1:] = ranked[:, 1:] != ranked[:, :-1]
    label = fresh.ravel().cumsum() - 1
    mean = np.bincount(label, values.ravel()) / np.bincount(label)
    out: Floats = mean[label].reshape(rows, n)
    return out


def _ratio(r: int, k: int, n: int) -> float:
    """C(r, k - 1) / C(n, k), in logarithms so that large counts do not overflow."""
    if r < k - 1:
        return 0.0
    top = gammaln(r + 1) - gammaln(k) - gammaln(r - k + 2)
    return float(np.exp(top - (gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1))))


def highest(values: Floats, sizes: Sequence[int]) -> Floats:
    """[A, len(sizes)] expected maximum of k of the V values, such as the longest thread's seconds."""
    return best(values, values, sizes)
