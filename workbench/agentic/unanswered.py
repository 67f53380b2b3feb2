"""Unanswered: calls that a model made and nobody answered, and answers to calls that nobody made."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import pandas as pd

from workbench.agentic.items import Items, message_parts
from workbench.frames.lineage import Flags, Rows

COLUMNS = ["item", "tool", "arguments", "call_id"]


def calls(of: Items, owned: Rows, error: Flags) -> tuple[pd.DataFrame, Rows]:
    """Unanswered calls (`COLUMNS`; item is the model call's), and the tool items whose call was not made.

    `owned` counts the tool spans after each call. A call is answered by the result with its id; where ids are not recorded,
    by order. In a step that the record numbers, only calls of steps without any tool span count: a vote is no call.
    """
    made = of.data["calls"].fillna(0).to_numpy(np.int64)
    tools = np.flatnonzero(of.is_tool)
    uncalled = tools[of.owner[tools] < 0]
    stranger = _strangers(of, tools)
    look = (made != owned) & ~of.is_tool & (made > 0) & ~error
    look[of.owner[tools][stranger[tools]]] = True
    look &= ~_acted_elsewhere(of, tools, owned)
    answered = _ids(of, tools, look)
    rows: list[tuple[int, Any, Any, Any]] = []
    for chat in np.flatnonzero(look).tolist():
        rows += [(chat, *call) for call in _left(of.data["output"].iat[chat], answered.get(chat, []))]
    return pd.DataFrame(rows, columns=COLUMNS), np.union1d(uncalled, np.flatnonzero(stranger))


def _strangers(of: Items, tools: Rows) -> Flags:
    """Tool items whose id is not among those that their call names (where it names any)."""
    out = np.zeros(len(of), bool)
    made = of.data["calls"].fillna(0).to_numpy(np.int64)
    mine = tools[(of.owner[tools] >= 0) & of.data["call_id"].notna().to_numpy()[tools]]
    mine = mine[made[of.owner[mine]] > 0]
    ids = of.data["call_id"].iloc[mine].tolist()
    said = of.data["output"].iloc[of.owner[mine]].tolist()
    out[mine] = [ident not in text for ident, text in zip(ids, said, strict=True)]
    return out


def _acted_elsewhere(of: Items, tools: Rows, owned: Rows) -> Flags:
    """Calls in a numbered step whose tool spans belong to another call of that step."""
    told = ~np.isnan(of.step)
    out = np.zeros(len(of), bool)
    if told.any():
        rows = np.flatnonzero(told & ~of.is_tool & (owned == 0))
        done = pd.MultiIndex.from_arrays([of.trace[tools], of.step[tools]])
        out[rows] = pd.MultiIndex.from_arrays([of.trace[rows], of.step[rows]]).isin(done)
    return out


def _ids(of: Items, tools: Rows, look: Flags) -> dict[int, list[str | None]]:
    """Call item -> ids of the results that follow it."""
    found: dict[int, list[str | None]] = {}
    mine = tools[(of.owner[tools] >= 0)]
    mine = mine[look[of.owner[mine]]]
    for chat, ident in zip(of.owner[mine].tolist(), of.data["call_id"].iloc[mine].tolist(), strict=True):
        found.setdefault(chat, []).append(ident if isinstance(ident, str) else None)
    return found


def _left(output: Any, answered: list[str | None]) -> list[tuple[Any, Any, Any]]:
    """The calls in the output messages that none of the answers is for."""
    try:
        messages = orjson.loads(output)
    except (orjson.JSONDecodeError, TypeError):
        return []
    parts = [part for part in message_parts(messages) if part.get("type") == "tool_call"]
    named = {ident for ident in answered if ident is not None}
    left = [part for part in parts if str(part.get("id")) not in named]
    left = left[sum(ident is None for ident in answered) :]
    return [(_text(part.get("name")), _text(part.get("arguments")), _text(part.get("id"))) for part in left]


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) or value is None else orjson.dumps(value).decode()
