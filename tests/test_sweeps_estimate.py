"""What `--dry-run` says a sweep will take: the calls strategies make, and what finished cells tell of the rest."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

import workbench as wb
from tests.sweeping import notebook
from workbench import Sweep
from workbench.sweeps.estimate import CALLS, INPUT_TOKENS, OUTPUT_TOKENS, estimate
from workbench.sweeps.one import Outcome, record

PARAMETERS = (
    "strategy: str = 'parallel'\nagents: int = 3\nlimit: int = 10\nmix: str | dict = 'm'\nsynthesis: str | None = None"
)


def sweep(tmp_path: Path, grid: object) -> Sweep:
    return Sweep(notebook(tmp_path / "n.ipynb", parameters=PARAMETERS), grid, out=tmp_path / "out")  # type: ignore[arg-type]


@pytest.mark.parametrize("name", sorted(CALLS))
async def test_no_strategy_makes_more_calls_than_estimated_and_most_nearly_as_many(name: str, tmp_path: Path) -> None:
    numbers = itertools.count()
    model = wb.Scripted(lambda r: f"The answer is {next(numbers)}", name="m")  # nobody ever agrees
    tasks = [wb.Task(f"t{i}", f"what is {i}?", str(i)) for i in range(3)]
    settings = {} if name == "single" else {"agents": 4}
    run = await wb.run(
        tasks, wb.strategy(name, **settings), {"m": 1}, models={"m": model}, out=tmp_path / "r", live=False
    )
    made = len(wb.calls(run))
    said = estimate(sweep(tmp_path, {"strategy": [name], "agents": [4], "limit": [3]}), 2).calls
    assert said is not None and said / 2 <= made <= said


def test_nothing_has_run_and_it_says_what_it_assumes(tmp_path: Path) -> None:
    prices = {"m": (1e-6, 4e-6), "n": (0.0, 0.0)}
    found = estimate(sweep(tmp_path, {"agents": [1, 3]}), 2, prices=prices.get)
    assert found.calls == 40 and found.tokens == 40 * (INPUT_TOKENS + OUTPUT_TOKENS)
    assert found.cost_usd == pytest.approx(40 * (INPUT_TOKENS * 1e-6 + OUTPUT_TOKENS * 4e-6)) and found.minutes
    assert "assumed" in found.basis
    half = estimate(sweep(tmp_path, [{"mix": {"m": 1, "n": 1}}]), 2, prices=prices.get)
    assert half.cost_usd == pytest.approx(30 * (INPUT_TOKENS * 1e-6 + OUTPUT_TOKENS * 4e-6) / 2)
    unknown = estimate(sweep(tmp_path, {"mix": ["x"]}), 2, prices=prices.get)
    assert unknown.cost_usd is None and "price" in unknown.basis


def test_finished_cells_tell_the_rest(tmp_path: Path) -> None:
    planned = sweep(tmp_path, {"agents": [1, 2, 4, 8], "limit": [10, 20]})
    for cell in planned.cells[::2]:
        calls = cell.parameters["agents"] * cell.parameters["limit"]
        measures = {"input_tokens": 100 * calls, "output_tokens": 20 * calls, "cost_usd": 0.01 * calls}
        Path(planned.job(cell).folder).mkdir(parents=True)
        record(planned.job(cell), Outcome(cell.identity, "done", 0.6 * calls, "bare", None, measures))
    found = estimate(planned, 2)
    rest = sum(c.parameters["agents"] * c.parameters["limit"] for c in planned.cells[1::2])
    assert found.to_run == 4 and found.calls == rest and found.tokens == pytest.approx(120 * rest)
    assert found.cost_usd == pytest.approx(0.01 * rest) and found.minutes == pytest.approx(0.6 * rest / 60 / 2)
    assert estimate(planned, 2, resume=False).to_run == 8
