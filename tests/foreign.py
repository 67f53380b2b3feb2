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
def serving(command: list[str], ready: str, log: Path, seconds: float = 120, **env: str) -> Iterator[int]:
    """A server until the block ends, by its process id; `ready` is an address that answers once it is up."""
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
            yield process.pid
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


@contextmanager
def phoenix(python: str, folder: Path) -> Iterator[tuple[str, int]]:
    """Arize Phoenix on loopback with its SQLite file phoenix.db in `folder`: (address, process id)."""
    port = free_port()
    env = {
        "PHOENIX_PORT": str(port),
        "PHOENIX_GRPC_PORT": str(free_port()),
        "PHOENIX_WORKING_DIR": str(folder),
        "PHOENIX_HOST": "127.0.0.1",
        "PHOENIX_TELEMETRY_ENABLED": "false",
    }
    base = f"http://127.0.0.1:{port}"
    with serving([_beside(python, "phoenix"), "serve"], f"{base}/healthz", folder / "log", 180, **env) as pid:
        yield base, pid


@contextmanager
def mlflow(python: str, folder: Path, workers: int = 1) -> Iterator[tuple[str, int]]:
    """MLflow's tracking server on loopback with its SQLite file mlflow.db in `folder`: (address, process id)."""
    port = free_port()
    options = {
        "--host": "127.0.0.1",
        "--port": str(port),
        "--workers": str(workers),
        "--backend-store-uri": f"sqlite:///{folder}/mlflow.db",
        "--artifacts-destination": str(folder / "artifacts"),
    }
    command = [_beside(python, "mlflow"), "server", *(word for pair in options.items() for word in pair)]
    env = {"PATH": f"{Path(python).parent}:{os.environ['PATH']}", "MLFLOW_DISABLE_TELEMETRY": "true"}
    base = f"http://127.0.0.1:{port}"
    with serving(command, f"{base}/health", folder / "log", 180, **env) as pid:
        yield base, pid


@contextmanager
def s3(folder: Path) -> Iterator[tuple[str, str, dict[str, str]]]:
    """A real S3 server on loopback: a Python that has s3fs, the server's address, and the environment that reaches it."""
    python, port = python_with("moto[server]", "s3fs"), free_port()
    base = f"http://127.0.0.1:{port}"
    keys = {
        **os.environ,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": base,
    }
    with serving([_beside(python, "moto_server"), "-H", "127.0.0.1", "-p", str(port)], base, folder / "moto.log"):
        yield python, base, keys


def _beside(python: str, command: str) -> str:
    return str(Path(python).parent / command)
