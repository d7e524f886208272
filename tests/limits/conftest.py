"""A real Redis for the tests of limits."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis_kit import RedisServer


@pytest.fixture(scope="session")
def redis_of_session() -> Iterator[RedisServer]:
    folder = Path(tempfile.mkdtemp(prefix="rg-", dir="/tmp"))
    server = RedisServer(folder).start()
    yield server
    server.kill()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def redis_server(redis_of_session: RedisServer) -> RedisServer:
    """An empty server that a test leaves running."""
    redis_of_session.ask("FLUSHALL")
    return redis_of_session


@pytest.fixture
def own_redis(short_dir: Path) -> Iterator[RedisServer]:
    """A server of a test's own, to be stopped, frozen or lost."""
    server = RedisServer(short_dir).start()
    yield server
    server.kill()
