"""What the configuration makes of real bundles: refused, activated, reported, persisted."""

from __future__ import annotations

import asyncio
import json
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from dataplane.opa.options import (
    BundlePolling,
    BundleSigning,
    BundleSource,
    OpaOptions,
    RemoteService,
    StatusSink,
)
from dataplane.opa.supervise import OpaProcess

LIMIT_S = 20.0
BUNDLE_TOKEN = "token-for-bundles"
STATUS_TOKEN = "token-for-status"


@dataclass
class Channel:
    """A bundle and status server: what it serves, and what OPA told it."""

    bundle: bytes = b""
    url: str = ""
    statuses: list[dict[str, Any]] = field(default_factory=list)
    credentials: set[tuple[str, str]] = field(default_factory=set)


@pytest.fixture
def channel() -> Iterator[Channel]:
    channel = Channel()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            channel.credentials.add((self.path, self.headers["Authorization"]))
            self.answer(channel.bundle)

        def do_POST(self) -> None:
            channel.credentials.add((self.path, self.headers["Authorization"]))
            channel.statuses.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.answer(b"")

        def answer(self, body: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Content-Type", "application/gzip")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - named so by the base class
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        channel.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield channel
        server.shutdown()
        thread.join()


class Signer:
    """Builds bundles of one policy, signed by a fresh key or not at all."""

    def __init__(self, opa: Path, home: Path) -> None:
        self._opa = opa
        self._home = home
        key = ec.generate_private_key(ec.SECP256R1())
        (home / "policy").mkdir(parents=True)
        (home / "policy" / "p.rego").write_text("package regogate\n\nallow := true\n")
        (home / "policy" / ".manifest").write_text('{"roots": ["regogate"], "rego_version": 1}')
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (home / "key.pem").write_bytes(pem)
        self.public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    def bundle(self, revision: str, **claims: str) -> bytes:
        words = [str(self._opa), "build", "-b", ".", "-r", revision, "-o", "../b.tar.gz"]
        if claims:
            (self._home / "claims.json").write_text(json.dumps(claims))
            words += ["--signing-alg=ES256", "--signing-key=../key.pem", "--claims-file=../claims.json"]
        subprocess.run(words, cwd=self._home / "policy", check=True, capture_output=True)
        return (self._home / "b.tar.gz").read_bytes()


def options(channel: Channel, keys: dict[str, str], persistence: Path | None = None) -> OpaOptions:
    return OpaOptions(
        bundle=BundleSource(
            service=RemoteService(url=channel.url, token=BUNDLE_TOKEN),
            resource="bundles/main",
            signing=BundleSigning(scope="dev"),
            polling=BundlePolling(min_delay_s=1, max_delay_s=1),
        ),
        keys=keys,
        status=StatusSink(service=RemoteService(url=channel.url, token=STATUS_TOKEN), partition="pdp-a"),
        persistence=persistence,
    )


def reported(channel: Channel, wanted: Callable[[dict[str, Any]], bool]) -> bool:
    return any(wanted(status.get("bundles", {}).get("main", {})) for status in channel.statuses)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(LIMIT_S):
        while not condition():
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("claims", "message"),
    [
        ({}, "missing .signatures.json"),
        ({"scope": "prod", "keyid": "k1"}, "scope mismatch"),
        ({"keyid": "k1"}, "scope mismatch"),
        ({"scope": "dev"}, "key ID is empty"),
        ({"scope": "dev", "keyid": "k9"}, "k9"),
        ({"scope": "dev", "keyid": "k2"}, "invalid ECDSA signature"),
    ],
    ids=["unsigned", "other channel", "no channel", "no key id", "unknown key", "another's key id"],
)
def test_a_bundle_that_is_not_ours_never_activates_and_the_status_says_why(
    opa_binary: Path, tmp_path: Path, channel: Channel, claims: dict[str, str], message: str
) -> None:
    ours, other = Signer(opa_binary, tmp_path / "ours"), Signer(opa_binary, tmp_path / "other")
    channel.bundle = ours.bundle("rev-bad", **claims)

    async def body() -> None:
        async with OpaProcess(opa_binary, options(channel, {"k1": ours.public, "k2": other.public})):
            await until(lambda: reported(channel, lambda s: message in s.get("message", "")))

    asyncio.run(body())
    assert not reported(channel, lambda s: "active_revision" in s)


def test_bundles_of_either_key_activate_are_reported_and_survive_without_their_server(
    opa_binary: Path, tmp_path: Path, channel: Channel
) -> None:
    old, new = Signer(opa_binary, tmp_path / "old"), Signer(opa_binary, tmp_path / "new")
    keys = {"k-old": old.public, "k-new": new.public}
    channel.bundle = old.bundle("rev-1", scope="dev", keyid="k-old")

    async def body() -> None:
        async with OpaProcess(opa_binary, options(channel, keys, tmp_path / "persist")):
            await until(lambda: reported(channel, lambda s: s.get("active_revision") == "rev-1"))
            channel.bundle = new.bundle("rev-2", scope="dev", keyid="k-new")
            await until(lambda: reported(channel, lambda s: s.get("active_revision") == "rev-2"))
        channel.bundle = b"not there"
        channel.statuses.clear()
        async with OpaProcess(opa_binary, options(channel, keys, tmp_path / "persist")):
            await until(lambda: reported(channel, lambda s: s.get("active_revision") == "rev-2"))

    asyncio.run(body())
    assert channel.credentials == {
        ("/bundles/main", f"Bearer {BUNDLE_TOKEN}"),
        ("/status/pdp-a", f"Bearer {STATUS_TOKEN}"),
    }
