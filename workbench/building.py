"""build: a frozen dataclass of settings from plain JSON values, with errors that name the wrong one."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from workbench.errors import UsageError, nearest


def build(cls: type, settings: Mapping[str, Any], what: str) -> Any:
    """Make `cls(**settings)`. Raises UsageError naming an unknown setting, the nearest and all known ones."""
    known = [f.name for f in dataclasses.fields(cls) if f.init]
    for name in settings:
        if name not in known:
            raise UsageError(f"{what} has no setting {name!r}{nearest(name, known)}")
    return cls(**settings)


def settings(made: Any) -> dict[str, Any]:
    """The settings of a dataclass as plain JSON values; nested ones carry their registered name."""
    plain: dict[str, Any] = {}
    for f in dataclasses.fields(made):
        if f.init:
            plain[f.name] = _plain(getattr(made, f.name))
    return plain


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {"name": getattr(value, "name", type(value).__name__.lower()), **settings(value)}
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    return value
