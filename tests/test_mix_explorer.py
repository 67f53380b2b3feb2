"""MixExplorer: every control moves what is shown; what does not fit is said, not hidden."""

from __future__ import annotations

import pytest

import workbench as wb
from workbench.errors import UsageError


def test_everything_moves_at_once() -> None:
    explorer = wb.MixExplorer(agents=3)
    words, picture = explorer._words.value, bytes(explorer._curves.value)
    assert "request, median s" in words and picture.startswith(b"\x89PNG")
    assert explorer.plan["agents"].tolist() == [1, 3, 5, 10]
    slow = explorer.plan.set_index("agents")["e2e_p50_s"]
    explorer.controls["output"].value = 2000
    assert (explorer.plan.set_index("agents")["e2e_p50_s"] > slow).all()
    assert explorer._words.value != words and bytes(explorer._curves.value) != picture
    explorer.controls["agents"].value = 7
    assert explorer.plan["agents"].tolist() == [1, 3, 5, 7, 10]


def test_what_does_not_fit_says_by_how_much_and_what_would() -> None:
    explorer = wb.MixExplorer(gpus=1, precision="bf16", gpu="l4")
    assert "do not fit" in explorer._words.value and explorer._curves.layout.display == "none"
    explorer.controls["gpu"].value = "h200_sxm"
    explorer.controls["gpus"].value = 8
    assert "median" in explorer._words.value and explorer._curves.layout.display == ""


def test_an_unknown_gpu_names_near_ones() -> None:
    with pytest.raises(UsageError, match="h200"):
        wb.MixExplorer(gpu="H2000")


def test_without_a_browser_there_is_a_picture_and_a_table() -> None:
    data, _ = wb.MixExplorer(agents=1)._repr_mimebundle_()
    assert data["image/png"].startswith("iVBOR") and "e2e_p50_s" in data["text/plain"]
