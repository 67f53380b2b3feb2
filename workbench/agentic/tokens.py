"""References: which step's words rest on which earlier step's, told by the identifiers and numbers that pass between them.

A telling value is a run of letters, digits and ``_ @ # . / -`` of at least two characters with a digit, ``_`` or ``@`` in
it: an id, an amount, a date, an address. Names of fields are left out. Plain words are not followed: they are said by chance
too often.
"""

from __future__ import annotations

from typing import Any

import duckdb
import numpy as np
import orjson
import pandas as pd
import pyarrow as pa

from workbench.agentic.items import Items, message_parts
from workbench.frames.lineage import Flags, Rows

_BREAK, _FIELD = r"(?:\\[nrt])?", r'(?:\\?" ?:)?'
VALUE = rf"{_BREAK}(?:[a-z#][a-z0-9_@#./-]*)?[0-9_@](?:[a-z0-9_@#./-]*[a-z0-9_])?{_FIELD}"
"""In lower-case text; a match may begin with an escaped line break, and one that ends in a colon is a field's name."""

_NUMBER = r"rtrim(regexp_replace(word, '^(\d+\.\d*?)0+$', '\1'), '.')"  # 129.50 is 129.5

# Time within a trajectory: tick k hears at 3k, acts (arguments, words) at 3k + 1 and is told results at 3k + 2.
_QUERY = f"""
with texts as (
  select place, trace, 3 * tick + 1 as at_time, 'argument' as kind, arguments as body from row_table where is_tool
  union all select place, trace, 3 * tick + 2, 'result', result from row_table where is_tool
  union all select place, trace, 3 * tick + 1, 'said', regexp_replace(said, '(\\d),(\\d\\d\\d)', '\\1\\2', 'g') from row_table
    where contains(said, '"text"')
  union all select place, trace, 3 * tick, 'heard', heard from row_table),
matches as (
  select place, trace, at_time, kind, unnest(regexp_extract_all(lower(body), '{VALUE}')) as match
  from texts where body is not null),
words as (
  select place, trace, at_time, kind, case when match[1] = '\\' then match[3:] else match end as word
  from matches where match[-1] <> ':'),
long as (
  select place, trace, at_time, kind,
    hash(case when contains(word, '.') and word[-1] = '0' then {_NUMBER} else word end) as word
  from words where len(word) > 1),
known as (
  select trace, word, min(at_time) as born, max(at_time) filter (kind in ('argument', 'said')) as last_use
  from long group by all)
select place,
  bool_or(coalesce(last_use, -1) > at_time) filter (kind = 'result' and born = at_time) as used,
  avg((born < at_time)::int) filter (kind = 'argument') as grounded,
  bool_or(born = at_time - 1 or born = at_time - 2) filter (kind = 'argument') as waited
from long join known using (trace, word) where kind in ('argument', 'result') group by place order by place
"""


def references(
    of: Items, item: Rows, batch: Rows, trace: Rows, ticks: Rows, is_tool: Flags, is_error: Flags, data: pd.DataFrame
) -> dict[str, Any]:
    """Columns used, grounded and waited (see `steps`), and said and heard as they stand in the record, one value per row."""
    call = np.where(batch >= 0, batch, np.where(is_tool, -1, item))
    opens = (call >= 0) & ~pd.Series(np.where(call >= 0, call, -1 - np.arange(len(call)))).duplicated().to_numpy()
    at = np.maximum(call, 0)
    heard = of.data["heard"].fillna(of.data["first_heard"]).iloc[at].reset_index(drop=True).where(opens)
    said = of.data["output"].iloc[at].reset_index(drop=True).where(opens)
    table = pa.table(
        {
            "place": np.arange(len(item)),
            "trace": trace,
            "tick": ticks,
            "is_tool": is_tool,
            "arguments": pa.array(data["arguments"].array),
            "result": pa.array(data["result"].where(~is_error).array),
            "said": pa.array(said.array),
            "heard": pa.array(heard.array),
        }
    )
    with duckdb.connect() as connection:
        connection.register("row_table", table)
        found = connection.sql(_QUERY).df().set_index("place").reindex(pd.RangeIndex(len(item)))
    return {
        "used": found["used"].astype("boolean"),
        "grounded": found["grounded"].astype("float64"),
        "waited": found["waited"].astype("boolean").where(heard.isna() | found["waited"].isna(), True),
        "said": said,
        "heard": heard,
    }


def words(messages: Any) -> str | None:
    """The text in a recorded message or list of messages (JSON); None where there is none."""
    if not isinstance(messages, str):
        return None
    try:
        value = orjson.loads(messages)
    except orjson.JSONDecodeError:
        return messages
    parts = [part for part in message_parts(value, but="system") if part.get("type") == "text"]
    return "\n".join(str(part.get("content")) for part in parts) or None
