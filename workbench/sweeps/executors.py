"""Where cells run: any `concurrent.futures.Executor`; threads of this process unless something larger is given.

A thread is enough because the work is in the kernels, which are processes of their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context

from workbench.errors import UsageError, unknown

POOLS = ("threads", "processes")


@contextmanager
def open_executor(given: Executor | str | None, jobs: int) -> Iterator[Executor]:
    """An executor for `jobs` cells at once: the given one (left open), "threads", "processes", or a Dask address."""
    if isinstance(given, Executor):
        yield given
    elif given is None or given == "threads":
        with ThreadPoolExecutor(jobs, thread_name_prefix="cell") as pool:
            yield pool
    elif given == "processes":
        with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
            yield pool
    elif isinstance(given, str) and given.startswith(("tcp://", "tls://", "ucx://")):
        with _dask(given) as pool:
            yield pool
    else:
        raise unknown("executor", given, (*POOLS, "tcp://HOST:PORT (a Dask scheduler)"))


@contextmanager
def _dask(address: str) -> Iterator[Executor]:
    try:
        from distributed import Client
    except ImportError:
        raise UsageError(
            "a Dask cluster needs the package 'distributed': pip install 'parallel-reasoning-workbench[cluster]'"
        ) from None
    with Client(address) as client:
        executor: Executor = client.get_executor()
        yield executor
