"""Showing, in a real kernel: a widget's first message makes it alive, the second brings the still, and the file has both."""

from __future__ import annotations

import base64
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

CELL = """
import asyncio
from workbench.widgets.cells import Square, SweepGrid
grid = SweepGrid([Square("a=1", 0, 0), Square("a=2", 0, 1)], ["row"], ["1", "2"], "n: 2 cells")
display(grid)
grid.update("d.", "1/2 cells done", {}, running=False)
await asyncio.sleep(0.1)
print("the cell ends")
"""
VIEW = "application/vnd.jupyter.widget-view+json"


class Listening(NotebookClient):  # type: ignore[misc]
    """Keeps what the kernel says, in order."""

    heard: list[dict[str, Any]]

    def process_message(self, msg: dict[str, Any], cell: Any, cell_index: int) -> Any:
        self.heard.append(msg)
        return super().process_message(msg, cell, cell_index)


def executed(cell: str) -> tuple[list[dict[str, Any]], list[Any]]:
    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell)])
    client = Listening(nb, timeout=120, kernel_name="python3")
    client.heard = []
    client.execute()
    return client.heard, nb.cells[0].outputs


def test_alive_at_once_and_the_still_follows_with_what_it_shows_at_the_end() -> None:
    heard, outputs = executed(CELL)
    shows = [m["content"] for m in heard if m["msg_type"] in ("display_data", "update_display_data")]
    first, second = shows
    assert VIEW in first["data"] and "image/png" not in first["data"]
    assert VIEW in second["data"] and base64.b64decode(second["data"]["image/png"]).startswith(b"\x89PNG")
    assert "1/2 cells done" in second["data"]["text/plain"] and second["metadata"]["image/png"]["width"] > 0
    (saved,) = [o for o in outputs if o.output_type == "display_data"]  # one picture, not two
    assert {VIEW, "image/png", "text/plain"} <= set(saved.data)


def test_a_notebook_run_for_its_file_has_the_still_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_STILLS", "1")
    _, outputs = executed(CELL)
    (saved,) = [o for o in outputs if o.output_type == "display_data"]
    assert set(saved.data) == {"image/png", "text/plain"}
