"""Real processes: the gateway with its OPA, a provider, and the official clients."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from e2e_gateway import EDGE_BODY_BYTES, POLICIES, Gateway, Start, spare_dir
from e2e_upstream import MockUpstream, mock_upstream


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


@pytest.fixture(scope="session")
def edge(opa_binary: Path, upstream: MockUpstream) -> Iterator[Gateway]:
    """A gateway with short deadlines and small bodies, a trusted proxy, and the tables of the example."""
    place = spare_dir()
    for folder in ("rego", "schemas"):
        shutil.copytree(POLICIES / folder, place / "policies" / folder)
    shutil.copytree(POLICIES / "examples/hardening/data", place / "policies/data")
    one = Gateway(
        opa_binary,
        f"--upstream={upstream.url}",
        f"--policies={place / 'policies'}",
        "--allow-all-models",
        f"--set=server.max_body_bytes={EDGE_BODY_BYTES}",
        "--set=server.body_timeout_s=1",
        "--set=server.head_timeout_s=1",
        '--set=server.trusted_proxies=["127.0.0.1/32"]',
    )
    try:
        yield one.wait_ready()
        one.stop()
    finally:
        one.discard()
        shutil.rmtree(place, ignore_errors=True)


@pytest.fixture
def start(opa_binary: Path, upstream: MockUpstream) -> Iterator[Start]:
    """Start a gateway of a test's own: `start(*options)`; it is ready when this returns.

    `data_dir` is that of an earlier one, `upstream=None` leaves the embedded model, `wait=False` does
    not wait.
    """
    started: list[Gateway] = []

    def run(
        *options: str,
        data_dir: Path | None = None,
        wait: bool = True,
        upstream: MockUpstream | None = upstream,
    ) -> Gateway:
        where = [f"--upstream={upstream.url}"] if upstream is not None else []
        one = Gateway(opa_binary, *where, *options, data_dir=data_dir)
        started.append(one)
        return one.wait_ready() if wait else one

    yield run
    for one in started:
        one.discard()
