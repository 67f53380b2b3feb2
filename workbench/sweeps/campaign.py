"""Campaign: one run of a sweep: which cell starts next, what becomes of one that fails, and when it is over."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from dataclasses import dataclass, field, replace
from secrets import token_hex
from typing import TYPE_CHECKING

from workbench.errors import UsageError, WorkbenchError
from workbench.sweeps import running, server, warm
from workbench.sweeps.budget import Budget
from workbench.sweeps.executors import is_loss, open_executor
from workbench.sweeps.one import Job, Outcome, execute

if TYPE_CHECKING:
    from workbench.sweeps.cells import Cell
    from workbench.sweeps.sweep import Sweep

LOST_TRIES = 3
"""How often a cell is started again that was lost with its worker; that is no fault of the cell's and no retry."""


@dataclass(slots=True)
class State:
    """How a sweep stands. `running` maps a cell's name to when it started (time.monotonic seconds).

    `ended` maps a cell's name to done or resumed, and is not a copy: it grows while the sweep runs.
    """

    cells: int
    resumed: int = 0
    done: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    running: dict[str, float] = field(default_factory=dict)
    ended: dict[str, str] = field(default_factory=dict)
    spent_usd: float = 0.0
    seconds: list[float] = field(default_factory=list)
    jobs: int = 1
    kernel: str = ""

    @property
    def left(self) -> int:
        """Cells that have not ended."""
        return self.cells - self.resumed - self.done - len(self.failed)

    @property
    def seconds_left(self) -> float | None:
        """Time to the end by the mean of the cells so far; None before the first."""
        if not self.seconds:
            return None
        return self.left * sum(self.seconds) / len(self.seconds) / max(1, min(self.jobs, self.left))


@dataclass(frozen=True, slots=True)
class Options:
    """How to run a sweep; see `Sweep.run`. `jobs` None: two here, and on a cluster as many as its workers have threads."""

    jobs: int | None = None
    resume: bool = True
    retries: int = 0
    timeout_s: float | None = None
    kernel: str = "auto"
    executor: Executor | str | None = None
    output_mib: float = 20.0

    def __post_init__(self) -> None:
        for name, least in (("jobs", 1), ("retries", 0)):
            value = getattr(self, name)
            if name == "jobs" and value is None:
                continue
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                raise UsageError(f"{name} must be a whole number from {least}, got {value!r}")
        for name in ("timeout_s", "output_mib"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise UsageError(f"{name} must be more than 0, got {value!r}")


class _StoppedByHand(Exception):
    """Somebody called `Campaign.stop`."""


class Campaign:
    """Runs the cells of a sweep that are not done."""

    def __init__(
        self,
        sweep: Sweep,
        options: Options,
        budget: Budget,
        on_change: Callable[[State], None] | None = None,
        still_ours: Callable[[], None] = lambda: None,
    ) -> None:
        self.sweep, self.options, self.budget, self.on_change = sweep, options, budget, on_change
        self.id, self.still_ours, self._stop = token_hex(8), still_ours, False
        self.kernel = warm.choose(options.kernel, sweep.content)
        done = sweep.ledger.done() if options.resume else {}
        self.todo: deque[Cell] = deque(cell for cell in sweep.cells if cell.identity not in done)
        self.starved: list[Cell] = []  # stopped by their share of the budget; each gets all that is left in the end
        self.tries: Counter[str] = Counter()
        self.lost: Counter[str] = Counter()
        self.pending: dict[Future[Outcome], tuple[Cell, Job]] = {}
        todo = {cell.identity for cell in self.todo}
        ended = {cell.name: "resumed" for cell in sweep.cells if cell.identity not in todo}
        self.state = State(
            len(sweep.cells), ended=ended, resumed=len(sweep.cells) - len(self.todo), jobs=options.jobs or 1
        )

    def run(self) -> State:
        """Run to the end. KeyboardInterrupt kills the kernels, waits for their cells to be put away, and goes on up."""
        self.budget.recover({c.identity: self.sweep.at("cells", c.name) for c in self.sweep.cells})
        self._tell()
        if not self.todo:
            return self.state
        with open_executor(self.options.executor, self.options.jobs, self.id) as (pool, self.state.jobs):
            try:
                while self.todo or self.pending or self.starved:
                    self._start(pool)
                    if not self.pending:
                        break
                    ended, _ = wait(self.pending, timeout=1.0, return_when=FIRST_COMPLETED)
                    self.still_ours()
                    if self._stop:
                        raise _StoppedByHand
                    for future in ended:
                        self._end(future)
                    self._tell()
            except BaseException as stopped:  # Ctrl-C too: no kernel outlives its sweep
                for future in self.pending:
                    future.cancel()
                running.stop(self.id)
                wait(self.pending, timeout=30)
                if not isinstance(stopped, _StoppedByHand):
                    raise
                self.state.running.clear()
                self._tell()
                return self.state
            finally:
                server.close_all()
        for cell in [*self.todo, *self.starved]:
            self.state.failed[cell.name] = "not run: the budget is spent"
        self._tell()
        return self.state

    def stop(self) -> None:
        """From another thread: end as Ctrl-C does, within a second, but without an error."""
        self._stop = True

    def _start(self, pool: Executor) -> None:
        """Fill the free slots."""
        while len(self.pending) < self.state.jobs:
            if not self.todo and self.starved and not self.pending:
                cell = self.starved.pop()
            elif self.todo:
                cell = self.todo.popleft()
            else:
                return
            slots = min(self.state.jobs - len(self.pending), len(self.todo) + 1)
            granted = self.budget.grant(cell.identity, slots, self.sweep.at("cells", cell.name))
            if granted == 0:
                self.todo.appendleft(cell)
                return
            self.tries[cell.identity] += 1
            job = self.sweep.job(
                cell,
                granted_usd=granted,
                attempt=self.tries[cell.identity],
                kernel=self.kernel.kind,
                modules=self.kernel.modules,
                fresh=not self.options.resume,
                timeout_s=self.options.timeout_s,
                output_mib=self.options.output_mib,
                campaign=self.id,
            )
            self.pending[pool.submit(execute, job)] = cell, job
            self.state.running[cell.name] = time.monotonic()

    def _end(self, future: Future[Outcome]) -> None:
        """Put one ended cell where it belongs: done, to be tried again, or failed."""
        cell, job = self.pending.pop(future)
        self.state.running.pop(cell.name, None)
        try:
            outcome = future.result()
        except BaseException as error:  # whatever a worker sent; what is no loss of the worker goes on up
            if isinstance(error, BrokenExecutor):
                self.budget.settle(cell.identity, job.folder, {})
                words = f"the executor broke ({error}); what is finished is kept: run the sweep again"
                raise WorkbenchError(words) from error
            if not is_loss(error):
                raise
            outcome = Outcome(cell.identity, "lost", 0.0, job.kernel, "its worker was lost")
        granted = job.given.get("max_cost_usd")
        self.budget.settle(cell.identity, job.folder, outcome.measures)
        self.state.spent_usd = self.budget.settled_usd
        if outcome.status == "done":
            self.state.done += 1
            self.state.ended[cell.name] = "done"
            self.state.seconds.append(outcome.seconds)
        elif outcome.status == "lost" and self.lost[cell.identity] < LOST_TRIES:
            self.lost[cell.identity] += 1
            self.tries[cell.identity] -= 1
            self.todo.appendleft(cell)
        elif (outcome.error or "").startswith("BudgetExceeded") and granted and self.budget.left_usd > granted:
            self.starved.append(cell)
        elif self.tries[cell.identity] <= self.options.retries:
            self.todo.append(cell)
        else:
            self.state.failed[cell.name] = outcome.error or outcome.status

    def _tell(self) -> None:
        if self.on_change is not None:
            self.on_change(replace(self.state, running=dict(self.state.running), failed=dict(self.state.failed)))
