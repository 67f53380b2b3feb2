"""SQL over recorded runs: DuckDB on the sealed Parquet files, and on the JSON lines of runs that are still open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from workbench.errors import UsageError
from workbench.store import columns, seal, views
from workbench.store.places import Place
from workbench.store.run import Run, as_runs

if TYPE_CHECKING:
    import duckdb
    import pandas as pd


def sql(query: str, runs: Any, parameters: Any = None) -> pd.DataFrame:
    """Answer a question about runs in SQL.

    `runs` is a Run, a path to one or to a folder of them, or a list of these. The views are spans (flat columns), traces (one
    row per trace), answers, threads, calls and decisions, with the columns of the frames of the same names. Raises
    UsageError where the query is wrong.

    >>> wb.sql("select strategy, agents, avg(score) as accuracy from answers group by all", "traces/runs")
    """
    import duckdb

    with connect(runs) as connection:
        try:
            return connection.execute(query, parameters).df()
        except duckdb.Error as error:
            raise UsageError(f"SQL: {error}") from error


def rows(query: str, runs: Any) -> list[dict[str, Any]]:
    """The same answer as plain Python values, one dict per row."""
    import duckdb

    with connect(runs) as connection:
        try:
            found = connection.execute(query)
            names = [column[0] for column in found.description or ()]
            return [dict(zip(names, row, strict=True)) for row in found.fetchall()]
        except duckdb.Error as error:
            raise UsageError(f"SQL: {error}") from error


def connect(runs: Any) -> duckdb.DuckDBPyConnection:
    """A DuckDB connection in memory with the views made; nothing is fetched from a network by itself."""
    import duckdb

    connection = duckdb.connect(config={"autoinstall_known_extensions": "false", "allow_community_extensions": "false",
                                        "parquet_metadata_cache": "true"})  # fmt: skip
    spans: list[str] = []
    traces: list[str] = []
    former: list[str] = []
    loose: list[pa.Table] = []
    closed: list[str] = []
    known: set[type] = set()
    for run in as_runs(runs):
        if run.closed:
            closed.append(run.id)
        if isinstance(run, Run) and run.sealed:
            place = Place(run.path)
            if place.local is None and type(place.fs) not in known:
                known.add(type(place.fs))
                connection.register_filesystem(place.fs)
            spans.append(_file(place, seal.FILE))
            if (run.manifest.get("sealed") or {}).get("critical_path") and place.exists(seal.TRACES):
                traces.append(_file(place, seal.TRACES))
            else:  # sealed before traces held their critical path
                former.append(_file(place, seal.FILE))
        else:
            loose.append(run.table())
    connection.register("closed_runs", pa.table({"run": pa.array(closed, pa.string())}))
    connection.register("open_spans", pa.concat_tables(loose) if loose else columns.SCHEMA.empty_table())
    sealed = f" union all by name select * from {_parquet(spans)}" if spans else ""
    connection.execute(f"create view spans as select * from open_spans{sealed}")
    parts = [f"select * from {_parquet(traces)}"] if traces else []
    if loose or former or not traces:
        more = f" union all by name select * from {_parquet(former)}" if former else ""
        connection.execute(f"create view untold as select * from open_spans{more}")
        parts.append(f"({views.totals('untold')})")
    connection.execute(f"create view traces as {' union all by name '.join(parts)}")
    for name, text in views.VIEWS.items():
        connection.execute(f"create view {name} as {text}")
    return connection


def _file(place: Place, name: str) -> str:
    return str(place.local / name) if place.local is not None else f"{place.url}/{name}"


def _parquet(files: list[str]) -> str:
    listed = ", ".join("'" + f.replace("'", "''") + "'" for f in files)
    return f"read_parquet([{listed}], union_by_name = true)"
