"""Votes that other people's models once gave, from ../shared, as the frames the statistics take."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import workbench as wb
from workbench.grading import marked

SHARED = Path(__file__).parents[2] / "shared"
CHEAP, STRONG = "mistralai/Mixtral-8x7B-Instruct-v0.1", "gpt-4-1106-preview"


def rows(name: str, shared: Path = SHARED) -> list[dict[str, Any]]:
    """The records of one file below shared/data."""
    with gzip.open(shared / "data" / name, "rt") as lines:
        return [json.loads(line) for line in lines]


def samples(name: str, shared: Path = SHARED) -> pd.DataFrame:
    """A *.votes file with lists (answers, ok, perhaps rm, perhaps strategies) as a `threads` frame."""

    def threads() -> Iterator[dict[str, Any]]:
        for row in rows(name, shared):
            for i, (answer, ok) in enumerate(zip(row["answers"], row["ok"], strict=True)):
                one = {"task_id": row["qid"], "thread": i, "answer": answer, "score": float(ok), "target": row["gold"]}
                if "rm" in row:
                    one["reward"] = row["rm"][i]
                if "strategies" in row:
                    one["agent"] = row["strategies"][i]
                yield one

    return pd.DataFrame(list(threads()))


def kept(run: Any) -> pd.DataFrame:
    """What a tree-of-thought search kept at its end, as a `threads` frame: the answer each names, its score, its value.

    From the traces alone, in SQL: a kept proposal is a thread that was graded; `value` is what the model's own check gave it.
    """
    found = wb.sql(
        """select t.task_id, t.thread, t.answer, t.score, cast(json_extract(s.attributes, '$."tot.value"') as double) as value
        from threads t join spans s using (trace_id, span_id) where t.score is not null order by t.task_id, t.thread""",
        run,
    ).drop_duplicates(["task_id", "answer"])
    named = [marked(text) for text in found["answer"]]
    return found.assign(answer=pd.Series(named, found.index, dtype=object), thread=found.groupby("task_id").cumcount())


def models(shared: Path = SHARED) -> pd.DataFrame:
    """MMLU-Pro: one thread per model; `agent` and `model` are its name."""
    found = rows("votes_mmlupro_models/votes.jsonl.gz", shared)
    return pd.DataFrame(
        [
            (row["qid"], row["category"], i, model, model, answer, float(answer == row["gold"]))
            for row in found
            for i, (model, answer) in enumerate(row["pred"].items())
        ],
        columns=["task_id", "category", "thread", "agent", "model", "answer", "score"],
    )


def two_models(shared: Path = SHARED) -> tuple[pd.Series[float], pd.Series[float], pd.DataFrame]:
    """RouteLLM's GSM8K: scores of Mixtral, scores of GPT-4, and what is known before GPT-4 is asked (numbers by task)."""
    found = rows("votes_routellm/gsm8k_two_models.jsonl.gz", shared)
    index = pd.Index([row["qid"] for row in found], name="task_id")
    cheap, strong = (pd.Series([float(row[m] == "True") for row in found], index) for m in (CHEAP, STRONG))
    return cheap, strong, pd.DataFrame([_signs(row["prompt"], row[CHEAP + "_response"]) for row in found], index)


def _signs(prompt: str, reply: str) -> dict[str, float]:
    """Features of one reply; GSM8K's replies show their arithmetic as <<a+b=c>>, which can be checked."""
    steps = re.findall(r"<<([^=<>]+)=([^<>]+?)>>", reply)
    held = [_holds(left, right) for left, right in steps]
    final = re.findall(r"####\s*\$?(-?[\d,.]+)", reply)
    last = steps[-1][1].strip() if steps else ""
    return {
        "prompt_length": len(prompt) / 100,
        "reply_length": len(reply) / 1000,
        "steps": float(len(steps)),
        "no_steps": float(not steps),
        "steps_wrong": float(len(held) - sum(held)),
        "marked": float(bool(final)),
        "last_step_is_the_answer": float(bool(final) and _number(final[-1]) == _number(last)),
        "whole": float(bool(final) and float(_number(final[-1]) or 0.5).is_integer()),
    }


def _holds(left: str, right: str) -> bool:
    """Whether the arithmetic of a step is right; what is no plain arithmetic is not."""
    value = _number(right)
    if value is None or not re.fullmatch(r"[\d\s.,+*/()%-]{1,80}", left) or "**" in left:
        return False
    try:
        got = eval(left.replace(",", "").replace("%", "/100"), {"__builtins__": {}})  # digits and + - * / ( ) only
    except (SyntaxError, ZeroDivisionError, TypeError):
        return False
    return abs(float(got) - value) < 0.01 * max(1.0, abs(value))


def _number(text: str) -> float | None:
    try:
        return float(text.replace(",", "").replace("$", "").strip().rstrip("."))
    except ValueError:
        return None


def logistic(features: pd.DataFrame, target: pd.Series[float], ridge: float = 1.0) -> pd.Series[float]:
    """Two-fold out-of-fold probabilities of a ridge logistic regression (Newton's method): no task is scored by itself."""
    x = ((features - features.mean()) / features.std().replace(0, 1)).assign(one=1.0).to_numpy(float)
    y, fold = target.to_numpy(float), np.random.default_rng(0).permutation(len(target)) % 2
    out = np.empty(len(y))
    for held in (0, 1):
        xs, ys, w = x[fold != held], y[fold != held], np.zeros(x.shape[1])
        for _ in range(30):
            p = 1 / (1 + np.exp(-xs @ w))
            step = np.linalg.solve((xs.T * (p * (1 - p))) @ xs + ridge * np.eye(len(w)), xs.T @ (ys - p) - ridge * w)
            w += step
        out[fold == held] = 1 / (1 + np.exp(-x[fold == held] @ w))
    return pd.Series(out, features.index)


def by_agent(frame: pd.DataFrame) -> Mapping[str, pd.Series[float]]:
    """Scores by task, one Series per agent, in the frame's order."""
    return {str(name): part.set_index("task_id")["score"] for name, part in frame.groupby("agent", sort=False)}
