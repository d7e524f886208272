"""Settings of client certificates: patterns that would let the wrong one in are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dataplane.config import build
from dataplane.errors import ConfigError

HERE = Path("/nowhere")
TLS = {"cert": "a", "key": "b", "client_ca": "c", "client_auth": "required"}


def problems(raw: Any) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        build(raw, HERE)
    return caught.value.problems


def of(**client: str) -> dict[str, Any]:
    return {"server": {"tls": TLS}, "identity": {"mtls": {"clients": [client]}}}


@pytest.mark.parametrize(
    "client",
    [
        {"by": "san_uri", "pattern": "spiffe://corp.example/ns/{tenant}/sa/{client}"},
        {"by": "san_uri", "pattern": "spiffe://corp.example/billing", "client": "billing", "tenant": "acme"},
        {"by": "san_uri", "pattern": "urn:corp:{client}"},
        {"by": "san_dns", "pattern": "{client}.{tenant}.corp.example"},
        {"by": "san_email", "pattern": "{client}@corp.example"},
        {"by": "subject_cn", "pattern": "{client}"},
    ],
)
def test_patterns_that_can_be_used(client: dict[str, str]) -> None:
    mtls = build(of(**client), HERE).identity.mtls
    assert mtls is not None
    assert mtls.clients[0].pattern == client["pattern"]


@pytest.mark.parametrize(
    ("client", "told"),
    [
        ({"by": "san_uri", "pattern": "spiffe://corp.example/x"}, "give the client either"),
        (
            {"by": "san_uri", "pattern": "spiffe://corp.example/{client}", "client": "x"},
            "give the client eith",
        ),
        ({"by": "san_uri", "pattern": "spiffe://{tenant}/{client}"}, "spiffe://TRUST-DOMAIN/"),
        ({"by": "san_uri", "pattern": "spiffe://corp{client}"}, "spiffe://TRUST-DOMAIN/"),
        ({"by": "san_uri", "pattern": "spiffe://Corp.example/{client}"}, "spiffe://TRUST-DOMAIN/"),
        ({"by": "san_uri", "pattern": "SPIFFE://corp.example/{client}"}, "spiffe://TRUST-DOMAIN/"),
        ({"by": "san_uri", "pattern": "spiffe://corp.example/{tenant}-{client}"}, "kept apart"),
        ({"by": "san_uri", "pattern": "x:{tenant}{client}"}, "kept apart"),
        ({"by": "san_uri", "pattern": "x:{client}/{client}"}, "may stand once"),
        ({"by": "san_uri", "pattern": "x:{clients}"}, "only {client} and {tenant}"),
        ({"by": "san_uri", "pattern": "x:{client}}"}, "only {client} and {tenant}"),
        ({"by": "san_uri", "pattern": "x:\u00e9{client}"}, "printable ASCII"),
        ({"by": "san_dns", "pattern": "{client}.Corp.example"}, "lower case"),
        ({"by": "san_dns", "pattern": "{client}.x", "tenant": "a b"}, "tenant"),
        ({"by": "san_uri", "pattern": "x:{client}/{tenant}", "tenant": "a"}, "give the tenant either"),
        ({"by": "serial", "pattern": "{client}"}, "must be 'san_uri'"),
        ({"by": "san_uri", "pattern": ""}, "pattern"),
        ({"by": "san_uri", "pattern": "x", "client": "../x"}, "client"),
    ],
)
def test_patterns_that_cannot(client: dict[str, str], told: str) -> None:
    [problem] = problems(of(**client))
    assert problem.startswith("identity.mtls.clients.0")
    assert told in problem


def test_settings_that_would_do_nothing_are_refused() -> None:
    clients = {"clients": [{"by": "subject_cn", "pattern": "{client}"}]}
    assert "identity.mtls needs certificates" in problems({"identity": {"mtls": clients}})[0]
    assert "clients" in problems({"server": {"tls": TLS}, "identity": {"mtls": {"clients": []}}})[0]
    believed = {"forwarded": {"certificate": "client-cert"}}
    assert "believed from trusted_proxies only" in problems({"server": believed})[0]
    through = {"server": believed | {"trusted_proxies": ["10.0.0.0/28"]}, "identity": {"mtls": clients}}
    assert build(through, HERE).server.asks_certificates
    tls = {"cert": "a", "key": "b", "client_crl": "c"}
    assert "client_crl belongs to client_ca" in problems({"server": {"tls": tls}})[0]


def test_which_headers_are_believed_is_one_of_a_few() -> None:
    forwarded = build({}, HERE).server.forwarded
    assert (forwarded.address, forwarded.certificate) == ("x-forwarded-for", "none")
    told = problems({"server": {"forwarded": {"address": "x-real-ip"}}})
    assert told == ["server.forwarded.address: must be 'x-forwarded-for', 'forwarded' or 'none'"]
