"""Lineage: for every span of a run its parent, root and thread, as arrays; the frames are cut from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from workbench import semconv as s
from workbench.store.columns import PROMOTED
from workbench.store.spanlike import Spans

Rows = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

COLUMNS = [
    *("trace_id", "span_id", "parent_id", "start_ns", "end_ns", "status", "status_message"),
    *("finish_reason", "events", "links", *PROMOTED),
]
MAX_DEPTH = 1_000


@dataclass(frozen=True)
class Lineage:
    """`data` has one row per span; `parent`, `root`, `node` and `thread` give row numbers, -1 for none.

    node is the nearest thread or synthesis span at or above a span, thread the nearest thread span. `dropped` marks
    spans of an attempt that was given up half-done and calls whose reply a later attempt took over.
    """

    run: str
    data: pd.DataFrame
    parent: Rows
    root: Rows
    node: Rows
    thread: Rows
    dropped: Flags

    def pick(self, column: str, rows: Rows) -> Any:
        """The column's values at `rows`, missing where a row is -1."""
        return self.data[column].reindex(pd.Index(np.where(rows < 0, len(self.data), rows))).reset_index(drop=True)

    def own_or(self, column: str, *where: Rows) -> Any:
        """A span's own value, else the one of the span it belongs to (tried in order)."""
        values = self.data[column]
        for rows in where:
            if not values.isna().any():
                break
            values = values.fillna(self.pick(column, rows))
        return values


def lineage(run: Spans, more: Sequence[str] = ()) -> Lineage:
    """Resolve parents, roots, threads and what does not count, for one run; `more` columns are read beside `COLUMNS`."""
    table = run.table([*COLUMNS, *more])
    data: pd.DataFrame = table.to_pandas(types_mapper=_types)
    parent = _parents(table)
    operation = data["operation"].to_numpy(dtype=object)
    is_thread: Flags = operation == s.THREAD
    is_node: Flags = is_thread | (operation == s.SYNTHESIS)
    is_root: Flags = data["parent_id"].isna().to_numpy()
    node, thread = _nearest(is_node, parent), _nearest(is_thread, parent)
    root = _root_of_trace(table, is_root)
    return Lineage(run.id, data, parent, root, node, thread, _dropped(data, root, operation, run.closed))


def _types(kind: pa.DataType) -> Any:
    if pa.types.is_string(kind):
        return pd.StringDtype("pyarrow", na_value=np.nan)
    return {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}.get(kind)


def _parents(table: pa.Table) -> Rows:
    own = pc.binary_join_element_wise(table["trace_id"], table["span_id"], "")
    wanted = pc.binary_join_element_wise(table["trace_id"], table["parent_id"], "")
    found = pc.index_in(wanted, value_set=own.combine_chunks() if isinstance(own, pa.ChunkedArray) else own)
    return np.asarray(pc.fill_null(found, -1).to_numpy(), dtype=np.int64)


def _nearest(wanted: Flags, parent: Rows) -> Rows:
    """The row itself or its nearest ancestor for which `wanted` holds; -1 where there is none."""
    found: Rows = np.where(wanted, np.arange(len(wanted)), -1)
    above, open_ = parent.copy(), (found < 0) & (parent >= 0)
    for _ in range(MAX_DEPTH):  # bounded: a hostile file may hold a cycle of parents
        rows = np.flatnonzero(open_)
        if not len(rows):
            break
        up = above[rows]
        hit = wanted[up]
        found[rows[hit]] = up[hit]
        above[rows] = parent[up]
        open_[rows] = ~hit & (above[rows] >= 0)
    return found


def _root_of_trace(table: pa.Table, is_root: Flags) -> Rows:
    """For each row the earliest root of its trace."""
    codes = pc.dictionary_encode(table["trace_id"].combine_chunks()).indices.to_numpy()
    first = np.full(int(codes.max()) + 1 if len(codes) else 0, -1, dtype=np.int64)
    rows = np.flatnonzero(is_root)
    rows = rows[np.argsort(table["start_ns"].to_numpy()[rows], kind="stable")][::-1]
    first[codes[rows]] = rows
    return first[codes] if len(codes) else first


def _dropped(data: pd.DataFrame, root: Rows, operation: Any, closed: bool) -> Flags:
    rootless: Flags = root < 0
    none = np.zeros(len(data), dtype=bool)
    if not rootless.any():
        return none
    finished = data.loc[np.unique(root[root >= 0]), ["task_id", "repeat"]].fillna({"repeat": 0})
    done = set(finished.itertuples(index=False, name=None))
    own = data.loc[rootless, ["task_id", "repeat"]].fillna({"repeat": 0})
    half = none.copy()
    half[rootless] = [closed or key in done for key in own.itertuples(index=False, name=None)]
    is_call: Flags = operation == s.CHAT
    taken_over = set(data.loc[data["reused"].fillna(False).to_numpy(bool) & ~half, "call_key"].dropna())
    copied: Flags = data["call_key"].isin(taken_over).to_numpy(bool) & ~data["reused"].fillna(False).to_numpy(bool)
    return np.where(is_call, half & copied, half)
