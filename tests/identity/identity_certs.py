"""Certificates and heads for tests of who calls."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from dataplane.domain import Head, TlsFacts
from tests.server.server_certs import Authority as Authority
from tests.server.server_certs import Pair as Pair

PROXY = "10.0.0.1"
TRUSTED = ("10.0.0.0/24", "fd00::/64")


def uri(text: str) -> x509.UniformResourceIdentifier:
    return x509.UniformResourceIdentifier(text)


def usage(**more: bool) -> x509.KeyUsage:
    """For signatures, unless told otherwise."""
    none = dict.fromkeys(
        (
            "content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign",
            "crl_sign", "encipher_only", "decipher_only",
        ),
        False,
    )  # fmt: skip
    return x509.KeyUsage(**{"digital_signature": True} | none | more)


def url_encoded(pair: Pair) -> str:
    """As Envoy writes `Cert`."""
    return quote(pair.x509.public_bytes(serialization.Encoding.PEM).decode(), safe="")


def head_with(*headers: tuple[str, str], peer: str = PROXY, shown: bytes | None = None) -> Head:
    """A request from a peer, over TLS if it showed a certificate."""
    facts: Any = None if shown is None else TlsFacts(version="TLSv1.3", peer_certificate=shown)
    return Head(
        request_id="r",
        method="POST",
        path="/",
        query="",
        headers=((b"host", b"x"), *((name.encode(), value.encode("latin-1")) for name, value in headers)),
        http_version="1.1",
        peer_ip=peer,
        tls=facts,
    )
