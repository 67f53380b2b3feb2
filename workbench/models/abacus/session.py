"""One abacus graph in ONNX Runtime: prompts go in one by one, or from a row that read the same; then all rows step together."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from workbench.models.abacus.formats import CONTEXT
from workbench.models.abacus.tokens import SIZE

Floats = npt.NDArray[np.float32]
STEP_ROWS = (*range(1, 9), 12, 16, 24, 32, 48, 64)
"""Batches are padded up to one of these, so that few bindings are made; a row's logits are the same in all, to the bit."""

BEFORE = 2
"""Tokens before one that are read together with it."""

ROOMS = (256, 512, 1024, CONTEXT)

WORTH = 3500
"""Rows x layers x width from which a step is shared by two threads: below, waiting for each other costs more than it saves."""


class Session:
    """Key and value caches [rows, heads, room, head] for up to 64 rows; active rows are always the first ones.

    With two `threads` a large step's rows are shared out among two; a row's logits do not depend on that.
    """

    def __init__(self, path: Path, threads: int) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1  # rows are shared out instead: one wait a step
        options.log_severity_level = 3
        self._session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        shape = self._session.get_modelmeta().custom_metadata_map["abacus"]
        self._width, self._layers, self._heads = map(int, shape.split())
        self._names = [f"{kind}{i}" for i in range(self._layers) for kind in ("key", "value")]
        self._caches: dict[str, Floats] = {}
        self._steps: dict[tuple[int, int], _Bound] = {}
        self._helper = ThreadPoolExecutor(1, "abacus-helper") if threads > 1 else None
        self._room = 0
        self._capacity = 0

    def fit(self, rows: int, room: int) -> None:
        """Make place for so many rows of so many tokens; what the caches hold stays."""
        capacity = max(self._capacity, next(r for r in STEP_ROWS if r >= rows))
        room = max(self._room, next(r for r in ROOMS if r >= room))
        if (capacity, room) == (self._capacity, self._room):
            return
        for name in self._names:
            grown = np.zeros((capacity, self._heads, room, self._width // self._heads), np.float32)
            if self._capacity:
                grown[: self._capacity, :, : self._room] = self._caches[name]
            self._caches[name] = grown
        self._capacity, self._room = capacity, room
        self._steps.clear()

    def read(self, row: int, ids: Sequence[int]) -> None:
        """Read tokens into an empty row."""
        bound = self._bind(row, row + 1, len(ids))
        bound.ids[0, BEFORE:] = ids
        bound.lengths[0] = bound.last[0] = len(ids) - 1
        self._run(bound, len(ids))

    def step(self, tokens: Sequence[Sequence[int]], lengths: Sequence[int]) -> Floats:
        """Append one token to each of the first rows, `lengths` tokens long before; returns logits [rows, SIZE].

        Of each row the `BEFORE` tokens before the new one are given, too.
        """
        rows = len(tokens)
        if self._helper is None or rows * self._layers * self._width < WORTH:
            return self._part(0, tokens, lengths)
        half = next(
            r for r in STEP_ROWS if 2 * r >= rows
        )  # no padding, which would write into the rows of the other half
        other = self._helper.submit(self._part, half, tokens[half:], lengths[half:])
        first = self._part(0, tokens[:half], lengths[:half])
        return np.concatenate([first, other.result()])

    def _part(self, start: int, tokens: Sequence[Sequence[int]], lengths: Sequence[int]) -> Floats:
        """A step of the rows from `start` on."""
        rows = len(tokens)
        padded = next(r for r in STEP_ROWS if r >= rows)
        bound = self._steps.get((start, padded))
        if bound is None:
            bound = self._steps[start, padded] = self._bind(start, start + padded, 1)
        bound.ids[:rows] = tokens
        bound.lengths[:rows], bound.lengths[rows:] = lengths, 1
        return self._run(bound, max(*lengths, 1) + 1)[:rows]

    def copy(self, source: int, target: int, tokens: int) -> None:
        """The first tokens of row `source` become those of row `target`."""
        for cache in self._caches.values():
            cache[target, :, :tokens] = cache[source, :, :tokens]

    def _run(self, bound: _Bound, total: int) -> Floats:
        bound.total[0] = total
        self._session.run_with_iobinding(bound.binding)
        return bound.logits

    def _bind(self, start: int, stop: int, tokens: int) -> _Bound:
        bound = _Bound(self._session.io_binding(), stop - start, tokens)
        for name, cache in self._caches.items():  # the new keys and values are written into the cache itself
            view = cache[start:stop]
            bound.bind("input", name, view)
            bound.bind("output", f"new_{name}", view)
        return bound


class _Bound:
    """The arrays of one batch shape, bound to the session once and filled again for every run."""

    def __init__(self, binding: Any, rows: int, tokens: int) -> None:
        self.binding = binding
        self.ids = np.zeros((rows, BEFORE + tokens), np.int64)  # `PAD` where nothing stands before
        self.lengths = np.zeros(rows, np.int32)
        self.total = np.zeros(1, np.int32)
        self.last = np.zeros(rows, np.int64)
        self.logits = np.zeros((rows, SIZE), np.float32)
        for name in ("ids", "lengths", "total", "last"):
            self.bind("input", name, getattr(self, name))
        self.bind("output", "logits", self.logits)

    def bind(self, side: str, name: str, value: npt.NDArray[Any]) -> None:
        put = self.binding.bind_input if side == "input" else self.binding.bind_output
        put(name, "cpu", 0, value.dtype.type, value.shape, value.ctypes.data)
