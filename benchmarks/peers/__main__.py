"""Make the peers' environments: `python -m benchmarks.peers FOLDER [NAME …]`."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from benchmarks.peers import PACKAGES, NoPeer, make, versions


def main() -> int:
    """One after the other; the exit status is 1 where one cannot be had, and the others are made all the same."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where they go; one folder each")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"only these of {', '.join(PACKAGES)}")
    given = parser.parse_args()
    if wrong := [name for name in given.names if name not in PACKAGES]:
        parser.error(f"no peer {wrong[0]!r}; known: {', '.join(PACKAGES)}")
    missing = 0
    for name in given.names or PACKAGES:
        begin = time.monotonic()
        try:
            make(given.folder, name)
        except NoPeer as error:
            missing += 1
            print(error, file=sys.stderr, flush=True)
        else:
            print(f"{name}: {versions(given.folder, name)} ({time.monotonic() - begin:.0f} s)", flush=True)
    return 1 if missing else 0


if __name__ == "__main__":
    raise SystemExit(main())
