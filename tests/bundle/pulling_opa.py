"""The real OPA, configured by the same code as a gateway's, and what it has active."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2

from dataplane.opa.options import (
    BundlePolling,
    BundleSigning,
    BundleSource,
    OpaOptions,
    RemoteService,
    child_environment,
    command_line,
    config_text,
)

DEADLINE_S = 30.0


def options(service: RemoteService, resource: str, keys: Mapping[str, str], persistence: Path) -> OpaOptions:
    """Of channel prod, polling every second."""
    polling = BundlePolling(min_delay_s=1, max_delay_s=1)
    source = BundleSource(
        service=service, resource=resource, signing=BundleSigning(scope="prod"), polling=polling
    )
    return OpaOptions(bundle=source, keys=dict(keys), persistence=persistence)


class PullingOpa:
    """One running OPA."""

    def __init__(self, client: httpx2.Client, process: subprocess.Popen[bytes], log: Path) -> None:
        self._client = client
        self._process = process
        self._log = log

    def ask(self) -> dict[str, Any]:
        try:
            answer = self._client.post(
                "http://opa/v1/data/regogate/request/decision?provenance=true",
                json={"input": {"client": "support"}},
            )
        except httpx2.TransportError:
            return {}
        found: dict[str, Any] = answer.json()
        return found

    def active(self) -> str | None:
        bundles = self.ask().get("provenance", {}).get("bundles", {})
        revision: str | None = bundles.get("main", {}).get("revision")
        return revision

    def until(self, revision: str) -> None:
        self.wait(lambda: self.active() == revision, f"{revision} is not active")

    def until_logged(self, text: str) -> None:
        self.wait(lambda: text in self._log.read_text(), f"{text!r} was not logged")

    def wait(self, condition: Any, what: str) -> None:
        end = time.monotonic() + DEADLINE_S
        while not condition():
            assert self._process.poll() is None, self._log.read_text()
            assert time.monotonic() < end, f"{what}:\n{self._log.read_text()[-3000:]}"
            time.sleep(0.02)


def wait_for_socket(path: Path, process: subprocess.Popen[bytes], log: Path) -> None:
    """httpx2 leaves a socket open that could not connect, so it begins once somebody listens."""
    end = time.monotonic() + DEADLINE_S
    while True:
        with socket.socket(socket.AF_UNIX) as probe:
            if probe.connect_ex(str(path)) == 0:
                return
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < end, log.read_text()
        time.sleep(0.02)


@contextmanager
def pulling_opa(
    opa: Path, made: OpaOptions, place: Path, environ: Mapping[str, str] | None = None
) -> Iterator[PullingOpa]:
    """Run OPA in a directory with a short path."""
    config, listening, log = place / "opa.json", place / "opa.sock", place / "opa.log"
    config.write_text(config_text(made))
    env = child_environment(made, {**os.environ, **(environ or {})})
    with log.open("wb") as out:
        process = subprocess.Popen(
            command_line(opa, socket=listening, config=config), env=env, stdout=out, stderr=out
        )
    try:
        wait_for_socket(listening, process, log)
        with httpx2.Client(transport=httpx2.HTTPTransport(uds=str(listening)), timeout=5) as client:
            yield PullingOpa(client, process, log)
    finally:
        process.terminate()
        process.wait()
