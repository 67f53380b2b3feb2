"""Engine: every model call goes through `ask`, which queues, retries, limits, times out, records and counts it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, TypeVar

from opentelemetry import trace

from workbench import semconv
from workbench.agents import Agent, Message, Reply
from workbench.call import CallRecord, call_key, derived_seed
from workbench.errors import DeadlineExceeded, ModelError, ModelTimeout, Stopped, UsageError, unknown
from workbench.grading import Grader
from workbench.models.base import Model, Request
from workbench.recording import Recorder, fail, link
from workbench.retrying import Retry
from workbench.spending import Reservation, Spending
from workbench.tasks import Task
from workbench.thread import Thread

T = TypeVar("T")

_thread: ContextVar[Thread | None] = ContextVar("workbench_thread", default=None)
_ordinal: ContextVar[dict[str, int] | None] = ContextVar("workbench_ordinal", default=None)
_racing: ContextVar[bool] = ContextVar("workbench_racing", default=False)  # stream, so that a loser's tokens are known
MESSAGE_TOKENS = 16
"""Upper bound of what a chat template adds to a message, for reservations."""


@dataclass(frozen=True)
class Limits:
    """What a run may do at once and in all.

    Args:
        slots: calls in flight per model (one number, or by model name; the rest gets 64).
        timeout_s: of one call, the wait for a slot not counted.
        deadline_s: of the whole run; what is not done by then is stopped and recorded as such.
        max_tokens, max_cost_usd: of the whole run; a call that could pass them is not started.
        max_output_tokens: of one call, where the strategy names none; with a limit on spending it is what gets reserved.
    """

    slots: int | Mapping[str, int] = 64
    timeout_s: float = 120.0
    deadline_s: float | None = None
    max_tokens: int | None = None
    max_cost_usd: float | None = None
    max_output_tokens: int | None = None
    retry: Retry = field(default_factory=Retry)

    def __post_init__(self) -> None:
        for name in ("timeout_s", "deadline_s", "max_output_tokens"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise UsageError(f"{name} must be more than 0, got {value!r}")
        for count in [self.slots] if isinstance(self.slots, int) else self.slots.values():
            if count < 1:
                raise UsageError(f"slots must be at least 1, got {count!r}")


class Core:
    """What all tasks of a run share: models, slots, spending, the clock and the record."""

    def __init__(
        self,
        models: Mapping[str, Model],
        recorder: Recorder,
        grader: Grader,
        *,
        limits: Limits | None = None,
        seed: int = 0,
        prices: Callable[[str], tuple[float, float] | None] = lambda name: (0.0, 0.0),
        recorded: Mapping[str, Reply] | None = None,
        stream: bool = False,
    ) -> None:
        self.models, self.recorder, self.grader, self.seed, self.stream = dict(models), recorder, grader, seed, stream
        self.limits = limits or Limits()
        self.spending = Spending(self.limits.max_tokens, self.limits.max_cost_usd)
        self.recorded = dict(recorded or {})
        self.stopped: Stopped | None = None
        self._prices = prices
        self._price_of: dict[str, tuple[float, float] | None] = {}
        self._slots: dict[str, asyncio.Semaphore] = {}
        self._began = time.monotonic()

    def slot(self, model: str) -> asyncio.Semaphore:
        """The semaphore of a model's slots."""
        if model not in self._slots:
            slots = self.limits.slots
            self._slots[model] = asyncio.Semaphore(slots if isinstance(slots, int) else slots.get(model, 64))
        return self._slots[model]

    def seconds_left(self) -> float | None:
        """Until the deadline, None where there is none."""
        if self.limits.deadline_s is None:
            return None
        return self.limits.deadline_s - (time.monotonic() - self._began)

    def reserve(self, request: Request) -> Reservation | None:
        """Set aside the most that a request can use; a text has at most as many tokens as bytes."""
        if not self.spending.limited:
            return None
        tokens_in = sum(len(m.content.encode()) + MESSAGE_TOKENS for m in request.messages)
        tokens_out = request.max_tokens or 4096
        price = self._price(request.model)
        if price is None and self.spending.max_cost_usd is not None:
            raise UsageError(f"max_cost_usd was given, but nobody knows what {request.model} costs; limit max_tokens instead")
        price = price or (0.0, 0.0)
        return self.spending.reserve(tokens_in + tokens_out, tokens_in * price[0] + tokens_out * price[1])

    def _price(self, model: str) -> tuple[float, float] | None:
        if model not in self._price_of:
            self._price_of[model] = self._prices(model)
        return self._price_of[model]

    def stop(self, reason: Stopped) -> None:
        """Start no further call. What is in flight ends by itself."""
        self.stopped = self.stopped or reason


class Engine:
    """What a strategy works with: one task's view of a run."""

    def __init__(self, core: Core, task: Task, repeat: int = 0) -> None:
        self.core, self.task, self.repeat = core, task, repeat
        self._next_thread = self._children = 0
        # on every span, so that a half-written trace still tells what it was about
        self.identity = {semconv.TASK_ID: task.id, semconv.REPEAT: repeat}

    # -- calls ------------------------------------------------------------------------------------------------------

    async def ask(
        self,
        agent: Agent,
        prompt: str | Sequence[Message],
        *,
        system: str = "",
        max_tokens: int | None = None,
        reasoning: str = "chain",
        options: Mapping[str, Any] | None = None,
    ) -> Reply:
        """One model call by an agent; `prompt` is the user's text or a whole chat.

        Raises ModelError where the model failed for good, Stopped where the run may not spend or last any longer.
        """
        model = self.core.models.get(agent.model)
        if model is None:
            raise unknown("model in this run", agent.model, self.core.models)
        place = _place()
        request = self._request(agent, prompt, place, system, max_tokens, reasoning, options)
        key = call_key(self.task.id, self.repeat, place, request)
        record = CallRecord(self.core.recorder, request, agent, {semconv.CALL_KEY: key, **self.identity})
        with record.span():
            if key in self.core.recorded:
                return record.reuse(self.core.recorded[key])
            self._check_stopped()
            held = self._reserve(request)
            try:
                reply = await self._queued(model, request, record)
            finally:
                if held is not None:
                    self.core.spending.release(held)
            thread = _thread.get()
            if thread is not None:
                thread.replies.append(reply)
            return reply

    def _request(
        self,
        agent: Agent,
        prompt: str | Sequence[Message],
        place: str,
        system: str,
        max_tokens: int | None,
        reasoning: str,
        options: Mapping[str, Any] | None,
    ) -> Request:
        messages = (Message("user", prompt),) if isinstance(prompt, str) else tuple(prompt)
        told = "\n\n".join(t for t in (agent.system, system) if t)
        if told and messages[0].role != "system":
            messages = (Message("system", told), *messages)
        thread = _thread.get()
        return Request(
            model=agent.model,
            messages=messages,
            role=agent.role,
            style=agent.style,
            temperature=agent.temperature,
            max_tokens=max_tokens or self.core.limits.max_output_tokens,
            seed=derived_seed(self.core.seed, self.task.id, self.repeat, place, agent.role),
            reasoning=reasoning,
            task_id=self.task.id,
            sample=thread.index if thread else 0,
            options=options or {},
        )

    async def _queued(self, model: Model, request: Request, record: CallRecord) -> Reply:
        began = time.monotonic_ns()
        async with self.core.slot(request.model):
            record.queued(time.monotonic_ns() - began)
            async for attempt in self.core.limits.retry.attempts_of(record.retried):
                with attempt:
                    self._check_stopped()
                    record.attempt()
                    reply = await self._once(model, request, record)
                    self.core.spending.count(reply)
                    return record.done(reply)
        raise AssertionError("retrying ends with a reply or an error")

    async def _once(self, model: Model, request: Request, record: CallRecord) -> Reply:
        limit = self.core.limits.timeout_s
        left = self.core.seconds_left()
        try:
            async with asyncio.timeout(limit if left is None else max(0.0, min(limit, left))):
                if not (self.core.stream or _racing.get()):
                    return await model.complete(request)
                return await self._streamed(model, request, record)
        except TimeoutError:
            if left is not None and left < limit:
                self.core.stop(DeadlineExceeded(f"the run's {self.core.limits.deadline_s} s are up"))
                raise self.core.stopped from None  # type: ignore[misc]
            raise ModelTimeout(f"{request.model} did not answer within {limit} s") from None
        except ModelError as e:
            spent = getattr(e, "reply", None)
            if isinstance(spent, Reply):
                self.core.spending.count(spent)
            raise

    async def _streamed(self, model: Model, request: Request, record: CallRecord) -> Reply:
        async with contextlib.aclosing(model.stream(request)) as pieces:  # type: ignore[type-var]
            async for piece in pieces:
                if isinstance(piece, Reply):
                    return piece
                record.piece(piece)
        raise ModelError(f"{request.model} ended its stream without a reply")

    def _check_stopped(self) -> None:
        left = self.core.seconds_left()
        if left is not None and left <= 0:
            self.core.stop(DeadlineExceeded(f"the run's {self.core.limits.deadline_s} s are up"))
        if self.core.stopped is not None:
            raise type(self.core.stopped)(str(self.core.stopped))

    def _reserve(self, request: Request) -> Reservation | None:
        try:
            return self.core.reserve(request)
        except Stopped as e:
            self.core.stop(e)
            raise

    # -- threads ------------------------------------------------------------------------------------------------------

    @contextmanager
    def thread(
        self, agent: Agent, *, index: int | None = None, round: int = 0, after: Sequence[Thread] = ()
    ) -> Iterator[Thread]:
        """A line of work: what is asked inside belongs to it. `after` are the threads it began from (fork links).

        On leaving, its answer is read from its last reply, unless one was set, and scored. A ModelError ends the thread, not
        the task: it is kept in `error`. `index` fixes its number where threads start in no fixed order.
        """
        thread = self._new_thread(agent, index, round)
        index = thread.index
        attributes: dict[str, Any] = {
            semconv.OPERATION: semconv.THREAD,
            semconv.AGENT: agent.name,
            semconv.REQUEST_MODEL: agent.model,
            semconv.THREAD_INDEX: index,
            semconv.ROUND: round,
            semconv.ROLE: agent.role,
            **self.identity,
        }
        if agent.style:
            attributes[semconv.STYLE] = agent.style
        links = [link(t.span, semconv.FORK) for t in after if t.span is not None]
        with self.core.recorder.span(f"{semconv.THREAD} {agent.name}", attributes, links) as span:
            thread.span = span.get_span_context()
            tokens = _thread.set(thread), _ordinal.set({"n": 0})
            try:
                yield thread
            except ModelError as e:
                thread.error = e
                fail(span, e)
            except asyncio.CancelledError:
                thread.cancelled = True
                span.set_attribute(semconv.CANCELLED, True)
                raise
            finally:
                _thread.reset(tokens[0])
                _ordinal.reset(tokens[1])
                self._answered(thread, span)

    def _new_thread(self, agent: Agent, index: int | None, round: int) -> Thread:
        """Number a thread: `index` is unique in the task, the path is the same however siblings' threads interleave."""
        parent = _thread.get()
        local = index
        if local is None:
            local = self._children if parent is None else parent.children
        if parent is None:
            self._children = max(self._children, local + 1)
        else:
            parent.children = max(parent.children, local + 1)
        if index is None or parent is not None:
            index = self._next_thread
        self._next_thread = max(self._next_thread, index + 1)
        return Thread(agent, index, f"{parent.path}/{local}" if parent else str(local), round)

    def _answered(self, thread: Thread, span: trace.Span) -> None:
        if thread.error is None and not thread.cancelled and thread.answer is None and thread.replies:
            thread.answer = self.core.grader.read(thread.text, self.task)
        if thread.answer is not None:
            thread.score = self.mark(span, thread.answer)

    async def work(
        self,
        agent: Agent,
        prompt: str | Sequence[Message],
        *,
        index: int | None = None,
        round: int = 0,
        after: Sequence[Thread] = (),
        **asking: Any,
    ) -> Thread:
        """A thread of a single call. A failed call, or a run that was stopped, is the thread's `error`, not raised."""
        with self.thread(agent, index=index, round=round, after=after) as thread:
            try:
                await self.ask(agent, prompt, **asking)
            except Stopped as e:
                thread.error = e
                fail(trace.get_current_span(), e)
        return thread

    async def together(self, works: Iterable[Awaitable[T]]) -> list[T]:
        """Run all at once and wait for all; results in order. An error of ours cancels the others and is raised as it is.

        Raises Stopped where a thread was refused because the run must end, after the others ended.
        """
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(_coroutine(w)) for w in works]
        except BaseExceptionGroup as e:
            raise _first_leaf(e) from None
        results = [t.result() for t in tasks]
        for result in results:
            if isinstance(result, Thread) and isinstance(result.error, Stopped):
                raise result.error
        return results

    async def race(self, works: Sequence[Awaitable[Thread]], enough: Callable[[list[Thread]], bool]) -> list[Thread]:
        """Run all at once until `enough(those that ended)`; cancel the rest. Returns those that ended, by index.

        A cancelled call's tokens up to then are recorded, as far as the model told them piece by piece.
        """
        done: list[Thread] = []
        racing = _racing.set(True)
        pending = {asyncio.ensure_future(_coroutine(w)) for w in works}
        try:
            while pending:
                ended, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                done += sorted((t.result() for t in ended), key=lambda t: t.index)
                if enough(done):
                    break
        finally:
            _racing.reset(racing)
            for task in pending:
                task.cancel()
            await asyncio.gather(*pending, return_exceptions=True)
        for thread in done:
            if isinstance(thread.error, Stopped):
                raise thread.error
        return sorted(done, key=lambda t: t.index)

    # -- what is decided ----------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def synthesis(self, kind: str, threads: Sequence[Thread]) -> AsyncIterator[trace.Span]:
        """The span of a merge, with join links to the threads it merges."""
        attributes = {semconv.OPERATION: semconv.SYNTHESIS, semconv.SYNTHESIS_KIND: kind, **self.identity}
        links = [link(t.span, semconv.JOIN) for t in threads if t.span is not None]
        tokens = _thread.set(None), _ordinal.set({"n": 0})
        try:
            with self.core.recorder.span(f"{semconv.SYNTHESIS} {kind}", attributes, links) as span:
                yield span
        finally:
            _thread.reset(tokens[0])
            _ordinal.reset(tokens[1])

    def decide(self, kind: str, reason: str, **numbers: str | int | float | bool) -> None:
        """Record a decision (split, vote, stop, escalate, refine, prune, lost) and its reason on the current span."""
        trace.get_current_span().add_event(
            semconv.DECISION, {semconv.DECISION_KIND: kind, semconv.DECISION_REASON: reason, **numbers}
        )

    def mark(self, span: trace.Span, answer: str | None, **numbers: float) -> float | None:
        """Write an answer, its score and its support or confidence on a span; returns the score (None: unknown)."""
        names = {"support": semconv.SUPPORT, "confidence": semconv.CONFIDENCE}
        for name, value in numbers.items():
            span.set_attribute(names[name], value)
        if answer is not None and self.core.recorder.content:
            span.set_attribute(semconv.ANSWER, answer)
        score = self.core.grader.score(answer, self.task)
        if score is not None:
            span.set_attribute(semconv.SCORE, score)
        return score

    def read(self, text: str) -> str | None:
        """The answer in a model's text, by the run's grader."""
        return self.core.grader.read(text, self.task)


def _place() -> str:
    """Where this call stands in its task: thread, round and how many calls of that thread came before."""
    thread, ordinal = _thread.get(), _ordinal.get()
    number = 0
    if ordinal is not None:
        number = ordinal["n"]
        ordinal["n"] += 1
    return f"{thread.path if thread else '-'}.{thread.round if thread else 0}.{number}"


async def _coroutine(work: Awaitable[T]) -> T:
    return await work


def _first_leaf(group: BaseExceptionGroup[BaseException]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
