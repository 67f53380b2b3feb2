"""Fixtures shared by all tests: the recorded data beside the checkout, and a server that speaks the OpenAI chat protocol."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.chat_server import ChatServer

ROOT = Path(__file__).parents[1]

# a busy machine is slow, not wrong: no property test may fail for the time it takes
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of recorded data; a user's machine does not have it."""
    place = ROOT.parent / "shared"
    if not (place / "data").is_dir():
        pytest.skip("../shared (recorded outputs of other people's models) is not beside this checkout")
    return place


@pytest.fixture
def chat_server() -> Iterator[ChatServer]:
    """A real HTTP server on 127.0.0.1 that answers OpenAI chat requests as its script says."""
    with ChatServer() as server:
        yield server
