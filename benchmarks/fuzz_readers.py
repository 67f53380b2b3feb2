"""Coverage-guided fuzzing of the readers, one family at a time (atheris is not a dependency: run it from a venv that has it).

PYTHONPATH=. python benchmarks/fuzz_readers.py FAMILY CORPUS_DIR -max_total_time=1800
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["workbench.readers", "workbench.otlp.decode"], enable_loader_override=False):
    from workbench.readers import bigjson, messages, source
    from workbench.readers import load as load_source

from workbench.errors import DataError
from workbench.otlp import encode as otlp
from workbench.otlp.notes import Notes
from workbench.store import columns

FAMILIES = {
    "otlp": ["otlp_openinference", "otlp_proto_examples", "litellm", "openinference_vercel"],
    "exports": ["langfuse_frameworks", "langsmith"],
    "inspect": ["inspect_logs"],
    "transcripts": ["claude_code_sessions", "claude_agent_sdk"],
    "trajectories": ["toolbench_dfs", "swe_agent_traj", "mini_swe_agent"],
}
WORK = Path(tempfile.mkdtemp())


def one(data: bytes) -> None:
    """Read the bytes as a file: either a DataError, or spans that can be written and laid in columns."""
    path = WORK / "input"
    path.write_bytes(data)
    notes = Notes()
    try:
        _, spans = load_source(source.Source(path, notes), notes)
    except DataError:
        spans = []
    for span in spans[:50]:
        otlp.line(span)
    columns.table(spans[:50], "fuzz")
    messages.normal(data.decode("utf-8", "replace"))
    with contextlib.suppress(DataError):
        bigjson.salvage(data, Notes())


def seeds(family: str, to: Path, shared: Path) -> None:
    """The first records of the samples, small enough for the fuzzer to work on."""
    to.mkdir(parents=True, exist_ok=True)
    for folder in FAMILIES[family]:
        for file in sorted((shared / folder).glob("*")):
            data = file.read_bytes()
            (to / file.name).write_bytes(data[:20_000] if data[:2] != b"PK" else data)


if __name__ == "__main__":
    shared = Path(__file__).parents[2] / "shared/data/formats"
    seeds(sys.argv[1], Path(sys.argv[2]), shared)
    columns.table([], "fuzz")  # what loads on first use is loaded before the clock of an input runs
    atheris.Setup([sys.argv[0], sys.argv[2], "-max_len=25000", "-timeout=60", "-rss_limit_mb=3000", *sys.argv[3:]], one)
    atheris.Fuzz()
