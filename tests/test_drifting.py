"""Drift: what moved is found, what did not is not claimed, and a recorded run's tasks can be put again."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

import workbench as wb
from workbench.errors import DataError, UsageError


def answers(scores: np.ndarray, tokens: float = 100.0, category: object = "all", **more: object) -> pd.DataFrame:
    n = len(scores)
    frame = {
        "task_id": [f"t{i}" for i in range(n)],
        "score": scores.astype(float),
        "error": None,
        "answer": [str(s) for s in scores],
    }
    noise = np.random.default_rng(n).normal(1, 0.05, n)
    amounts = {
        "input_tokens": tokens * noise,
        "output_tokens": tokens * noise,
        "cost_usd": tokens * noise / 1e6,
        "wall_s": noise,
    }
    return pd.DataFrame({**frame, **amounts, "category": category, **more})


def test_what_moved_is_said_and_where() -> None:
    rng = np.random.default_rng(0)
    category = np.repeat(["easy", "hard"], 100)
    before = (rng.random(200) < 0.9).astype(int)
    after = np.where((category == "hard") & (rng.random(200) < 0.5), 0, before)
    found = wb.drift(answers(before, category=category), answers(after, tokens=150, category=category))
    assert found.moved and found.accuracy is not None and found.accuracy.high < 0
    assert set(found.flipped["category"]) == {"hard"} and (found.flipped["new"] < found.flipped["old"]).all()
    assert found.by_category["category"].tolist() == ["hard", "easy"]
    assert (
        "accuracy fell from" in found.verdict.lower()
        and "most in hard" in found.verdict
        and found.verdict.count(".") > 0
    )
    ratio = found.amounts.set_index("measure")["ratio"]
    assert ratio["tokens"] == pytest.approx(1.5) and ratio["wall_s"] == pytest.approx(1.0)
    assert json.loads(json.dumps(found.as_dict(), default=str))["accuracy"]["old"] == before.mean()


def test_chance_is_not_called_drift() -> None:
    rng = np.random.default_rng(1)
    false = 0
    for _ in range(20):
        chance = rng.random(40)
        a, b = ((rng.random(40) < chance).astype(int) for _ in range(2))
        found = wb.drift(answers(a), answers(b))
        assert found.accuracy is not None
        false += found.accuracy.separated
        assert found.accuracy.separated or "can be told from chance" in found.verdict
    assert false <= 4


@settings(max_examples=8, deadline=None)
@given(st.lists(st.integers(0, 1), min_size=2, max_size=30))
def test_a_run_does_not_drift_from_itself(scores: list[int]) -> None:
    frame = answers(np.array(scores))
    found = wb.drift(frame, frame)
    assert not found.moved and found.flipped.empty and found.same_answers == 1.0
    assert (found.amounts["ratio"] == 1).all()


def test_only_shared_tasks_count_and_none_is_an_error() -> None:
    a, b = answers(np.ones(10)), answers(np.ones(6))
    assert wb.drift(a, b).tasks == 6 and wb.drift(a, b).left_out == 4
    with pytest.raises(UsageError, match="no task in common"):
        wb.drift(a, b.assign(task_id="other"))
    unscored = wb.drift(a.assign(score=np.nan), b.assign(score=np.nan))
    assert unscored.accuracy is None and "not known" in unscored.verdict


def model(right: bool) -> wb.Scripted:
    return wb.Scripted(lambda r: f"The answer is {r.user_text.split()[-1] if right else 0}", name="m")


async def test_tasks_are_put_again_as_they_were(tmp_path: Path) -> None:
    tasks = [wb.Task(f"t{i}", f"say {i + 1}", str(i + 1), category="ab"[i % 4 == 0], difficulty=2) for i in range(40)]
    old = await wb.run(
        tasks, wb.Parallel(agents=2), {"m": 1}, out=tmp_path / "old", grade="numeric", models={"m": model(True)}
    )
    new = await wb.rerun(old, n=20, out=tmp_path / "new", models={"m": model(False)})
    frame = wb.answers(new)
    assert len(frame) == 20 and frame["category"].value_counts().to_dict() == {"a": 15, "b": 5}
    assert new.manifest["strategy"] == old.manifest["strategy"] and new.manifest["grader"] == "numeric"
    found = wb.drift(old, new)
    assert found.tasks == 20 and found.accuracy is not None and found.accuracy.difference == -1.0
    same = await wb.rerun(old, n=10**6, out=tmp_path / "same", models={"m": model(True)})
    assert same.manifest["tasks"]["n"] == 40 and not wb.drift(old, same).flipped.size
    from workbench.commands.drift import drift_cmd

    said = CliRunner().invoke(drift_cmd, [str(old.path), str(new.path), "--json"])
    assert said.exit_code == 0 and json.loads(said.stdout)["accuracy"]["difference"] == -1.0, said.output
    assert "fell from 1.000 to 0.000" in CliRunner().invoke(drift_cmd, [str(old.path), str(new.path)]).output
    assert CliRunner().invoke(drift_cmd, [str(old.path)]).exit_code == 2
    blind = await wb.run(
        tasks[:2], "single", {"m": 1}, out=tmp_path / "b", models={"m": model(True)}, record_content=False
    )
    with pytest.raises(DataError, match="without content"):
        await wb.rerun(blind, models={"m": model(True)})
    assert len(wb.answers(await wb.rerun(blind, tasks=tasks, models={"m": model(True)}, out=tmp_path / "c"))) == 2
