"""Engine: papermill's steps for one notebook, on a kernel of the sweep's choosing.

papermill's own `execute_notebook` changes the working directory of the whole process and reads braces in paths as
parameters; neither goes with many notebooks at once, so its parts are put together here without that.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from subprocess import DEVNULL
from typing import Any

import nbformat
from nbclient.exceptions import CellControlSignal, DeadKernelError
from papermill.engines import Engine, NotebookExecutionManager, papermill_engines
from papermill.exceptions import PapermillException, PapermillExecutionError
from papermill.execute import prepare_notebook_metadata, raise_for_execution_errors, remove_error_markers
from papermill.iorw import load_notebook_node
from papermill.parameterize import parameterize_notebook

from workbench.sweeps.client import SweepClient
from workbench.sweeps.ledger import write_whole
from workbench.sweeps.server import KERNEL_ENVIRONMENT, ForkedKernels

NAME = "workbench"
SAVE_EVERY = timedelta(seconds=2)
FAILURES = (PapermillException, CellControlSignal, DeadKernelError, RuntimeError, OSError)
"""What ends one notebook and not the sweep: its own errors, a kernel that does not start or answer, a full disk."""


def prepare(notebook: Path, output: Path, parameters: Mapping[str, Any]) -> tuple[Any, str]:
    """The notebook with its parameters put in, ready to run, and the name of its kernel."""
    node = load_notebook_node(str(notebook))
    spec = node.metadata.get("kernelspec", {})
    kernel_name = spec.get("name") or "python3"
    language = spec.get("language") or "python"
    node = parameterize_notebook(node, dict(parameters), kernel_name=kernel_name, language=language, engine_name=NAME)
    node = prepare_notebook_metadata(node, str(notebook), str(output))
    return remove_error_markers(node), kernel_name


def manager(kernel: str, modules: Sequence[str], kernel_name: str) -> Callable[[], Any] | None:
    """What makes the kernel manager for a kind of kernel; None for nbclient's own, which starts kernels cold."""
    if kernel == "bare":
        from workbench.sweeps.bareclient import BareManager

        return lambda: BareManager(ForkedKernels(kernel, modules))
    if kernel == "fork":
        from workbench.sweeps.provisioner import ForkedManager

        return lambda: ForkedManager(ForkedKernels(kernel, modules), kernel_name=kernel_name)
    return None


def first_line(failure: BaseException) -> str:
    """Why a notebook failed, in one line."""
    if isinstance(failure, PapermillExecutionError):
        message = str(failure.evalue).strip().splitlines()
        return f"{failure.ename}: {message[0] if message else ''} (cell {failure.cell_index + 1})"
    message = str(failure).strip().splitlines()
    return f"{type(failure).__name__}: {message[0] if message else ''}"


def run(node: Any, kernel_name: str, output: Path, **options: Any) -> Any:
    """Execute a prepared notebook and write it to `output`, also when it fails: then raises PapermillExecutionError."""
    node = SweepEngine.execute_notebook(node, kernel_name, output_path=str(output), **options)
    raise_for_execution_errors(node, str(output))
    return node


class Manager(NotebookExecutionManager):  # type: ignore[misc]
    """Saves the notebook at most every two seconds while it runs, and always when it ends."""

    saved = datetime.min.replace(tzinfo=UTC)

    def save(self, **_: Any) -> None:
        """Write the notebook now if it is time."""
        if self.end_time is not None or datetime.now(UTC) - self.saved >= SAVE_EVERY:
            write_whole(Path(self.output_path), nbformat.writes(self.nb).encode("utf-8", "backslashreplace"))
            self.saved = datetime.now(UTC)


SAID = logging.getLogger(__name__)
SAID.addHandler(logging.NullHandler())  # a kernel's end is told by its cell and its sweep, not by nbclient on the screen as well


class SweepEngine(Engine):  # type: ignore[misc]
    """papermill's engine with the sweep's client; also for papermill itself, as the engine `workbench`."""

    @classmethod
    def execute_notebook(cls, nb: Any, kernel_name: str, output_path: str, **options: Any) -> Any:
        """Execute `nb` in place and save it to `output_path`, whatever happens."""
        manager = Manager(nb, output_path=output_path, progress_bar=False)
        manager.notebook_start()
        try:
            cls.execute_managed_notebook(manager, kernel_name, **options)
        finally:
            manager.notebook_complete()
        return manager.nb

    @classmethod
    def execute_managed_notebook(
        cls,
        nb_man: Any,
        kernel_name: str,
        *,
        manager: Callable[[], Any] | None = None,
        timeout_s: float | None = None,
        output_mib: float = 20.0,
        cwd: str | None = None,
        start_timeout: int = 60,
        campaign: str = "",
        **_: Any,
    ) -> Any:
        """Execute all cells of `nb_man.nb` in place."""
        client = SweepClient(
            nb_man,
            manager=manager,
            timeout_s=timeout_s,
            output_mib=output_mib,
            campaign=campaign,
            kernel_name=kernel_name,
            startup_timeout=start_timeout,
            resources={"metadata": {"path": cwd}},
            extra_arguments=["--log-level=ERROR"],
            log=SAID,
        )
        # a warm kernel has its environment from the fork server; what a kernel says past its notebook is for nobody
        cold = {"env": {**os.environ, **KERNEL_ENVIRONMENT}} if manager is None else {}
        return client.execute(stdout=DEVNULL, stderr=DEVNULL, **cold)


papermill_engines.register(NAME, SweepEngine)
