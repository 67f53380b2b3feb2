"""Plots: what is drawn are the numbers of the frame."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import matplotlib
import numpy as np
import pandas as pd
import pytest

matplotlib.use("agg")
import matplotlib.pyplot as plt

from tests.test_choose import run
from tests.voting import threads_frame
from workbench import plots, stats
from workbench.choose import choices
from workbench.errors import UsageError
from workbench.resampling import resample


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    answers = rng.choice(["a", "b", "c"], (40, 6), p=[0.5, 0.3, 0.2]).tolist()
    return threads_frame(
        answers, seconds=rng.random((40, 6)).tolist(), output_tokens=rng.integers(9, 99, (40, 6)).tolist()
    )


def test_lines_are_the_frames_rows(frame: pd.DataFrame) -> None:
    found = resample(frame, synthesis=["majority", "any"])
    ax = plots.agents(found)
    for line, name in zip(ax.get_lines(), ["majority", "any"], strict=True):
        part = found[found["synthesis"] == name]
        assert np.asarray(line.get_ydata()) == pytest.approx(part["accuracy"].to_numpy())
        assert np.asarray(line.get_xdata()) == pytest.approx(part["agents"].to_numpy())
    assert {t.get_text() for t in ax.texts} == {"majority", "any"}
    assert len(ax.collections) == 2  # the intervals


def test_a_sweep_has_a_panel_per_measure_that_was_recorded(frame: pd.DataFrame) -> None:
    found = resample(frame, synthesis=["majority", "any"])
    figure = plots.sweep(found)
    assert [ax.get_title(loc="left") for ax in figure.axes] == [
        "accuracy",
        "tokens per task",
        "seconds (longest thread)",
    ]
    assert len(figure.axes[1].get_lines()) == 1  # both syntheses cost the same: one line
    assert len(plots.sweep(found.drop(columns="tokens")).axes) == 2
    with pytest.raises(UsageError, match="none of"):
        plots.sweep(found[["agents"]])


def test_reliability_shows_every_bin(frame: pd.DataFrame) -> None:
    found = stats.calibration(frame)
    dots = plots.reliability(found).collections[-1]
    assert np.asarray(dots.get_offsets()) == pytest.approx(found.curve[["confidence", "accuracy"]].to_numpy())


def test_the_front_is_named_in_ink_the_rest_faintly() -> None:
    found = choices({"cheap": run(0.5), "good": run(0.8, cost_usd=0.05), "bad": run(0.4, cost_usd=0.2)})
    ax = plots.pareto(found)
    assert {t.get_text() for t in ax.texts if t.get_color() == plots.INK} == {"cheap", "good"}
    with pytest.raises(UsageError, match="cost_usd"):
        plots.pareto(choices({"a": run(0.5).drop(columns="cost_usd")}))


def test_cascade_runs_from_cheap_to_strong() -> None:
    rng = np.random.default_rng(0)
    cheap, strong = pd.Series(rng.integers(0, 2, 80).astype(float)), pd.Series(np.ones(80))
    found = stats.cascade_curve(cheap, strong, cheap + rng.random(80))
    accuracy = plots.cascade(found).get_lines()[-1].get_ydata()
    assert (accuracy[0], accuracy[-1]) == pytest.approx((cheap.mean(), 1.0))  # type: ignore[index]


def test_the_map_has_a_cell_per_task_and_thread(frame: pd.DataFrame) -> None:
    ax = plots.disagreements(frame, most=25)
    cells = np.asarray(ax.collections[0].get_array())
    assert cells.size == 25 * 6
    whole = plots.disagreements(frame).collections[0].get_array()
    assert (np.asarray(whole) == 3).sum() == int(frame["score"].sum())
    assert {t.get_text() for t in ax.get_yticklabels()} <= set(stats.disagreement(frame)["look"].astype(str))


def test_contributions_and_correlations(frame: pd.DataFrame) -> None:
    table = stats.contribution(frame)
    ax = plots.contributions(table)
    assert [t.get_text() for t in ax.get_yticklabels()] == table.sort_values("shapley")["agent"].tolist()
    assert len(plots.correlations(frame).texts) == 6 * 5
    with pytest.raises(UsageError, match="lacks agent"):
        plots.contributions(table.drop(columns="agent"))


def test_axes_can_be_given_and_the_users_style_stays(frame: pd.DataFrame) -> None:
    before = dict(matplotlib.rcParams)
    _, ax = plt.subplots()
    assert plots.agents(resample(frame), ax=ax) is ax
    plots.agents(resample(frame))
    assert dict(matplotlib.rcParams) == before


def test_a_figure_leaves_jupyters_inline_pictures_on() -> None:
    """The first figure of a kernel was drawn in its own settings, and none after it was shown."""
    code = "from workbench import plots\nimport matplotlib, pandas as pd\n"
    code += "plots.agents(pd.DataFrame({'agents': [1, 2], 'accuracy': [0.1, 0.2]}))\nprint(matplotlib.is_interactive())"
    kernel = f"from IPython.core.interactiveshell import InteractiveShell as S\nS.instance()\nexec({code!r})"
    env = os.environ | {"MPLBACKEND": "module://matplotlib_inline.backend_inline"}
    said = subprocess.run([sys.executable, "-c", kernel], env=env, capture_output=True, text=True, timeout=60)
    assert said.stdout.split()[-1] == "True", said.stderr
