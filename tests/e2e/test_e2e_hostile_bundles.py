"""Bundles that must never activate, served where OPA fetches; each refusal is visible and recorded."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import io
import shutil
import tarfile
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from e2e_gateway import Gateway, spare_dir
from e2e_upstream import MockUpstream, until

from dataplane.bundle.build import build
from dataplane.bundle.keys import ensure_dev_keys, load_signing_key
from dataplane.bundle.model import NO_COMMIT
from dataplane.bundle.sign import sign
from dataplane.cli.dev_demo import demo_overlay
from dataplane.shipped import shipped

CHAT: Any = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hello"}]}


class Channel:
    """A bundle server that serves whatever it is given."""

    def __init__(self) -> None:
        self.content = b""
        self.fetched: set[str] = set()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                content = outer.content
                etag = outer.etag(content)
                known = self.headers.get("If-None-Match") == etag
                self.send_response(304 if known else 200)
                self.send_header("ETag", etag)
                self.send_header("Content-Type", "application/gzip")
                self.send_header("Content-Length", "0" if known else str(len(content)))
                self.end_headers()
                if not known:
                    self.wfile.write(content)
                outer.fetched.add(etag)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @staticmethod
    def etag(content: bytes) -> str:
        return f'"{hashlib.sha256(content).hexdigest()}"'

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/bundle.tar.gz"


class Forge:
    """Makes bundles, good and bad ones, of the shipped policies."""

    def __init__(self, opa: Path, place: Path) -> None:
        self._opa = opa
        self.data_dir = place / "data"
        self.data_dir.mkdir(mode=0o700)
        # The gateway trusts the key of its data directory; a stranger has a key of the same name.
        self._keys = {
            "own": load_signing_key(ensure_dev_keys(self.data_dir).private, keyid="dev"),
            "stranger": load_signing_key(ensure_dev_keys(place / "stranger").private, keyid="dev"),
        }

    def bundle(
        self, seq: int, *, channel: str = "dev", key: str | None = "own", caps: int | None = None
    ) -> bytes:
        """One bundle; `key` None leaves it unsigned. `caps` gives the demo tier another content."""

        def overlay(tables: dict[str, Any]) -> dict[str, Any]:
            changed = demo_overlay(allow_all_models=False)(tables)
            tiers: Any = changed["tiers"]
            demo = {**tiers["demo"], **({"max_tokens": caps} if caps else {})}
            return {**changed, "tiers": {**tiers, "demo": demo}}

        made = asyncio.run(
            build(
                shipped("policies"),
                self._opa,
                shipped("opa/capabilities.json"),
                seq=seq,
                channel=channel,
                commit=NO_COMMIT,
                overlay=overlay,
            )
        )
        return made.content if key is None else sign(made, self._keys[key]).content

    def tampered(self, seq: int) -> bytes:
        """A signed bundle whose tables were changed afterwards: the demo tier may use every model."""
        plain, out = io.BytesIO(gzip.decompress(self.bundle(seq))), io.BytesIO()
        with tarfile.open(fileobj=plain) as source, tarfile.open(fileobj=out, mode="w") as target:
            for member in source.getmembers():
                file = source.extractfile(member)
                data = file.read() if file is not None else b""
                if member.name.lstrip("/") == "data.json":
                    assert b'"demo*"' in data
                    data = data.replace(b'"demo*"', b'"gpt-4*"')
                member.size = len(data)
                target.addfile(member, io.BytesIO(data))
        return gzip.compress(out.getvalue())


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    path = spare_dir()
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="module")
def forge(opa_binary: Path, place: Path) -> Forge:
    return Forge(opa_binary, place)


@pytest.fixture(scope="module")
def channel(forge: Forge) -> Iterator[Channel]:
    server = Channel()
    server.content = forge.bundle(5)
    yield server
    server.server.shutdown()
    server.server.server_close()


@pytest.fixture(scope="module")
def one(opa_binary: Path, upstream: MockUpstream, forge: Forge, channel: Channel) -> Iterator[Gateway]:
    gateway = Gateway(
        opa_binary,
        f"--upstream={upstream.url}",
        f"--set=policy.bundle.url={channel.url}",
        data_dir=forge.data_dir,
    )
    try:
        yield gateway.wait_ready()
        gateway.stop()
    finally:
        gateway.discard()


HOSTILE: dict[str, Callable[[Forge], bytes]] = {
    "unsigned": lambda forge: forge.bundle(50, key=None, caps=7),
    "tampered": lambda forge: forge.tampered(51),
    "signed with a key of the same name": lambda forge: forge.bundle(52, key="stranger", caps=7),
    "signed for another channel": lambda forge: forge.bundle(53, channel="staging", caps=7),
    "no bundle at all": lambda forge: b"\x1f\x8bnonsense",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_bundle_never_activates_and_the_reason_is_visible(
    one: Gateway, forge: Forge, channel: Channel, kind: str
) -> None:
    revision = one.revision
    assert revision.startswith("5-")
    already = len(one.records(kind="bundle", event="refused"))
    channel.content = HOSTILE[kind](forge)
    until(lambda: channel.etag(channel.content) in channel.fetched)
    until(lambda: len(one.records(kind="bundle", event="refused")) > already)
    told = one.readyz()
    assert told["ready"] is True, "the old bundle stays in force"
    assert told["bundle_refused"]
    assert told["bundle_refused"] == one.records(kind="bundle", event="refused")[-1]["why"]
    raw = one.sdk.chat.completions.with_raw_response.create(**CHAT)
    assert raw.headers["x-regogate-policy-revision"] == revision
    assert raw.headers["x-regogate-decision"] == "ALLOW"


def test_an_older_bundle_blocks_every_call_until_a_newer_one_is_active(
    one: Gateway, forge: Forge, channel: Channel, upstream: MockUpstream
) -> None:
    channel.content = forge.bundle(4, caps=9)
    until(lambda: not one.readyz()["ready"])
    assert any("4-" in reason for reason in one.readyz()["reasons"]), one.readyz()
    failure = one.client().chat.completions.with_raw_response
    hits = len(upstream.with_text("after the rollback"))
    with pytest.raises(Exception, match="older than one already seen"):
        failure.create(model="gpt-4o-mini", messages=[{"role": "user", "content": "after the rollback"}])
    assert len(upstream.with_text("after the rollback")) == hits == 0
    channel.content = forge.bundle(6, caps=9)
    until(lambda: one.readyz()["ready"])
    raw = one.sdk.chat.completions.with_raw_response.create(**CHAT)
    assert raw.headers["x-regogate-policy-revision"].startswith("6-")
    assert raw.headers["x-regogate-decision"] == "CONSTRAIN"
