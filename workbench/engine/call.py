"""CallRecord: what is written down about one model call, from its queueing to its reply."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from opentelemetry import trace

from workbench import semconv
from workbench.agents import Agent, Reply
from workbench.errors import ModelError
from workbench.models.base import Request
from workbench.recording import Recorder, messages_json, reply_json
from workbench.redact import Redactor


def derived_seed(seed: int, *place: object) -> int:
    """A seed for one call: the same for the same run seed and place, whatever else runs; 31 bits, as providers take."""
    digest = hashlib.blake2b(repr((seed, *place)).encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big") >> 1


def call_key(task_id: str, repeat: int, place: str, request: Request) -> str:
    """Identity of a call within a run: task, place and everything that was asked."""
    digest = hashlib.blake2b(digest_size=12)
    asked = (request.model, request.role, request.style, request.temperature, request.max_tokens, request.seed)
    for part in (task_id, repeat, place, asked, request.reasoning, sorted(request.options.items()), request.messages):
        digest.update(repr(part).encode("utf-8", "surrogatepass") + b"\0")
    return digest.hexdigest()


class CallRecord:
    """Writes one chat span."""

    def __init__(self, recorder: Recorder, request: Request, agent: Agent, identity: Mapping[str, Any]) -> None:
        self._recorder, self._request, self._agent, self._identity = recorder, request, agent, identity
        self._span: trace.Span = trace.INVALID_SPAN
        self._attempts = 0
        self._began_ns = 0
        self._pieces = 0

    @contextmanager
    def span(self) -> Iterator[None]:
        """The span of the call."""
        request = self._request
        attributes: dict[str, Any] = {
            semconv.OPERATION: semconv.CHAT,
            semconv.AGENT: self._agent.name,
            semconv.REQUEST_MODEL: request.model,
            semconv.PROVIDER: request.model.split("/", 1)[0].split(":", 1)[0],
            semconv.ROLE: request.role,
            semconv.SAMPLE: request.sample,
            **self._identity,
        }
        optional = {
            semconv.STYLE: request.style,
            semconv.REQUEST_TEMPERATURE: request.temperature,
            semconv.REQUEST_MAX_TOKENS: request.max_tokens,
            semconv.REQUEST_SEED: request.seed,
        }
        attributes |= {k: v for k, v in optional.items() if v is not None}
        if self._recorder.content:
            attributes[semconv.INPUT_MESSAGES] = messages_json(request.messages)
        with self._recorder.span(f"{semconv.CHAT} {request.model}", attributes) as span:
            self._span = span
            try:
                yield
            except asyncio.CancelledError:
                span.set_attribute(semconv.CANCELLED, True)
                raise

    def queued(self, wait_ns: int) -> None:
        """It got its slot after so long."""
        self._span.set_attribute(semconv.QUEUE_NS, wait_ns)

    def attempt(self) -> int:
        """It is asked (once more); returns the number of this try, from 1."""
        self._attempts += 1
        self._pieces = 0
        self._began_ns = time.monotonic_ns()
        return self._attempts

    def retried(self, error: BaseException, wait_s: float) -> None:
        """It failed and will be asked again."""
        self._span.add_event(
            semconv.RETRY,
            {semconv.ERROR_TYPE: type(error).__name__, "message": Redactor().text(str(error))[:500], "wait_s": wait_s},
        )

    def piece(self, text: str) -> None:
        """The model said some more."""
        if not self._pieces:
            self._span.set_attribute(semconv.FIRST_TOKEN_NS, time.monotonic_ns() - self._began_ns)
        self._pieces += 1
        self._recorder.piece(self._span, text)

    def done(self, reply: Reply) -> Reply:
        """It answered."""
        self._span.set_attribute(semconv.ATTEMPTS, self._attempts)
        return self._write(reply)

    def reuse(self, reply: Reply) -> Reply:
        """A resumed run takes the answer from its own record."""
        self._span.set_attribute(semconv.REUSED, True)
        return self._write(reply)

    def refuse(self, error: ModelError) -> None:
        """A forked run takes the failure from the record."""
        self._span.set_attribute(semconv.REUSED, True)
        raise error

    def given(self, reply: Reply) -> Reply:
        """Somebody put this answer in the model's mouth."""
        return self._write(reply)

    def _write(self, reply: Reply) -> Reply:
        attributes: dict[str, str | int | float | list[str]] = {
            semconv.INPUT_TOKENS: reply.input_tokens,
            semconv.OUTPUT_TOKENS: reply.output_tokens,
            semconv.FINISH_REASONS: [reply.finish_reason],
            semconv.RESPONSE_MODEL: reply.response_model or self._request.model,
        }
        if reply.reasoning_tokens:
            attributes[semconv.REASONING_TOKENS] = reply.reasoning_tokens
        if reply.cost_usd is not None:
            attributes[semconv.COST] = reply.cost_usd
        if reply.logprob is not None:
            attributes[semconv.LOGPROB] = reply.logprob
        if self._recorder.content:
            attributes[semconv.OUTPUT_MESSAGES] = reply_json(reply)
        self._span.set_attributes(attributes)
        return reply

    def cut_short(self, per_token: tuple[float, float] | None) -> Reply:
        """It was cancelled: what it is known to have used; pieces are counted as tokens, the prompt is estimated."""
        tokens_in = max(1, sum(len(m.content) for m in self._request.messages) // 4)
        cost = None if per_token is None else tokens_in * per_token[0] + self._pieces * per_token[1]
        self._span.set_attributes({semconv.INPUT_TOKENS: tokens_in, semconv.OUTPUT_TOKENS: self._pieces})
        if cost is not None:
            self._span.set_attribute(semconv.COST, cost)
        return Reply("", tokens_in, self._pieces, cost_usd=cost)
