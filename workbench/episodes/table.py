"""Table: where an episode is played: the chat so far, the step, and what of it goes on record."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from opentelemetry import trace
from opentelemetry.trace import Status, StatusCode

from workbench import semconv
from workbench.agents import Agent, Message, Reply, ToolCall
from workbench.engine import Engine
from workbench.episodes.episode import Episode
from workbench.episodes.tools import as_text, parse_arguments
from workbench.episodes.world import call_key
from workbench.errors import ModelError, UsageError
from workbench.recording import reply_json
from workbench.tasks import Task
from workbench.team import Team

MODEL_ERRORS = 3
"""So many failed calls in a row end an episode."""
SAY, DO = "say: ", "do: "


@dataclass(frozen=True)
class Seat:
    """The task of an episode: `Task.extra["episode"]` holds one. It opens the episode anew at every attempt."""

    open: Callable[[], Episode]


class Table:
    """One attempt at one episode. A policy asks for the next action; the table takes it and records what was true about it."""

    def __init__(self, task: Task, team: Team, engine: Engine, max_tokens: int | None = None) -> None:
        seat = task.extra.get("episode")
        if not isinstance(seat, Seat):
            raise UsageError(f"task {task.id!r} is no episode; workbench.episodes makes such tasks (see wb.probe)")
        self.task, self.team, self.engine, self.max_tokens = task, team, engine, max_tokens
        self.episode = seat.open()
        self.history: list[Message] = []
        self.step = -1
        self._errors = 0
        self._options = {"tools": self.episode.schemas()}

    # -- the course of it -----------------------------------------------------------------------------------------------

    def going(self) -> bool:
        """Whether there is something left to do: begin the next step, with the next request where one is done."""
        request = None if self.episode.open else self.episode.next_request()
        if request is None and not self.episode.open:
            self.pause()
            return False
        self.step += 1
        self.engine.identity[semconv.STEP] = self.step  # on every span from here on
        if request is None:
            return True
        if self.history:
            self.history.append(Message("user", request.text))
        else:
            rules = "".join(f"\n{i + 1}. {rule.text}" for i, rule in enumerate(self.episode.rules))
            told = f"\nRules, to be kept in every step:{rules}" if rules else ""
            asked = self.team.agents(1)[0].as_("act")
            brief = self.episode.world.brief
            self.history += self.team.prompt("act", asked, brief=brief, rules=told, request=request.text)
        return True

    @property
    def between(self) -> bool:
        """Whether the last request is done and the next is not yet said."""
        return not self.episode.open

    @property
    def more(self) -> bool:
        """Whether anything is left."""
        return self.episode.open or self.episode.number < len(self.episode.requests)

    def pause(self) -> None:
        """What is done now belongs to no step."""
        self.engine.identity.pop(semconv.STEP, None)

    async def ask(self, agent: Agent, more: Sequence[Message] = (), *, acts: bool = False, tools: bool = True) -> Reply:
        """What an agent would do next; `acts`: it will be done, so the truth about it goes on this call's span.

        `more` is said after the chat, for this call only; without `tools` it can but speak. Raises ModelError; see `lost`.
        """
        options = self._options if tools else {**self._options, "tool_choice": "none"}
        return await self.engine.ask(
            agent,
            [*self.history, *more],
            max_tokens=self.max_tokens,
            options=options,
            heard=self.tell if acts else None,
        )

    def lost(self, error: ModelError) -> None:
        """The model failed at this step. Raises that error where it failed too often in a row."""
        self._errors += 1
        if self._errors >= MODEL_ERRORS:
            raise error

    def tell(self, reply: Reply) -> None:
        """Write an action, and what is true about it, on the current span: the actor's call, or the synthesis that picked it."""
        heard = self.episode.judge(reply)
        span = trace.get_current_span()
        if self.engine.core.recorder.content:
            span.set_attribute(semconv.OUTPUT_MESSAGES, reply_json(reply))
        for rule, violated in heard.broken:
            span.add_event(semconv.RULE_CHECK, {semconv.RULE: rule, semconv.VIOLATED: violated})
        if not reply.tool_calls:
            span.set_attributes(_expected(heard.expected))
        if heard.state is not None:
            span.set_attribute(semconv.STATE_RIGHT, heard.state)
        if heard.fact:
            told: dict[str, Any] = {
                semconv.FACT: heard.fact,
                semconv.FACT_DISTANCE: heard.distance,
                semconv.RECALLED: heard.right,
            }
            span.set_attributes(told)

    def act(self, reply: Reply) -> None:
        """Do what the actor decided on: make its calls, or hear its reply."""
        heard = self.episode.judge(reply)
        self.history.append(Message("assistant", reply.text, reply.tool_calls))
        for call in reply.tool_calls:
            self.history.append(Message("tool", self._called(call), tool_call_id=call.id))
        self.episode.hear(heard)
        self._errors = 0

    def _called(self, call: ToolCall) -> str:
        engine = self.engine
        attributes: dict[str, Any] = {
            semconv.OPERATION: semconv.TOOL,
            semconv.TOOL_NAME: call.name,
            semconv.TOOL_CALL_ID: call.id,
            **engine.identity,
        }
        with engine.core.recorder.span(f"{semconv.TOOL} {call.name}", attributes) as span:
            outcome = self.episode.call(call.name, call.arguments)
            span.set_attributes(_expected(outcome.expected))
            if engine.core.recorder.content:
                span.set_attributes({semconv.TOOL_ARGUMENTS: call.arguments, semconv.TOOL_RESULT: outcome.text})
            if outcome.fault is not None:
                span.set_attribute(semconv.FAULT, outcome.fault)
            if outcome.error is not None:
                span.set_attribute(semconv.ERROR_TYPE, outcome.error)
                span.set_status(Status(StatusCode.ERROR, outcome.text[:2000]))
        return outcome.text

    def restart(self, digest: str) -> None:
        """Forget the chat; go on from what was noted of it."""
        told = [Message(role, text) for role, text in self.episode.world.resume(digest)]
        self.history = [*self.history[:1], *told]

    # -- what others read -------------------------------------------------------------------------------------------------

    def situation(self) -> Task:
        """The episode so far as a task of its own, for those who judge an action."""
        return replace(self.task, prompt=f"An assistant at work. What should it do next?\n\n{self._transcript()}")

    def noting(self, asked: str) -> Task:
        """Writing the digest as a task of its own, for those who merge several."""
        return replace(self.task, prompt=f"An assistant at work.\n\n{self._transcript()}\nuser: {asked}")

    def _transcript(self) -> str:
        lines = (f"{m.role}: {described(Reply(m.content, tool_calls=m.tool_calls), bare=True)}" for m in self.history)
        return "\n".join(lines)


def _expected(call: Any) -> Mapping[str, str]:
    if call is None:
        return {semconv.EXPECTED_TOOL: ""}
    return {semconv.EXPECTED_TOOL: call.tool, semconv.EXPECTED_ARGUMENTS: as_text(dict(call.arguments))}


def described(reply: Reply, *, bare: bool = False) -> str:
    """An action in one text, the same for the same tools and arguments: what agents vote on."""
    if not reply.tool_calls:
        return reply.text if bare else SAY + reply.text
    calls = sorted(_key(c) for c in reply.tool_calls)
    return "\n".join(calls if bare else [DO + c for c in calls])


def _key(call: ToolCall) -> str:
    arguments = parse_arguments(call.arguments)
    return f"{call.name}({call.arguments.strip()})" if arguments is None else call_key(call.name, arguments)
