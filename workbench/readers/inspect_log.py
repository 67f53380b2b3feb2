"""Inspect AI logs, .json and .eval: one trace per sample and epoch, with its solvers, agents, calls, tools and scores."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from workbench import semconv as s
from workbench.otlp.notes import Notes
from workbench.readers import inspect_events, inspect_zip, plain
from workbench.readers import messages as chat
from workbench.readers.build import TraceBuilder, call_attributes
from workbench.readers.dialect_names import MAX_ANSWER
from workbench.readers.source import Source
from workbench.spans import Span

NAME = "inspect"
MAX_INPUT = 100_000
"""Messages of one call; a log may name the same ranges of its pool over and over."""


def matches(source: Source) -> bool:
    """True for an eval log document, and for a zip that holds one."""
    if source.kind == "zip":
        names = inspect_zip.names(source)
        return bool({"header.json", "_journal/start.json"} & names) or any(n.startswith("samples/") for n in names)
    return (
        source.kind == "object"
        and isinstance(source.first, dict)
        and isinstance(source.first.get("eval"), dict)
        and ("samples" in source.first or "plan" in source.first)
    )


def read(source: Source, notes: Notes) -> Iterator[Span]:
    """One trace per sample."""
    if source.kind == "zip":
        about, samples = inspect_zip.members(source, notes)
        for sample in samples:
            yield from _safe_sample(sample, about, notes)
        return
    log = source.first
    samples = log.get("samples")
    for sample in samples if isinstance(samples, list) else ():
        yield from _safe_sample(sample, log.get("eval") or {}, notes)
    if not samples:
        notes.warn("the log holds no samples (it was written without them, or the run failed before the first)")


def _safe_sample(sample: Any, about: dict[str, Any], notes: Notes) -> list[Span]:
    if not isinstance(sample, dict) or "id" not in sample:
        notes.skip("a sample that is not an object with an id")
        return []
    return _sample(sample, about if isinstance(about, dict) else {}, notes)


def _sample(sample: dict[str, Any], about: dict[str, Any], notes: Notes) -> list[Span]:
    attached, raw = _transcript(sample)
    pool = _pool(sample)
    events = [_resolve(_given(e, pool), attached) for e in raw if isinstance(e, dict)]
    times = [t for e in events if (t := plain.nanos(e.get("timestamp"))) is not None]
    start = min(times, default=None) or plain.nanos(sample.get("started_at")) or plain.nanos(about.get("created")) or 0
    key = sample.get("uuid") or f"{about.get('run_id')}/{about.get('eval_id')}/{sample['id']}/{sample.get('epoch')}"
    build = TraceBuilder(f"inspect:{key}", NAME, start)
    given = chat.normal(_resolve(sample.get("input"), attached), "user")
    value, answer = _score(sample.get("scores") or sample.get("score"))
    task = str(about.get("task") or "inspect")
    root = build.begin(
        task,
        s.WORKFLOW,
        None,
        {
            s.TASK_ID: str(sample["id"]),
            s.REPEAT: max(0, (plain.whole(sample.get("epoch")) or 1) - 1),
            s.TASK_PROMPT: (chat.text_of(given, "user") or "")[:MAX_ANSWER] or None,
            s.TASK_TARGET: _target(sample.get("target")),
            s.SCORE: value,
            s.REQUEST_MODEL: plain.text(about.get("model")),
            "inspect.task": task,
            s.ANSWER: answer
            or (chat.text_of(chat.normal(_resolve(sample.get("output"), attached), "assistant")) or "")[:MAX_ANSWER]
            or None,
        },
    )
    if events:
        inspect_events.tell(build, root, events)
    else:
        _conversation(build, root, sample, attached, about)
    error = sample.get("error")
    took = plain.number(sample.get("total_time"))
    end = max([start + int((took or 0) * 1e9), build.now, *times])
    build.now = end
    build.end(root, end_ns=end, error=str(error.get("message") or "error") if isinstance(error, dict) else None)
    return build.spans()


def _transcript(sample: dict[str, Any]) -> tuple[dict[str, Any], list[Any]]:
    """Attachments and events; logs before 0.3.55 keep both in `transcript`."""
    older = sample.get("transcript") if isinstance(sample.get("transcript"), dict) else {}
    assert isinstance(older, dict)
    attached = {**_dict(older.get("content")), **_dict(sample.get("attachments"))}
    events = sample.get("events") or older.get("events")
    return attached, events if isinstance(events, list) else []


def _pool(sample: dict[str, Any]) -> list[Any]:
    """The messages that the calls of newer logs refer to by ranges (`events_data`)."""
    found = _dict(sample.get("events_data")).get("messages")
    return list(found) if isinstance(found, list) else []


def _given(event: dict[str, Any], pool: list[Any]) -> dict[str, Any]:
    """A model event with its input written out, also in the events of its tools and subtasks."""
    refs, inner = event.get("input_refs"), event.get("events")
    if isinstance(inner, list) and pool:
        event = {**event, "events": [_given(e, pool) for e in inner if isinstance(e, dict)]}
    if not isinstance(refs, list) or not pool:
        return event
    spans = [r for r in refs if isinstance(r, list) and len(r) == 2 and all(isinstance(x, int) for x in r)]
    given = (pool[i] for first, end in spans for i in range(max(0, first), min(end, len(pool))))
    return {**event, "input": list(islice(given, MAX_INPUT))}


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _conversation(
    build: TraceBuilder, root: str, sample: dict[str, Any], attached: dict[str, str], about: dict[str, Any]
) -> None:
    """A sample without events: its messages, each answer of the model a call."""
    found = chat.normal(_resolve(sample.get("messages"), attached), "user")
    for i, message in enumerate(found):
        if message["role"] == "assistant":
            build.step("chat", s.CHAT, root, call_attributes(found[:i], [message], plain.text(about.get("model"))))


def _score(scores: Any) -> tuple[float | None, str | None]:
    """The first scorer's value, from 0 to 1, and the answer that it saw."""
    if isinstance(scores, dict) and "value" not in scores:
        scores = next((v for v in scores.values() if isinstance(v, dict)), None)
    if not isinstance(scores, dict):
        return None, None
    value = scores.get("value")
    if isinstance(value, dict):
        value = next(iter(value.values()), None)
    return plain.score(value), plain.text(scores.get("answer"), MAX_ANSWER)


def _target(target: Any) -> str | None:
    if isinstance(target, list):
        return ", ".join(map(str, target)) or None
    return plain.text(target)


def _resolve(value: Any, attached: dict[str, Any], depth: int = 0) -> Any:
    """attachment://<hash> → the text that it stands for."""
    if isinstance(value, str):
        return attached.get(value[13:], value) if value.startswith("attachment://") else value
    if depth > 40 or not attached:
        return value
    if isinstance(value, list):
        return [_resolve(v, attached, depth + 1) for v in value]
    if isinstance(value, dict):
        return {k: _resolve(v, attached, depth + 1) for k, v in value.items()}
    return value
