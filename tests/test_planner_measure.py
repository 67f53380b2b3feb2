"""The measuring tool on a tiny shape without a GPU: decoding is consistent, and its table is one the planner reads."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest

torch = pytest.importorskip("torch", reason="measuring needs PyTorch (pip install 'parallel-reasoning-workbench[train]')")


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("measure_gpu", Path(__file__).parents[1] / "tools" / "measure_gpu.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["measure_gpu"] = module
    spec.loader.exec_module(module)
    return module


def test_a_step_continues_what_prefill_began(tool: ModuleType) -> None:
    """Prefilling n + 1 tokens gives the same next token as prefilling n and stepping once."""
    torch.manual_seed(0)
    decoder = tool.Decoder(tool.TINY, "cpu", torch.float32)
    tokens = torch.randint(0, tool.TINY.vocab, (3, 9))
    place = torch.arange(9)
    whole = decoder.forward(tokens, decoder.cache(3, 9), place, 9, causal=True)
    cache = decoder.cache(3, 9)
    decoder.forward(tokens[:, :8], cache, place[:8], 8, causal=True)
    assert torch.equal(decoder.forward(tokens[:, 8:], cache, place[8:], 9, causal=False), whole)


def test_rows_are_in_the_public_format(tool: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "here.csv"
    tool.main(["--gpu", "h100_sxm", "--model", "tiny", "--device", "cpu", "--threads", "1", "4", "--prefix", "16",
               "--prompt", "8", "--output", "8", "--repeats", "1", "--out", str(out)])  # fmt: skip
    frame = pd.read_csv(out)
    assert list(frame["metric"]) == ["ttft", "tpot"] * 2 and (frame["value"] > 0).all()
    assert "planned" in capsys.readouterr().out
    frame["model"] = "llama-3.1-8b"
    frame.to_csv(out, index=False)
    from workbench.planner.measurements import read_measurements

    assert read_measurements(out).size == 4
