"""Ledger: which cells of a sweep's folder are finished, who may write there, and what was spent.

A cell is finished when its folder holds `cell.json`, which is written last and at once (a temporary file, fsync,
rename, fsync of the folder). So nothing has to agree with anything else after a crash or a power cut: either the file
is there, and then so is all it speaks of, or the cell is run again.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from workbench.errors import UsageError
from workbench.store.places import Place

CELL_FILE = "cell.json"
SPEND_FILE = "spend.jsonl"


def open_ledger(place: Place) -> Ledger:
    """The ledger of a folder on this machine's file system, or of one behind a URL."""
    if place.local is not None:
        return Ledger(place.local)
    from workbench.sweeps.objects import ObjectLedger

    return ObjectLedger(place)


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write a JSON file so that after any crash it is whole or not there."""
    write_whole(path, as_json(value), sync=True)


def write_whole(path: Path, data: bytes, *, sync: bool = False) -> None:
    """Write a file at once or not at all; where the disk is full, what was there stays and nothing is left behind."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            if sync:
                os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        with suppress(OSError):
            temporary.unlink()
    if not sync:
        return
    with suppress(OSError):  # some file systems cannot sync a folder
        fd = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def as_json(value: Mapping[str, Any]) -> bytes:
    """The text of a record."""
    return json.dumps(value, indent=1, default=str, allow_nan=False).encode()


def parsed(data: bytes) -> dict[str, Any] | None:
    """The object in a record's text; None where it is broken."""
    try:
        value = json.loads(data)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def read_json(path: Path) -> dict[str, Any] | None:
    """The object in a JSON file; None when there is none or it is broken."""
    try:
        return parsed(path.read_bytes())
    except OSError:
        return None


class Ledger:
    """The record in a sweep's folder. Reading needs no lock; `lock()` is held by the one sweep that may write."""

    def __init__(self, folder: Path) -> None:
        self.place = Place(folder)
        self.folder = folder
        self.cells = folder / "cells"
        self.spend_file = folder / SPEND_FILE

    def results(self) -> dict[str, dict[str, Any]]:
        """Every cell with a result, by identity: one listing and one small read a cell."""
        found = {}
        if self.cells.is_dir():
            with os.scandir(self.cells) as entries:
                for entry in entries:
                    if record := read_json(Path(entry.path, CELL_FILE)):
                        found[str(record.get("identity"))] = {**record, "folder": entry.path}
        return found

    def done(self) -> dict[str, dict[str, Any]]:
        """The results of cells that ended well."""
        return {key: record for key, record in self.results().items() if record.get("status") == "done"}

    @contextmanager
    def lock(self) -> Iterator[Callable[[], None]]:
        """Hold the folder, however the process ends; gives what raises UsageError once the lock is lost (here: never).

        Raises UsageError while another sweep holds it.
        """
        self.cells.mkdir(parents=True, exist_ok=True)
        with (self.folder / "sweep.lock").open("a+") as file:
            try:
                _lock(file.fileno())
            except OSError:
                file.seek(0)
                raise in_use(self.place, file.read().strip() or "unknown") from None
            file.truncate(0)
            file.write(me())
            file.flush()
            yield lambda: None
            file.truncate(0)

    def spend(self, **entry: Any) -> None:
        """Append one line to what was granted or spent, on disk before it returns."""
        with self.spend_file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def spending(self) -> tuple[float, dict[str, float]]:
        """USD settled so far, and what each cell was granted that never settled because its sweep died."""
        lines = self.spend_file.read_bytes().splitlines() if self.spend_file.is_file() else []
        return account(lines)


def account(lines: Iterable[bytes]) -> tuple[float, dict[str, float]]:
    settled, open_grants = 0.0, dict[str, float]()
    for line in lines:
        entry = parsed(line)
        if entry is None:
            continue  # torn by a crash: the grant was not handed out
        cell = str(entry["cell"])
        if "granted_usd" in entry:
            open_grants[cell] = float(entry["granted_usd"])
        else:
            settled += float(entry["spent_usd"])
            open_grants.pop(cell, None)
    return settled, open_grants


def me() -> str:
    """This process, for whoever finds the folder in use."""
    return f"process {os.getpid()} since {time.strftime('%Y-%m-%d %H:%M:%S')}"


def in_use(place: Place, holder: str) -> UsageError:
    """The error of a second sweep in one folder."""
    return UsageError(f"{place.url} is in use by another sweep ({holder}); wait for it or choose another folder")


def _lock(fd: int) -> None:
    if os.name == "nt":
        import msvcrt

        msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
    else:
        import fcntl

        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
