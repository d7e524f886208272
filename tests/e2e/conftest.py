"""Real processes: the gateway with its OPA, a provider, and the official clients."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from e2e_gateway import Gateway
from e2e_upstream import MockUpstream, mock_upstream

Start = Callable[..., Gateway]


@pytest.fixture(scope="session")
def upstream() -> Iterator[MockUpstream]:
    """One provider for this worker; tests tell their calls apart by request id or text."""
    with mock_upstream() as mock:
        yield mock


@pytest.fixture(scope="session")
def gateway(opa_binary: Path, upstream: MockUpstream) -> Iterator[Gateway]:
    """A gateway for the tests that disturb nothing; it must stop cleanly at the end."""
    one = Gateway(opa_binary, f"--upstream={upstream.url}")
    try:
        yield one.wait_ready()
        one.stop()
    finally:
        one.discard()


@pytest.fixture
def start(opa_binary: Path, upstream: MockUpstream) -> Iterator[Start]:
    """Start a gateway of a test's own: `start(*options, data_dir=None)`; ready when this returns."""
    started: list[Gateway] = []

    def run(*options: str, data_dir: Path | None = None, wait: bool = True) -> Gateway:
        one = Gateway(opa_binary, f"--upstream={upstream.url}", *options, data_dir=data_dir)
        started.append(one)
        return one.wait_ready() if wait else one

    yield run
    for one in started:
        one.discard()
