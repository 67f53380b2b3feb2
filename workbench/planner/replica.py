"""One engine replica, iteration by iteration: admission, chunked prefill, decode, prefix cache, preemption.

Between two changes of its batch a replica's decode steps have times that grow linearly with its cache, so a whole run
of steps is advanced at once, exactly; an arrival cuts the run at the end of the step it falls into.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Any

import numpy as np

from workbench.planner.memory import free_bytes, thread_bytes
from workbench.planner.steps import decode_time, named, prefill_fixed_time, prefill_time
from workbench.planner.workload import Array, Columns, Placement, decode_work

MAX_RUNNING = 1024  # sequences an engine runs at once (vLLM's default on large GPUs)
CHUNK_TOKENS = 8192  # prefill tokens of one iteration


@dataclass(frozen=True)
class StepTable:
    """Step times of one placement, tabulated once: seconds by batch, per cached token, per prefill token (and squared)."""

    base_s: list[float]
    cached_s: float
    prefill_s: float
    prefill_square_s: float
    cache_tokens: float
    gpus: int
    reduce_bytes_per_token: float
    prefill_fixed_s: float = 0.0  # of an engine step that holds any prefill
    latency_s: float = 0.0  # before a call reaches the engine: HTTP, tokenising, scheduling


def tabulate(place: Placement, logs: Array, context: float) -> StepTable:
    """Tabulate `place` at log coefficients `logs` (k,) around contexts of `context` tokens."""
    c = Columns([place])
    k = named(logs[None])
    batch = np.arange(1, MAX_RUNNING + 1, dtype=float)
    empty, full = decode_time(c, k, batch, 0.0), decode_time(c, k, batch, context)
    slope = float(np.median((full - empty) / (batch * context)))
    one, two = (float(prefill_time(c, k, n)[0]) for n in (context / 2, context))
    square = max(0.0, (two - 2 * one) / (context**2 / 2))
    traffic = decode_work(c, 1.0, context)
    start = prefill_fixed_time(c, k)
    return StepTable(
        base_s=[0.0, *empty.tolist()],
        cached_s=slope,
        prefill_s=max(two - square * context**2, 0.0) / context,
        prefill_square_s=square,
        cache_tokens=max(0.0, float(free_bytes(c)[0] * c.dp[0])) / (float(thread_bytes(c, context)[0]) / context),
        gpus=place.tp * place.dp,
        prefill_fixed_s=float((k["prompt_share"] * start)[0]),
        latency_s=float((k["first_s"] + (1 - k["prompt_share"]) * start)[0]),
        reduce_bytes_per_token=float(traffic["reduce_bytes"][0] + traffic["swap_bytes"][0]) * place.tp,
    )


class Thread:
    """One call on its way through a replica."""

    __slots__ = (
        "cached", "cancelled", "context", "finish", "first_s", "generation", "group", "output", "owner", "prompt", "remaining",
        "shared", "start_s",
    )  # fmt: skip

    def __init__(self, owner: Any, group: int, prompt: float, output: int, shared: float, now_s: float) -> None:
        self.owner = owner
        self.group = group
        self.prompt = prompt
        self.shared = shared
        self.cached = 0.0
        self.remaining = output
        self.output = output
        self.cancelled = False
        self.context = 0.0
        self.finish = 0
        self.generation = 0
        self.start_s = now_s
        self.first_s = -1.0


class Replica:
    """State of one engine; `advance` returns the threads that finished in the span just ended."""

    def __init__(self, table: StepTable) -> None:
        self.table = table
        self.waiting: deque[Thread] = deque()
        self.finishing: list[tuple[int, int, int, Thread]] = []
        self.active: dict[int, Thread] = {}
        self.prefixes: dict[int, list[float]] = {}  # group -> [resident tokens, threads that use them]
        self.step = 0
        self.running = 0
        self.read_tokens = 0.0  # tokens that a decode step reads
        self.held_tokens = 0.0  # tokens in memory, shared prefixes once
        self.version = 0
        self.span: tuple[float, int] | None = None  # start, steps
        self.filling: list[Thread] = []
        self.busy_s = 0.0
        self.done_tokens = 0
        self.prefilled_tokens = 0.0
        self.preemptions = 0
        self.load = 0
        self._count = 0

    def submit(self, thread: Thread) -> None:
        self.waiting.append(thread)
        self.load += 1

    def cancel(self, thread: Thread) -> None:
        """Drop a thread wherever it is."""
        key = id(thread)
        if key in self.active:
            self._leave(thread)
        elif thread in self.waiting:
            self.waiting.remove(thread)
            self.load -= 1
        elif thread in self.filling:
            self.filling.remove(thread)
            self._release(thread)
            self.load -= 1

    def plan(self, now_s: float) -> float | None:
        """Start the next span; returns its end, or None when there is nothing to do."""
        self.version += 1
        table = self.table
        self.filling = self._admit() if self.waiting else []
        running = self.running
        if self.filling:
            tokens = 0.0
            extra = 0.0
            for thread in self.filling:
                new = thread.prompt - thread.cached
                tokens += new
                extra += new * table.prefill_s + table.prefill_square_s * (thread.prompt**2 - thread.cached**2)
            chunks = max(1, math.ceil(tokens / CHUNK_TOKENS))
            self.prefilled_tokens += tokens
            alone = table.base_s[running] if running else table.base_s[1]
            self.span = (now_s, chunks if running else 0)
            duration = extra + table.prefill_fixed_s + chunks * (alone + table.cached_s * self.read_tokens)
        elif running:
            self._make_room()
            running = self.running
            steps = self.finishing[0][0] - self.step
            slack = self.table.cache_tokens - self.held_tokens
            if running * steps > slack > 0:
                steps = max(1, min(steps, int(slack / running)))
            self.span = (now_s, steps)
            duration = self._duration(steps)
        else:
            self.span = None
            return None
        self.busy_s += duration
        return now_s + duration

    def _duration(self, steps: int) -> float:
        table, running = self.table, self.running
        each = table.base_s[running] + table.cached_s * self.read_tokens
        return steps * each + table.cached_s * running * steps * (steps - 1) / 2

    def interrupt(self, now_s: float) -> float | None:
        """Cut a pure decode span at the end of the step in progress at `now_s`; returns the new end if it moved."""
        if self.span is None or self.filling:
            return None
        start, steps = self.span
        each = self.table.base_s[self.running] + self.table.cached_s * self.read_tokens
        curve = self.table.cached_s * self.running / 2
        elapsed = now_s - start
        linear = each - curve
        root = (
            (-linear + math.sqrt(linear * linear + 4 * curve * elapsed)) / (2 * curve) if curve > 0 else elapsed / each
        )
        cut = min(steps, int(root) + 1)
        if cut >= steps:
            return None
        self.busy_s += self._duration(cut) - self._duration(steps)
        self.span = (start, cut)
        self.version += 1
        return start + self._duration(cut)

    def advance(self, now_s: float) -> list[Thread]:
        """Finish the current span at `now_s`; returns the threads that are done."""
        assert self.span is not None
        steps = self.span[1]
        self.span = None
        grown = steps * self.running
        self.step += steps
        self.read_tokens += grown
        self.held_tokens += grown
        self.done_tokens += grown
        done = []
        while self.finishing and self.finishing[0][0] <= self.step:
            _, _, generation, thread = heappop(self.finishing)
            if id(thread) in self.active and generation == thread.generation:
                over = self.step - thread.finish  # a chunked prefill may carry a thread past its end
                self.done_tokens -= over
                thread.context -= over
                self.read_tokens -= over
                self.held_tokens -= over
                self._leave(thread)
                done.append(thread)
        for thread in self.filling:
            if thread.first_s < 0:
                thread.first_s = now_s
            self.done_tokens += 1
            thread.remaining -= 1
            if thread.remaining <= 0:
                self._release(thread)
                self.load -= 1
                done.append(thread)
            else:
                self._join(thread)
        self.filling = []
        return done

    def _admit(self) -> list[Thread]:
        """Take waiting threads while slots, chunk and memory allow; the first of a group brings the shared prefix."""
        taken: list[Thread] = []
        budget = float(CHUNK_TOKENS)
        room = self.table.cache_tokens - self.held_tokens - self.running
        while self.waiting and self.running + len(taken) < MAX_RUNNING and budget > 0:
            thread = self.waiting[0]
            resident = self.prefixes.get(thread.group)
            shared = min(thread.shared, thread.prompt)
            new = thread.prompt - (shared if resident else 0.0)
            if new + 1 > room and (self.running or taken):
                break
            self.waiting.popleft()
            if resident is None:
                self.prefixes[thread.group] = [shared, 1]
                thread.cached = 0.0
            else:
                resident[1] += 1
                thread.cached = min(shared, resident[0])
            thread.context = thread.prompt
            self.held_tokens += thread.prompt - thread.cached
            room -= new
            budget -= new
            taken.append(thread)
        return taken

    def _join(self, thread: Thread) -> None:
        self._count += 1
        thread.finish = self.step + thread.remaining
        heappush(self.finishing, (thread.finish, self._count, thread.generation, thread))
        thread.context = thread.prompt - self.step  # its length at any step is context + step
        self.active[id(thread)] = thread
        self.running += 1
        self.read_tokens += thread.prompt

    def _leave(self, thread: Thread) -> None:
        length = thread.context + self.step
        del self.active[id(thread)]
        self.running -= 1
        self.load -= 1
        self.read_tokens -= length
        self._release(thread, length)
        thread.generation += 1

    def _release(self, thread: Thread, length: float | None = None) -> None:
        prefix = self.prefixes[thread.group]
        prefix[1] -= 1
        self.held_tokens -= (thread.prompt if length is None else length) - prefix[0]
        if prefix[1] == 0:
            self.held_tokens -= prefix[0]
            del self.prefixes[thread.group]

    def _make_room(self) -> None:
        """Preempt the youngest threads (recompute later) while the next step would not fit; one always stays."""
        while self.running > 1 and self.held_tokens + self.running > self.table.cache_tokens:
            thread = self.active[next(reversed(self.active))]
            length = thread.context + self.step
            generated = length - thread.prompt
            self._leave(thread)
            thread.remaining -= round(generated)
            thread.prompt = length
            self.waiting.appendleft(thread)
            self.load += 1
            self.preemptions += 1
        while self.finishing and (
            id(self.finishing[0][3]) not in self.active or self.finishing[0][2] != self.finishing[0][3].generation
        ):
            heappop(self.finishing)
