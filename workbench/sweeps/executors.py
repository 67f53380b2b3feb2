"""Where cells run: any `concurrent.futures.Executor`; threads of this process unless something larger is given.

A thread is enough because the work is in the kernels, which are processes of their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import CancelledError, Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context

from workbench.errors import unknown

HERE = 2
"""Cells at once on this machine, unless told otherwise."""
POOLS = ("threads", "processes")
CLUSTERS = ("tcp://", "tls://", "ucx://", "ws://", "wss://", "slurm:")


@contextmanager
def open_executor(given: Executor | str | None, jobs: int | None, campaign: str = "") -> Iterator[tuple[Executor, int]]:
    """An executor and how many cells it runs at once.

    Given is one (left open), "threads", "processes", a Dask scheduler's address or slurm:FILE. Raises UsageError.
    """
    if isinstance(given, Executor):
        yield given, jobs or HERE
    elif given is None or given == "threads":
        with ThreadPoolExecutor(jobs or HERE, thread_name_prefix="cell") as pool:
            yield pool, jobs or HERE
    elif given == "processes":
        with ProcessPoolExecutor(jobs or HERE, mp_context=get_context("spawn")) as pool:
            yield pool, jobs or HERE
    elif isinstance(given, str) and given.startswith(CLUSTERS):
        from workbench.sweeps.cluster import open_cluster

        with open_cluster(given, jobs, campaign) as (pool, slots):
            yield pool, slots
    else:
        raise unknown("executor", given, (*POOLS, "tcp://HOST:PORT (a Dask scheduler)", "slurm:FILE"))


def is_loss(error: BaseException) -> bool:
    """Whether this says that a cell's worker is gone, and not that something is wrong with the cell or with us."""
    names = {kind.__name__ for kind in type(error).__mro__}
    return isinstance(error, CancelledError) or bool(names & {"KilledWorker", "FutureCancelledError"})
