"""run.json: what a Run was, told once for the whole folder; changed under a lock, replaced as a whole."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import orjson

from workbench.errors import DataError
from workbench.redact import Redactor
from workbench.store.places import Place

try:
    import fcntl
except ImportError:  # Windows: one writer at a time is the user's business there
    fcntl = None  # type: ignore[assignment]

FILE = "run.json"


def read(place: Place) -> dict[str, Any]:
    """The manifest of a Run; empty where the folder has none."""
    try:
        found = orjson.loads(place.read(FILE))
    except FileNotFoundError:
        return {}
    except orjson.JSONDecodeError as error:
        raise DataError(f"{place.url}/{FILE} is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise DataError(f"{place.url}/{FILE} must hold one JSON object")
    return found


def is_ours(place: Place) -> bool:
    """Whether the manifest here is a Run's."""
    try:
        return {"id", "created"} <= read(place).keys()
    except DataError:
        return False


def change(place: Place, edit: Callable[[dict[str, Any]], Mapping[str, Any]]) -> dict[str, Any]:
    """Read, edit and write the manifest as one step that no other process on this machine comes between."""
    with locked(place):
        return write(place, edit(read(place)))


def write(place: Place, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Replace the manifest, secrets struck out; the caller holds the lock."""
    fresh = dict(fields)
    option = orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS
    place.write(FILE, Redactor()(orjson.dumps(fresh, option=option, default=str)) + b"\n")
    return fresh


@contextlib.contextmanager
def locked(place: Place) -> Iterator[None]:
    """Hold the folder's lock (an advisory lock on the folder itself: nothing is left behind)."""
    if place.local is None or fcntl is None:
        yield
        return
    place.local.mkdir(parents=True, exist_ok=True)
    handle = os.open(place.local, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def is_written(path: os.PathLike[str] | str) -> bool:
    """True while some writer holds this spans file (it is locked for as long as its process lives)."""
    if fcntl is None:
        return False
    with open(path, "rb") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
    return False
