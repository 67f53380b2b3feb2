"""Claims: who executes a cell now, so that two who do so at once never write one file.

A cluster starts a cell again when its worker is not heard of; that worker may still live, cut off, and go on writing. So
each execution says that it has begun (`claim.json`) and takes it back at its end. One that finds another's claim, whose
process may still live, gives its own files a name of their own and begins with a copy of the Run the other has so far,
so that no call is paid for twice. Which of them counts is said by `cell.json`, which names its files.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from workbench.store.places import Place
from workbench.sweeps.ledger import parsed

CLAIM_FILE = "claim.json"


@contextmanager
def claim(place: Place, run: str) -> Iterator[str]:
    """Claim a cell's folder; gives what ends the names of this execution's files: nothing, as a rule."""
    other = _read(place)
    own = secrets.token_hex(4)
    suffix = f"-{own}" if other and _may_live(other) else str((other or {}).get("suffix", ""))
    if suffix == f"-{own}" and other is not None:
        _copy(place / (run + str(other["suffix"])), place / (run + suffix))
    mark = {"id": own, "suffix": suffix, "host": socket.gethostname(), "pid": os.getpid()}
    place.write(CLAIM_FILE, json.dumps(mark).encode())
    try:
        yield suffix
    finally:
        with suppress(OSError):
            if (_read(place) or {}).get("id") == own:
                place.fs.rm_file(place.file(CLAIM_FILE))


def _read(place: Place) -> dict[str, Any] | None:
    if place.local is None:
        place.fs.invalidate_cache()
    try:
        found = parsed(place.read(CLAIM_FILE))
    except OSError:
        return None
    return found if found and {"suffix", "host", "pid"} <= set(found) else None


def _may_live(other: dict[str, Any]) -> bool:
    """Whether the process that made a claim may still write; one of another machine always may."""
    if other["host"] != socket.gethostname():
        return True
    if other["pid"] == os.getpid():
        return False
    try:
        os.kill(int(other["pid"]), 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    return True


def _copy(source: Place, target: Place) -> None:
    """The files of a Run that may be written to meanwhile: a torn last line is what readers of Runs pass over."""
    for name in source.sizes():
        with suppress(FileNotFoundError):
            target.write(name, source.read(name))
