"""When enough threads have spoken: stopping rules on the answers so far, pure and without dependencies.

A rule looks at the answers in the order they came (None: a thread that said nothing: it was paid for but is no vote) and at
how many threads there may be at most. It returns why to stop, or None.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from functools import lru_cache

from workbench.errors import UsageError, unknown

Answers = Sequence[Hashable | None]
Rule = Callable[[Answers, int], str | None]

RULES = ("beta", "dirichlet", "window", "outlook", "certain")


def rule(name: str = "beta", *, threshold: float = 0.95, window: int = 4, minimum: int = 1) -> Rule:
    """A stopping rule by name; after `minimum` threads, and always when the vote cannot change any more.

    beta, dirichlet: the leading answer is the most probable one with at least `threshold` (adaptive-consistency, 2305.11860) ·
    window: the last full window of `window` answers is unanimous (ESC, 2401.10480) · outlook: the leader will still lead when
    all threads have spoken, with at least `threshold` · certain: it cannot be caught up any more (loses nothing).
    """
    if name not in RULES:
        raise unknown("stopping rule", name, RULES)
    if not 0.5 <= threshold < 1:
        raise UsageError(f"threshold must be at least 0.5 and below 1, got {threshold!r}")
    if window < 1 or minimum < 1:
        raise UsageError(f"window and minimum must be at least 1, got {window!r} and {minimum!r}")

    def decide(answers: Answers, most: int) -> str | None:
        if len(answers) < minimum:
            return None
        counts = tally(answers)
        remaining = most - len(answers)
        if not counts:
            return None if remaining > 0 else f"none of {len(answers)} gave an answer"
        if certain(counts, remaining):
            return f"{counts[0]} of {len(answers)} agree and the {remaining} left cannot change it"
        if name == "window":
            return f"{window} in a row agree" if unanimous(answers, window) else None
        if name == "certain":
            return None
        sure = {"beta": beta, "dirichlet": dirichlet}[name](counts) if name != "outlook" else outlook(counts, remaining)
        return f"{counts[0]} of {len(answers)} agree: probability {sure:.3f} by {name}" if sure >= threshold else None

    return decide


def tally(answers: Answers) -> tuple[int, ...]:
    """Votes per answer, most first; silence is none."""
    return tuple(sorted(Counter(a for a in answers if a is not None).values(), reverse=True))


@lru_cache(maxsize=65536)
def beta(counts: tuple[int, ...]) -> float:
    """P(the leader is more probable than the runner-up | their votes), uniform prior: P(p > 1/2) for p ~ Beta(a + 1, b + 1).

    For whole a and b this is a sum of binomials. Other answers are left out, as in adaptive-consistency's beta rule.
    """
    if not counts:
        return 0.0
    a, b = counts[0], counts[1] if len(counts) > 1 else 0
    n = a + b + 1
    return float(sum(math.comb(n, i) for i in range(a + 1)) / 2**n)


@lru_cache(maxsize=65536)
def dirichlet(counts: tuple[int, ...]) -> float:
    """P(the leader is the most probable answer | all votes), Dirichlet(votes + 1); beside a lone answer stands an unseen one.

    With p_i proportional to independent Gamma(v_i + 1): the integral of the leader's density times the others' distribution
    functions, by Simpson's rule over the range that holds all but 1e-12 of the leader.
    """
    if not counts:
        return 0.0
    others = counts[1:] or (0,)
    shape = counts[0] + 1
    width = shape + 12 * math.sqrt(shape) + 30
    steps = 400

    def integrand(x: float) -> float:
        if x <= 0:
            return 0.0
        density = math.exp((shape - 1) * math.log(x) - x - math.lgamma(shape))
        for v in others:
            density *= _gamma_below(v + 1, x)
        return density

    h = width / steps
    total = integrand(0) + integrand(width) + sum((4 if i % 2 else 2) * integrand(i * h) for i in range(1, steps))
    return min(1.0, total * h / 3)


def _gamma_below(shape: int, x: float) -> float:
    """P(Gamma(shape, 1) <= x) for whole shapes: one minus the Poisson terms."""
    term = part = 1.0
    for i in range(1, shape):
        term *= x / i
        part += term
    return max(0.0, 1 - math.exp(-x) * part)


def unanimous(answers: Answers, window: int) -> bool:
    """Whether the last full window (answers 0..w-1, w..2w-1, …) has one and the same answer, silence being none."""
    full = len(answers) // window * window
    last = answers[full - window : full]
    return full > 0 and last[0] is not None and all(a == last[0] for a in last)


def certain(counts: tuple[int, ...], remaining: int) -> bool:
    """Whether no votes still to come can tie or overtake the leader; with none left everything is decided."""
    if remaining <= 0:
        return True
    return bool(counts) and counts[0] - (counts[1] if len(counts) > 1 else 0) > remaining


@lru_cache(maxsize=65536)
def outlook(counts: tuple[int, ...], remaining: int) -> float:
    """P(the leader is still ahead after `remaining` more votes), if all of them go to the leader or the runner-up.

    The votes to come are beta-binomial with the beta rule's posterior; a draw in the end counts half. Unlike beta it knows the
    end: a small lead late is as good as a large one early.
    """
    if not counts:
        return 0.0
    a, b = counts[0], counts[1] if len(counts) > 1 else 0
    chance = 0.0
    for more in range(remaining + 1):
        lead = a + more - (b + remaining - more)
        weight = 1.0 if lead > 0 else 0.5 if lead == 0 else 0.0
        if weight:
            ways = math.lgamma(remaining + 1) - math.lgamma(more + 1) - math.lgamma(remaining - more + 1)
            chance += weight * math.exp(
                ways + _log_beta(a + 1 + more, b + 1 + remaining - more) - _log_beta(a + 1, b + 1)
            )
    return min(1.0, chance)


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
