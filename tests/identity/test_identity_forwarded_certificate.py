"""The caller's certificate as trusted proxies report it, and that nobody else can."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from identity_certs import PROXY, TRUSTED, Authority, Pair, head_with, uri, url_encoded

from dataplane.domain import Head, Source
from dataplane.errors import GROUNDS
from dataplane.identity.forwarded_certificate import (
    MAX_DER_BYTES,
    BadCertificateHeader,
    client_cert,
    x_forwarded_client_cert,
)
from dataplane.identity.networks import ForwardedSource

RFC9440 = "client-cert"
XFCC = "x-forwarded-client-cert"
INVALID = "gateway.certificate_invalid"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certs"), "ca")


@pytest.fixture(scope="module")
def own(authority: Authority) -> Pair:
    return authority.issue("own", names=[uri("spiffe://corp.example/sa/own")])


def binary(der: bytes) -> str:
    return f":{base64.b64encode(der).decode()}:"


def source(head: Head, header: str, *, clock_s: Callable[[], float] = time.time) -> Source:
    return ForwardedSource(TRUSTED, certificate=header, clock_s=clock_s).resolve(head)  # type: ignore[arg-type]  # one of three


def values(own: Pair) -> dict[str, str]:
    return {RFC9440: binary(own.der), XFCC: f'Cert="{url_encoded(own)}"'}


@pytest.mark.parametrize("header", [RFC9440, XFCC])
def test_a_trusted_proxy_s_word_counts_and_nobody_else_s(header: str, own: Pair) -> None:
    sent = (header, values(own)[header])
    through = source(head_with(sent, ("x-forwarded-for", "192.0.2.1")), header)
    assert (through.ip, through.client_cert, through.certificate) == ("192.0.2.1", True, own.der)
    assert repr(own.der) not in repr(through)
    spoofed = source(head_with(sent, ("x-forwarded-for", "192.0.2.1"), peer="203.0.113.7"), header)
    assert spoofed == Source(ip="203.0.113.7")
    assert source(head_with(sent), "none") == Source(ip=PROXY)
    other = RFC9440 if header == XFCC else XFCC
    assert source(head_with(sent), other) == Source(ip=PROXY)


@pytest.mark.parametrize("header", [RFC9440, XFCC])
def test_the_proxy_s_own_certificate_is_never_its_caller_s(header: str, own: Pair) -> None:
    for headers in ((), (("x-forwarded-for", "192.0.2.1"),)):
        assert source(head_with(*headers, shown=own.der), header).certificate is None
    asked_nothing = ForwardedSource(TRUSTED)
    for garbage in ("192.0.2.1", "garbage", ""):
        head = head_with(("x-forwarded-for", garbage), shown=own.der)
        assert asked_nothing.resolve(head).certificate is None
    assert asked_nothing.resolve(head_with(shown=own.der)).certificate == own.der


@pytest.mark.parametrize("header", [RFC9440, XFCC])
def test_a_certificate_outside_its_time_is_a_fault(header: str, authority: Authority, own: Pair) -> None:
    late = authority.issue("late", valid_s=-1)
    assert source(head_with((header, values(late)[header])), header).certificate_fault == (
        "gateway.certificate_expired"
    )
    early = source(head_with((header, values(own)[header])), header, clock_s=lambda: time.time() - 86_400)
    assert (early.certificate, early.client_cert) == (None, False)
    assert early.certificate_fault in GROUNDS


def test_a_connection_outlives_no_certificate(own: Pair) -> None:
    now = time.time()
    resolver = ForwardedSource(clock_s=lambda: now)
    head = head_with(peer="203.0.113.7", shown=own.der)
    assert resolver.resolve(head).certificate == own.der
    now += 7200
    assert resolver.resolve(head) == Source(
        ip="203.0.113.7", tls="TLSv1.3", certificate_fault="gateway.certificate_expired"
    )


BROKEN_RFC9440: list[Callable[[str], str]] = [
    lambda good: "",
    lambda good: "::",
    lambda good: good[1:],
    lambda good: good[:-1],
    lambda good: good.strip(":"),
    lambda good: f"{good}, {good}",
    lambda good: f"{good};a=1",
    lambda good: f'"{good}"',
    lambda good: good[:20] + " " + good[20:],
    lambda good: good[:-9] + ":",
    lambda good: good[:-5] + "-_A:",
    lambda good: binary(b"not a certificate"),
    lambda good: binary(base64.b64decode(good[1:-1]) + b"\0"),
    lambda good: binary(b"\x30" * (MAX_DER_BYTES + 1)),
]
BROKEN_XFCC: list[Callable[[str], str]] = [
    lambda good: "",
    lambda good: good[:-1],
    lambda good: f"{good};",
    lambda good: f"{good};{good}",
    lambda good: f"{good};Hash={'0' * 64}",
    lambda good: f"Hash={'0' * 64};Hash={'0' * 64};{good}",
    lambda good: "By=spiffe://corp.example/proxy",
    lambda good: f"Hash={'0' * 64}",
    lambda good: 'Cert=""',
    lambda good: good.replace("%0A", "%0a%zz", 1),
    lambda good: good.replace("%0A", "", 1),
    lambda good: good.replace("CERTIFICATE", "PRIVATE", 1),
    lambda good: f"{good[:-1]}{good[6:]}",
    lambda good: 'Cert="-----BEGIN%20CERTIFICATE-----%0AAAAA%0A-----END%20CERTIFICATE-----"',
    lambda good: good + "x",
    lambda good: good + ",",
]


@pytest.mark.parametrize(
    ("header", "spoil"),
    [*((RFC9440, one) for one in BROKEN_RFC9440), *((XFCC, one) for one in BROKEN_XFCC)],
)
def test_what_a_trusted_proxy_sends_malformed_is_a_fault(
    header: str, spoil: Callable[[str], str], own: Pair
) -> None:
    found = source(head_with((header, spoil(values(own)[header])), ("x-forwarded-for", "192.0.2.1")), header)
    assert found == Source(ip="192.0.2.1", certificate_fault=INVALID)


@pytest.mark.parametrize("header", [RFC9440, XFCC])
def test_a_header_sent_twice_is_a_fault(header: str, own: Pair) -> None:
    sent = (header, values(own)[header])
    assert source(head_with(sent, sent), header).certificate_fault == INVALID


def test_envoy_s_own_form_is_read(own: Pair) -> None:
    digest = hashlib.sha256(own.der).hexdigest()
    element = (
        f'By=spiffe://corp.example/edge;Hash={digest};Cert="{url_encoded(own)}";Chain="{url_encoded(own)}";'
        r'Subject="CN=a\"b,O=c;d";URI=spiffe://corp.example/sa/own;DNS=a.example;DNS=b.example'
    )
    assert x_forwarded_client_cert(head_with((XFCC, element)), 1) == own.der
    lower = element.replace("Cert=", "cert=").replace("Hash=", "HASH=")
    assert x_forwarded_client_cert(head_with((XFCC, lower)), 0) == own.der


def test_of_several_elements_the_peer_s_own_counts(authority: Authority, own: Pair) -> None:
    other = authority.issue("other")
    good = values(own)[XFCC]
    for before in (values(other)[XFCC], 'Subject="', 'Cert="', "garbage", "", '\\"'):
        assert x_forwarded_client_cert(head_with((XFCC, f"{before},{good}")), 1) == own.der


def test_behind_a_second_proxy_the_peer_s_element_is_not_the_caller_s(own: Pair) -> None:
    sent = (XFCC, values(own)[XFCC])
    for chain in ("192.0.2.1, 10.0.0.9", "garbage, 10.0.0.9"):
        found = source(head_with(sent, ("x-forwarded-for", chain)), XFCC)
        assert (found.certificate, found.certificate_fault) == (None, None)
    direct = source(head_with(sent, ("x-forwarded-for", "6.6.6.6, 192.0.2.1")), XFCC)
    assert direct.certificate == own.der
    # RFC 9440 has one value, set by the proxy that the caller met.
    sent = (RFC9440, values(own)[RFC9440])
    found = source(head_with(sent, ("x-forwarded-for", "192.0.2.1, 10.0.0.9")), RFC9440)
    assert (found.ip, found.certificate) == ("192.0.2.1", own.der)


@given(st.text(st.characters(max_codepoint=255), max_size=200))
def test_any_value_is_read_or_refused(text: str) -> None:
    for header, read in ((RFC9440, client_cert), (XFCC, x_forwarded_client_cert)):
        with suppress(BadCertificateHeader):
            assert len(read(head_with((header, text)), 1) or b"") <= MAX_DER_BYTES
        assert source(head_with((header, text)), header).certificate is None


@given(st.binary(max_size=200))
def test_what_is_no_certificate_is_none(data: bytes) -> None:
    assert source(head_with((RFC9440, binary(data))), RFC9440).certificate_fault == INVALID


def test_certificates_may_be_as_large_as_the_bound(tmp_path: Path) -> None:
    large = Authority(tmp_path, "ca").issue("big", names=[uri("spiffe://corp.example/" + "a" * 4000)])
    assert source(head_with((RFC9440, binary(large.der))), RFC9440).certificate == large.der
