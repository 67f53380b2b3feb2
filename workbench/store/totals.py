"""The table of traces, made while their spans are written: batch by batch, and from the file where a trace is in several."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from workbench.store import columns, views

BATCH = 50_000
"""Spans asked at once: a question costs DuckDB 25 ms to plan, whatever it is asked of."""
MEMORY = "192MB"
"""What DuckDB may take; beyond it goes to disk beside the Run."""

_ACROSS = """
select distinct trace_id, link->>0 as other, link->>0 in (select trace_id from batch) as here
from (select trace_id, unnest(from_json(links, '["JSON"]')) as link from batch where links is not null)
where link->>0 <> trace_id
"""
"""Links from one trace to another, and whether some of the other's spans are in the same batch."""


class Totals:
    """One row per trace (`views.totals`), of spans that are given table by table, in any order.

    Used as a context; `folder` takes what does not fit into memory.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._waiting: list[pa.Table] = []
        self._parts: list[pa.Table] = []
        self._across: list[pa.Table] = []

    def __enter__(self) -> Totals:
        return self

    def __exit__(self, *_: object) -> None:
        if "_connection" in self.__dict__:
            self._connection.close()

    @cached_property
    def _connection(self) -> Any:
        """Made when there is something to ask: importing DuckDB takes 0.3 s, in which workers can already read."""
        import duckdb

        config = {"memory_limit": MEMORY, "temp_directory": self._folder, "threads": "2"}
        return duckdb.connect(config={**config, "preserve_insertion_order": "false"})

    def add(self, spans: pa.Table) -> None:
        """Some more spans of the Run."""
        self._waiting.append(spans)
        if sum(table.num_rows for table in self._waiting) >= BATCH:
            self._ask()

    def table(self, file: str) -> pa.Table:
        """All traces, by their start. `file` is the Parquet file that holds all spans by now."""
        self._ask()
        found = pa.concat_tables(self._parts)
        counts = pc.value_counts(found["trace_id"].combine_chunks())
        ids, torn = counts.field("values"), counts.filter(pc.greater(counts.field("counts"), 1)).field("values")
        if self._across and _apart(pa.concat_tables(self._across), ids, torn):
            found = _of_file(self._connection, file)  # the longest path leads through several batches
        elif len(torn):
            of_torn = pc.is_in(found["trace_id"], value_set=torn)
            found = pa.concat_tables([found.filter(pc.invert(of_torn)), _of_file(self._connection, file, torn)])
        return found.sort_by("start_ns")

    def _ask(self) -> None:
        batch = pa.concat_tables([columns.SCHEMA.empty_table(), *self._waiting])
        self._waiting.clear()
        self._connection.register("batch", batch)
        self._parts.append(self._connection.sql(views.totals("batch")).to_arrow_table())
        if batch["links"].null_count < batch.num_rows:
            self._across.append(self._connection.sql(_ACROSS).to_arrow_table())
        self._connection.unregister("batch")


def _apart(across: pa.Table, ids: pa.Array, torn: pa.Array) -> bool:
    """Whether traces that are linked were not asked of all their spans together."""
    elsewhere = pc.and_(pc.invert(across["here"]), pc.is_in(across["other"], value_set=ids))
    in_parts = pc.or_(pc.is_in(across["trace_id"], value_set=torn), pc.is_in(across["other"], value_set=torn))
    return bool(pc.any(pc.or_(elsewhere, in_parts)).as_py())


def _of_file(connection: Any, file: str, only: pa.Array | None = None) -> pa.Table:
    """The traces of a file of spans, all or only some, again from all their spans."""
    import duckdb

    spans = "read_parquet('" + file.replace("\\", "/").replace("'", "''") + "')"
    if only is not None:
        connection.register("torn", pa.table({"trace_id": only}))
        spans = f"(select * from {spans} where trace_id in (from torn))"
    try:
        return connection.sql(views.totals(spans)).to_arrow_table()
    except duckdb.OutOfMemoryException:  # paths cannot be put on disk: many millions of spans need more
        connection.execute("reset memory_limit")
        return connection.sql(views.totals(spans)).to_arrow_table()
