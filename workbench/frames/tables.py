"""answers, threads, calls, decisions: recorded runs as tidy pandas tables.

Each takes one Run, a list of Runs, or a path to a Run or to a folder of Runs. Times are nanoseconds since 1970 or
seconds as the column says. A call that a resumed run took over is marked `reused` and stands once; attempts that were
given up half-done and finished later are left out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import orjson
import pandas as pd

from workbench import semconv as s
from workbench.frames.critical import critical_path_s
from workbench.frames.lineage import Flags, Lineage, lineage
from workbench.store import as_runs


def answers(runs: Any) -> pd.DataFrame:
    """One row per finished attempt at a task (per trace).

    `threads` counts lines of work, `calls` model calls; tokens and `cost_usd` are sums over the calls, reused ones too.
    `critical_path_s` is the longest chain through the recorded links without waiting for slots; `queue_s` is the sum of
    all waiting.

    >>> wb.answers(run).groupby("difficulty")["score"].mean()
    """
    return _all(runs, _answers)


def threads(runs: Any) -> pd.DataFrame:
    """One row per thread span: one agent's line of work in one round.

    >>> wb.threads(run).groupby("agent")["score"].mean()
    """
    return _all(runs, _threads)


def calls(runs: Any) -> pd.DataFrame:
    """One row per model call. `seconds` is the whole span, `queue_s` the part of it spent waiting for a slot.

    >>> wb.calls(run).groupby("model")[["input_tokens", "output_tokens", "cost_usd"]].sum()
    """
    return _all(runs, _calls)


def decisions(runs: Any) -> pd.DataFrame:
    """One row per recorded decision (split, vote, stop …) with its reason; `attributes` is a dict of the rest.

    >>> wb.decisions(run)[["task_id", "kind", "reason"]]
    """
    return _all(runs, _decisions)


def _all(runs: Any, cut: Callable[[Lineage], pd.DataFrame]) -> pd.DataFrame:
    parts = [cut(lineage(run)) for run in as_runs(runs)]
    filled = [part for part in parts if len(part)]
    return pd.concat(filled, ignore_index=True) if filled else parts[0]


def _answers(of: Lineage) -> pd.DataFrame:
    data = of.data
    is_root = (of.root == np.arange(len(data))) & ~of.dropped
    total = _totals(of, of.root)
    merged = _rows(of, data["operation"] == s.SYNTHESIS)
    synthesis = np.full(len(data), -1, dtype=np.int64)
    synthesis[of.root[merged & (of.root >= 0)]] = np.flatnonzero(merged & (of.root >= 0))  # the last one of a trace
    frame = pd.DataFrame(
        {
            "trace_id": data["trace_id"],
            "task_id": data["task_id"],
            "repeat": data["repeat"].fillna(0).astype("int64"),
            "category": data["category"],
            "difficulty": data["difficulty"],
            "strategy": data["strategy"],
            "agents": data["agents"],
            "synthesis": of.own_or("synthesis", synthesis),
            "answer": of.own_or("answer", synthesis),
            "target": data["target"],
            "score": of.own_or("score", synthesis),
            "support": of.own_or("support", synthesis),
            "confidence": of.own_or("confidence", synthesis),
            "threads": _thread_counts(of),
            "calls": total["calls"],
            "input_tokens": total["input_tokens"],
            "output_tokens": total["output_tokens"],
            "reasoning_tokens": total["reasoning_tokens"],
            "cost_usd": total["cost_usd"],
            "wall_s": _seconds(data),
            "critical_path_s": critical_path_s(of),
            "queue_s": total["queue_ns"] / 1e9,
            "error": _error(data),
        }
    )
    return _done(of, frame, is_root)


def _threads(of: Lineage) -> pd.DataFrame:
    data = of.data
    total = _totals(of, of.thread)
    frame = pd.DataFrame(
        {
            "trace_id": data["trace_id"],
            "span_id": data["span_id"],
            "task_id": of.own_or("task_id", of.root),
            "repeat": of.own_or("repeat", of.root).fillna(0).astype("int64"),
            "thread": data["thread"],
            "agent": data["agent"],
            "model": data["request_model"].fillna(total["model"]),
            "role": data["role"],
            "style": data["style"],
            "round": data["round"],
            "answer": data["answer"],
            "score": data["score"],
            "start_ns": data["start_ns"].astype("int64"),
            "end_ns": data["end_ns"].astype("int64"),
            "seconds": _seconds(data),
            "input_tokens": total["input_tokens"],
            "output_tokens": total["output_tokens"],
            "reasoning_tokens": total["reasoning_tokens"],
            "cost_usd": total["cost_usd"],
            "logprob": data["logprob"].fillna(total["logprob"]),
            "cancelled": data["cancelled"].fillna(False).astype(bool),
            "error": _error(data),
        }
    )
    return _done(of, frame, _rows(of, data["operation"] == s.THREAD))


def _calls(of: Lineage) -> pd.DataFrame:
    data = of.data
    frame = pd.DataFrame(
        {
            "trace_id": data["trace_id"],
            "span_id": data["span_id"],
            "parent_id": data["parent_id"],
            "task_id": of.own_or("task_id", of.root),
            "repeat": of.own_or("repeat", of.root).fillna(0).astype("int64"),
            "thread": of.own_or("thread", of.node),
            "agent": of.own_or("agent", of.node),
            "model": data["request_model"].fillna(data["response_model"]),
            "role": of.own_or("role", of.node),
            "style": of.own_or("style", of.node),
            "round": of.own_or("round", of.node),
            "start_ns": data["start_ns"].astype("int64"),
            "end_ns": data["end_ns"].astype("int64"),
            "seconds": _seconds(data),
            "queue_s": data["queue_ns"].fillna(0).astype("float64") / 1e9,
            "first_token_s": data["first_token_ns"].astype("float64") / 1e9,
            "input_tokens": data["input_tokens"].fillna(0).astype("int64"),
            "output_tokens": data["output_tokens"].fillna(0).astype("int64"),
            "reasoning_tokens": data["reasoning_tokens"].fillna(0).astype("int64"),
            "cost_usd": data["cost_usd"],
            "logprob": data["logprob"],
            "temperature": data["temperature"],
            "seed": data["seed"],
            "attempts": data["attempts"].fillna(1).astype("int64"),
            "finish_reason": data["finish_reason"],
            "reused": data["reused"].fillna(False).astype(bool),
            "cancelled": data["cancelled"].fillna(False).astype(bool),
            "error": _error(data),
        }
    )
    return _done(of, frame, _rows(of, data["operation"] == s.CHAT))


def _decisions(of: Lineage) -> pd.DataFrame:
    data = of.data
    tasks = of.own_or("task_id", of.root)
    rows: list[tuple[Any, ...]] = []
    for i in np.flatnonzero(data["events"].notna().to_numpy() & ~of.dropped).tolist():
        for name, time_ns, attributes in orjson.loads(str(data["events"].iat[i])):
            if name == s.DECISION:
                kind, reason = attributes.pop(s.DECISION_KIND, None), attributes.pop(s.DECISION_REASON, None)
                rows.append(
                    (
                        of.run,
                        data["trace_id"].iat[i],
                        data["span_id"].iat[i],
                        tasks.iat[i],
                        time_ns,
                        kind,
                        reason,
                        attributes,
                    )
                )
    names = ["run", "trace_id", "span_id", "task_id", "time_ns", "kind", "reason", "attributes"]
    return pd.DataFrame(rows, columns=names).sort_values("time_ns", ignore_index=True)


def _totals(of: Lineage, owner: Any) -> pd.DataFrame:
    """Sums over the calls below each row of `owner`, one row per span (zero where there are none)."""
    data = of.data
    mask = _rows(of, data["operation"] == s.CHAT) & (owner >= 0)
    picked = data.loc[
        mask, ["input_tokens", "output_tokens", "reasoning_tokens", "queue_ns", "cost_usd", "request_model"]
    ]
    picked = picked.assign(calls=1, weight=picked["output_tokens"].fillna(0).clip(lower=1).astype("float64"))
    picked["logprob_sum"] = data.loc[mask, "logprob"] * picked["weight"]
    picked["weight"] = picked["weight"].where(picked["logprob_sum"].notna(), 0.0)
    groups = picked.groupby(owner[mask])
    sums = groups[["calls", "input_tokens", "output_tokens", "reasoning_tokens", "queue_ns"]].sum()
    out: pd.DataFrame = sums.reindex(data.index).fillna(0).astype("int64")
    out["cost_usd"] = groups["cost_usd"].sum(min_count=1).reindex(data.index)
    weight = groups["weight"].sum()
    out["logprob"] = (groups["logprob_sum"].sum() / weight.where(weight > 0)).reindex(data.index)
    out["model"] = groups["request_model"].first().reindex(data.index)
    return out


def _thread_counts(of: Lineage) -> Any:
    """How many lines of work each trace has: distinct thread numbers, or thread spans where they carry none."""
    data = of.data
    rows = np.flatnonzero(_rows(of, data["operation"] == s.THREAD) & (of.root >= 0) & (of.root != np.arange(len(data))))
    label = data["thread"].iloc[rows].fillna(pd.Series(-1 - rows, index=rows))
    pairs = pd.DataFrame({"root": of.root[rows], "label": label.to_numpy()}).drop_duplicates()
    return pairs["root"].value_counts().reindex(data.index).fillna(0).astype("int64")


def _rows(of: Lineage, condition: Any) -> Flags:
    mask: Flags = condition.fillna(False).to_numpy(bool) & ~of.dropped
    return mask


def _seconds(data: pd.DataFrame) -> Any:
    return (data["end_ns"].astype("int64") - data["start_ns"].astype("int64")).clip(lower=0) / 1e9


def _error(data: pd.DataFrame) -> Any:
    failed = data["status"] == "ERROR"
    return data["error_type"].where(data["error_type"].notna() | ~failed, data["status_message"].fillna("ERROR"))


def _done(of: Lineage, frame: pd.DataFrame, mask: Flags) -> pd.DataFrame:
    frame.insert(0, "run", of.run)
    rows = np.flatnonzero(mask)
    order = np.argsort(of.data["start_ns"].to_numpy(np.int64)[rows], kind="stable")
    tidy: pd.DataFrame = frame.iloc[rows[order]].reset_index(drop=True)
    return tidy
