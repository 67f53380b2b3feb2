"""Batches: samples packed into rows, a function of seed and step alone, so that training resumes where it was."""

from __future__ import annotations

import random

import numpy as np
import numpy.typing as npt

from tools.abacus.samples import Sample, sample

SHORT, LONG = (32, 288), (12, 768)
"""(rows, tokens a row): most batches, and every `EVERY`-th, which takes what is too long for a short row."""

EVERY = 8
Batch = tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]


class Stream:
    """Batches in order; long samples wait until the next long batch, and too long ones are cut."""

    def __init__(self, seed: int, mix: str = "base") -> None:
        self._seed, self._mix = seed, mix

    def batch(self, step: int) -> Batch:
        """ids and learn [rows, tokens + 1] of one step."""
        rng = random.Random(f"{self._seed}/{step}")
        if step % EVERY == EVERY - 1:
            return self._pack(rng, LONG, shortest=SHORT[1] // 2)
        return self._pack(rng, SHORT, shortest=0)

    def _pack(self, rng: random.Random, shape: tuple[int, int], shortest: int) -> Batch:
        rows, length = shape
        ids = np.zeros((rows, length + 1), np.int64)
        learn = np.zeros((rows, length + 1), np.float32)
        for r in range(rows):
            at = 0
            while at < length - 24:
                tokens, mask = self._fitting(rng, length + 1 - at, shortest if at == 0 else 0)
                if not tokens:
                    break
                ids[r, at : at + len(tokens)] = tokens
                learn[r, at : at + len(tokens)] = mask
                at += len(tokens)
        return ids, learn

    def _fitting(self, rng: random.Random, room: int, shortest: int) -> Sample:
        for _ in range(40 if shortest else 6):
            tokens, mask = sample(rng, self._mix)
            if shortest <= len(tokens) <= room:
                return tokens, mask
        return [], []
