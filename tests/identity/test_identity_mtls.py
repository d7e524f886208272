"""Callers known by their certificate: which name is which client, and when none is."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st
from identity_certs import Authority, Pair, head_with, uri, usage

from dataplane.config.mtls import MtlsClient
from dataplane.domain import Identity, Source
from dataplane.errors import Refused
from dataplane.identity.chain import FirstOf
from dataplane.identity.mtls import CertificateAuthenticator
from dataplane.identity.spiffe import is_workload_id

SPIFFE = MtlsClient(by="san_uri", pattern="spiffe://corp.example/ns/{tenant}/sa/{client}")
DNS = MtlsClient(by="san_dns", pattern="{client}.corp.example")
EMAIL = MtlsClient(by="san_email", pattern="{client}@corp.example")
SUPPORT = "spiffe://corp.example/ns/acme/sa/support"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certs"), "ca")


def asked(pair: Pair | None, *clients: MtlsClient, headers: tuple[tuple[str, str], ...] = ()) -> Any:
    der = None if pair is None else pair.der
    source = Source(ip="192.0.2.1", tls="TLSv1.3", client_cert=der is not None, certificate=der)
    return asyncio.run(CertificateAuthenticator(clients).authenticate(head_with(*headers), source))


def refused(pair: Pair, *clients: MtlsClient) -> str:
    with pytest.raises(Refused) as caught:
        asked(pair, *clients)
    assert (caught.value.status, caught.value.code) == (401, "certificate_unknown")
    return caught.value.reasons[0]


def test_a_spiffe_id_names_client_and_tenant(authority: Authority) -> None:
    own = authority.issue("", names=[uri(SUPPORT)], extensions=[usage()])
    assert asked(own, SPIFFE) == Identity(
        method="mtls",
        client_id="support",
        tenant="acme",
        subject=SUPPORT,
        key_id=f"sha256:{hashlib.sha256(own.der).hexdigest()[:16]}",
        cert_bound=True,
    )


@pytest.mark.parametrize(
    "names",
    [
        [],
        [x509.DNSName("support.corp.example")],
        [uri("spiffe://other.example/ns/acme/sa/support")],
        [uri("spiffe://corp.example.evil.example/ns/acme/sa/support")],
        [uri("spiffe://corp.example@evil.example/ns/acme/sa/support")],
        [uri("spiffe://corp.example:443/ns/acme/sa/support")],
        [uri("spiffe://CORP.example/ns/acme/sa/support")],
        [uri("SPIFFE://corp.example/ns/acme/sa/support")],
        [uri("https://corp.example/ns/acme/sa/support")],
        [uri("spiffe://corp.example/ns/acme/sa/support/")],
        [uri("spiffe://corp.example/ns/acme/sa/support/more")],
        [uri("spiffe://corp.example/x/ns/acme/sa/support")],
        [uri("spiffe://corp.example/ns/acme/sa/")],
        [uri("spiffe://corp.example/ns/acme/sa/..")],
        [uri("spiffe://corp.example/ns/../sa/support")],
        [uri("spiffe://corp.example/ns//acme/sa/support")],
        [uri("spiffe://corp.example/ns/acme/sa/sup%70ort")],
        [uri("spiffe://corp.example/ns/acme/sa/support?x=1")],
        [uri("spiffe://corp.example/ns/acme/sa/support#x")],
        [uri("spiffe://corp.example/ns/acme/sa/support\n")],
        [uri("spiffe://corp.example/ns/acme/sa/support\0.evil")],
        [uri("spiffe://corp.example/ns/acme/sa/-support")],
        [uri("spiffe://corp.example/ns/acme/sa/" + "s" * 129)],
        [uri(SUPPORT), uri("spiffe://corp.example/ns/acme/sa/other")],
        [uri(SUPPORT), uri("https://corp.example/")],
        [uri(SUPPORT), uri(SUPPORT)],
    ],
    ids=str,
)
def test_other_names_are_no_spiffe_id_of_ours(names: list[x509.GeneralName], authority: Authority) -> None:
    assert refused(authority.issue("support", names=names), SPIFFE) == "gateway.certificate_unknown"


def test_a_spiffe_id_in_what_is_no_leaf_counts_for_nothing(authority: Authority, tmp_path: Path) -> None:
    for wrong in (usage(key_cert_sign=True), usage(crl_sign=True), usage(digital_signature=False)):
        refused(authority.issue("", names=[uri(SUPPORT)], extensions=[wrong]), SPIFFE)
    refused(Authority(tmp_path, "support").own, MtlsClient(by="san_uri", pattern="spiffe://a/{client}"))


@pytest.mark.parametrize("header", ["authorization", "x-api-key"])
@pytest.mark.parametrize("value", ["Bearer rgk_x", "Basic x", ""])
def test_with_another_credential_the_certificate_names_nobody(
    header: str, value: str, authority: Authority
) -> None:
    own = authority.issue("", names=[uri(SUPPORT)])
    assert asked(own, SPIFFE, headers=((header, value),)) is None


def test_without_a_certificate_it_is_somebody_else_s_caller() -> None:
    assert asked(None, SPIFFE) is None


@pytest.mark.parametrize(
    ("client", "names", "client_id"),
    [
        (MtlsClient(by="san_uri", pattern="urn:corp:{client}"), [uri("urn:corp:a.b-c_d")], "a.b-c_d"),
        (MtlsClient(by="san_uri", pattern="urn:corp:{client}"), [uri("https://x/"), uri("urn:corp:a")], "a"),
        (MtlsClient(by="san_uri", pattern="urn:corp:{client}"), [uri("urn:corp:a"), uri("urn:corp:b")], None),
        (
            DNS,
            [x509.DNSName("App.Corp.example")],
            "app",
        ),
        (
            DNS,
            [x509.DNSName("app.corp.example"), x509.DNSName("app.svc.local")],
            "app",
        ),
        (
            DNS,
            [x509.DNSName("a.corp.example"), x509.DNSName("b.corp.example")],
            None,
        ),
        (DNS, [x509.DNSName("a.b.corp.example")], None),
        (DNS, [x509.DNSName("*.corp.example")], None),
        (DNS, [x509.DNSName("a.corpXexample")], None),
        (
            EMAIL,
            [x509.RFC822Name("a@corp.example")],
            "a",
        ),
        (EMAIL, [x509.RFC822Name("a@evil")], None),
        (MtlsClient(by="subject_cn", pattern="{client}"), [], "common"),
        (MtlsClient(by="subject_cn", pattern="common", client="billing@1"), [], "billing@1"),
        (MtlsClient(by="subject_cn", pattern="commo", client="x"), [], None),
    ],
)
def test_every_kind_of_name_can_name_a_client(
    client: MtlsClient, names: list[x509.GeneralName], client_id: str | None, authority: Authority
) -> None:
    own = authority.issue("common", names=names)
    if client_id is None:
        refused(own, client)
    else:
        assert asked(own, client).client_id == client_id


def test_the_first_name_that_fits_is_taken(authority: Authority) -> None:
    own = authority.issue("billing", names=[uri(SUPPORT)])
    by_name = MtlsClient(by="subject_cn", pattern="{client}", tenant="acme")
    assert asked(own, SPIFFE, by_name).client_id == "support"
    found = asked(own, by_name, SPIFFE)
    assert (found.client_id, found.tenant, found.subject) == ("billing", "acme", "billing")


def test_two_common_names_name_nobody(authority: Authority) -> None:
    refused(authority.issue("", names=[uri("urn:x")]), MtlsClient(by="subject_cn", pattern="{client}"))


def test_bytes_that_are_no_certificate_name_nobody() -> None:
    source = Source(ip="192.0.2.1", client_cert=True, certificate=b"\x30\x03\x02\x01\x01")
    with pytest.raises(Refused):
        asyncio.run(CertificateAuthenticator([SPIFFE]).authenticate(head_with(), source))


def test_a_certificate_that_does_not_count_is_refused_beside_any_credential(authority: Authority) -> None:
    chain = FirstOf([CertificateAuthenticator([SPIFFE])])
    source = Source(ip="192.0.2.1", certificate_fault="gateway.certificate_expired")
    for headers in ((), (("authorization", "Bearer x"),)):
        with pytest.raises(Refused) as caught:
            asyncio.run(chain.authenticate(head_with(*headers), source))
        assert (caught.value.status, caught.value.code) == (401, "certificate_expired")


@given(st.from_regex(r"spiffe://[a-z0-9._-]{1,20}(/[A-Za-z0-9._-]{1,8}){1,4}", fullmatch=True))
def test_ids_in_the_grammar_are_taken_but_for_dots(text: str) -> None:
    segments = text.split("/")[3:]
    assert is_workload_id(text) is not any(one in (".", "..") for one in segments)


@given(st.text(max_size=60))
def test_no_other_text_is_an_id(text: str) -> None:
    assert not is_workload_id(text)
    tail = text.replace("/", "")
    if not all(char.isascii() and (char.isalnum() or char in "._-") for char in tail):
        assert not is_workload_id(f"spiffe://corp.example/{tail}")


def test_the_longest_id_has_2048_bytes() -> None:
    beginning = "spiffe://corp.example/"
    assert is_workload_id(beginning + "a" * (2048 - len(beginning)))
    assert not is_workload_id(beginning + "a" * (2049 - len(beginning)))
    assert not is_workload_id("spiffe://" + "a" * 256 + "/a")
    assert not is_workload_id("spiffe://corp.example")
