"""Client: papermill's notebook client with a deadline, a bound on output, and a word on whatever ends a notebook."""

from __future__ import annotations

import math
import time
from typing import Any

from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat.v4 import new_output
from papermill.clientwrap import PapermillNotebookClient

from workbench.sweeps import running
from workbench.sweeps.outputs import error_output, size, tidy


class SweepClient(PapermillNotebookClient):  # type: ignore[misc]
    """Runs one notebook, stopped after `timeout_s` seconds wherever it is; output beyond `output_mib` is left out."""

    def __init__(self, nb_man: Any, *, timeout_s: float | None, output_mib: float, **options: Any) -> None:
        super().__init__(nb_man, timeout_func=self._seconds_left, iopub_timeout=60, **options)
        self.timeout_s = timeout_s
        self._deadline = math.inf if timeout_s is None else time.monotonic() + timeout_s
        self._characters_left = int(output_mib * 2**20)
        self._lost = False

    def execute(self, **options: Any) -> Any:
        """Run all cells up to the first error; the notebook then tells how far it came and why no further."""
        self.reset_execution_trackers()
        with self.setup_kernel(**options), running.kernel(self):
            self.papermill_execute_cells()
            if not self._lost:
                reply = self.wait_for_reply(self.kc.kernel_info())
                if reply is not None:
                    self.nb.metadata["language_info"] = reply["content"]["language_info"]
                self.set_widgets_metadata()
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
                failure = self._give_up(cell, error, "DeadKernelError", self.death())
            if failure is not None:
                self.nb_man.cell_exception(self.nb.cells[index], cell_index=index, exception=failure)
            self.nb_man.cell_complete(self.nb.cells[index], cell_index=index)
            if failure is not None:
                break

    def death(self) -> str:
        """What is known of why the kernel died."""
        return "the kernel died while it ran this cell"

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
