"""Client: papermill's notebook client with a deadline, a bound on output, and a word on whatever ends a notebook."""

from __future__ import annotations

import asyncio
import math
import os
import signal
import time
from collections.abc import Callable
from typing import Any

from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbclient.util import run_sync
from nbformat.v4 import new_output
from papermill.clientwrap import PapermillNotebookClient

from workbench.sweeps import running
from workbench.sweeps.outputs import error_output, size, tidy
from workbench.sweeps.server import KERNEL_LOST


class SweepClient(PapermillNotebookClient):  # type: ignore[misc]
    """Runs one notebook, stopped after `timeout_s` seconds wherever it is; output beyond `output_mib` is left out."""

    def __init__(
        self,
        nb_man: Any,
        *,
        manager: Callable[[], Any] | None,
        timeout_s: float | None,
        output_mib: float,
        campaign: str = "",
        **options: Any,
    ) -> None:
        super().__init__(nb_man, timeout_func=self._seconds_left, iopub_timeout=60, **options)
        self._manager, self._campaign = manager, campaign
        self.timeout_s = timeout_s
        self._deadline = math.inf
        self._characters_left = int(output_mib * 2**20)
        self._lost = False

    def create_kernel_manager(self) -> Any:
        """The kernel manager that was asked for, or nbclient's own."""
        if self._manager is None:
            return super().create_kernel_manager()
        self.km = self._manager()
        return self.km

    def execute(self, **options: Any) -> Any:
        """Run all cells up to the first error; the notebook then tells how far it came and why no further."""
        self.reset_execution_trackers()
        with self.setup_kernel(**options), running.kernel(self, self._campaign):
            if self.timeout_s is not None:
                self._deadline = time.monotonic() + self.timeout_s
            self.papermill_execute_cells()
            if not self._lost:
                reply = self.wait_for_reply(self.kc.kernel_info())
                if reply is not None:
                    self.nb.metadata["language_info"] = reply["content"]["language_info"]
                self.set_widgets_metadata()
        if self._lost:
            run_sync(_drop_tasks)()
        for cell in self.nb.cells:
            if cell.cell_type == "code":
                cell.outputs = tidy(cell.outputs)
        return self.nb

    def papermill_execute_cells(self) -> None:
        """As papermill's, with the ends that it does not know: out of time, and a kernel that died."""
        for index, cell in enumerate(self.nb.cells):
            failure: Exception | None = None
            self.nb_man.cell_start(cell, index)
            try:
                self.execute_cell(cell, index)
            except CellExecutionError as error:
                failure = error
            except CellTimeoutError as error:
                failure = self._give_up(cell, error, "CellTimeoutError", f"not finished after {self.timeout_s:g} s")
            except DeadKernelError as error:
                failure = self._give_up(cell, error, *self._death())
            if failure is not None:
                self.nb_man.cell_exception(self.nb.cells[index], cell_index=index, exception=failure)
            self.nb_man.cell_complete(self.nb.cells[index], cell_index=index)
            if failure is not None:
                break

    def _death(self) -> tuple[str, str]:
        """What is known of why the kernel died: an error's name and words."""
        kernels = getattr(self.km, "kernels", None) or getattr(self.km.provisioner, "kernels", None)
        for _ in range(20):
            status = kernels.poll() if kernels is not None else run_sync(self.km.provisioner.poll)()
            if status is not None:
                break
            time.sleep(0.05)
        if kernels is not None and kernels.lost:
            return KERNEL_LOST, "the fork server died, and the kernel with it"
        if status is not None and status < 0:
            return "DeadKernelError", f"the kernel was killed by {signal.Signals(-status).name} while it ran this cell"
        return "DeadKernelError", f"the kernel ended while it ran this cell (exit code {status})"

    def kill(self) -> None:
        """Kill the kernel from another thread."""
        kernels = getattr(self.km, "kernels", None) or getattr(self.km.provisioner, "kernels", None)
        if kernels is not None:
            kernels.signal(signal.SIGKILL)
        elif self.km.provisioner.pid:
            os.kill(self.km.provisioner.pid, signal.SIGKILL)

    def _give_up(self, cell: Any, error: Exception, name: str, message: str) -> Exception:
        self._lost = True
        self.shutdown_kernel = "immediate"
        cell.outputs.append(error_output(name, message))
        return error

    def _seconds_left(self, cell: Any) -> float | None:
        return None if self._deadline == math.inf else max(0.01, self._deadline - time.monotonic())

    def output(self, outs: list[Any], msg: dict[str, Any], display_id: str | None, cell_index: int) -> Any:
        """Keep an output while there is room; errors are always kept."""
        if msg["msg_type"] != "error":
            before = self._characters_left
            self._characters_left -= size(msg["content"])
            if self._characters_left < 0:
                if before >= 0:
                    note = "\n[more output than the sweep keeps (output_mib); the rest is left out]\n"
                    outs.append(new_output("stream", name="stderr", text=note))
                return None
        return super().output(outs, msg, display_id, cell_index)


async def _drop_tasks() -> None:
    """End what nbclient leaves waiting for a kernel that will not answer; each worker thread has a loop of its own."""
    waiting = asyncio.all_tasks() - {asyncio.current_task()}
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
