"""A sweep runs, resumes, concludes, keeps its budget, and lets no one else into its folder."""

from __future__ import annotations

import json
import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pandas as pd
import pytest

from tests.sweeping import notebook, outputs, text
from workbench import Sweep, UsageError
from workbench.errors import DataError
from workbench.sweeps.budget import Budget
from workbench.sweeps.ledger import Ledger
from workbench.sweeps.measures import Conclusion

CONCLUDE = (
    "from workbench import conclude\nconclude(accuracy=a / 10, accuracy_low=a / 20, accuracy_high=a / 5, cost_usd=0.01)"
)


def test_every_cell_leaves_its_notebook_and_one_row(tmp_path: Path) -> None:
    path = notebook(tmp_path / "n.ipynb", "print('hello', a)\nassert a != 2, 'two is bad'", CONCLUDE)
    sweep = Sweep(path, {"a": [1, 2, 3]}, out=tmp_path / "out").run(jobs=2)
    frame = sweep.frame()
    assert list(frame["status"]) == ["done", "failed", "done"]
    assert frame["accuracy"].tolist()[::2] == [0.1, 0.3] and frame["error"][1] == "AssertionError: two is bad (cell 3)"
    assert "hello 2" in text(frame["notebook"][1]) and "AssertionError" in text(frame["notebook"][1])
    assert outputs(frame["notebook"][1])[-1] == []
    assert pd.read_parquet(sweep.out / "sweep.parquet")["a"].tolist() == [1, 2, 3]
    assert Sweep.open(sweep.out).frame().equals(frame)


def test_only_what_is_not_done_runs_again(tmp_path: Path) -> None:
    path = notebook(tmp_path / "n.ipynb", f"open(r'{tmp_path}/ran', 'a').write(f'{{a}} ')", "assert a != 2", CONCLUDE)
    ran = tmp_path / "ran"
    Sweep(path, {"a": [1, 2]}, out=tmp_path / "out").run(jobs=1)
    assert ran.read_text() == "1 2 "
    Sweep(path, {"a": [1, 2, 3]}, out=tmp_path / "out").run(jobs=1, retries=1)
    assert ran.read_text() == "1 2 2 3 2 "
    Sweep(path, {"a": [1]}, out=tmp_path / "out").run(jobs=1, resume=False)
    assert ran.read_text() == "1 2 2 3 2 1 "


def test_a_cell_half_written_at_a_power_cut_runs_again(tmp_path: Path) -> None:
    path = notebook(tmp_path / "n.ipynb", CONCLUDE)
    sweep = Sweep(path, {"a": [1, 2, 3]}, out=tmp_path / "out").run()
    files = [Path(p).parent / "cell.json" for p in sweep.frame()["notebook"]]
    files[0].write_bytes(files[0].read_bytes()[:20])
    files[1].unlink()
    assert len(sweep.ledger.done()) == 1
    before = files[2].stat().st_mtime_ns
    assert set(Sweep(path, {"a": [1, 2, 3]}, out=tmp_path / "out").run().frame()["status"]) == {"done"}
    assert files[2].stat().st_mtime_ns == before


def test_two_sweeps_on_one_folder_refuse_each_other(tmp_path: Path) -> None:
    path = notebook(tmp_path / "n.ipynb", CONCLUDE)
    sweep = Sweep(path, {"a": [1]}, out=tmp_path / "out")
    with sweep.ledger.lock(), pytest.raises(UsageError, match=rf"in use by another sweep .process {os.getpid()}"):
        Sweep(path, {"a": [1]}, out=tmp_path / "out").run()
    assert sweep.run().frame()["status"].tolist() == ["done"]


def test_choices_say_what_the_data_can_tell(tmp_path: Path) -> None:
    path = notebook(tmp_path / "n.ipynb", CONCLUDE, parameters="a = 1\nseed = 0")
    sweep = Sweep(path, {"a": [1, 4]}, out=tmp_path / "out").run()
    assert sweep.pareto()["choice"].tolist() == ["a=4", "a=1"]
    assert "a=1" in sweep.recommend(min_accuracy=0.05, prefer="cost").reason
    with pytest.raises(UsageError, match="nothing to choose"):
        from workbench.sweeps.concluding import choices

        choices(Sweep(path, {"a": [2]}, out=tmp_path / "other"))


def test_the_seam_is_any_executor(tmp_path: Path) -> None:
    path = notebook(tmp_path / "n.ipynb", CONCLUDE)
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        frame = Sweep(path, {"a": [1, 2, 3, 4]}, out=tmp_path / "out").run(executor=pool).frame()
    assert list(frame["status"]) == ["done"] * 4
    with pytest.raises(UsageError, match=r"unknown executor 'thread'.*'threads'"):
        Sweep(path, {"a": [1]}, out=tmp_path / "other").run(executor="thread")


SPENDS = """from workbench import conclude
spent = min(a, max_cost_usd)
conclude(cost_usd=spent, **({} if spent == a else {'stopped': 'BudgetExceeded: no more'}))"""


def test_all_cells_together_spend_no_more_than_the_budget(tmp_path: Path) -> None:
    path = notebook(tmp_path / "n.ipynb", SPENDS, parameters="a = 1.0\nmax_cost_usd = None")
    sweep = Sweep(path, {"a": [1.0, 2.0, 3.0]}, out=tmp_path / "out").run(jobs=3, max_cost_usd=3.9)
    frame = sweep.frame()
    settled, unsettled = sweep.ledger.spending()
    assert settled <= 3.9 + 1e-9 and not unsettled
    assert frame["status"].tolist()[0] == "done" and "failed" in set(frame["status"])
    more = Sweep(path, {"a": [1.0, 2.0, 3.0]}, out=tmp_path / "out").run(jobs=1, max_cost_usd=20)
    assert set(more.frame()["status"]) == {"done"} and more.ledger.spending()[0] >= settled
    with pytest.raises(UsageError, match="no parameter 'max_cost_usd'"):
        Sweep(notebook(tmp_path / "m.ipynb"), {"a": [1]}, out=tmp_path / "m").run(max_cost_usd=1)


def test_what_a_killed_sweep_had_granted_counts(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    first = Budget(10.0, ledger)
    assert first.grant("x", 2) == 5.0 and first.grant("y", 1) == 5.0 and first.grant("z", 1) == 0.0
    first.settle("y", None, {"cost_usd": 1.0})
    with ledger.spend_file.open("a") as file:
        file.write('{"cell": "z", "gran')  # torn
    again = Budget(10.0, ledger)
    assert again.left_usd == 4.0
    again.recover({})
    assert again.left_usd == 4.0 and again.settled_usd == 6.0


def test_a_measure_is_a_plain_value() -> None:
    assert Conclusion({"x": float("nan"), "y": pd.Series([2]).max()}).measures == {"x": None, "y": 2}
    with pytest.raises(UsageError, match="'x' is list"):
        Conclusion({"x": [1]})


def test_a_folder_without_a_sweep_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no sweep"):
        Sweep.open(tmp_path)


def test_ten_thousand_cells_are_planned_once_each(tmp_path: Path) -> None:
    path = notebook(tmp_path / "n.ipynb")
    sweep = Sweep(path, {"a": list(range(10_000))}, out=tmp_path / "out")
    assert len({cell.identity for cell in sweep.cells}) == 10_000


def test_the_command_runs_and_shows(tmp_path: Path) -> None:
    from click.testing import CliRunner

    from workbench.commands.sweep import notebooks_cmd, sweep_cmd

    path = notebook(tmp_path / "n.ipynb", CONCLUDE)
    arguments = [str(path), "-g", "a=1,2", "-o", str(tmp_path / "out")]
    planned = json.loads(CliRunner().invoke(sweep_cmd, [*arguments, "--dry-run", "--json"]).stdout)
    assert planned["to_run"] == 2 and planned["kernel"] == "bare" and not (tmp_path / "out").exists()
    ran = CliRunner().invoke(sweep_cmd, [*arguments, "--json"])
    assert ran.exit_code == 0, ran.output
    result = json.loads(ran.stdout)
    assert result["done"] == 2 and [row["accuracy"] for row in result["rows"]] == [0.1, 0.2]
    assert Path(result["table"]).is_file() and Path(result["figure"]).is_file()
    shown = CliRunner().invoke(sweep_cmd, arguments)
    assert "0.100" in shown.output and "sweep.parquet" in shown.output
    wrong = CliRunner().invoke(sweep_cmd, [str(path), "-g", "b=1", "-o", str(tmp_path / "x")])
    assert wrong.exit_code == 1 and "no parameter 'b'" in wrong.output
    listed = json.loads(CliRunner().invoke(notebooks_cmd, ["--json"]).stdout)
    assert "agents" in listed["agent_count"]["parameters"]
