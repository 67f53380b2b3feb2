"""Replaying: one recorded attempt followed call by call to the one that is to be changed."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any

from workbench import errors
from workbench import semconv as s
from workbench.agents import Message, Reply
from workbench.engine import Revision
from workbench.engine.place import current_thread
from workbench.errors import DataError, ModelError, UsageError, unknown
from workbench.models.base import Request
from workbench.models.replay import recorded_reply
from workbench.spans import Span
from workbench.store import Run


@dataclass(frozen=True)
class Change:
    """What is to be different about a call."""

    model: str | None = None
    prompt: str | None = None
    answer: str | None = None

    def __post_init__(self) -> None:
        if not self.as_dict():
            raise UsageError("a fork needs a change: model=, prompt= or answer=")
        if self.answer is not None and (self.model is not None or self.prompt is not None):
            raise UsageError("an answer given by hand needs no model and no prompt: change either it or them")
        for name, value in self.as_dict().items():
            if not isinstance(value, str) or not value:
                raise UsageError(f"{name} must be a text that is not empty, got {value!r}")

    def as_dict(self) -> dict[str, str]:
        return {name: value for name, value in asdict(self).items() if value is not None}


@dataclass(frozen=True)
class Fork:
    """Where a recorded attempt is forked: the calls that a span stands for, and all that the attempt had recorded."""

    trace_id: str
    span_id: str
    task_id: str
    repeat: int
    keys: tuple[str, ...]
    thread: int | None
    max_output_tokens: int | None
    known: frozenset[str]
    replies: dict[str, Reply] = field(repr=False)
    failures: dict[str, ModelError] = field(repr=False)

    def as_dict(self) -> dict[str, Any]:
        """For the manifest."""
        return {name: getattr(self, name) for name in ("trace_id", "span_id", "task_id", "repeat")}


def find_fork(run: Run, span: Span | str) -> Fork:
    """The fork at a span of a Run. Raises UsageError where there is no such span or it made no model call."""
    span_id = span.span_id if isinstance(span, Span) else str(span)
    everything = run.spans()
    found = next((x for x in everything if x.span_id == span_id), None)
    if found is None:
        raise unknown("span in this run", span_id, ())
    trace = [x for x in everything if x.trace_id == found.trace_id]
    chats = sorted((x for x in trace if x.attributes.get(s.OPERATION) == s.CHAT), key=lambda x: x.start_ns)
    meant = [found] if found in chats else [x for x in chats if x.parent_id == span_id]
    if not meant or found.attributes.get(s.OPERATION) == s.WORKFLOW:
        raise UsageError(
            f"span {span_id} ({found.name}) is no model call and no thread that made one: choose a chat span"
        )
    if not all(x.attributes.get(s.CALL_KEY) for x in chats):
        raise DataError(
            "this trace was not made by the workbench: its calls have no keys, so they cannot be told apart"
        )
    replies = {_key(x): reply for x in chats if x.status != "ERROR" and (reply := recorded_reply(x)) is not None}
    if not replies and all(s.OUTPUT_MESSAGES not in x.attributes for x in chats if x.status != "ERROR"):
        raise DataError("this run was recorded without content: there are no replies to reuse")
    lengths = {x.attributes.get(s.REQUEST_MAX_TOKENS) for x in chats} - {None}
    at = found.attributes
    return Fork(
        found.trace_id,
        span_id,
        str(at.get(s.TASK_ID)),
        int(at.get(s.REPEAT, 0)),
        tuple(map(_key, meant)),
        at.get(s.THREAD_INDEX) if at.get(s.OPERATION) == s.THREAD else None,
        int(str(lengths.pop())) if len(lengths) == 1 else None,
        frozenset(map(_key, chats)),
        replies,
        {_key(x): _failure(x) for x in chats if x.status == "ERROR" and not x.attributes.get(s.CANCELLED)},
    )


def _key(span: Span) -> str:
    return str(span.attributes.get(s.CALL_KEY))


def _failure(span: Span) -> ModelError:
    """The recorded error, of its own kind where that is one of ours."""
    kind = getattr(errors, str(span.attributes.get(s.ERROR_TYPE)), ModelError)
    of_ours = isinstance(kind, type) and issubclass(kind, ModelError)
    return (kind if of_ours else ModelError)(span.status_message or "failed")


class Replaying:
    """What the engine asks before every call of a forked run."""

    def __init__(self, at: Fork, change: Change) -> None:
        self._at, self._change = at, change
        self.reached = False
        self.reused = 0

    def __call__(self, key: str, request: Request) -> Revision | None:
        at, change = self._at, self._change
        if change.answer is not None and key == at.keys[-1]:
            self.reached = True
            return Revision("answer", reply=Reply(change.answer, finish_reason="stop", response_model="by hand"))
        first = key == at.keys[0]
        if change.answer is None and (first or (change.model is not None and self._same_span(key))):
            self.reached = True
            return self._other(request, change.prompt if first else None)
        if not self.reached and key not in at.known:
            raise DataError(
                "the record cannot be followed: the strategy asks something that the run did not ask "
                f"({request.role}, {request.model}); was it made with other limits (max_output_tokens) or another version?"
            )
        self.reused += key in at.replies
        return Revision(error=at.failures[key]) if key in at.failures else None

    def _same_span(self, key: str) -> bool:
        thread = current_thread()
        return key in self._at.keys or (
            self._at.thread is not None and thread is not None and thread.index == self._at.thread
        )

    def _other(self, request: Request, prompt: str | None) -> Revision | None:
        changed = replace(request, model=self._change.model or request.model)
        if prompt is not None:
            changed = replace(changed, messages=_with(request.messages, prompt))
        return Revision(" and ".join(self._change.as_dict()), request=changed) if changed != request else None


def _with(messages: tuple[Message, ...], prompt: str) -> tuple[Message, ...]:
    """The chat with another text in the user's last message."""
    last = max((i for i, m in enumerate(messages) if m.role == "user"), default=None)
    if last is None:
        return (*messages, Message("user", prompt))
    return (*messages[:last], replace(messages[last], content=prompt), *messages[last + 1 :])
