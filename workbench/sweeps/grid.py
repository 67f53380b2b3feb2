"""Grid: the choices a sweep tries, as a product, rows that go together, single cells, conditions and repeats."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from workbench.errors import DataError, UsageError, nearest
from workbench.sweeps.conditions import Condition

MAX_CELLS = 1_000_000


@dataclass(frozen=True)
class Grid:
    """What to try. The cells are (every combination of `product` × every row of `zip`) and then `cells`, of which those
    stay that meet every condition in `where`; `repeats` runs each with that many seeds, counting up from its own.

    >>> Grid(product={"agents": [1, 3], "strategy": ["parallel"]}, where=["agents > 1"]).expand()
    [{'agents': 3, 'strategy': 'parallel'}]
    """

    product: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    zip: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    cells: Sequence[Mapping[str, Any]] = ()
    where: Sequence[str] = ()
    repeats: int = 1
    seed: str = "seed"

    def __post_init__(self) -> None:
        for name in ("product", "zip"):
            object.__setattr__(self, name, {str(k): _values(k, v) for k, v in getattr(self, name).items()})
        lengths = {k: len(v) for k, v in self.zip.items()}
        if len(set(lengths.values())) > 1:
            raise UsageError(f"the axes of zip go together and must be equally long, got {lengths}")
        if both := set(self.product) & set(self.zip):
            raise UsageError(f"{sorted(both)[0]!r} is in product and in zip; one place must say it")
        if not isinstance(self.repeats, int) or isinstance(self.repeats, bool) or self.repeats < 1:
            raise UsageError(f"Grid.repeats must be a whole number from 1, got {self.repeats!r}")
        if isinstance(self.where, str):
            object.__setattr__(self, "where", (self.where,))
        for text in self.where:
            Condition(text)

    @classmethod
    def of(cls, given: Grid | Mapping[str, Any] | Iterable[Mapping[str, Any]] | str | Path) -> Grid:
        """A grid from what people write: a Grid, {name: values}, a list of cells, or the path of a YAML file."""
        if isinstance(given, Grid):
            return given
        if isinstance(given, str | Path):
            return cls.load(Path(given))
        if isinstance(given, Mapping):
            return cls(product=given)
        return cls(cells=[dict(cell) for cell in given])

    @classmethod
    def load(cls, path: Path) -> Grid:
        """Read a YAML (or JSON) file with product, zip, cells, where, repeats, seed; or only {name: values}."""
        import yaml

        try:
            data = yaml.safe_load(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise UsageError(f"there is no grid file {str(path)!r}") from None
        except (yaml.YAMLError, OSError, UnicodeDecodeError) as error:
            raise DataError(f"{path}: cannot be read as YAML: {error}") from None
        if not isinstance(data, Mapping) or not data:
            raise DataError(f"{path}: a grid file holds product, zip, cells, where, repeats, or names with values")
        known = {f.name for f in fields(cls)}
        if not {"product", "zip", "cells"} & set(data):
            return cls(product=data)
        for key in data:
            if key not in known:
                raise DataError(f"{path}: unknown key {key!r}{nearest(str(key), known)}")
        return cls(**data)

    def with_axes(self, axes: Mapping[str, Sequence[Any]]) -> Grid:
        """The same grid with axes of the product added or replaced, as `-g` on top of a file does."""
        rows = {k: v for k, v in self.zip.items() if k not in axes}
        return Grid({**self.product, **axes}, rows, self.cells, self.where, self.repeats, self.seed)

    def expand(self, defaults: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """All cells as {name: value}, each once, in order. `defaults` fill in what conditions and repeats need."""
        defaults = dict(defaults or {})
        names = list(self.product)
        rows = [dict(zip(self.zip, row, strict=True)) for row in zip(*self.zip.values(), strict=True)] or [{}]
        size = self.repeats * len(rows)
        for values in self.product.values():
            size *= len(values)
        if size > MAX_CELLS:
            raise UsageError(f"the grid has {size:,} cells; more than {MAX_CELLS:,} are surely a mistake")
        found = (
            [
                {**dict(zip(names, combination, strict=True)), **row}
                for combination in itertools.product(*self.product.values())
                for row in rows
            ]
            if self.product or self.zip or not self.cells
            else []
        )
        found += [dict(cell) for cell in self.cells]
        conditions = [Condition(text) for text in self.where]
        found = [cell for cell in found if all(test({**defaults, **cell}) for test in conditions)]
        if self.repeats > 1:
            found = [self._repeat(cell, i, defaults) for cell in found for i in range(self.repeats)]
        return list({json.dumps(cell, sort_keys=True, default=str): cell for cell in found}.values())

    def _repeat(self, cell: dict[str, Any], i: int, defaults: Mapping[str, Any]) -> dict[str, Any]:
        seed = cell.get(self.seed, defaults.get(self.seed, 0))
        if not isinstance(seed, int):
            raise UsageError(f"repeats count up from the parameter {self.seed!r}, which must be an int, got {seed!r}")
        return {**cell, self.seed: seed + i}


def _values(name: object, values: Any) -> list[Any]:
    """The values of one axis; a single value is an axis of one."""
    if isinstance(values, str) or not isinstance(values, Iterable) or isinstance(values, Mapping):
        return [values]
    listed = list(values)
    if not listed:
        raise UsageError(f"the axis {str(name)!r} has no values")
    return listed
