"""Callers known by their certificate, end to end: by their connection, behind a proxy, when trust ends."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest
from cryptography import x509
from e2e_gateway import Gateway, spare_dir
from e2e_upstream import MockUpstream, until

from tests.server.server_certs import Authority, Pair, client_context

PROXY = "127.0.0.2"
CHAT: Any = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hello"}]}


def spiffe(name: str) -> list[x509.GeneralName]:
    return [x509.UniformResourceIdentifier(f"spiffe://corp.example/sa/{name}")]


class Site:
    """A gateway that asks for certificates, its authority, and another one."""

    def __init__(self, place: Path, opa: Path, upstream: MockUpstream) -> None:
        self.ca, self.other = Authority(place, "ca"), Authority(place / "other", "other")
        server = self.ca.issue("server")
        self.trusted, self.crl = place / "trusted.pem", place / "revoked.pem"
        self.trusted.write_bytes(self.ca.cert.read_bytes())
        self.own = self.ca.issue("own", names=spiffe("demo"))
        self.revoked = self.ca.issue("revoked", names=spiffe("demo"))
        self.ca.revoke(self.crl, self.revoked)
        tls = {
            "cert": str(server.cert),
            "key": str(server.key),
            "client_ca": str(self.trusted),
            "client_crl": str(self.crl),
            "client_auth": "optional",
        }
        clients = [{"by": "san_uri", "pattern": "spiffe://corp.example/sa/{client}"}]
        self.gateway = Gateway(
            opa,
            f"--upstream={upstream.url}",
            f"--set=server.tls={json.dumps(tls)}",
            f"--set=server.trusted_proxies=['{PROXY}/32']",
            "--set=server.forwarded={address: forwarded, certificate: client-cert}",
            f"--set=identity.mtls={json.dumps({'clients': clients})}",
        )

    @contextmanager
    def client(
        self, own: Pair | None = None, *, http2: bool = False, address: str = "127.0.0.1"
    ) -> Iterator[httpx2.Client]:
        """One that shows a certificate, over one connection, from an address of this machine."""
        context = client_context(self.ca, "h2" if http2 else "http/1.1", own)
        transport = httpx2.HTTPTransport(
            verify=context, http1=not http2, http2=http2, local_address=address, trust_env=False
        )
        base = f"https://127.0.0.1:{self.gateway.port}/v1/"
        with httpx2.Client(transport=transport, base_url=base, timeout=20) as client:
            yield client

    def refused(self, answer: httpx2.Response, code: str) -> dict[str, Any]:
        """The one record of a call that was refused with 401 and this code."""
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, code)
        assert answer.json()["error"]["type"] == "authentication_error"
        return self.gateway.wait_record(request_id=answer.headers["x-request-id"])


@pytest.fixture(scope="module")
def site(opa_binary: Path, upstream: MockUpstream) -> Iterator[Site]:
    place = spare_dir()
    one = Site(place, opa_binary, upstream)
    try:
        one.gateway.wait_ready()
        yield one
        one.gateway.stop()
    finally:
        one.gateway.discard()
        shutil.rmtree(place, ignore_errors=True)


def client_cert(pair: Pair) -> str:
    return f":{base64.b64encode(pair.der).decode()}:"


def test_without_a_certificate_or_key_and_with_spoofed_headers_nobody_calls(site: Site) -> None:
    spoofed = {
        "Client-Cert": client_cert(site.own),
        "Forwarded": "for=10.9.9.9",
        "X-Forwarded-For": "10.9.9.9",
    }
    spoofed |= {"X-Forwarded-Client-Cert": 'URI="spiffe://corp.example/sa/demo"'}
    with site.client() as client:
        for headers in ({}, spoofed):
            answer = client.post("chat/completions", json=CHAT, headers=headers)
            record = site.refused(answer, "invalid_api_key")
            assert (record["source_ip"], record["client_cert"]) == ("127.0.0.1", False)


@pytest.mark.parametrize("which", ["foreign", "expired", "revoked"])
@pytest.mark.parametrize("http2", [False, True], ids=["h1", "h2"])
def test_a_bad_certificate_fails_the_handshake(which: str, http2: bool, site: Site) -> None:
    own = {
        "foreign": lambda: site.other.issue("foreign", names=spiffe("demo")),
        "expired": lambda: site.ca.issue("expired", names=spiffe("demo"), valid_s=-1),
        "revoked": lambda: site.revoked,
    }[which]()
    with site.client(own, http2=http2) as client, pytest.raises(httpx2.TransportError):
        client.post("chat/completions", json=CHAT)


@pytest.mark.parametrize("http2", [False, True], ids=["h1", "h2"])
def test_a_spiffe_id_is_a_client(http2: bool, site: Site) -> None:
    with site.client(site.own, http2=http2) as client:
        answer = client.post("chat/completions", json=CHAT)
    assert answer.status_code == 200, answer.text
    assert answer.http_version == ("HTTP/2" if http2 else "HTTP/1.1")
    [intent] = site.gateway.records(request_id=answer.headers["x-request-id"], kind="intent")
    assert (intent["client_id"], intent["auth_method"], intent["client_cert"]) == ("demo", "mtls", True)
    assert intent["tls"] == "TLSv1.3"
    asked = json.loads(intent["policy_input"])
    assert asked["identity"]["cert_bound"] is True
    assert asked["source"] == {"ip": "127.0.0.1", "tls": "TLSv1.3", "client_cert": True}


def test_the_sdk_may_leave_its_key_out(site: Site) -> None:
    with site.client(site.own) as http:
        client = openai.OpenAI(
            base_url=str(http.base_url),
            api_key="unused",
            http_client=http,
            max_retries=0,
        )
        omitted: Any = {"Authorization": openai.Omit()}
        assert client.models.list(extra_headers=omitted).data


def test_beside_a_certificate_a_key_decides(site: Site) -> None:
    stranger = site.ca.issue("stranger")
    with site.client(stranger) as client:
        allowed = client.post(
            "chat/completions", json=CHAT, headers={"Authorization": f"Bearer {site.gateway.key}"}
        )
        assert allowed.status_code == 200
        wrong = client.post("chat/completions", json=CHAT, headers={"Authorization": "Bearer rgk_no"})
        site.refused(wrong, "invalid_api_key")
        unknown = site.refused(client.post("chat/completions", json=CHAT), "certificate_unknown")
    assert (unknown["client_cert"], unknown["reasons"]) == (True, ["gateway.certificate_unknown"])


def test_a_listed_proxy_reports_its_caller(site: Site) -> None:
    sent = {"Client-Cert": client_cert(site.own), "Forwarded": 'for=6.6.6.6, for="192.0.2.7:4711"'}
    with site.client(address=PROXY) as client:
        answer = client.post("chat/completions", json=CHAT, headers=sent)
        assert answer.status_code == 200, answer.text
        [intent] = site.gateway.records(request_id=answer.headers["x-request-id"], kind="intent")
        assert (intent["source_ip"], intent["client_id"], intent["client_cert"]) == (
            "192.0.2.7",
            "demo",
            True,
        )
        for value, code in (
            ("garbage", "certificate_invalid"),
            (f"{client_cert(site.own)}, {client_cert(site.own)}", "certificate_invalid"),
            (client_cert(site.ca.issue("old", names=spiffe("demo"), valid_s=-1)), "certificate_expired"),
        ):
            # A key beside it does not help: the proxy is not the one that was meant.
            headers = sent | {"Client-Cert": value, "Authorization": f"Bearer {site.gateway.key}"}
            record = site.refused(client.post("chat/completions", json=CHAT, headers=headers), code)
            assert (record["source_ip"], record["reasons"]) == ("192.0.2.7", [f"gateway.{code}"])


def test_the_proxy_s_own_certificate_is_not_its_caller_s(site: Site) -> None:
    with site.client(site.own, address=PROXY) as client:
        record = site.refused(client.post("chat/completions", json=CHAT), "invalid_api_key")
    assert record["client_cert"] is False


def test_a_certificate_revoked_while_serving_ends_its_connections(site: Site) -> None:
    late = site.ca.issue("late", names=spiffe("demo"))
    with site.client(late) as client:
        assert client.post("chat/completions", json=CHAT).status_code == 200
        site.ca.revoke(site.crl, site.revoked, late)

        def ended() -> bool:
            try:
                client.post("chat/completions", json=CHAT)
            except httpx2.TransportError:
                return True
            return False

        until(ended)
    with site.client(site.own) as client:
        assert client.post("chat/completions", json=CHAT).status_code == 200


def test_no_certificate_appears_in_the_logs(site: Site) -> None:
    assert base64.b64encode(site.own.der)[:60].decode() not in site.gateway.logs
    assert "Traceback" not in site.gateway.logs
