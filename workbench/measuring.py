"""measures: a Run in one row: how right, how much, how long, and how that compares with a single agent."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pandas as pd

from workbench import frames
from workbench.errors import DataError
from workbench.stats import accuracy
from workbench.store import Run, open_runs


def measures(run: Run) -> dict[str, Any]:
    """One row of plain values.

    tasks and answered count attempts (asked for, finished with an answer). A failed attempt counts as wrong; accuracy has a
    95 % interval clustered by task. critical_path_s is the mean over attempts; compute_multiple is tokens per attempt
    relative to a Single run of the same tasks on the same model found beside this run, else None.

    >>> wb.measures(run)["accuracy"]
    """
    answers, calls = frames.answers(run), frames.calls(run)
    manifest = run.manifest
    known = answers["score"].notna() | answers["error"].notna()
    found = accuracy(answers) if known.any() else None  # an attempt that failed counts as wrong
    tasks = manifest.get("tasks")
    asked = tasks.get("n", 0) * manifest.get("repeats", 1) if isinstance(tasks, dict) else len(answers)
    cost = calls["cost_usd"].dropna()
    return {
        "run": str(run.path),
        "tasks": int(asked),
        "answered": int(answers["answer"].notna().sum() if "answer" in answers else 0),
        "accuracy": float(found.value) if found else None,
        "accuracy_low": float(found.low) if found else None,
        "accuracy_high": float(found.high) if found else None,
        "input_tokens": int(calls["input_tokens"].sum()),
        "output_tokens": int(calls["output_tokens"].sum()),
        "cost_usd": float(cost.sum()) if len(cost) else None,
        "wall_s": _wall_s(calls, answers),
        "critical_path_s": float(answers["critical_path_s"].mean()) if len(answers) else None,
        "compute_multiple": compute_multiple(run),
    }


def _wall_s(calls: pd.DataFrame, answers: pd.DataFrame) -> float:
    """From the first call's begin to the last one's end."""
    if not len(calls):
        return float(answers["wall_s"].sum()) if len(answers) else 0.0
    return float((calls["end_ns"].max() - calls["start_ns"].min()) / 1e9)


def compute_multiple(run: Run) -> float | None:
    """Tokens per attempt relative to Single on the same tasks; looked for among the runs in the same folder."""
    own = _tokens_per_attempt(run)
    if own is None:
        return None
    if _strategy(run) == "single":
        return 1.0
    singles = [other for other in _siblings(run) if _is_baseline(other, run)]
    tokens = [t for t in (_tokens_per_attempt(s) for s in singles) if t]
    return own / (sum(tokens) / len(tokens)) if tokens else None


def _siblings(run: Run) -> list[Run]:
    path = os.fspath(run.path)
    if "://" in path and not path.startswith("file://"):
        return []
    try:
        return open_runs(Path(path.removeprefix("file://")).resolve().parent)
    except DataError:
        return []


def _strategy(run: Run) -> str | None:
    found = run.manifest.get("strategy")
    return found.get("name") if isinstance(found, dict) else None


def _is_baseline(other: Run, run: Run) -> bool:
    """Whether the other is a finished chain-of-thought Single run of the same tasks with the same models at work."""
    ours, theirs = run.manifest, other.manifest
    strategy = theirs.get("strategy")
    return (
        isinstance(strategy, dict)
        and strategy.get("name") == "single"
        and strategy.get("reasoning") == "chain"
        and theirs.get("status") == "closed"
        and theirs.get("tasks") == ours.get("tasks")
        and set((theirs.get("mix") or {}).get("agents", {})) == set((ours.get("mix") or {}).get("agents", {}))
    )


def _tokens_per_attempt(run: Run) -> float | None:
    answers = frames.answers(run)
    if not len(answers):
        return None
    return float((answers["input_tokens"] + answers["output_tokens"]).sum() / len(answers))
