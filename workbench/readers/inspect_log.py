"""Inspect AI logs, .json and .eval: one trace per sample and epoch, with its solvers, agents, calls, tools and scores."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any

from workbench import semconv as s
from workbench.errors import DataError
from workbench.otlp.notes import Notes
from workbench.readers import bigjson, plain
from workbench.readers import messages as chat
from workbench.readers.build import TraceBuilder, call_attributes
from workbench.readers.dialect_names import MAX_ANSWER
from workbench.readers.source import Source
from workbench.spans import Span

NAME = "inspect"
MAX_MEMBER = 2_000_000_000


def matches(source: Source) -> bool:
    """True for an eval log document, and for a zip that holds one."""
    if source.kind == "zip":
        try:
            with zipfile.ZipFile(io.BytesIO(bytes(source.data))) as archive:
                names = set(archive.namelist())
        except zipfile.BadZipFile:
            return False
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
        yield from _archive(source, notes)
        return
    log = source.first
    samples = log.get("samples")
    for sample in samples if isinstance(samples, list) else ():
        yield from _safe_sample(sample, log.get("eval") or {}, notes)
    if not samples:
        notes.warn("the log holds no samples (it was written without them, or the run failed before the first)")


def _archive(source: Source, notes: Notes) -> Iterator[Span]:
    with zipfile.ZipFile(io.BytesIO(bytes(source.data))) as archive:
        names = archive.namelist()
        head = _member(archive, "header.json", notes) if "header.json" in names else None
        if head is None:
            head = _member(archive, "_journal/start.json", notes) if "_journal/start.json" in names else None
            notes.warn("the log has no header: it was cut off before the evaluation ended")
        about = (head or {}).get("eval") if isinstance(head, dict) else {}
        for name in names:
            if name.startswith("samples/") and name.endswith(".json"):
                sample = _member(archive, name, notes)
                if sample is not None:
                    yield from _safe_sample(sample, about or {}, notes)


def _member(archive: zipfile.ZipFile, name: str, notes: Notes) -> Any:
    try:
        info = archive.getinfo(name)
        if info.file_size > MAX_MEMBER or (info.file_size > 50_000_000 and info.file_size > 200 * info.compress_size):
            notes.skip("a member of the archive that unpacks to far too much")
            return None
        return bigjson.load(archive.read(info), notes)
    except (
        zipfile.BadZipFile,
        NotImplementedError,
        EOFError,
        OSError,
        RuntimeError,
        DataError,
        ValueError,
        zlib.error,
    ) as error:
        notes.skip(f"a member of the archive that cannot be read ({type(error).__name__})")
        return None


def _safe_sample(sample: Any, about: dict[str, Any], notes: Notes) -> list[Span]:
    if not isinstance(sample, dict) or "id" not in sample:
        notes.skip("a sample that is not an object with an id")
        return []
    return _sample(sample, about if isinstance(about, dict) else {}, notes)


def _sample(sample: dict[str, Any], about: dict[str, Any], notes: Notes) -> list[Span]:
    attached = sample.get("attachments") if isinstance(sample.get("attachments"), dict) else {}
    assert isinstance(attached, dict)
    events = (
        [_resolve(e, attached) for e in sample.get("events") or () if isinstance(e, dict)]
        if isinstance(sample.get("events"), list)
        else []
    )
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
        _events(build, root, events, str(about.get("model") or ""), notes)
    else:
        _conversation(build, root, sample, attached, about)
    error = sample.get("error")
    took = plain.number(sample.get("total_time"))
    end = max([start + int((took or 0) * 1e9), build.now, *times])
    build.now = end
    build.end(root, end_ns=end, error=str(error.get("message") or "error") if isinstance(error, dict) else None)
    return build.spans()


def _events(build: TraceBuilder, root: str, events: list[dict[str, Any]], model: str, notes: Notes) -> None:
    """The event stream: spans (or the steps of older logs) nest by id, calls and tools hang below them."""
    opened: dict[str, str] = {}
    steps: list[str] = []
    for number, event in enumerate(events):
        kind, at = event.get("event"), plain.nanos(event.get("timestamp")) or build.now
        build.now = max(build.now, at)
        here = opened.get(str(event.get("span_id"))) or (steps[-1] if steps else root)
        if kind == "span_begin":
            parent = opened.get(str(event.get("parent_id"))) or root
            opened[str(event.get("id"))] = build.begin(*_named(event), parent, _agent(event), at)
        elif kind == "span_end" and str(event.get("id")) in opened:
            _close(build, opened[str(event["id"])], at)
        elif kind == "step" and event.get("action") == "begin":
            steps.append(build.begin(*_named(event), here, _agent(event), at))
        elif kind == "step" and event.get("action") == "end" and steps:
            _close(build, steps.pop(), at)
        elif kind == "model":
            _model(build, here, event, at, number)
        elif kind == "tool":
            _tool(build, here, event, at, number)
            nested = event.get("events")
            if isinstance(nested, list) and nested:
                _events(build, here, [e for e in nested if isinstance(e, dict)], model, notes)
        elif kind in ("score", "error", "approval", "sample_limit", "interrupt", "info", "subtask"):
            if kind == "subtask" and isinstance(event.get("events"), list):
                inner = build.begin(str(event.get("name") or "subtask"), None, here, {}, at)
                _events(build, inner, [e for e in event["events"] if isinstance(e, dict)], model, notes)
                _close(build, inner, build.now)
            elif build.is_open(here):
                build.event(
                    here,
                    f"inspect.{kind}",
                    {
                        "content": plain.text(
                            {k: v for k, v in event.items() if k in ("score", "error", "data", "message", "type")},
                            2_000,
                        )
                    },
                    at,
                )
    for ident in reversed([*opened.values(), *steps]):
        _close(build, ident, build.now)


def _named(event: dict[str, Any]) -> tuple[str, str | None]:
    kind = event.get("type")
    return str(event.get("name") or kind or "span"), s.THREAD if kind in ("agent", "subagent") else None


def _agent(event: dict[str, Any]) -> dict[str, Any]:
    found = {"inspect.type": plain.text(event.get("type"))}
    return {**found, s.AGENT: str(event.get("name"))} if event.get("type") in ("agent", "subagent") else found


def _close(build: TraceBuilder, ident: str, at: int) -> None:
    if build.is_open(ident):
        build.end(ident, end_ns=at)


def _model(build: TraceBuilder, parent: str, event: dict[str, Any], at: int, number: int) -> None:
    output = event.get("output") if isinstance(event.get("output"), dict) else {}
    assert isinstance(output, dict)
    config = event.get("config") if isinstance(event.get("config"), dict) else {}
    assert isinstance(config, dict)
    given, reply = chat.normal(event.get("input"), "user"), chat.normal(output, "assistant")
    choices = output.get("choices")
    stop = (
        choices[0].get("stop_reason")
        if isinstance(choices, list) and choices and isinstance(choices[0], dict)
        else None
    )
    end = plain.nanos(event.get("completed")) or at + int((plain.number(output.get("time")) or 0) * 1e9)
    name = str(event.get("model") or output.get("model") or "")
    working = plain.number(event.get("working_time"))
    attributes = call_attributes(
        given,
        reply,
        name or None,
        output.get("usage"),
        **{
            s.RESPONSE_MODEL: plain.text(output.get("model")),
            s.FINISH_REASONS: (str(stop),) if stop else None,
            s.PROVIDER: name.split("/")[0] if "/" in name else None,
            s.ROLE: plain.text(event.get("role")),
            s.REQUEST_TEMPERATURE: plain.number(config.get("temperature")),
            s.REQUEST_SEED: plain.whole(config.get("seed")),
            s.REQUEST_MAX_TOKENS: plain.whole(config.get("max_tokens")),
            s.ATTEMPTS: (plain.whole(event.get("retries")) or 0) + 1,
            s.QUEUE_NS: max(0, end - at - int(working * 1e9)) if working is not None and end > at else None,
            s.REUSED: True if event.get("cache") == "read" else None,
        },
    )
    build.step(
        f"chat {name}".strip(),
        s.CHAT,
        parent,
        attributes,
        start_ns=at,
        end_ns=max(at, end),
        error=plain.text(event.get("error")),
        key=event.get("uuid") and f"{build.trace_id}{event['uuid']}{number}",
    )


def _tool(build: TraceBuilder, parent: str, event: dict[str, Any], at: int, number: int) -> None:
    error = event.get("error")
    name = str(event.get("function") or "tool")
    end = plain.nanos(event.get("completed")) or at
    build.step(
        f"execute_tool {name}",
        s.TOOL,
        parent,
        {
            s.TOOL_NAME: name,
            s.TOOL_CALL_ID: plain.text(event.get("id")),
            s.TOOL_ARGUMENTS: plain.text(event.get("arguments")),
            s.TOOL_RESULT: plain.text(event.get("result")),
        },
        start_ns=at,
        end_ns=max(at, end),
        error=str(error.get("message") or "error") if isinstance(error, dict) else None,
    )


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
