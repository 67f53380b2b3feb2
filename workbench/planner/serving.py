"""Serving simulated: requests arrive, fan out into threads over replicas, come together, and are done with their synthesis."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Any

import numpy as np

from workbench.errors import UsageError
from workbench.planner.load import Load
from workbench.planner.outcome import Outcome
from workbench.planner.replica import Replica, StepTable, Thread

WARM_UP = 0.1  # share of requests, the first to arrive, that no figure counts


@dataclass(frozen=True)
class RemoteModel:
    """A model behind an API: its own queue is not ours to simulate; a time to the first token and a rate are."""

    first_token_s: float = 0.8
    token_s: float = 0.012


@dataclass(frozen=True)
class Pool:
    """Replicas of one model that take `threads` of each request's threads, and its synthesis if `synthesis`."""

    table: StepTable | RemoteModel
    replicas: int = 1
    threads: int = 1
    synthesis: bool = False


@dataclass(slots=True)
class _Request:
    number: int
    arrival_s: float
    threads: int
    enough: int
    rounds: int
    homes: list[int]
    open: int = 0
    finished: int = 0
    first_s: float = -1.0
    members: list[tuple[int, Thread]] = field(default_factory=list)
    tokens: float = 0.0
    thread_s: float = 0.0
    token_s: float = 0.0
    end_s: float = 0.0
    user: int = -1


Allocate = Callable[[int, float, float], int]
"""(request number, its difficulty in 0..1, waiting threads per replica) -> threads of that request."""


def simulate(
    pools: Sequence[Pool], load: Load, requests: int = 2000, seed: int = 0, allocate: Allocate | None = None,
    difficulty: Sequence[float] | None = None,
) -> Outcome:  # fmt: skip
    """Simulate `requests` requests of `load`; the first tenth warms up and is not counted.

    All threads of a request of one pool go to that pool's least loaded replica, where they share the prefix. Raises
    `UsageError` when nothing can run.
    """
    return _Simulation(pools, load, requests, seed, allocate, difficulty).run()


class _Simulation:
    def __init__(self, pools: Sequence[Pool], load: Load, requests: int, seed: int, allocate: Allocate | None,
                 difficulty: Sequence[float] | None) -> None:  # fmt: skip
        if requests < 1:
            raise UsageError(f"requests must be at least 1, not {requests}")
        if not any(pool.threads for pool in pools):
            raise UsageError("no pool takes any thread of a request")
        self.pools, self.load, self.total = list(pools), load, requests
        self.random = random.Random(seed)
        self.allocate, self.difficulty = allocate, difficulty
        self.replicas: list[Replica] = []
        self.homes: list[list[int]] = []
        for pool in self.pools:
            if isinstance(pool.table, RemoteModel):
                self.homes.append([])
                continue
            self.homes.append(list(range(len(self.replicas), len(self.replicas) + pool.replicas)))
            self.replicas += [Replica(pool.table) for _ in range(pool.replicas)]
        self.merger = next((i for i, pool in enumerate(self.pools) if pool.synthesis), 0)
        self.events: list[tuple[float, int, int, Any, int]] = []
        self.count = 0
        self.done: list[_Request] = []
        self.started = 0
        self.flight = 0
        self.flight_area = 0.0
        self.now = 0.0
        self.tokens_in = 0.0
        self.tokens_out = 0
        self.result_bytes = 0.0
        self.remote_tokens = 0

    def push(self, when: float, kind: int, what: Any, version: int = 0) -> None:
        self.count += 1
        heappush(self.events, (when, self.count, kind, what, version))

    def run(self) -> Outcome:
        load = self.load
        if load.users:
            for user in range(min(load.users, self.total)):
                self.push(self.random.random() * 1e-3, 0, user)
        else:
            self.push(self.random.expovariate(load.rate_rps), 0, -1)
        while self.events and len(self.done) < self.total:
            when, _, kind, what, version = heappop(self.events)
            if kind == 1 and self.replicas[what].version != version:
                continue
            self.flight_area += self.flight * (when - self.now)
            self.now = when
            if kind == 1:
                self._advance(what)
            elif kind == 0:
                self._arrive(what)
            elif kind == 2:
                self._finish_thread(what)
            else:
                self._fan_out(*what)
        return self._outcome()

    def _arrive(self, user: int) -> None:
        if self.started >= self.total:
            return
        load, number = self.load, self.started
        self.started += 1
        self.flight += 1
        if not load.users:
            self.push(self.now + self.random.expovariate(load.rate_rps), 0, -1)
        homes = [min(home, key=lambda r: self.replicas[r].load) if home else -1 for home in self.homes]
        threads, enough = load.threads, load.enough or load.threads
        if self.allocate is not None:
            waiting = sum(self.replicas[r].load for r in homes if r >= 0) / max(1, sum(r >= 0 for r in homes))
            hard = self.difficulty[number % len(self.difficulty)] if self.difficulty else 0.5
            threads = max(1, int(self.allocate(number, hard, waiting)))
            enough = min(enough, threads) if load.enough else threads
        request = _Request(number, self.now, threads, enough, load.rounds, homes, user=user)
        self._begin(request, 0)

    def _begin(self, request: _Request, turn: int) -> None:
        """Start a round once its calls have reached the engines."""
        wait = max((pool.table.latency_s for pool in self.pools if isinstance(pool.table, StepTable)), default=0.0)
        self.push(self.now + wait, 3, (request, turn))

    def _fan_out(self, request: _Request, turn: int) -> None:
        load = self.load
        if turn < 0:
            self._synthesise(request)
            return
        request.open = request.threads
        request.finished = 0
        request.members = []
        touched = set()
        for pool in self._spread(request.threads):
            output = max(1, round(self.random.choice(load.output_tokens)))
            prompt = load.prefix_tokens + load.prompt_tokens + turn * load.reread_tokens
            touched.add(self._start(request, pool, prompt, output, load.prefix_tokens, request.number))
        self._wake(touched)

    def _synthesise(self, request: _Request) -> None:
        load = self.load
        more = (request.threads - load.threads) * load.mean_output_tokens
        prompt, output = max(1.0, load.synthesis_prompt_tokens + more), max(1, round(load.synthesis_output_tokens))
        request.open, request.members = 1, []
        self._wake({self._start(request, self.merger, prompt, output, 0.0, -1 - request.number)})

    def _spread(self, threads: int) -> list[int]:
        """The pool of each thread, in the proportions of the mix."""
        each = [i for i, pool in enumerate(self.pools) for _ in range(pool.threads)]
        return [each[i % len(each)] for i in range(threads)]

    def _start(self, request: _Request, pool: int, prompt: float, output: int, shared: float, group: int) -> int:
        thread = Thread(request, group, prompt, output, shared, self.now)
        self.tokens_in += prompt
        table = self.pools[pool].table
        request.tokens += output
        if isinstance(table, RemoteModel):
            self.remote_tokens += output
            request.members.append((-1, thread))
            thread.first_s = self.now + table.first_token_s
            self.push(thread.first_s + output * table.token_s, 2, thread)
            return -1
        home = request.homes[pool]
        request.members.append((home, thread))
        self.replicas[home].submit(thread)
        return home

    def _wake(self, touched: set[int]) -> None:
        for number in touched - {-1}:
            replica = self.replicas[number]
            end = replica.plan(self.now) if replica.span is None else replica.interrupt(self.now)
            if end is not None:
                self.push(end, 1, number, replica.version)

    def _advance(self, number: int) -> None:
        replica = self.replicas[number]
        for thread in replica.advance(self.now):
            self._finish_thread(thread)
        if replica.span is None:
            end = replica.plan(self.now)
            if end is not None:
                self.push(end, 1, number, replica.version)

    def _finish_thread(self, thread: Thread) -> None:
        request: _Request = thread.owner
        if thread.cancelled:
            return  # while it was away, or at the end of this very step
        request.open -= 1
        request.finished += 1
        if request.rounds == 0:  # it was the synthesis
            self._done(request)
            return
        request.thread_s = max(request.thread_s, self.now - thread.start_s)
        request.token_s = max(request.token_s, (self.now - thread.first_s) / max(1, thread.output - 1))
        if request.first_s < 0:
            request.first_s = thread.first_s
        self.result_bytes += 4.0 * self.load.mean_output_tokens  # text that goes to the synthesis, 4 bytes a token
        if request.finished < request.enough:
            return
        if request.open:
            self._cancel(request, thread)
        request.rounds -= 1
        if request.rounds:
            self._begin(request, self.load.rounds - request.rounds)
        elif self.load.synthesis_output_tokens:
            self._begin(request, -1)
        else:
            self._done(request)

    def _cancel(self, request: _Request, last: Thread) -> None:
        for home, thread in request.members:
            if thread is last:
                continue
            thread.cancelled = True
            if home >= 0:
                self.replicas[home].cancel(thread)
        request.open = 0

    def _done(self, request: _Request) -> None:
        self.done.append(request)
        self.flight -= 1
        request.members = []
        request.end_s = self.now
        if self.load.users:
            self.push(self.now + self.load.think_s, 0, request.user)

    def _outcome(self) -> Outcome:
        counted = [r for r in self.done if r.number >= WARM_UP * self.total]
        end = self.now
        arrival = np.array([r.arrival_s for r in counted])
        e2e = np.array([r.end_s - r.arrival_s for r in counted])
        begin = float(arrival.min()) if len(arrival) else 0.0
        generated = sum(r.done_tokens for r in self.replicas) + self.remote_tokens
        thread = np.array([r.thread_s for r in counted])
        first = np.array([r.first_s - r.arrival_s for r in counted])
        return Outcome(
            arrival_s=arrival, e2e_s=e2e, ttft_s=first, thread_s=thread,
            tpot_s=np.array([r.token_s for r in counted]),
            threads=np.array([float(r.threads) for r in counted]),
            duration_s=end, throughput_rps=len(counted) / max(end - begin, 1e-9),
            tokens_in=self.tokens_in, tokens_out=int(sum(r.tokens for r in self.done)), tokens_generated=int(generated),
            utilisation=[min(1.0, r.busy_s / max(end, 1e-9)) for r in self.replicas],
            reduce_bytes=sum((r.done_tokens + r.prefilled_tokens) * r.table.reduce_bytes_per_token for r in self.replicas),
            result_bytes=self.result_bytes, preemptions=sum(r.preemptions for r in self.replicas),
            in_flight=self.flight_area / max(end, 1e-9), finished=len(self.done),
            backlog=sum(r.load for r in self.replicas),
        )  # fmt: skip
