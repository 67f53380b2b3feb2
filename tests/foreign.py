"""Isolated environments for foreign programs: made once in ~/.cache, so that their pins never meet ours."""

from __future__ import annotations

import hashlib
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

CACHE = Path(os.environ.get("WORKBENCH_FOREIGN", Path.home() / ".cache/workbench-foreign"))


def python_with(*packages: str) -> str:
    """The interpreter of an environment that has `packages`, made on first use; skips where they cannot be installed."""
    key = hashlib.sha256(" ".join(packages).encode()).hexdigest()[:12]
    home = CACHE / key
    python, done = home / "bin/python", home / "done"
    if not done.exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(home)], check=True)
        made = subprocess.run([str(python), "-m", "pip", "install", "-q", *packages], capture_output=True, text=True)
        if made.returncode:
            pytest.skip(f"{', '.join(packages)} cannot be installed here: {made.stderr[-300:]}")
        done.write_text(" ".join(packages))
    return str(python)


def free_port() -> int:
    """A port of loopback that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(command: list[str], ready: str, log: Path, seconds: float = 120, **env: str) -> Iterator[None]:
    """A server process until the block ends; `ready` is an address that answers once it is up."""
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, env={**os.environ, **env})
        try:
            deadline = time.monotonic() + seconds
            while True:
                try:
                    urllib.request.urlopen(ready, timeout=5).close()
                    break
                except urllib.error.HTTPError:
                    break
                except OSError:
                    if process.poll() is not None or time.monotonic() > deadline:
                        pytest.fail(f"{command[0]} did not start: {log.read_text(errors='replace')[-2000:]}")
                    time.sleep(0.5)
            yield
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
