"""Trust in clients while serving: expired and revoked certificates, files that change, open connections."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
from prometheus_client import CollectorRegistry, generate_latest
from server_certs import HOUR_S, Authority, Pair, client_context
from server_kit import LoopFactory, Raw, Recorder, eventually, on_both_loops, run, serving
from test_server_tls import GET, files, greet

from dataplane.server.serve import Tls, TlsError
from dataplane.server.tls import LOOK_S
from dataplane.server.tls_metrics import TlsMetrics

OFTEN_S = 0.01


class Trusting:
    """A listener's files with an authority and, if asked for, its list; both are copies that may change."""

    def __init__(self, place: Path, *, lists: bool = False, look_s: float = LOOK_S, **more: Any) -> None:
        self.place = place
        self.authority = Authority(place / "a", "a")
        self.other = Authority(place / "b", "b")
        self.server = self.authority.issue("server")
        self.trusted, self.crl = place / "trusted.pem", place / "lists.pem"
        self.trusted.write_bytes(self.authority.cert.read_bytes())
        if lists:
            self.authority.revoke(self.crl)
            more |= {"client_crl": self.crl}
        asked = {"client_auth": "required"} | more
        self.tls = Tls(files(self.server, client_ca=self.trusted, **asked), look_s=look_s)

    def trust(self, text: bytes) -> None:
        """At once, so that no half of it is read."""
        (self.place / "new").write_bytes(text)
        (self.place / "new").rename(self.trusted)

    def context(self, own: Pair | None, alpn: str = "http/1.1") -> Any:
        return client_context(self.authority, alpn, own)


@pytest.mark.parametrize("asked", ["optional", "required"])
def test_an_expired_certificate_fails_the_handshake(asked: str, tmp_path: Path) -> None:
    one = Trusting(tmp_path, client_auth=asked)
    late = one.authority.issue("late", valid_s=-1)

    async def probe() -> None:
        async with serving(recorder := Recorder(), tls=one.tls) as server:
            with pytest.raises(OSError):
                await greet(server.port, one.context(late))
            assert recorder.calls == []

    run(probe())


@on_both_loops
def test_a_revoked_certificate_is_refused_from_the_list_s_loading_on(
    loop_factory: LoopFactory, tmp_path: Path
) -> None:
    one = Trusting(tmp_path, lists=True)
    good, bad = one.authority.issue("good"), one.authority.issue("bad")

    async def probe() -> None:
        async with serving(recorder := Recorder(), tls=one.tls) as server:
            (await greet(server.port, one.context(good))).close()
            (await greet(server.port, one.context(bad))).close()
            one.authority.revoke(one.crl, bad)
            one.tls.reload()
            (await greet(server.port, one.context(good))).close()
            with pytest.raises(OSError):
                await greet(server.port, one.context(bad))
            assert len(recorder.calls) == 3

    run(probe(), loop_factory)


def test_a_revoked_intermediate_ends_the_clients_it_signed(tmp_path: Path) -> None:
    root = Authority(tmp_path / "root", "root")
    between = Authority(tmp_path / "between", "between", root)
    trusted, crl = tmp_path / "trusted.pem", tmp_path / "crl.pem"
    trusted.write_bytes(root.cert.read_bytes() + between.cert.read_bytes())
    root.revoke(crl)
    given = files(root.issue("server"), client_ca=trusted, client_crl=crl, client_auth="required")
    with pytest.raises(TlsError, match="holds no list signed by CN=between"):
        Tls(given)

    def publish(*revoked: Pair) -> None:
        between.revoke(tmp_path / "second.pem")
        root.revoke(crl, *revoked)
        crl.write_bytes(crl.read_bytes() + (tmp_path / "second.pem").read_bytes())

    publish()
    tls, own = Tls(given), between.issue("own")

    async def probe() -> None:
        async with serving(Recorder(), tls=tls) as server:
            (await greet(server.port, client_context(root, "http/1.1", own))).close()
            publish(between.own)
            tls.reload()
            with pytest.raises(OSError):
                await greet(server.port, client_context(root, "http/1.1", own))

    run(probe())


def test_lists_that_are_missing_forged_out_of_date_or_garbage_are_named(tmp_path: Path) -> None:
    one = Trusting(tmp_path, lists=True)
    namesake = Authority(tmp_path / "c", "a")

    def late() -> None:
        one.authority.revoke(one.crl, valid_s=-1)

    wrong: list[tuple[Callable[[], object], str]] = [
        (lambda: one.crl.write_text("nothing"), "holds no list signed by CN=a"),
        (lambda: one.other.revoke(one.crl), "holds no list signed by CN=a"),
        (lambda: namesake.revoke(one.crl), "holds no list signed by CN=a"),
        (late, "the list of CN=a ran out at"),
        (lambda: one.crl.write_text("-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----"), "cannot be r"),
        (one.crl.unlink, "cannot be read"),
    ]
    for spoil, message in wrong:
        spoil()
        with pytest.raises(TlsError, match=message):
            one.tls.reload()
    one.authority.revoke(one.crl)
    one.tls.reload()
    late()
    with pytest.raises(TlsError, match="expired at"):
        Tls(files(one.authority.issue("old", valid_s=-1)))


def test_changed_files_are_found_and_an_unusable_set_changes_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    one = Trusting(tmp_path, look_s=OFTEN_S)
    own, strange = one.authority.issue("own"), one.other.issue("strange")
    registry = CollectorRegistry()
    TlsMetrics(registry, one.tls)

    async def probe() -> None:
        async with serving(Recorder(), tls=one.tls) as server:
            one.trust(b"nothing")
            await eventually(lambda: one.tls.counts["unusable"] == 1)
            (await greet(server.port, one.context(own))).close()
            one.trust(one.other.cert.read_bytes())
            await eventually(lambda: one.tls.counts["loaded"] == 2)
            (await greet(server.port, one.context(strange))).close()
            with pytest.raises(OSError):
                await greet(server.port, one.context(own))

    run(probe())
    told = [record.message for record in caplog.records if record.name == "regogate.server"]
    assert len(told) == 2
    assert "cannot be used, the earlier ones stay" in told[0]
    text = generate_latest(registry).decode()
    assert 'regogate_tls_loads_total{outcome="unusable"} 1.0' in text
    assert 'regogate_tls_loads_total{outcome="loaded"} 2.0' in text
    assert 'regogate_tls_not_after_seconds{file="client_ca"}' in text


@on_both_loops
@pytest.mark.parametrize("answering", [False, True], ids=["idle", "answering"])
def test_an_open_connection_of_a_removed_authority_takes_no_further_request(
    answering: bool, loop_factory: LoopFactory, tmp_path: Path
) -> None:
    one = Trusting(tmp_path)
    own = one.authority.issue("own")
    go = asyncio.Event()
    entered: list[object] = []
    recorder = Recorder()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        entered.append(scope)
        if recorder.calls:
            await go.wait()
        await recorder(scope, receive, send)

    async def probe() -> None:
        async with serving(app, tls=one.tls) as server:
            client = await greet(server.port, one.context(own))
            if answering:
                await client.send(GET)
                await eventually(lambda: len(entered) == 2)
            one.trusted.write_bytes(one.other.cert.read_bytes())
            one.tls.reload()
            go.set()
            if answering:
                status, headers, _ = await client.response()
                assert (status, headers[b"connection"]) == (200, b"close")
            assert await client.rest() == b""
            assert len(recorder.calls) == 1 + answering
            client.close()

    run(probe(), loop_factory)


def test_an_open_http2_connection_of_a_removed_authority_is_closed(tmp_path: Path) -> None:
    one = Trusting(tmp_path)
    own = one.authority.issue("own")

    async def probe() -> None:
        async with serving(recorder := Recorder(), tls=one.tls) as server:
            verify = one.context(own, "h2")
            async with httpx2.AsyncClient(verify=verify, http1=False, http2=True) as client:
                url = f"https://127.0.0.1:{server.port}/"
                assert (await client.get(url)).status_code == 200
                one.trusted.write_bytes(one.other.cert.read_bytes())
                one.tls.reload()
                with pytest.raises(httpx2.TransportError):
                    await client.get(url)
        assert len(recorder.calls) == 1

    run(probe())


def test_renewed_server_files_and_callers_without_a_certificate_keep_their_connections(
    tmp_path: Path,
) -> None:
    one = Trusting(tmp_path, client_auth="optional")
    own = one.authority.issue("own")

    async def again(client: Raw) -> None:
        await client.send(GET)
        assert (await client.response())[0] == 200

    async def probe() -> None:
        async with serving(Recorder(), tls=one.tls) as server:
            known = await greet(server.port, one.context(own))
            nobody = await greet(server.port, one.context(None))
            one.authority.issue("server", valid_s=2 * HOUR_S)
            one.tls.reload()
            await again(known)
            one.trusted.write_bytes(one.other.cert.read_bytes())
            one.tls.reload()
            assert await known.rest() == b""
            await again(nobody)
            known.close()
            nobody.close()

    run(probe())


def test_a_set_that_was_read_while_it_was_written_is_read_again(tmp_path: Path) -> None:
    one = Trusting(tmp_path, look_s=OFTEN_S)
    renewed = Pair(tmp_path / "renewed.crt", tmp_path / "renewed.key")
    one.authority.issue("server").cert.rename(renewed.cert)
    one.server.key.rename(renewed.key)

    async def probe() -> None:
        looking = asyncio.create_task(one.tls.keep_current())
        await eventually(lambda: one.tls.counts["unusable"] == 1)
        renewed.cert.rename(one.server.cert)
        await eventually(lambda: one.tls.counts["unusable"] == 2)
        renewed.key.rename(one.server.key)
        await eventually(lambda: one.tls.counts["loaded"] == 2)
        one.trust(b"nothing")
        await eventually(lambda: one.tls.counts["unusable"] == 3)
        looking.cancel()

    run(probe())
    assert one.tls.counts == {"loaded": 2, "unusable": 3}
