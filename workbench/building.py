"""Things made from plain JSON values: `build` a frozen dataclass of settings, found by name in a `Registry`."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, Generic, TypeVar, cast

from workbench.errors import UsageError, nearest, unknown

T = TypeVar("T")


def build(cls: type, settings: Mapping[str, Any], what: str) -> Any:
    """Make `cls(**settings)`. Raises UsageError naming an unknown setting, the nearest and all known ones."""
    known = [f.name for f in dataclasses.fields(cls) if f.init]
    for name in settings:
        if name not in known:
            raise UsageError(f"{what} has no setting {name!r}{nearest(name, known)}")
    return cls(**settings)


@dataclass(frozen=True)
class Registry(Generic[T]):
    """Classes found by name: `ours`, each in the module of `package` that is called like it, and other packages' by entry point.

    Iterating gives every name. `kind` is what an instance must be, `what` the word for it in errors.
    """

    what: str
    kind: Any
    package: str
    group: str
    """The entry point group under which other packages offer theirs."""
    ours: Mapping[str, str]

    def __iter__(self) -> Iterator[str]:
        yield from self.ours
        yield from (entry.name for entry in entry_points(group=self.group))

    def find(self, name: str) -> type[T]:
        """The class called `name`. Raises UsageError with the nearest names."""
        if name in self.ours:
            found: type[T] = getattr(import_module(f"{self.package}.{name}"), self.ours[name])
            return found
        for entry in entry_points(group=self.group):
            if entry.name == name:
                loaded: type[T] = entry.load()
                return loaded
        raise unknown(self.what, name, self)

    def make(self, spec: str | Mapping[str, Any] | T, **settings: Any) -> T:
        """From a name and settings, from {"name": …, settings…}, or one that is made already, as it is."""
        if isinstance(spec, Mapping):
            settings = {**spec, **settings}
            spec = settings.pop("name", spec)
        if isinstance(spec, str):
            made: T = build(self.find(spec), settings, f"{self.what} {spec!r}")
            return made
        if isinstance(spec, type) or not isinstance(spec, self.kind):
            raise UsageError(
                f"a {self.what} is a name, a {{'name': …}} with settings, or an object made from them, got {spec!r}"
            )
        if settings:
            raise UsageError(f"{spec!r} is already made; settings {', '.join(settings)} cannot be added")
        return cast(T, spec)


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
