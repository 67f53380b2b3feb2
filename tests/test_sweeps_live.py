"""The grid of a sweep's cells: where each stands, what it shows, its still; and a sweep beside the event loop."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.sweeping import notebook
from workbench import Sweep
from workbench.sweeps import live
from workbench.widgets.cells import Square, SweepGrid


def test_every_cell_has_a_place_of_its_own(tmp_path: Path) -> None:
    path = notebook(tmp_path / "n.ipynb", parameters="a = 1\nb = 'x'\nc = 0")
    grid = live.grid_of(Sweep(path, {"a": [1, 2, 3], "b": ["x", "y"]}, out=tmp_path / "out"))
    assert grid.table["columns"] == ["1", "2", "3"] and grid.table["rows"] == ["b=x", "b=y"]
    assert {(row, column) for _, row, column, _ in grid.table["cells"]} == {(i, j) for i in range(2) for j in range(3)}
    assert "3, b=y" in grid.table["cells"][-1][0] and grid.table["title"] == "n: 6 cells over a, b"
    many = live.grid_of(Sweep(path, {"a": list(range(200)), "c": [0, 1]}, out=tmp_path / "out"))
    odd = live.grid_of(Sweep(path, [{"a": 1}, {"b": "y"}, {"a": 1, "c": 5}], out=tmp_path / "out"))
    for made in (many, odd):
        assert len({(row, column) for _, row, column, _ in made.table["cells"]}) == len(made.table["cells"])


def test_what_it_shows_and_its_still() -> None:
    heard: list[str] = []
    squares = [Square(f"a={i}\u202e<b>", 0, i) for i in range(5)]
    grid = SweepGrid(squares, ["\x1b[31mrow"], ["0", "1", "2", "3", "4"], "a sweep", stop=lambda: heard.append("stop"))
    grid.update(".rdof", "2/5 cells done", {4: "ValueError: <img>\u202e"}, running=True)
    assert grid.now["errors"] == {"4": "ValueError: <img>"} and grid.now["can_stop"] and grid.table["rows"] == ["row"]
    svg = grid.still().svg()
    assert svg.startswith("<svg") and "2/5 cells done" in svg
    bundle = grid._repr_mimebundle_()
    data = bundle[0] if isinstance(bundle, tuple) else bundle
    assert data["image/png"] and "2/5" in data["text/plain"]
    grid._heard(None, {"type": "stop"}, [])
    grid._heard(None, {"type": "stop"}, [])
    assert heard == ["stop"] and grid.now["words"] == "stopping"
    with pytest.raises(ValueError, match="5 letters"):
        grid.update("..", "", {}, running=True)


def test_the_server_says_what_it_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "jpserver-77.json").write_text(json.dumps({"root_dir": str(tmp_path), "token": "secret"}))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("JPY_PARENT_PID", "77")
    assert live.server_root() is None
    monkeypatch.setenv("JPY_SESSION_NAME", str(tmp_path / "x.ipynb"))
    assert live.server_root() == tmp_path.resolve()
    grid = live.grid_of(Sweep(notebook(tmp_path / "n.ipynb"), {"a": [1, 2]}, out=tmp_path / "deep" / "out"))
    paths = [path for *_, path in grid.table["cells"]]
    assert all(p.startswith("deep/out/cells/a=") and p.endswith("/notebook.ipynb") for p in paths)
    elsewhere = live.grid_of(Sweep(tmp_path / "n.ipynb", {"a": [1]}, out="memory://live-test"))
    assert elsewhere.table["cells"][0][3] is None


async def test_beside_the_event_loop_and_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = notebook(tmp_path / "n.ipynb", "import time\ntime.sleep(0 if a < 3 else 60)")
    shown: list[Any] = []
    made = live.grid_of
    displayed: list[SweepGrid] = []
    monkeypatch.setattr(live, "_seen", lambda wanted: True)
    monkeypatch.setattr(live, "grid_of", lambda sweep, stop: shown.append(made(sweep, stop)) or shown[-1])
    monkeypatch.setattr("IPython.display.display", displayed.append)
    sweep = Sweep(path, {"a": [1, 2, 3, 4]}, out=tmp_path / "out")
    running = asyncio.ensure_future(sweep.arun(jobs=1))
    deadline = time.monotonic() + 60
    while not (shown and shown[0].now["states"].startswith("ddr")) and time.monotonic() < deadline:  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    shown[0]._heard(None, {"type": "stop"}, [])
    assert await asyncio.wait_for(running, 30) is sweep
    assert list(sweep.frame()["status"]) == ["done", "done", "planned", "planned"]
    assert shown[0].now["states"] == "dd.." and displayed == shown and "in all" in shown[0].now["words"]
    cancelled = asyncio.ensure_future(sweep.arun(jobs=1))
    await asyncio.sleep(2)
    cancelled.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    with sweep.ledger.lock():
        pass
