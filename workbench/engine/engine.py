"""Engine: every model call goes through `ask`; threads fork, wait for each other and converge."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeVar

from opentelemetry import trace

from workbench import semconv
from workbench.agents import Agent, Message, Reply
from workbench.engine.call import CallRecord, call_key, derived_seed
from workbench.engine.core import Core, Revision
from workbench.engine.paying import paid
from workbench.engine.place import current_thread, inside, place, racing
from workbench.engine.thread import Thread
from workbench.errors import ModelError, Stopped, unknown
from workbench.models.base import Request
from workbench.recording import fail, link
from workbench.tasks import Task

T = TypeVar("T")
AS_IT_IS = Revision()


class Engine:
    """What a strategy works with: one task's view of a run."""

    def __init__(self, core: Core, task: Task, repeat: int = 0) -> None:
        self.core, self.task, self.repeat = core, task, repeat
        self._next_thread = self._children = 0
        # on every span, so that a half-written trace still tells what it was about
        self.identity: dict[str, str | int] = {semconv.TASK_ID: task.id, semconv.REPEAT: repeat}

    # -- calls ------------------------------------------------------------------------------------------------------

    async def ask(
        self,
        agent: Agent,
        prompt: str | Sequence[Message],
        *,
        max_tokens: int | None = None,
        reasoning: str = "chain",
        options: Mapping[str, Any] | None = None,
        heard: Callable[[Reply], None] | None = None,
    ) -> Reply:
        """One model call by an agent; `prompt` is the user's text or a whole chat.

        `heard(reply)` is called while the call's span is current, so that it can write there.
        Raises ModelError where the model failed for good, Stopped where the run may not spend or last any longer.
        """
        model = self.core.models.get(agent.model)
        if model is None:
            raise unknown("model in this run", agent.model, self.core.models)
        at = place()
        request = self._request(agent, prompt, at, max_tokens, reasoning, options)
        key = call_key(self.task.id, self.repeat, at, request)
        revised = self.core.revise(key, request) or AS_IT_IS
        if revised.request is not None:
            request = revised.request
            model, key = self.core.models[request.model], call_key(self.task.id, self.repeat, at, request)
        identity = {semconv.CALL_KEY: key, **self.identity}
        record = CallRecord(
            self.core.recorder,
            request,
            agent,
            identity | ({semconv.CHANGED: revised.changed} if revised.changed else {}),
        )
        with record.span():
            if revised.error is not None:
                record.refuse(revised.error)
            if revised.reply is not None:
                reply = record.given(revised.reply)
            elif key in self.core.recorded:
                reply = record.reuse(self.core.recorded[key])
            else:
                reply = await paid(self.core, model, request, record)
            thread = current_thread()
            if thread is not None:
                thread.replies.append(reply)
            if heard is not None:
                heard(reply)
            return reply

    def _request(
        self,
        agent: Agent,
        prompt: str | Sequence[Message],
        at: str,
        max_tokens: int | None,
        reasoning: str,
        options: Mapping[str, Any] | None,
    ) -> Request:
        messages = (Message("user", prompt),) if isinstance(prompt, str) else tuple(prompt)
        if agent.system:
            first, rest = (messages[0], messages[1:]) if messages[0].role == "system" else (None, messages)
            told = agent.system if first is None else f"{agent.system}\n\n{first.content}"
            messages = (Message("system", told), *rest)
        thread = current_thread()
        return Request(
            model=agent.model,
            messages=messages,
            role=agent.role,
            style=agent.style,
            temperature=agent.temperature,
            max_tokens=max_tokens or self.core.limits.max_output_tokens,
            seed=derived_seed(self.core.seed, self.task.id, self.repeat, at, agent.role),
            reasoning=reasoning,
            task_id=self.task.id,
            sample=thread.index if thread else 0,
            options=options or {},
        )

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
            try:
                with inside(thread):
                    yield thread
            except ModelError as e:
                thread.error = e
                fail(span, e)
            except asyncio.CancelledError:
                thread.cancelled = True
                span.set_attribute(semconv.CANCELLED, True)
                raise
            finally:
                self._answered(thread, span)

    def _new_thread(self, agent: Agent, index: int | None, round: int) -> Thread:
        """Number a thread: `index` is unique in the task, the path is the same however siblings' threads interleave."""
        parent = current_thread()
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
        token = racing.set(True)
        pending = {asyncio.ensure_future(_coroutine(w)) for w in works}
        try:
            while pending:
                ended, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                done += sorted((t.result() for t in ended), key=lambda t: t.index)
                if enough(done):
                    break
        finally:
            racing.reset(token)
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
        with self.core.recorder.span(f"{semconv.SYNTHESIS} {kind}", attributes, links) as span, inside(None):
            yield span

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


async def _coroutine(work: Awaitable[T]) -> T:
    return await work


def _first_leaf(group: BaseExceptionGroup[BaseException]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
