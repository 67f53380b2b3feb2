"""load_tasks: a file, a frame or the built-in family → a list of Tasks, all or nothing."""

from __future__ import annotations

import csv
import gzip
import io
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import DataError, UsageError, nearest
from workbench.samples import read_samples
from workbench.tasks import Task

if TYPE_CHECKING:
    import pandas as pd

FIELDS: Mapping[str, tuple[str, ...]] = {
    "id": ("id", "task_id", "qid", "question_id", "unique_id", "example_id", "idx"),
    "prompt": ("prompt", "question", "problem", "input", "query"),
    "target": ("target", "gold", "final_answer", "gt", "answer", "ground_truth", "solution"),
    "category": ("category", "subject", "subset"),
    "difficulty": ("difficulty", "level"),
    "choices": ("choices", "options"),
}
"""The names under which the field's data sets carry what a Task needs, best first."""

BUILT_IN = ("arithmetic",)


def load_tasks(
    source: str | Path | pd.DataFrame | Iterable[Mapping[str, Any]],
    *,
    n: int | None = None,
    difficulty: int | tuple[int, int] | None = None,
    seed: int = 0,
    fields: Mapping[str, str] | None = None,
    kind: str = "mixed",
) -> list[Task]:
    """Load tasks.

    Args:
        source: "arithmetic" (the built-in family), a path to JSON lines, JSON or CSV (.gz too), a DataFrame or a list of dicts.
        n: at most so many, the first ones of a file, or so many generated (default 60).
        difficulty: only these, inclusive; for the built-in family 1..8 (default 1 to 6).
        seed: of the built-in family.
        fields: which column is what, such as {"prompt": "text", "target": "label"}; the usual names are known.
        kind: of the built-in family: "mixed", "words" or "expression".

    Raises:
        DataError: names file, line and field; nothing is half-loaded.

    >>> tasks = wb.load_tasks("arithmetic", n=8, difficulty=(1, 3), seed=0)
    """
    if n is not None and (not isinstance(n, int) or isinstance(n, bool) or n < 1):
        raise UsageError(f"n must be a whole number of at least 1, got {n!r}")
    low, high = _range(difficulty)
    if isinstance(source, str) and source in BUILT_IN:
        return _arithmetic(n or 60, (low or 1, high or 6), seed, kind)
    for name in fields or {}:
        if name not in FIELDS:
            raise UsageError(f"unknown field {name!r}{nearest(name, FIELDS)}")
    if isinstance(source, (str, Path)):
        where, rows = str(source), _read(Path(source))
    elif hasattr(source, "to_dict"):
        where, rows = "the frame", ((i + 1, r) for i, r in enumerate(source.to_dict("records")))
    else:
        where, rows = "the list", ((i + 1, r) for i, r in enumerate(source))
    tasks = _checked(where, rows, fields or {})
    if low is not None or high is not None:
        tasks = [
            t for t in tasks if t.difficulty is not None and (low or -math.inf) <= t.difficulty <= (high or math.inf)
        ]
        if not tasks:
            raise DataError(f"{where}: no task has a difficulty from {low} to {high}")
    return tasks[:n] if n else tasks


def _range(difficulty: int | tuple[int, int] | None) -> tuple[int | None, int | None]:
    if difficulty is None:
        return None, None
    low, high = (difficulty, difficulty) if isinstance(difficulty, int) else difficulty
    if low > high:
        raise UsageError(f"difficulty must go from low to high, got {difficulty!r}")
    return low, high


def _arithmetic(n: int, difficulty: tuple[int, int], seed: int, kind: str) -> list[Task]:
    from workbench.arithmetic import problems

    return [
        Task(id=p.id, prompt=p.prompt, target=p.target, category=p.category, difficulty=p.difficulty)
        for p in problems(n, difficulty=difficulty, seed=seed, kind=kind)
    ]


def _read(path: Path) -> Iterator[tuple[int, Any]]:
    if not path.exists():
        raise DataError(f"no such task file: {path}{nearest(str(path), BUILT_IN)}")
    if path.is_dir():
        raise DataError(f"{path} is a folder; a task file is JSON lines, JSON or CSV")
    raw = path.read_bytes()
    try:
        text = (gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).decode("utf-8-sig")
    except (UnicodeDecodeError, gzip.BadGzipFile, EOFError) as e:
        raise DataError(f"{path}: not a text file in UTF-8 ({e})") from None
    suffixes = [s for s in path.suffixes if s != ".gz"]
    if suffixes and suffixes[-1] in (".csv", ".tsv"):
        reader = csv.DictReader(io.StringIO(text), delimiter="\t" if suffixes[-1] == ".tsv" else ",")
        yield from ((reader.line_num, row) for row in reader)
    elif text.lstrip()[:1] == "[":
        yield from _read_array(path, text)
    else:
        yield from _read_lines(path, text)


def _read_array(path: Path, text: str) -> Iterator[tuple[int, Any]]:
    try:
        rows = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as e:
        raise DataError(f"{path}: broken JSON ({e})") from None
    yield from ((i + 1, row) for i, row in enumerate(rows))


def _read_lines(path: Path, text: str) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                yield number, json.loads(line)
            except (json.JSONDecodeError, RecursionError) as e:
                raise DataError(f"{path}, line {number}: broken JSON ({e})") from None


def _checked(where: str, rows: Iterable[tuple[int, Any]], fields: Mapping[str, str]) -> list[Task]:
    tasks: list[Task] = []
    seen: dict[str, int] = {}
    for line, row in rows:
        task = _task(f"{where}, line {line}", row, fields, default_id=str(len(tasks) + 1))
        if task.id in seen:
            raise DataError(f"{where}, line {line}, field id: {task.id!r} was already used in line {seen[task.id]}")
        seen[task.id] = line
        tasks.append(task)
    if not tasks:
        raise DataError(f"{where}: there are no tasks in it")
    return tasks


def _task(place: str, row: Any, fields: Mapping[str, str], default_id: str) -> Task:
    if not isinstance(row, Mapping):
        raise DataError(f"{place}: a task must be an object with fields, got {type(row).__name__}")
    samples, graded = read_samples(row)
    prompt = _text(place, row, "prompt", fields)
    if prompt is None:
        want = fields.get("prompt")
        raise DataError(
            f"{place}: the field prompt is missing"
            + (f" (it was to be read from {want!r})" if want else f"; one of {', '.join(FIELDS['prompt'])} is read")
            + f". The line has: {', '.join(map(str, row))}"
        )
    choices = _value(row, "choices", fields)
    if choices is not None and not (isinstance(choices, list) and all(isinstance(c, str) for c in choices)):
        raise DataError(f"{place}, field choices: must be a list of texts, got {choices!r}")
    extra: dict[str, Any] = {"graded": graded} if graded else {}
    return Task(
        id=_text(place, row, "id", fields) or default_id,
        prompt=_with_choices(prompt, choices or []),
        target=_target(place, row, fields),
        category=_text(place, row, "category", fields),
        difficulty=_difficulty(place, row, fields),
        choices=tuple(choices or ()),
        samples=samples,
        extra=extra,
    )


def _value(row: Mapping[str, Any], field: str, fields: Mapping[str, str]) -> Any:
    names = (fields[field],) if field in fields else FIELDS[field]
    return next((row[n] for n in names if n in row and row[n] is not None and row[n] != ""), None)


def _text(place: str, row: Mapping[str, Any], field: str, fields: Mapping[str, str]) -> str | None:
    value = _value(row, field, fields)
    if isinstance(value, float) and math.isnan(value):  # a DataFrame's empty cell
        return None
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise DataError(f"{place}, field {field}: must be a text, got {type(value).__name__} {str(value)[:60]!r}")
    if field == "prompt":
        raise DataError(f"{place}, field prompt: must be a text, got the number {value!r}")
    return str(int(value)) if float(value).is_integer() else str(value)


def _target(place: str, row: Mapping[str, Any], fields: Mapping[str, str]) -> str | None:
    """The gold answer; GSM8K's solution ends in `#### 42`, and only that last part is the answer."""
    target = _text(place, row, "target", fields)
    return target.rsplit("####", 1)[-1].strip() if target is not None else None


def _difficulty(place: str, row: Mapping[str, Any], fields: Mapping[str, str]) -> float | None:
    value = _value(row, "difficulty", fields)
    if value is None or isinstance(value, bool):
        return None
    text = str(value).removeprefix("Level ").strip()  # MATH writes "Level 5"
    try:
        number = float(text)
    except ValueError:
        if "difficulty" in fields:
            raise DataError(f"{place}, field difficulty: must be a number, got {value!r}") from None
        return None
    return None if math.isnan(number) else number


def _with_choices(prompt: str, choices: list[str]) -> str:
    if not choices or choices[0] in prompt:
        return prompt
    return prompt + "\n" + "\n".join(f"{chr(ord('A') + i)}. {c}" for i, c in enumerate(choices))
