"""Machines for tests: network namespaces on one bridge, each with an address of its own, that can be cut off and joined."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest


def _ip(*words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["ip", *words], check=check, capture_output=True, text=True)


@dataclass(frozen=True)
class Machines:
    """`count` namespaces; this process is at `address(0)`, on the bridge."""

    tag: str
    net: int
    count: int

    def address(self, i: int) -> str:
        return f"10.213.{self.net}.{i + 1}"

    def inside(self, i: int, command: list[str]) -> list[str]:
        """The command that runs `command` on machine `i` (from 1)."""
        return ["ip", "netns", "exec", f"{self.tag}n{i}", *command]

    def cut(self, i: int) -> None:
        """Take machine `i` off the network; nothing is told to anybody."""
        _ip("link", "set", f"{self.tag}v{i}", "down")

    def join(self, i: int) -> None:
        """Put it back."""
        _ip("link", "set", f"{self.tag}v{i}", "up")


@contextmanager
def machines(count: int) -> Iterator[Machines]:
    """Machines on one network, or a skip with the reason where this is not permitted."""
    if shutil.which("ip") is None:
        pytest.skip("there is no ip (iproute2) here to make network namespaces with")
    made = Machines(f"wb{os.getpid() % 100_000}", os.getpid() % 250, count)
    bridge = f"{made.tag}b"
    if (refused := _ip("link", "add", bridge, "type", "bridge", check=False)).returncode:
        pytest.skip(f"network namespaces are not permitted here: {refused.stderr.strip()}")
    try:
        _ip("addr", "add", f"{made.address(0)}/24", "dev", bridge)
        _ip("link", "set", bridge, "up")
        for i in range(1, count + 1):
            space, here, there = f"{made.tag}n{i}", f"{made.tag}v{i}", f"{made.tag}p{i}"
            if (refused := _ip("netns", "add", space, check=False)).returncode:
                pytest.skip(f"network namespaces are not permitted here: {refused.stderr.strip()}")
            _ip("link", "add", here, "type", "veth", "peer", "name", there, "netns", space)
            _ip("link", "set", here, "master", bridge, "up")
            _ip("-n", space, "addr", "add", f"{made.address(i)}/24", "dev", there)
            _ip("-n", space, "link", "set", there, "up")
            _ip("-n", space, "link", "set", "lo", "up")
        yield made
    finally:
        for i in range(1, count + 1):
            _ip("netns", "del", f"{made.tag}n{i}", check=False)
            _ip("link", "del", f"{made.tag}v{i}", check=False)
        _ip("link", "del", bridge, check=False)
