"""Where an attempt's wall time went: the slowest thread of each round, waiting for a slot, the synthesis, the rest."""

from __future__ import annotations

from typing import Any

import pandas as pd

from workbench import frames, store
from workbench import semconv as s


def time_shares(runs: Any) -> pd.DataFrame:
    """One row per finished attempt, shares of its wall time that add up to 1.

    run, trace_id, task_id, wall_s, critical_path_s, slowest (agent of the longest thread), thread_share (the longest thread of
    every round, without its waiting), queue_share (what these waited for a slot), synthesis_share, other_share (starting and
    recording; plans made outside threads), spread (longest over mean thread of the last round: what a straggler costs).

    >>> wb.time_shares(run)[["task_id", "thread_share", "queue_share", "synthesis_share"]]
    """
    found = store.as_runs(runs)
    answers, threads, calls = frames.answers(found), frames.threads(found), frames.calls(found)
    key = ["run", "trace_id"]
    waits = calls.groupby([*key, "thread", "round"], dropna=False)["queue_s"].sum().rename("queue_s").reset_index()
    threads = threads.merge(waits, on=[*key, "thread", "round"], how="left").fillna({"queue_s": 0.0})
    rounds = threads.groupby([*key, "round"], dropna=False)["seconds"]
    longest = threads.loc[rounds.idxmax()]
    last = longest.sort_values("end_ns").groupby(key).last()
    mean = threads.merge(last[["round"]].reset_index(), on=[*key, "round"]).groupby(key)["seconds"].mean()
    parts = pd.DataFrame(
        {
            "slowest": last["agent"],
            "thread_s": longest.groupby(key)["seconds"].sum() - longest.groupby(key)["queue_s"].sum(),
            "waiting_s": longest.groupby(key)["queue_s"].sum(),
            "spread": last["seconds"] / mean.reindex(last.index),
        }
    )
    table = answers[[*key, "task_id", "wall_s", "critical_path_s"]].merge(parts.reset_index(), on=key, how="left")
    table = table.merge(_synthesis(found), on=key, how="left").fillna(
        {"synthesis_s": 0.0, "thread_s": 0.0, "waiting_s": 0.0}
    )
    wall = table["wall_s"].where(table["wall_s"] > 0)
    for name, column in (
        ("thread_share", "thread_s"),
        ("queue_share", "waiting_s"),
        ("synthesis_share", "synthesis_s"),
    ):
        table[name] = (table[column].clip(lower=0) / wall).clip(upper=1.0)
    table["other_share"] = (1 - table[["thread_share", "queue_share", "synthesis_share"]].sum(axis=1)).clip(lower=0)
    return table.drop(columns=["thread_s", "waiting_s", "synthesis_s"])


def compute_multiples(run: Any, single: Any = None) -> pd.Series[float]:
    """Tokens of each attempt relative to a single pass: the mean of `single`'s attempts, else of this run's own threads.

    Indexed by task_id; an attempt without tokens is NaN.

    >>> wb.compute_multiples(run).mean()
    """
    answers = frames.answers(run)
    passes = frames.answers(single) if single is not None else frames.threads(run)
    one = float((passes["input_tokens"] + passes["output_tokens"]).mean())
    tokens = (answers["input_tokens"] + answers["output_tokens"]).astype(float)
    return pd.Series((tokens.where(tokens > 0) / one).to_numpy(), index=pd.Index(answers["task_id"], name="task_id"))


def _synthesis(runs: list[Any]) -> pd.DataFrame:
    """Seconds in synthesis spans per trace."""
    names = ["trace_id", "operation", "start_ns", "end_ns"]
    parts = []
    for run in runs:
        data = run.table(names).to_pandas()
        data = data[data["operation"] == s.SYNTHESIS]
        seconds = (data["end_ns"].astype("int64") - data["start_ns"].astype("int64")) / 1e9
        parts.append(pd.DataFrame({"run": run.id, "trace_id": data["trace_id"], "synthesis_s": seconds}))
    return pd.concat(parts).groupby(["run", "trace_id"])["synthesis_s"].sum().reset_index()
