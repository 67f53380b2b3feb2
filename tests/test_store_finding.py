"""Finding one trace among many row groups gives exactly its spans, in order, whatever the table of traces says."""

from __future__ import annotations

import random
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.making import attempt
from workbench.spans import Span
from workbench.store import Run, RunWriter, seal


def written(folder: Path, seed: int, traces: int) -> list[Span]:
    """A sealed run whose traces overlap in time, their spans in any order; now and then two traces swap a span's time."""
    rng = random.Random(seed)
    spans = [s for t in range(traces) for s in attempt(t)]
    rng.shuffle(spans)
    spans = [replace(s, start_ns=rng.randrange(10**6), end_ns=10**6) if rng.random() < 0.1 else s for s in spans]
    with RunWriter(folder) as writer:
        for span in spans:
            writer.write(span)
    return spans


@given(seed=st.integers(0, 10**6), traces=st.integers(1, 12), group=st.integers(1, 40), state=st.sampled_from("nso"))
@settings(max_examples=40, deadline=None)
def test_a_trace_is_found_whole(
    tmp_path_factory: pytest.TempPathFactory, seed: int, traces: int, group: int, state: str
) -> None:
    folder = tmp_path_factory.mktemp("found")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(seal, "ROW_GROUP", group)
        spans = written(folder / "r", seed, traces)
        if state == "s":  # the table of traces of another run with the same ids
            written(folder / "other", seed + 1, traces)
            shutil.copy(folder / "other" / seal.TRACES, folder / "r" / seal.TRACES)
        elif state == "o":  # sealed by a workbench that wrote none
            (folder / "r" / seal.TRACES).unlink()
    run = Run(folder / "r")
    assert run.sealed
    for trace_id in {s.trace_id for s in spans}:
        assert run.trace(trace_id) == [s for s in spans if s.trace_id == trace_id]
    assert run.trace("f" * 32) == []


def test_a_folder_with_a_quote_in_its_name_is_sealed(tmp_path: Path) -> None:
    spans = written(tmp_path / "it's mine", 1, 2)
    assert len(Run(tmp_path / "it's mine").spans()) == len(spans)
