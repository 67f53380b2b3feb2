"""Clusters: a Dask scheduler that is there, or workers that SLURM starts for this sweep, as one executor.

Dask starts a cell again whose worker is gone; which execution then counts is settled in the cell's folder (claims.py).
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from workbench.errors import DataError, UsageError, nearest
from workbench.sweeps import running

CONNECT_S = 30
NEEDED = {"jobs": "how many SLURM jobs to submit", "cores": "of each job", "memory": "of each job, such as 8GB"}


@contextmanager
def open_cluster(address: str, jobs: int | None, campaign: str) -> Iterator[tuple[Executor, int]]:
    """An executor on Dask's workers, and how many cells at once: `jobs`, or as many as there are threads.

    A sweep that is stopped kills its kernels on all workers. Raises UsageError where the scheduler does not answer.
    """
    if address.startswith("slurm:"):
        with _slurm(Path(address.removeprefix("slurm:"))) as (cluster, threads), _client(cluster) as client:
            yield from _cells(client, jobs or threads, campaign)
    else:
        with _client(address) as client:
            threads = sum(client.nthreads().values())
            if not threads and jobs is None:
                raise UsageError(
                    f"the Dask scheduler at {address} has no workers yet; start some, or say how many jobs"
                )
            yield from _cells(client, jobs or threads, campaign)


def _cells(client: Any, jobs: int, campaign: str) -> Iterator[tuple[Executor, int]]:
    try:
        yield client.get_executor(retries=0), jobs
    except BaseException:  # Ctrl-C too: whatever ends the sweep, no kernel of it stays on a worker
        if client.status == "running":
            client.run(running.stop, campaign, on_error="ignore", nanny=False)
        raise


@contextmanager
def _client(where: Any) -> Iterator[Any]:
    try:
        from distributed import Client
    except ImportError:
        raise _missing("distributed") from None
    try:
        client = Client(where, timeout=CONNECT_S, set_as_default=False)
    except OSError as error:  # also its TimeoutError
        raise UsageError(f"no Dask scheduler answers at {where}: {error}") from None
    with client:
        yield client


@contextmanager
def _slurm(path: Path) -> Iterator[tuple[Any, int]]:
    """Workers started by SLURM: the cluster, and the cells that all its jobs run at once."""
    try:
        from dask_jobqueue import SLURMCluster
    except ImportError:
        raise _missing("dask-jobqueue") from None
    options = read_slurm(path)
    jobs = options.pop("jobs")
    with SLURMCluster(**options) as cluster:
        cluster.scale(jobs=jobs)
        yield cluster, jobs * options["cores"]


def read_slurm(path: Path) -> dict[str, Any]:
    """The options in a YAML file: those of dask-jobqueue's SLURMCluster, and `jobs`. Raises UsageError, DataError."""
    import yaml
    from dask_jobqueue.core import Job
    from dask_jobqueue.slurm import SLURMCluster, SLURMJob

    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(f"there is no file {str(path)!r} with the options of the SLURM jobs") from None
    except (yaml.YAMLError, OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read as YAML: {error}") from None
    if not isinstance(found, dict):
        raise DataError(f"{path}: holds no options; it needs {', '.join(NEEDED)}")
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    known = {"jobs"} | {
        name
        for made in (SLURMCluster.__init__, SLURMJob.__init__, Job.__init__)
        for name, parameter in inspect.signature(made).parameters.items()
        if parameter.kind in kinds and name not in ("self", "scheduler", "name")
    }
    for key in found:
        if key not in known:
            raise UsageError(f"{path}: unknown option {key!r}{nearest(str(key), known)}")
    for key, words in NEEDED.items():
        if key not in found:
            raise UsageError(f"{path}: lacks {key} ({words})")
    for key in ("jobs", "cores"):
        if not isinstance(found[key], int) or isinstance(found[key], bool) or found[key] < 1:
            raise UsageError(f"{path}: {key} must be a whole number from 1, got {found[key]!r}")
    return found


def _missing(package: str) -> UsageError:
    return UsageError(f"a cluster needs the package {package!r}: pip install 'parallel-reasoning-workbench[cluster]'")
