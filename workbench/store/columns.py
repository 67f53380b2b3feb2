"""Spans to and from flat columns: what a sealed Run holds, what frames and SQL read.

Often asked attributes have a column of their own; the rest of a span's attributes, its events, links and resource are
JSON texts. A value that its column's type cannot hold stays in the rest, so that nothing is lost on the way.
"""

from __future__ import annotations

import base64
import contextlib
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import orjson
import pyarrow as pa

from workbench import semconv as s
from workbench.redact import Redactor
from workbench.spans import Event, Link, Span

PROMOTED: dict[str, tuple[str, type]] = {
    "operation": (s.OPERATION, str),
    "task_id": (s.TASK_ID, str),
    "repeat": (s.REPEAT, int),
    "category": (s.TASK_CATEGORY, str),
    "difficulty": (s.TASK_DIFFICULTY, float),
    "strategy": (s.STRATEGY, str),
    "agents": (s.AGENTS, int),
    "synthesis": (s.SYNTHESIS_KIND, str),
    "answer": (s.ANSWER, str),
    "target": (s.TASK_TARGET, str),
    "score": (s.SCORE, float),
    "support": (s.SUPPORT, float),
    "confidence": (s.CONFIDENCE, float),
    "thread": (s.THREAD_INDEX, int),
    "round": (s.ROUND, int),
    "role": (s.ROLE, str),
    "style": (s.STYLE, str),
    "agent": (s.AGENT, str),
    "provider": (s.PROVIDER, str),
    "request_model": (s.REQUEST_MODEL, str),
    "response_model": (s.RESPONSE_MODEL, str),
    "temperature": (s.REQUEST_TEMPERATURE, float),
    "max_tokens": (s.REQUEST_MAX_TOKENS, int),
    "seed": (s.REQUEST_SEED, int),
    "input_tokens": (s.INPUT_TOKENS, int),
    "output_tokens": (s.OUTPUT_TOKENS, int),
    "reasoning_tokens": (s.REASONING_TOKENS, int),
    "cost_usd": (s.COST, float),
    "logprob": (s.LOGPROB, float),
    "queue_ns": (s.QUEUE_NS, int),
    "first_token_ns": (s.FIRST_TOKEN_NS, int),
    "attempts": (s.ATTEMPTS, int),
    "sample": (s.SAMPLE, int),
    "call_key": (s.CALL_KEY, str),
    "reused": (s.REUSED, bool),
    "cancelled": (s.CANCELLED, bool),
    "tool_name": (s.TOOL_NAME, str),
    "error_type": (s.ERROR_TYPE, str),
    "conversation": (s.CONVERSATION, str),
}
"""Column → (attribute, type)."""

_ARROW = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}


def arrow_type(kind: type) -> pa.DataType:
    """The Arrow type of a promoted column."""
    return _ARROW[kind]


_FIXED = (
    ("trace_id", pa.string()),
    ("span_id", pa.string()),
    ("parent_id", pa.string()),
    ("name", pa.string()),
    ("start_ns", pa.int64()),
    ("end_ns", pa.int64()),
    ("kind", pa.string()),
    ("status", pa.string()),
    ("status_message", pa.string()),
    ("scope", pa.string()),
)
_REST = ("finish_reason", "attributes", "events", "links", "resource")

SCHEMA = pa.schema(
    [("run", pa.string()), *_FIXED]
    + [(name, arrow_type(kind)) for name, (_, kind) in PROMOTED.items()]
    + [(name, pa.string()) for name in _REST]
)
"""The columns of a span, in order. Ids are hex texts; `attributes`, `events`, `links` and `resource` JSON or null."""

_BY_KEY = {key: (index, kind) for index, (key, kind) in enumerate(PROMOTED.values())}


def table(spans: Iterable[Span], run: str) -> pa.Table:
    """The spans as one Arrow table with `SCHEMA`, in the order given."""
    spans = spans if isinstance(spans, (list, tuple)) else list(spans)
    size = len(spans)
    promoted: list[list[Any] | None] = [None] * len(PROMOTED)
    finish: list[str | None] = [None] * size
    others, events, links = list(finish), list(finish), list(finish)
    resources: dict[int, str | None] = {}
    for i, span in enumerate(spans):
        other: dict[str, Any] = {}
        for key, value in span.attributes.items():
            place = _BY_KEY.get(key)
            if place is not None and _fits(value, place[1]):
                column = promoted[place[0]]
                if column is None:
                    column = promoted[place[0]] = [None] * size
                column[i] = value
            elif key == s.FINISH_REASONS and type(value) is tuple and len(value) == 1 and type(value[0]) is str:
                finish[i] = value[0]
            else:
                other[key] = value
        if other:
            others[i] = json_text(other)
        if span.events:
            events[i] = json_text([[e.name, e.time_ns, e.attributes] for e in span.events])
        if span.links:
            links[i] = json_text([[k.trace_id, k.span_id, k.attributes] for k in span.links])
        if id(span.resource) not in resources:
            resources[id(span.resource)] = json_text(span.resource)
    arrays = [
        pa.repeat(pa.scalar(run), size),
        *(_array([getattr(span, name) for span in spans], kind) for name, kind in _FIXED[:-2]),
        *(_array([getattr(span, name) or None for span in spans], kind) for name, kind in _FIXED[-2:]),
        *(
            _array(values, arrow_type(kind), size)
            for values, (_, kind) in zip(promoted, PROMOTED.values(), strict=True)
        ),
        *(_array(values, pa.string()) for values in (finish, others, events, links)),
        _array([resources[id(span.resource)] for span in spans], pa.string()),
    ]
    return pa.Table.from_arrays(arrays, schema=SCHEMA)


def _array(values: list[Any] | None, kind: pa.DataType, size: int = 0) -> pa.Array:
    if values is None:
        return pa.nulls(size, kind)
    try:
        return pa.array(values, kind)
    except UnicodeEncodeError:  # half a surrogate pair
        return pa.array([_safe(v) for v in values], kind)


def tables(spans: Sequence[Span], run: str, rows: int = 10_000) -> Iterator[pa.Table]:
    """The spans as tables of at most `rows` rows: the values of one table lie in Python lists while it is made."""
    for start in range(0, len(spans), rows):
        yield table(spans[start : start + rows], run)


def spans(batch: pa.Table | pa.RecordBatch) -> Iterator[Span]:
    """The rows of a table with `SCHEMA` as Spans again."""
    data = batch.to_pydict()
    names = [(name, key, data[name]) for name, (key, _) in PROMOTED.items() if data[name].count(None) < batch.num_rows]
    resources: dict[str | None, Mapping[str, Any]] = {None: {}}
    for i, trace_id in enumerate(data["trace_id"]):
        attributes: dict[str, Any] = {key: values[i] for _, key, values in names if values[i] is not None}
        if (finish := data["finish_reason"][i]) is not None:
            attributes[s.FINISH_REASONS] = (finish,)
        if (other := data["attributes"][i]) is not None:
            attributes.update(_parse(other))
        resource = data["resource"][i]
        if resource not in resources:
            resources[resource] = _parse(resource)
        yield Span(
            trace_id,
            data["span_id"][i],
            data["parent_id"][i],
            data["name"][i],
            data["start_ns"][i],
            data["end_ns"][i],
            attributes,
            _events(data["events"][i]),
            _links(data["links"][i]),
            data["kind"][i],
            data["status"][i],
            data["status_message"][i] or "",
            data["scope"][i] or "",
            resources[resource],
        )


def _events(text: str | None) -> tuple[Event, ...]:
    return tuple(Event(*entry) for entry in _parse(text)) if text else ()


def _links(text: str | None) -> tuple[Link, ...]:
    return tuple(Link(*entry) for entry in _parse(text)) if text else ()


def _fits(value: Any, kind: type) -> bool:
    found = type(value)
    if found is kind:
        return found is not int or -(2**63) <= value < 2**63
    return found is int and kind is float and -(2**53) <= value <= 2**53


def json_text(value: Any) -> str | None:
    """A plain value as the JSON text of a column; None for nothing."""
    if not value:
        return None
    try:
        text = orjson.dumps(value, default=_other, option=orjson.OPT_NON_STR_KEYS)
        if b"null" not in text:
            return text.decode()
    except TypeError:  # a number beyond 64 bits, half a surrogate pair
        pass
    return orjson.dumps(_safe(value), default=_other).decode()


def _other(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"bytesValue": base64.b64encode(value).decode()}
    if isinstance(value, Mapping):
        return dict(value)
    return str(value)


def _safe(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, Mapping):
        return {_safe(str(k)): _safe(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_safe(v) for v in value]
    if type(value) is int and not -(2**63) <= value < 2**64:
        return str(value)
    if type(value) is float and not math.isfinite(value):
        return {"doubleValue": str(value)}
    return value


_NOT_FINITE = ("nan", "inf", "-inf")


def _parse(text: str) -> Any:
    return _tuples(orjson.loads(text))


def _tuples(value: Any) -> Any:
    """JSON lists as tuples (attribute values are immutable) and the written form of bytes, NaN and infinities as themselves."""
    if type(value) is list:
        return tuple(_tuples(v) for v in value)
    if type(value) is dict:
        return _wired(value) if len(value) == 1 else {k: _tuples(v) for k, v in value.items()}
    return value


def _wired(value: dict[str, Any]) -> Any:
    """An object of one key: what `_safe` wrote so, or a user's own that only looks like it."""
    ((wire, inner),) = value.items()
    if wire == "doubleValue" and inner in _NOT_FINITE:
        return float(inner)
    if wire == "bytesValue" and type(inner) is str:
        with contextlib.suppress(ValueError):
            return base64.b64decode(inner, validate=True)
    return {wire: _tuples(inner)}


_TEXTS = [f.name for f in SCHEMA if pa.types.is_string(f.type) and f.name not in ("trace_id", "span_id", "parent_id")]


def redacted(batch: pa.Table, redact: Redactor | None) -> pa.Table:
    """The same table without secrets in its texts; a column in which nothing looks like one is not touched."""
    if redact is None:
        return batch
    for name in _TEXTS:
        chunks = batch[name].chunks
        clean = [_redacted(chunk, redact) for chunk in chunks]
        if any(new is not old for new, old in zip(clean, chunks, strict=True)):
            place = batch.schema.get_field_index(name)
            batch = batch.set_column(place, SCHEMA.field(name), pa.chunked_array(clean, pa.string()))
    return batch


def _redacted(texts: pa.Array, redact: Redactor) -> pa.Array:
    coded = texts.dictionary_encode()  # most columns hold few different texts: each is looked at once
    letters = coded.dictionary.buffers()[2]
    if letters is None or not redact.suspects(letters.to_pybytes()):
        return texts
    clean = pa.array([redact.text(text) for text in coded.dictionary.to_pylist()], pa.string())
    return clean.take(coded.indices)
