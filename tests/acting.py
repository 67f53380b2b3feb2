"""Programmatic actors: models that play episodes well or badly, from the chat alone, as a real model would have to."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from workbench.agents import Message, Reply, ToolCall
from workbench.episodes import Call, Episode, Setup
from workbench.models.base import Request


@dataclass
class Actor:
    """Rebuilds the episode from the chat and does what a perfect actor would, but for its faults.

    forgets: facts told longer ago than so many steps. stubborn: gives a request up at the first failure. gullible: takes every
    result as good. breaks: keeps no rule of form from so many requests on. slips: probability of a wrong argument, drawn by the
    call's seed. one_by_one: never makes two calls at once.
    """

    setup: Setup
    seeds: Sequence[int] = range(8)
    forgets: int | None = None
    stubborn: bool = False
    gullible: bool = False
    breaks: int | None = None
    slips: float = 0.0
    one_by_one: bool = False
    asked: list[Any] = field(default_factory=list)
    _known: dict[tuple[Message, ...], tuple[Episode, bool]] = field(default_factory=dict)

    def __call__(self, request: Request) -> Reply:
        """As a `wb.Scripted` answer."""
        self.asked.append(request)
        return self.next(request.messages, request.seed or 0)

    def serve(self, body: dict[str, Any]) -> dict[str, Any]:
        """As a `ChatServer` answer, in OpenAI's form."""
        messages = [
            Message(
                m["role"],
                m.get("content") or "",
                tuple(ToolCall(c["id"], **_function(c)) for c in m.get("tool_calls") or ()),
                m.get("tool_call_id"),
            )
            for m in body["messages"]
        ]
        reply = self.next(messages, body.get("seed", 0))
        calls = [
            {"id": c.id, "type": "function", "function": {"name": c.name, "arguments": c.arguments}}
            for c in reply.tool_calls
        ]
        return {"role": "assistant", "content": reply.text or None, **({"tool_calls": calls} if calls else {})}

    def next(self, messages: Sequence[Message], seed: int) -> Reply:
        """The next action, by what was said."""
        chat = tuple(messages)
        seen = next((n for n in range(len(chat), max(0, len(chat) - 30), -1) if chat[:n] in self._known), 0)
        text = next(m.content for m in chat if m.role == "user")
        episode, failed = self._known.pop(chat[:seen], (None, False))
        if episode is None:
            episode = next(
                e for e in (Episode(self.setup, s) for s in self.seeds) if text.startswith(e.requests[0].text)
            )
        for m in chat[seen:]:
            failed = self._heard(episode, m, failed)
        self._known[chat] = episode, failed
        made = self._act(episode, failed, random.Random(seed))
        return replace(made, input_tokens=sum(len(m.content.split()) for m in messages), output_tokens=8, cost_usd=0.0)

    def _heard(self, episode: Episode, m: Message, failed: bool) -> bool:
        """Whether something failed in the present request, once this message is said."""
        if m.role == "user" and m.content in [r.text for r in episode.requests[episode.number :]]:
            while episode.next_request() is not None and episode.request.text != m.content:
                pass
            return False
        if m.role == "assistant":
            said = Reply(m.content, tool_calls=m.tool_calls)
            heard = episode.judge(said)
            for call in said.tool_calls:
                outcome = episode.call(call.name, call.arguments)
                failed |= outcome.error is not None or outcome.fault is not None
                if self.gullible and outcome.fault in ("wrong_type", "stale"):
                    episode._before.append(Call(call.name, json.loads(call.arguments)))
            episode.hear(heard)
        return failed

    def _act(self, episode: Episode, failed: bool, rng: random.Random) -> Reply:
        made = episode.perfect()
        if self.stubborn and failed:
            return Reply("It does not work.")
        if made.tool_calls and rng.random() < self.slips:
            first = made.tool_calls[0]
            return Reply("", tool_calls=(replace(first, arguments=json.dumps({"nonsense": rng.randint(0, 10**6)})),))
        if made.tool_calls:
            return replace(made, tool_calls=made.tool_calls[: 1 if self.one_by_one else None])
        distance = episode.judge(made).distance
        if self.forgets is not None and distance > self.forgets:
            made = Reply(f"I do not know. Ref {episode.number}")
        if self.breaks is not None and episode.number > self.breaks:
            made = Reply(made.text.replace(f" Ref {episode.number}", ""))
        return made


def _function(call: dict[str, Any]) -> dict[str, str]:
    return {"name": call["function"]["name"], "arguments": call["function"]["arguments"]}
