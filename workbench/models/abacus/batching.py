"""Continuous batching: concurrent calls share one worker thread and one batch; each keeps its own seed."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from workbench.models.abacus.session import BEFORE, STEP_ROWS, Session
from workbench.models.abacus.tokens import END, PAD, RIGHT, WRONG

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
    shared: tuple[int, ...] = field(init=False)
    """The prompt but for its last tokens (style and <go>), read step by step: what the agents of one task have in common."""
    length: int = field(init=False)
    """Tokens that the cache holds."""

    def __post_init__(self) -> None:
        self.draws = np.random.Generator(np.random.Philox(self.seed)).random(self.max_tokens)
        self.length = max(1, len(self.prompt) - 2)
        self.shared = tuple(self.prompt[: self.length])

    @property
    def next_input(self) -> list[int]:
        """The token to be read next, after the `BEFORE` ones before it."""
        known = len(self.prompt)
        places = range(self.length - BEFORE, self.length + 1)
        return [PAD if i < 0 else self.prompt[i] if i < known else self.tokens[i - known] for i in places]


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
            row = len(active)
            session.fit(row + 1, len(job.prompt) + job.max_tokens)
            same = next((r for r, other in enumerate(active) if other.shared == job.shared), None)
            if same is None:
                session.read(row, job.shared)
            else:
                session.copy(same, row, job.length)
            active.append(job)
        return True

    def _advance(self, session: Session, active: list[Job]) -> None:
        """Every row reads a token; those whose prompt is read choose one."""
        logits = session.step([j.next_input for j in active], [j.length for j in active])
        for job in active:
            job.length += 1
        rows = [r for r, job in enumerate(active) if job.length >= len(job.prompt)]
        if rows:
            self._take(session, active, rows, logits if len(rows) == len(active) else logits[rows])

    def _take(self, session: Session, active: list[Job], rows: Sequence[int], logits: npt.NDArray[np.float32]) -> None:
        """Choose the next token of these rows, tell their callers, and close the gaps of those that ended."""
        ended = []
        for row, (token, logprob, right) in zip(rows, choose([active[r] for r in rows], logits), strict=True):
            job = active[row]
            if token in (RIGHT, WRONG):
                job.rights.append(right)
            job.tokens.append(token)
            job.logprobs.append(logprob)
            if token == END or len(job.tokens) >= job.max_tokens or job.cancelled:
                ended.append(row)
            else:
                job.on_token(token)
        for row in reversed(ended):
            active[row].on_token(None)
            last = active.pop()
            if row < len(active):
                session.copy(len(active), row, last.length)
                active[row] = last


def choose(jobs: Sequence[Job], logits: npt.NDArray[np.float32]) -> Iterator[tuple[int, float, float]]:
    """The next token of each row, its log-probability (at temperature 1), and right's probability against wrong.

    Row by row and from the row's own random numbers: neither the batch nor the order of rows changes a choice. Inverse transform
    sampling in float64: the first token at which the cumulated probability exceeds the draw.
    """
    scores = logits.astype(np.float64)
    scores -= scores.max(axis=1, keepdims=True)
    mass = np.exp(scores)
    normal = np.log(mass.sum(axis=1))
    heats = [j.temperature for j in jobs]
    if any(heats):
        if any(h not in (0.0, 1.0) for h in heats):  # a row at 1 is divided by 1: the same to the bit
            mass = np.exp(scores / np.array([h or 1.0 for h in heats])[:, None])
        mass = mass.cumsum(axis=1)
        goals = mass[:, -1] * [j.draws[len(j.tokens)] for j in jobs]
        last = logits.shape[1] - 1
        chosen = [
            min(int(row.searchsorted(goal, "right")), last) if heat else int(line.argmax())
            for row, goal, heat, line in zip(mass, goals, heats, logits, strict=True)
        ]
    else:
        chosen = logits.argmax(axis=1).tolist()
    logprobs = scores[range(len(jobs)), chosen] - normal
    rights = 1 / (1 + np.exp(scores[:, WRONG] - scores[:, RIGHT]))
    return zip(chosen, logprobs.tolist(), rights.tolist(), strict=True)
