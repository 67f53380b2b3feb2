"""Recorded samples: the answers other people's models once gave, read out of a task file's row."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

TEXTS = ("samples", "model_outputs", "outputs", "code", "responses", "completions")
ANSWERS = ("answers", "pred_answers", "pred", "predictions")
FLAGS = ("ok", "per_sample_correct", "source_reward", "score")
ALL = "samples"
"""The name under which samples stand that no model was named for."""


def read_samples(row: Mapping[str, Any]) -> tuple[dict[str, tuple[str, ...]], dict[str, bool]]:
    """Recorded texts by model, and the judgement of each distinct answer that came with them.

    Where the file gives a parsed answer beside the text, a last line `Answer: …` is added to the text, so that what the
    source counted as the answer is what any grader reads. Shapes known: lists of texts and answers (verify_cot, tree of
    thought, Qwen2.5-Math), dicts by model (MMLU-Pro, GSM8K example solutions), pairs of columns (RouteLLM).
    """
    texts, answers = _first(row, TEXTS, (list, Mapping)), _first(row, ANSWERS, (list, Mapping))
    if isinstance(texts, Mapping) or isinstance(answers, Mapping):
        return _by_model(texts or {}, answers or {}), {}
    if isinstance(texts, list) or isinstance(answers, list):
        pairs = _pairs(texts or [], answers or [])
        flags = _first(row, FLAGS, (list,)) or []
        return {ALL: tuple(_sample(t, a) for t, a in pairs)}, _judged(pairs, flags)
    return _columns(row)


def _first(row: Mapping[str, Any], names: Sequence[str], kinds: tuple[type, ...]) -> Any:
    return next((row[n] for n in names if isinstance(row.get(n), kinds) and row[n]), None)


def _pairs(texts: list[Any], answers: list[Any]) -> list[tuple[str | None, str | None]]:
    n = max(len(texts), len(answers))
    return [
        (
            str(texts[i]) if i < len(texts) and texts[i] is not None else None,
            str(answers[i]) if i < len(answers) and answers[i] is not None else None,
        )
        for i in range(n)
    ]


def _sample(text: str | None, answer: str | None) -> str:
    if answer is None:
        return text or ""
    return f"{text}\nAnswer: {answer}" if text else f"Answer: {answer}"


def _judged(pairs: list[tuple[str | None, str | None]], flags: list[Any]) -> dict[str, bool]:
    """Which distinct answers the source called right, keyed as `grading`'s recorded grader groups them."""
    from workbench.grading import GRADERS

    recorded = GRADERS["recorded"]
    judged: dict[str, bool] = {}
    for (text, answer), flag in zip(pairs, flags, strict=False):
        read = recorded.read(_sample(text, answer), None)
        if read is not None and flag is not None:
            key = str(recorded.key(read))
            judged[key] = judged.get(key, False) or bool(flag)
    return judged


def _by_model(texts: Any, answers: Any) -> dict[str, tuple[str, ...]]:
    texts = texts if isinstance(texts, Mapping) else {}
    answers = answers if isinstance(answers, Mapping) else {}
    models = dict.fromkeys([*texts, *answers])
    return {
        str(m): (_sample(_str(texts.get(m)), _str(answers.get(m))),)
        for m in models
        if texts.get(m) is not None or answers.get(m) is not None
    }


def _str(value: Any) -> str | None:
    return None if value is None else str(value)


def _columns(row: Mapping[str, Any]) -> tuple[dict[str, tuple[str, ...]], dict[str, bool]]:
    """`X_response` columns beside a flag in column X, or columns that hold {solution: …}: one sample for each model X."""
    found: dict[str, tuple[str, ...]] = {}
    pairs: list[tuple[str | None, str | None]] = []
    flags: list[Any] = []
    for name, value in row.items():
        if isinstance(value, Mapping) and isinstance(value.get("solution"), str):
            found[str(name)] = (_spaced(value["solution"]),)
        elif str(name).endswith("_response") and isinstance(value, str):
            model = str(name).removesuffix("_response")
            found[model] = (value,)
            if str(row.get(model)) in ("True", "False"):
                pairs.append((value, None))
                flags.append(str(row[model]) == "True")
    return found, _judged(pairs, flags)


def _spaced(solution: str) -> str:
    """GSM8K's example solutions end in `A: 42`, which is their way to say Answer."""
    return re.sub(r"(?m)^\s*A: *(?=\S)", "Answer: ", solution)
