"""Batches: samples packed into rows, a function of seed and step alone, so that training resumes where it was."""

from __future__ import annotations

import random

import numpy as np
import numpy.typing as npt

from tools.abacus.samples import FINISH, ROLES, Sample, Shares, sample

SHAPES = {"short": (48, 192), "middle": (24, 384), "long": (12, 768)}
"""(rows, tokens a row) of the three kinds of batches."""

WARM_STEPS = 400
"""Only short samples at first: they hold the same facts in fewer tokens."""

CYCLE = ("short", "middle", "long", "middle", "short", "middle", "long", "middle")
"""Kinds of batches in turn."""

Batch = tuple[npt.NDArray[np.int64], npt.NDArray[np.float32], npt.NDArray[np.int32]]


class Stream:
    """Batches in order; from step `finish` on roles are drawn as `FINISH` says."""

    def __init__(self, seed: int, finish: int = 10**9) -> None:
        self._seed, self._finish = seed, finish

    def batch(self, step: int) -> Batch:
        """ids, learn and parts (which sample of its row a token is of), each [rows, tokens + 1], of one step."""
        rng = random.Random(f"{self._seed}/{step}")
        kind = "short" if step < WARM_STEPS else CYCLE[step % len(CYCLE)]
        roles = FINISH if step >= self._finish else ROLES
        rows, length = SHAPES[kind]
        ids = np.zeros((rows, length + 1), np.int64)
        learn = np.zeros((rows, length + 1), np.float32)
        parts = np.zeros((rows, length + 1), np.int32)
        for r in range(rows):
            at = part = 0
            while at < length - 24:
                tokens, mask = _fitting(rng, kind, roles, length + 1 - at)
                if not tokens:
                    break
                part += 1
                ids[r, at : at + len(tokens)] = tokens
                learn[r, at : at + len(tokens)] = mask
                parts[r, at : at + len(tokens)] = part
                at += len(tokens)
        return ids, learn, parts


def _fitting(rng: random.Random, kind: str, roles: dict[str, Shares], room: int) -> Sample:
    for _ in range(8):
        tokens, mask = sample(rng, kind, roles, room)
        if len(tokens) <= room:
            return tokens, [0, *mask[1:]]
    return [], []
