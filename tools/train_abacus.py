"""Retrain abacus-s and abacus-m from scratch and put their weights into the package: python tools/train_abacus.py

Needs the extra `train` (torch's CPU build) and `onnx`; about 1.5 h on two cores with AMX, up to 3 h without. Both models train at
once, one thread each; a crashed run goes on from its last checkpoint when started again. --steps-s and --steps-m shorten it.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# glibc gives large blocks back to the system at once and gets them again as zeroed pages: half of the time was spent there
ALLOCATOR = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "100000000000", "MALLOC_TOP_PAD_": "268435456"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "abacus", help="checkpoints")
    parser.add_argument("--steps-s", type=int, default=6000)
    parser.add_argument("--steps-m", type=int, default=3900)
    parser.add_argument("--steps-finish", type=int, default=1100, help="more of abacus-m, with the second mix of roles")
    parser.add_argument("--seed", type=int, default=0)
    a = parser.parse_args()
    common = ["--seed", str(a.seed), "--folder", str(a.folder.resolve())]
    environment = os.environ | ALLOCATOR | {"PYTHONPATH": str(ROOT)}
    finish = ["--mix", "finish"]
    ok = together(environment, [("abacus-s", a.steps_s, common), ("abacus-m", a.steps_m, common)])
    ok = ok and together(environment, [("abacus-m", a.steps_m + a.steps_finish, common + finish)])
    if not ok:
        sys.exit("training stopped; start again to go on from the last checkpoint")
    sys.path.insert(0, str(ROOT))
    from tools.abacus.export import export_all

    export_all(a.folder, ROOT / "workbench" / "models" / "abacus" / "weights")


def together(environment: dict[str, str], runs: list[tuple[str, int, list[str]]]) -> bool:
    """Train at once; whether all came to their end. A model already at its last step ends at once."""
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "tools.abacus.train", name, "--steps", str(steps), *more], env=environment, cwd=ROOT
        )
        for name, steps, more in runs
    ]
    return not any([run.wait() for run in started])


if __name__ == "__main__":
    main()
