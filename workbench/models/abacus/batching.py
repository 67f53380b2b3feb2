"""Continuous batching: concurrent calls share one worker thread and one batch; each keeps its own seed."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from workbench.models.abacus.session import STEP_ROWS, Session
from workbench.models.abacus.tokens import END, RIGHT, WRONG

MOST_ROWS = STEP_ROWS[-1]


@dataclass(eq=False)
class Job:
    """One call: what to continue and how; the worker appends to `tokens` and `logprobs` and reports through `on_token`."""

    prompt: Sequence[int]
    max_tokens: int
    temperature: float
    seed: int
    on_token: Callable[[int | None], None]
    on_error: Callable[[BaseException], None]
    tokens: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    rights: list[float] = field(default_factory=list)
    """Where the reply says right or wrong: the probability of right against wrong."""
    cancelled: bool = False
    draws: npt.NDArray[np.float64] = field(init=False)

    def __post_init__(self) -> None:
        self.draws = np.random.Generator(np.random.Philox(self.seed)).random(self.max_tokens)

    @property
    def length(self) -> int:
        """Tokens that the cache holds once the newest one is read."""
        return len(self.prompt) + len(self.tokens)


class Batcher:
    """Takes jobs from any thread. The worker starts with the first job, sleeps while there is none, ends with `close`."""

    def __init__(self, open_session: Callable[[], Session]) -> None:
        self._open_session = open_session
        self._waiting: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def submit(self, job: Job) -> None:
        """Queue a job."""
        with self._lock:
            self._waiting.put(job)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="abacus", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """End the worker once it has nothing left to do."""
        with self._lock:
            if self._thread is not None:
                self._waiting.put(None)
                self._thread = None

    def _work(self) -> None:
        active: list[Job] = []
        try:
            session = self._open_session()
            while self._admit(session, active):
                if active:
                    self._advance(session, active)
        except BaseException as e:  # every caller must hear of it, or it would wait for ever
            with self._lock:
                self._thread = None
            while not self._waiting.empty():
                job = self._waiting.get()
                active += [job] if job is not None else []
            for job in active:
                job.on_error(e)
            raise

    def _admit(self, session: Session, active: list[Job]) -> bool:
        """Read the prompts of waiting jobs into free rows; waits where nothing is active. False: the end."""
        while len(active) < MOST_ROWS and (not active or not self._waiting.empty()):
            job = self._waiting.get()
            if job is None:
                if not active:
                    return False
                self._waiting.put(None)  # the others first
                return True
            if job.cancelled:
                continue
            active.append(job)
            session.fit(len(active), job.length + job.max_tokens)
            logits = session.prefill(len(active) - 1, job.prompt)
            self._take(session, active, [len(active) - 1], logits[None])
        return True

    def _advance(self, session: Session, active: list[Job]) -> None:
        logits = session.step([j.tokens[-1] for j in active], [j.length - 1 for j in active])
        self._take(session, active, range(len(active)), logits)

    def _take(self, session: Session, active: list[Job], rows: Sequence[int], logits: npt.NDArray[np.float32]) -> None:
        """Choose the next token of these rows, tell their callers, and close the gaps of those that ended."""
        chosen, logprobs, rights = choose([active[r] for r in rows], logits)
        ended = []
        for i, row in enumerate(rows):
            job, token = active[row], int(chosen[i])
            if token in (RIGHT, WRONG):
                job.rights.append(float(rights[i]))
            job.tokens.append(token)
            job.logprobs.append(float(logprobs[i]))
            if token == END or len(job.tokens) >= job.max_tokens or job.cancelled:
                ended.append(row)
            else:
                job.on_token(token)
        for row in reversed(ended):
            active[row].on_token(None)
            last = active.pop()
            if row < len(active):
                session.move(len(active), row)
                active[row] = last


def choose(
    jobs: Sequence[Job], logits: npt.NDArray[np.float32]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """The next token of each row, its log-probability (at temperature 1), and right's probability against wrong.

    Row by row and from the row's own random numbers: neither the batch nor the order of rows changes a choice. Inverse transform
    sampling in float64: the first token at which the cumulated probability exceeds the draw.
    """
    scores = logits.astype(np.float64)
    scores -= scores.max(axis=1, keepdims=True)
    normal = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    heat = np.array([max(j.temperature, 1e-3) for j in jobs])[:, None]
    mass = np.exp(scores / heat).cumsum(axis=1)
    draws = np.array([j.draws[len(j.tokens)] for j in jobs])[:, None]
    sampled = (mass <= draws * mass[:, -1:]).sum(axis=1)
    greedy = np.array([j.temperature == 0 for j in jobs])
    chosen = np.where(greedy, logits.argmax(axis=1), np.minimum(sampled, logits.shape[1] - 1))
    rights = 1 / (1 + np.exp(normal[:, WRONG] - normal[:, RIGHT]))
    return chosen, normal[np.arange(len(jobs)), chosen], rights
