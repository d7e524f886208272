"""TLS: what is offered, who is let in, and that a changed set of files counts from the next handshake on."""

from __future__ import annotations

import asyncio
import socket
import ssl
from pathlib import Path
from typing import Any, Literal

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from server_certs import Authority, Pair, client_context
from server_kit import LoopFactory, Raw, Recorder, on_both_loops, run, serving

from dataplane.server.serve import Tls, TlsError, TlsFiles

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "ca")


def files(pair: Pair, **more: Any) -> TlsFiles:
    return TlsFiles(cert=pair.cert, key=pair.key, **more)


async def greet(port: int, context: ssl.SSLContext) -> Raw:
    """One answered request; raises OSError where the server does not let us in."""
    client = await Raw.connect(port, ssl=context)
    try:
        await client.send(GET)
        assert (await client.response())[0] == 200
    except (OSError, asyncio.IncompleteReadError) as error:
        client.close()
        raise ConnectionError("not let in") from error
    return client


@on_both_loops
@pytest.mark.parametrize("alpn", ["http/1.1", "h2"])
def test_a_client_certificate_reaches_the_application(
    alpn: str, loop_factory: LoopFactory, authority: Authority
) -> None:
    own = authority.issue("client")
    tls = Tls(files(authority.issue("server"), client_ca=authority.cert, client_auth="required"))

    async def probe() -> None:
        async with serving(recorder := Recorder(), tls=tls) as server:
            options: Any = {"http1": False, "http2": True} if alpn == "h2" else {}
            async with httpx2.AsyncClient(verify=client_context(authority, alpn, own), **options) as client:
                answer = await client.post(f"https://127.0.0.1:{server.port}/v1/x", content=b"abc")
                assert (answer.status_code, answer.text) == (200, "3")
                assert answer.http_version == ("HTTP/2" if alpn == "h2" else "HTTP/1.1")
        facts = recorder.calls[0].scope["extensions"]["tls"]
        shown = x509.load_pem_x509_certificate(own.cert.read_bytes())
        assert facts == {
            "tls_version": "TLSv1.3",
            "client_cert": shown.public_bytes(serialization.Encoding.DER),
        }
        assert recorder.calls[0].scope["scheme"] == "https"

    run(probe(), loop_factory)


@pytest.mark.parametrize(
    ("asked", "shown", "let_in"),
    [
        ("none", "nothing", True),
        ("optional", "nothing", True),
        ("required", "nothing", False),
        ("optional", "foreign", False),
        ("required", "foreign", False),
        ("optional", "own", True),
    ],
)
def test_who_is_let_in(
    asked: Literal["none", "optional", "required"],
    shown: str,
    let_in: bool,
    authority: Authority,
    tmp_path: Path,
) -> None:
    (tmp_path / "b").mkdir()
    foreign = Authority(tmp_path / "b", "ca").issue("client")
    own = {"own": authority.issue("client"), "foreign": foreign, "nothing": None}[shown]
    tls = Tls(files(authority.issue("server"), client_ca=authority.cert, client_auth=asked))

    async def probe() -> None:
        async with serving(recorder := Recorder(), tls=tls) as server:
            try:
                (await greet(server.port, client_context(authority, "http/1.1", own))).close()
            except OSError:
                assert not let_in
                assert recorder.calls == []
            else:
                assert let_in
                cert = recorder.calls[0].scope["extensions"]["tls"]["client_cert"]
                assert (cert is not None) is (shown == "own")

    run(probe())


@pytest.mark.parametrize("least", ["TLSv1.2", "TLSv1.3"])
def test_the_least_version_is_kept(least: Literal["TLSv1.2", "TLSv1.3"], authority: Authority) -> None:
    tls = Tls(files(authority.issue("server"), min_version=least))

    async def probe() -> None:
        async with serving(recorder := Recorder(), tls=tls) as server:
            context = client_context(authority, "http/1.1")
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            if least == "TLSv1.3":
                with pytest.raises(OSError):
                    await greet(server.port, context)
                return
            (await greet(server.port, context)).close()
            assert recorder.calls[0].scope["extensions"]["tls"]["tls_version"] == "TLSv1.2"

    run(probe())


@on_both_loops
def test_a_reload_counts_for_the_next_handshake_and_open_connections_live_on(
    loop_factory: LoopFactory, authority: Authority, tmp_path: Path
) -> None:
    pair = authority.issue("server")
    tls = Tls(files(pair))
    (tmp_path / "b").mkdir()
    other = Authority(tmp_path / "b", "other")

    async def probe() -> None:
        async with serving(Recorder(), tls=tls) as server:
            before = await greet(server.port, client_context(authority, "http/1.1"))
            renewed = other.issue("server")
            pair.cert.write_bytes(renewed.cert.read_bytes())
            with pytest.raises(TlsError, match="belong together"):
                tls.reload()
            (await greet(server.port, client_context(authority, "http/1.1"))).close()
            pair.key.write_bytes(renewed.key.read_bytes())
            tls.reload()
            with pytest.raises(ssl.SSLCertVerificationError):
                await greet(server.port, client_context(authority, "http/1.1"))
            (await greet(server.port, client_context(other, "http/1.1"))).close()
            await before.send(GET)
            assert (await before.response())[0] == 200
            before.close()

    run(probe(), loop_factory)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_client_of_a_removed_authority_cannot_resume_its_session(
    version: ssl.TLSVersion, authority: Authority, tmp_path: Path
) -> None:
    own, trusted = authority.issue("client"), tmp_path / "trusted.crt"
    trusted.write_bytes(authority.cert.read_bytes())
    tls = Tls(files(authority.issue("server"), client_ca=trusted, client_auth="required"))
    (tmp_path / "b").mkdir()
    other = Authority(tmp_path / "b", "other")
    context = client_context(authority, "http/1.1", own)
    context.minimum_version = context.maximum_version = version

    def visit(port: int, session: ssl.SSLSession | None) -> ssl.SSLSession | None:
        with (
            socket.create_connection(("127.0.0.1", port)) as plain,
            context.wrap_socket(plain, server_hostname="127.0.0.1", session=session) as secure,
        ):
            secure.sendall(GET)
            if not secure.recv(100).startswith(b"HTTP/1.1 200"):
                raise ConnectionError("not let in")
            return secure.session

    async def probe() -> None:
        async with serving(recorder := Recorder(), tls=tls) as server:
            session = await asyncio.to_thread(visit, server.port, None)
            trusted.write_bytes(other.cert.read_bytes())
            tls.reload()
            for _ in range(2):
                with pytest.raises(OSError):
                    await asyncio.to_thread(visit, server.port, session)
            assert len(recorder.calls) == 1

    run(probe())


@pytest.mark.parametrize("case", ["missing", "not_pem", "wrong_key", "encrypted", "no_ca", "bad_ca"])
def test_files_that_cannot_be_used_are_named(case: str, authority: Authority, tmp_path: Path) -> None:
    pair, bad = authority.issue("server"), tmp_path / "bad.pem"
    bad.write_text("nothing")
    key = serialization.load_pem_private_key(pair.key.read_bytes(), None)
    encrypted = tmp_path / "encrypted.key"
    encrypted.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"x"),
        )
    )
    wrong: dict[str, tuple[TlsFiles, str]] = {
        "missing": (TlsFiles(cert=tmp_path / "none.crt", key=pair.key), "none.crt cannot be read"),
        "not_pem": (TlsFiles(cert=bad, key=pair.key), "bad.pem"),
        "wrong_key": (TlsFiles(cert=pair.cert, key=authority.issue("b").key), "belong together"),
        "encrypted": (TlsFiles(cert=pair.cert, key=encrypted), "encrypted.key"),
        "no_ca": (files(pair, client_auth="required"), "without client_ca"),
        "bad_ca": (files(pair, client_auth="optional", client_ca=bad), "bad.pem holds no PEM"),
    }
    given, message = wrong[case]
    with pytest.raises(TlsError, match=message):
        Tls(given)


def test_handshakes_that_fail_leave_no_trace_in_the_log(
    authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    tls = Tls(files(authority.issue("server")))

    async def probe() -> None:
        async with serving(recorder := Recorder(), tls=tls, head_timeout_s=0.2) as server:
            for data in (GET, b"\x16\x03\x01\xff", b""):
                client = await Raw.connect(server.port)
                await client.send(data)
                await client.rest()
                client.close()
            (await greet(server.port, client_context(authority, "http/1.1"))).close()
            assert len(recorder.calls) == 1

    run(probe())
    assert [record for record in caplog.records if record.levelname != "DEBUG"] == []
