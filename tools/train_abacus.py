"""Retrain abacus-s and abacus-m from scratch and put their weights into the package: python tools/train_abacus.py

Needs the extra `train` (torch's CPU build) and `onnx`. Both models train at once, one thread each: about 0.35 s a step (s) and
1.05 s a step (m) on two free cores with AMX, so about two hours. A crashed run goes on from its last checkpoint when started
again. --share 0.1 makes every leg a tenth as long, to try it.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# glibc gives large blocks back to the system at once and gets them again as zeroed pages: half of the time was spent there
ALLOCATOR = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "100000000000", "MALLOC_TOP_PAD_": "268435456"}


LEGS: dict[str, tuple[int, int]] = {"abacus-s": (8000, 20500), "abacus-m": (4400, 7900)}
"""Steps of each model after which the first mix of roles (`samples.ROLES`) and then the second (`samples.FINISH`) end."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "abacus", help="checkpoints")
    parser.add_argument("--share", type=float, default=1.0, help="of the steps of every leg")
    parser.add_argument("--seed", type=int, default=0)
    a = parser.parse_args()
    common = ["--seed", str(a.seed), "--folder", str(a.folder.resolve())]
    environment = os.environ | ALLOCATOR | {"PYTHONPATH": str(ROOT)}
    if not together(partial(legs, name, a.share, common, environment) for name in LEGS):
        sys.exit("training stopped; start again to go on from the last checkpoint")
    sys.path.insert(0, str(ROOT))
    from tools.abacus.export import export_all

    export_all(a.folder, ROOT / "workbench" / "models" / "abacus" / "weights")


def legs(name: str, share: float, common: list[str], environment: dict[str, str]) -> bool:
    """One model's legs, one after the other; whether both came to their end. A leg already at its last step ends at once."""
    first, last = (max(1, round(steps * share)) for steps in LEGS[name])
    command = [sys.executable, "-m", "tools.abacus.train", name, *common]
    return all(
        subprocess.run([*command, *more], env=environment, cwd=ROOT, check=False).returncode == 0
        for more in (["--steps", str(first)], ["--steps", str(last), "--finish", str(first)])
    )


def together(models: Iterable[Callable[[], bool]]) -> bool:
    """Train at once; whether all came to their end."""
    with ThreadPoolExecutor() as pool:
        return all([running.result() for running in [pool.submit(m) for m in models]])


if __name__ == "__main__":
    main()
