"""Plan: the parts a task is split into and what waits for what, read from whatever a planner wrote."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any

from workbench.errors import WorkbenchError

_NUMBERED = re.compile(r"^\s*(?:[-*•]|\(?\d+[.):]|part\s+\d+\s*[:.])\s*(\S.*)$", re.IGNORECASE)
_FENCE = re.compile(r"```(?:json)?\s*(.*?)```", re.DOTALL)


class BadPlan(WorkbenchError):
    """A planner's text that is no usable plan; the message says why, in words that can be sent back to it."""


@dataclass(frozen=True, slots=True)
class Part:
    """One subtask; `needs` are the ids of the parts whose results it wants."""

    id: str
    task: str
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """Parts in the order they were written, without cycles; `combine` says how the results make the answer."""

    parts: tuple[Part, ...]
    combine: str = ""

    def waves(self) -> list[list[Part]]:
        """The parts that can run at once, wave after wave."""
        by_id = {p.id: p for p in self.parts}
        sorter = TopologicalSorter({p.id: p.needs for p in self.parts})
        sorter.prepare()
        waves = []
        while sorter.is_active():
            ready = sorter.get_ready()
            waves.append(sorted((by_id[i] for i in ready), key=self.parts.index))
            sorter.done(*ready)
        return waves


def parse_plan(text: str, limit: int) -> Plan:
    """Read a plan: JSON of the asked schema, JSON with prose or code fences around it, or a numbered list.

    Raises BadPlan: nothing that looks like a plan, no parts, more than `limit`, an unknown or circular need.
    """
    raw, combine = _find(text)
    if not raw:
        raise BadPlan("it has no subtasks")
    if len(raw) > limit:
        raise BadPlan(f"it has {len(raw)} subtasks, and at most {limit} are allowed")
    parts = tuple(_part(item, i + 1) for i, item in enumerate(raw))
    ids = [p.id for p in parts]
    if len(set(ids)) < len(ids):
        raise BadPlan("two subtasks have the same id")
    for part in parts:
        for need in part.needs:
            if need not in ids:
                raise BadPlan(f"subtask {part.id} needs {need!r}, which is none of the subtasks")
    try:
        TopologicalSorter({p.id: p.needs for p in parts}).prepare()
    except CycleError as e:
        raise BadPlan(f"the subtasks wait for each other in a circle: {' → '.join(map(str, e.args[1]))}") from None
    return Plan(parts, combine)


def _find(text: str) -> tuple[Sequence[Any], str]:
    for candidate in _json_candidates(text):
        if isinstance(candidate, dict):
            for name in ("subtasks", "parts", "steps", "tasks", "plan"):
                if isinstance(candidate.get(name), list):
                    return candidate[name], str(candidate.get("combine", ""))
        elif isinstance(candidate, list) and candidate:
            return candidate, ""
    lines = [m.group(1).strip() for m in map(_NUMBERED.match, text.splitlines()) if m]
    if not lines:
        raise BadPlan("it is neither JSON nor a numbered list")
    return lines, ""


def _json_candidates(text: str) -> list[Any]:
    found = []
    decoder = json.JSONDecoder()
    for block in [*_FENCE.findall(text), text]:
        repaired = re.sub(r",\s*([\]}])", r"\1", block)  # trailing commas
        for start in [m.start() for m in re.finditer(r"[{\[]", repaired)][:20]:
            try:
                found.append(decoder.raw_decode(repaired, start)[0])
                break
            except (json.JSONDecodeError, RecursionError):
                continue
    return found


def _part(item: Any, number: int) -> Part:
    if isinstance(item, str) and item.strip():
        return Part(str(number), item.strip())
    if isinstance(item, dict):
        words = next((item[n] for n in ("task", "prompt", "question", "description", "text") if item.get(n)), None)
        needs = item.get("needs") or item.get("depends_on") or item.get("after") or []
        if isinstance(words, str) and words.strip() and isinstance(needs, (list, tuple)):
            return Part(str(item.get("id", number)), words.strip(), tuple(str(n) for n in needs))
    raise BadPlan(f"subtask {number} is neither a text nor an object with a task: {str(item)[:80]!r}")
