"""Retrain abacus-s and abacus-m from scratch and put their weights into the package: python tools/train_abacus.py

Needs the extra `train` (torch's CPU build) and `onnx`. Both models train at once, one thread each: about 0.4 s a step (s) and
0.8 s a step (m) on two free cores with AMX, so about 50 minutes. A crashed run goes on from its last checkpoint when started
again. --steps-s, --steps-m and --steps-finish make it shorter or longer. The abacus-m that is shipped is older than this: once
it is trained with it, take its line out of `workbench.models.abacus.formats.DIALECTS`.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# glibc gives large blocks back to the system at once and gets them again as zeroed pages: half of the time was spent there
ALLOCATOR = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "100000000000", "MALLOC_TOP_PAD_": "268435456"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "abacus", help="checkpoints")
    parser.add_argument("--steps-s", type=int, default=3900)
    parser.add_argument("--steps-m", type=int, default=3400)
    parser.add_argument("--steps-finish", type=int, default=620, help="more of abacus-s, with the second mix of roles")
    parser.add_argument("--seed", type=int, default=0)
    a = parser.parse_args()
    common = ["--seed", str(a.seed), "--folder", str(a.folder.resolve())]
    environment = os.environ | ALLOCATOR | {"PYTHONPATH": str(ROOT)}
    finish = [*common, "--finish", str(a.steps_s)]
    ok = together(
        lambda: legs(environment, [("abacus-s", a.steps_s, common), ("abacus-s", a.steps_s + a.steps_finish, finish)]),
        lambda: legs(environment, [("abacus-m", a.steps_m, common)]),
    )
    if not ok:
        sys.exit("training stopped; start again to go on from the last checkpoint")
    sys.path.insert(0, str(ROOT))
    from tools.abacus.export import export_all

    export_all(a.folder, ROOT / "workbench" / "models" / "abacus" / "weights")


def legs(environment: dict[str, str], runs: list[tuple[str, int, list[str]]]) -> bool:
    """One model's legs, one after the other; whether all came to their end. A leg already at its last step ends at once."""
    command = [sys.executable, "-m", "tools.abacus.train"]
    return all(
        subprocess.run(
            [*command, name, "--steps", str(steps), *more], env=environment, cwd=ROOT, check=False
        ).returncode
        == 0
        for name, steps, more in runs
    )


def together(*models: Callable[[], bool]) -> bool:
    """Train at once; whether all came to their end."""
    with ThreadPoolExecutor(len(models)) as pool:
        return all([running.result() for running in [pool.submit(m) for m in models]])


if __name__ == "__main__":
    main()
