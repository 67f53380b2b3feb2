"""ObjectLedger: the ledger of a sweep behind an fsspec URL, where nothing can be appended to, renamed or locked.

What holds there: a cell's record is one object, written last, so a cell is done or not, as on a disk. What was granted and
spent is one object per entry. The lock is a lease: created only if absent where the store can do that in one step (S3 and
memory can), else written and read again; renewed every 20 s; taken over when 90 s old. Two sweeps can meet only where a
store cannot create exclusively and both start in the same second, or where one was cut off for 90 s and lives on: it
notices at its next renewal and stops. No result is then wrong, since both write the same records; money is spent twice.
"""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from workbench.store.places import Place
from workbench.sweeps.ledger import CELL_FILE, Ledger, account, in_use, me, parsed

LOCK_FILE = "sweep.lock"
RENEW_S = 20.0
STALE_S = 90.0
SETTLE_S = 0.5
"""Between writing a lock and reading it again, where two may have written at once."""


class ObjectLedger(Ledger):
    """The record of a sweep in an object store, or any other file system that is not this machine's."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self._number = 0

    def results(self) -> dict[str, dict[str, Any]]:
        """Every cell with a result, by identity: one listing, and the records read together."""
        fs = self.place.fs
        fs.invalidate_cache()
        found: dict[str, dict[str, Any]] = {}
        names = fs.glob(f"{self.place.path}/cells/*/{CELL_FILE}")
        for name, data in (fs.cat(names, on_error="omit") if names else {}).items():
            if record := parsed(data):
                folder = fs.unstrip_protocol(name).rsplit("/", 1)[0]
                found[str(record.get("identity"))] = {**record, "folder": folder}
        return found

    @contextmanager
    def lock(self) -> Iterator[Callable[[], None]]:
        """Hold the lease; gives what raises UsageError once another sweep has taken it."""
        own = secrets.token_hex(8)
        self._take(own)
        over, lost = threading.Event(), threading.Event()

        def renew() -> None:
            while not over.wait(RENEW_S):
                with suppress(OSError):  # cut off: try again; others wait STALE_S before they take over
                    if self._holder().get("id") == own:
                        self._write(own)
                    else:
                        lost.set()
                        return

        def check() -> None:
            if lost.is_set():
                raise in_use(self.place, f"it took over, after {STALE_S:g} s in which this one was not heard of")

        keeper = threading.Thread(target=renew, daemon=True, name="sweep-lease")
        keeper.start()
        try:
            yield check
        finally:
            over.set()
            keeper.join()
            with suppress(OSError):
                if self._holder().get("id") == own:
                    self.place.fs.rm_file(self.place.file(LOCK_FILE))

    def _take(self, own: str) -> None:
        holder = self._holder()
        if holder and time.time() - float(holder.get("renewed", 0)) < STALE_S:
            raise in_use(self.place, str(holder.get("who", "unknown")))
        try:
            self._write(own, mode="overwrite" if holder else "create")
        except (FileExistsError, PermissionError):  # S3 says "precondition failed" as one or the other
            raise in_use(self.place, str(self._holder().get("who", "unknown"))) from None
        except (TypeError, NotImplementedError):  # a file system that cannot create exclusively
            self._write(own)
        time.sleep(SETTLE_S)
        holder = self._holder()
        if holder.get("id") != own:
            raise in_use(self.place, str(holder.get("who", "unknown")))

    def _write(self, own: str, **mode: str) -> None:
        data = json.dumps({"id": own, "who": me(), "renewed": time.time()}).encode()
        self.place.fs.pipe_file(self.place.file(LOCK_FILE), data, **mode)

    def _holder(self) -> dict[str, Any]:
        self.place.fs.invalidate_cache()
        try:
            return parsed(self.place.read(LOCK_FILE)) or {}
        except FileNotFoundError:
            return {}

    def spend(self, **entry: Any) -> None:
        """One object per entry, named so that they sort by time."""
        self._number += 1
        name = f"{time.time_ns():020d}-{self._number:06d}-{secrets.token_hex(2)}.json"
        (self.place / "spend").write(name, json.dumps(entry).encode())

    def spending(self) -> tuple[float, dict[str, float]]:
        """USD settled so far, and what was granted and never settled."""
        fs = self.place.fs
        fs.invalidate_cache()
        names = sorted(fs.glob(f"{self.place.path}/spend/*.json"))
        entries = fs.cat(names, on_error="raise") if names else {}
        return account(entries[name] for name in sorted(entries))
