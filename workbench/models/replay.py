"""Replay: recorded samples played back as a model, so that a question about votes costs no new call."""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from pathlib import Path

from workbench import semconv
from workbench.agents import Reply, ToolCall
from workbench.errors import DataError, ModelRefused, UsageError, unknown
from workbench.loading import load_tasks
from workbench.models.base import Request
from workbench.spans import Span
from workbench.store import Run
from workbench.tasks import Task

CHARS_PER_TOKEN = 4
"""Files of samples carry no token counts: a replayed reply's are estimated at four characters a token."""


class Replay:
    """Agent i of a task gets a recorded sample of that task, drawn without replacement in an order fixed by the seed."""

    def __init__(self, name: str, samples: Mapping[str, Sequence[Reply]], *, seed: int = 0) -> None:
        self.name, self._samples, self._seed = name, samples, seed
        self._orders: dict[str, list[int]] = {}

    async def complete(self, request: Request) -> Reply:
        """The sample that this thread of this task draws. Raises ModelRefused where there is none (left)."""
        task = request.task_id or ""
        have = self._samples.get(task)
        if not have:
            raise ModelRefused(f"{self.name} has no recorded sample for task {task!r}")
        if request.sample >= len(have):
            raise ModelRefused(
                f"{self.name} has {len(have)} recorded samples for task {task!r}; thread {request.sample + 1} asks for one more"
            )
        return have[self._order(task, len(have))[request.sample]]

    async def stream(self, request: Request) -> AsyncIterator[str | Reply]:
        """The whole text in one piece."""
        reply = await self.complete(request)
        yield reply.text
        yield reply

    async def aclose(self) -> None:
        """Nothing to free."""

    def _order(self, task: str, n: int) -> list[int]:
        if task not in self._orders:
            self._orders[task] = random.Random(f"{self._seed}/{task}").sample(range(n), n)
        return self._orders[task]


def open_replay(source: str, *, seed: int = 0, fields: Mapping[str, str] | None = None) -> Replay:
    """`FILE`, `FILE#MODEL` (one of the models a file holds) or a Run's folder.

    A file of several models replayed without #MODEL is one pool of all their samples.
    """
    path, _, wanted = source.partition("#")
    from_run = Path(path).is_dir()
    samples = _from_run(Run(path), wanted) if from_run else _from_tasks(path, load_tasks(path, fields=fields), wanted)
    return Replay(f"replay:{source}", samples, seed=seed)


def _from_tasks(path: str, tasks: Iterable[Task], wanted: str) -> dict[str, list[Reply]]:
    models: dict[str, None] = {}
    found: dict[str, list[Reply]] = {}
    for task in tasks:
        models.update(dict.fromkeys(task.samples))
        texts = [s for m, many in task.samples.items() if not wanted or m == wanted for s in many]
        found[task.id] = [_reply(t, task.prompt, wanted) for t in texts]
    if not models:
        raise DataError(f"{path} holds no recorded samples to replay")
    if wanted and wanted not in models:
        raise unknown(f"recorded model in {path}", wanted, models)
    return found


def _reply(text: str, prompt: str, model: str) -> Reply:
    tokens = [max(1, len(t) // CHARS_PER_TOKEN) for t in (prompt, text)]
    return Reply(text, input_tokens=tokens[0], output_tokens=tokens[1], response_model=model)


def _from_run(run: Run, wanted: str) -> dict[str, list[Reply]]:
    """Every solving call of a Run, in its threads' order, with its recorded tokens and cost."""
    roots: dict[str, str] = {}
    calls: list[tuple[int, int, Span]] = []
    for span in run.spans():
        at = span.attributes
        if at.get(semconv.OPERATION) == semconv.WORKFLOW:
            roots[span.trace_id] = str(at.get(semconv.TASK_ID, ""))
        elif _solves(span) and wanted in ("", at.get(semconv.REQUEST_MODEL)):
            calls.append((int(at.get(semconv.SAMPLE, 0)), span.start_ns, span))
    found: dict[str, list[Reply]] = {}
    for _, _, span in sorted(calls, key=lambda c: c[:2]):
        reply = recorded_reply(span)
        if span.trace_id in roots and reply is not None:
            found.setdefault(roots[span.trace_id], []).append(reply)
    if not found:
        raise UsageError(f"{run.path} holds no recorded answers to replay" + (f" of {wanted!r}" if wanted else ""))
    return found


def _solves(span: Span) -> bool:
    at = span.attributes
    is_call = at.get(semconv.OPERATION) == semconv.CHAT and at.get(semconv.ROLE) in ("solve", "direct")
    return is_call and span.status != "ERROR"


def recorded_reply(span: Span) -> Reply | None:
    """The Reply that a recorded chat span holds, or None where its content was not recorded."""
    at = span.attributes
    try:
        message = json.loads(str(at[semconv.OUTPUT_MESSAGES]))[0]
    except (KeyError, ValueError, IndexError):
        return None
    parts = message.get("parts", ())
    text = "".join(str(p.get("content", "")) for p in parts if p.get("type") == "text")
    thinking = "".join(str(p.get("content", "")) for p in parts if p.get("type") == "reasoning")
    calls = tuple(
        ToolCall(str(p.get("id") or ""), str(p.get("name")), str(p.get("arguments")))
        for p in parts
        if p.get("type") == "tool_call"
    )
    cost, logprob = at.get(semconv.COST), at.get(semconv.LOGPROB)
    return Reply(
        text,
        input_tokens=int(at.get(semconv.INPUT_TOKENS, 0)),
        output_tokens=int(at.get(semconv.OUTPUT_TOKENS, 0)),
        reasoning_tokens=int(at.get(semconv.REASONING_TOKENS, 0)),
        cost_usd=None if cost is None else float(cost),
        logprob=None if logprob is None else float(logprob),
        finish_reason=str(message.get("finish_reason", "stop")),
        thinking=thinking,
        tool_calls=calls,
        response_model=str(at.get(semconv.RESPONSE_MODEL, "")),
    )
