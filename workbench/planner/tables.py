"""The shipped tables (workbench/planner/data): their rows as text, or as dataclasses whose fields are the columns."""

from __future__ import annotations

import csv
from dataclasses import fields
from functools import cache
from importlib import resources
from typing import Any, TypeVar

from workbench.errors import DataError

T = TypeVar("T")


@cache
def rows(name: str) -> tuple[dict[str, str], ...]:
    """The rows of `name`.csv."""
    with (resources.files("workbench.planner") / "data" / f"{name}.csv").open(encoding="utf-8") as handle:
        return tuple(csv.DictReader(handle))


def listed(cls: type[T], name: str) -> dict[str, T]:
    """A `cls` for every row, by its name; an empty field takes its default. Raises `DataError` with file and line."""
    kinds: dict[str, Any] = {f.name: {"int": int, "float": float}.get(str(f.type), str) for f in fields(cls)}  # type: ignore[arg-type]
    found = {}
    for line, row in enumerate(rows(name), start=2):
        try:
            found[row["name"]] = cls(**{k: kinds[k](v) for k, v in row.items() if k in kinds and v != ""})
        except (TypeError, ValueError) as error:
            raise DataError(f"{name}.csv:{line}: {error}") from error
    return found
