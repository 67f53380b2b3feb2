"""Where a run goes, and what an earlier, unfinished one in the same place has already done and paid for."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from workbench import semconv
from workbench.agents import Reply
from workbench.errors import DataError
from workbench.models.replay import recorded_reply
from workbench.runs.manifest import DECIDING
from workbench.store import Run, is_run
from workbench.strategies import Strategy

RUNS = Path("traces/runs")
"""Where new Runs go unless told otherwise; git ignores it."""


def find_place(
    out: str | os.PathLike[str] | None, chosen: Strategy, manifest: Mapping[str, Any]
) -> tuple[str, set[tuple[str, int]], dict[str, Reply]]:
    """The Run's folder, what is done in it already, and the replies that its unfinished tasks have paid for."""
    if out is None:
        stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
        return str(RUNS / f"{stamp}-{chosen.name}-{os.urandom(2).hex()}"), set(), {}
    place = os.fspath(out)
    if not is_run(place):
        return place, set(), {}
    before = Run(place)
    if before.manifest.get("identity") != manifest["identity"]:
        differs = [k for k in DECIDING if before.manifest.get(k) != manifest.get(k)]
        raise DataError(f"{place} holds another run (its {', '.join(differs)} differ); name another folder")
    return place, *_before(before)


def _before(before: Run) -> tuple[set[tuple[str, int]], dict[str, Reply]]:
    done: set[tuple[str, int]] = set()
    paid: dict[str, Reply] = {}
    for span in before.spans():
        at = span.attributes
        if at.get(semconv.OPERATION) == semconv.WORKFLOW:
            done.add((str(at.get(semconv.TASK_ID)), int(at.get(semconv.REPEAT, 0))))
        elif at.get(semconv.OPERATION) == semconv.CHAT and span.status != "ERROR":
            reply = recorded_reply(span)
            if reply is not None:
                paid[str(at.get(semconv.CALL_KEY))] = reply
    return done, paid
