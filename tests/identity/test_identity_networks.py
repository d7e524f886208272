"""Whose address is believed."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from identity_certs import Authority

from dataplane.domain import Head, TlsFacts
from dataplane.identity.networks import MAX_HOPS, UNKNOWN_PEER, ForwardedSource, parse_hop
from dataplane.ports import SourceResolver

PROXY = "10.0.0.1"
TRUSTED = ("10.0.0.0/24", "fd00::/64")


def head(peer: str, *forwarded: str, tls: TlsFacts | None = None) -> Head:
    headers = tuple((b"x-forwarded-for", value.encode("latin-1")) for value in forwarded)
    return Head(
        request_id="r",
        method="POST",
        path="/",
        query="",
        headers=((b"host", b"x"), *headers, (b"x-real-ip", b"6.6.6.6"), (b"forwarded", b"for=6.6.6.6")),
        http_version="1.1",
        peer_ip=peer,
        tls=tls,
    )


def resolved(peer: str, *forwarded: str, trusted: tuple[str, ...] = TRUSTED) -> str:
    resolver: SourceResolver = ForwardedSource(trusted)
    return resolver.resolve(head(peer, *forwarded)).ip


def test_a_stranger_cannot_choose_its_address() -> None:
    assert resolved("203.0.113.7", "192.0.2.1") == "203.0.113.7"
    assert resolved(PROXY, "192.0.2.1", trusted=()) == PROXY


@pytest.mark.parametrize(
    ("forwarded", "ip"),
    [
        ((), PROXY),
        (("192.0.2.1",), "192.0.2.1"),
        (("6.6.6.6, 192.0.2.1",), "192.0.2.1"),
        (("6.6.6.6", "192.0.2.1"), "192.0.2.1"),
        (("6.6.6.6, 192.0.2.1", "10.0.0.9"), "192.0.2.1"),
        (("6.6.6.6,192.0.2.1,10.0.0.9 ,\t10.0.0.8",), "192.0.2.1"),
        (("10.0.0.7, 10.0.0.8",), "10.0.0.7"),
        (("192.0.2.1:4711",), "192.0.2.1"),
        (("[2001:DB8::0:1]:443",), "2001:db8::1"),
        (("[2001:db8::1]",), "2001:db8::1"),
        (("2001:0db8:0000::0001",), "2001:db8::1"),
        (("::ffff:192.0.2.1",), "192.0.2.1"),
        (("[::ffff:c000:201]:1",), "192.0.2.1"),
        (("6.6.6.6, ::ffff:10.0.0.9",), "6.6.6.6"),
        (("6.6.6.6, fd00::5",), "6.6.6.6"),
        (("fe80::1%eth0",), "fe80::1"),
        (("[fe80::1%1]:80",), "fe80::1"),
    ],
)
def test_the_right_most_address_that_is_no_trusted_proxy_is_the_caller(
    forwarded: tuple[str, ...], ip: str
) -> None:
    assert resolved(PROXY, *forwarded) == ip


@pytest.mark.parametrize(
    "garbage",
    [
        "",
        "unknown",
        "_hidden",
        "localhost",
        "192.0.2.1.5",
        "192.0.2",
        "192.0.2.256",
        "192.0.2.01",
        "0xC0000201",
        "3221225985",
        "192.0.2.1:",
        "192.0.2.1:65536",
        "192.0.2.1:-1",
        "192.0.2.1:8x",
        "192.0.2.1%eth0",
        "192.0.2.1/32",
        "192.0.2.1 6.6.6.6",
        "[192.0.2.1]:80",
        "[2001:db8::1",
        "2001:db8::1]",
        "[[2001:db8::1]]",
        "[]",
        "2001:db8::1%",
        "2001:db8:::1",
        '"192.0.2.1"',
        "192.0.2.1\0",
        "192.0.2.\xb9",
        "fe80::1%" + "z" * 100,
        "1" * 5000,
    ],
)
def test_garbage_ends_the_chain_at_the_last_hop_that_was_believed(garbage: str) -> None:
    assert parse_hop(garbage) is None
    assert resolved(PROXY, garbage) == PROXY
    assert resolved(PROXY, f"6.6.6.6, {garbage}, 10.0.0.9") == "10.0.0.9"
    assert resolved(PROXY, f"{garbage}, 192.0.2.1") == "192.0.2.1"


def test_no_more_than_the_bounded_number_of_hops_is_read() -> None:
    chain = ["10.0.0.9"] * (MAX_HOPS - 1)
    assert resolved(PROXY, ", ".join(["192.0.2.1", *chain])) == "192.0.2.1"
    assert resolved(PROXY, ", ".join(["192.0.2.1", *chain, "10.0.0.8"])) == "10.0.0.9"
    assert resolved(PROXY, "192.0.2.1", *chain) == "192.0.2.1"
    assert resolved(PROXY, "192.0.2.1", *chain, "10.0.0.8") == "10.0.0.9"
    assert resolved(PROXY, "6.6.6.6, " * 10_000 + "192.0.2.1") == "192.0.2.1"


def test_an_address_cut_by_the_bound_is_never_taken_for_another() -> None:
    chain = ",".join(["10.0.0.9"] * MAX_HOPS)
    assert resolved(PROXY, "1" + chain) == "110.0.0.9"
    assert resolved(PROXY, "6.6.6.6,1" + chain) == "110.0.0.9"


def test_the_peer_itself_is_written_canonically() -> None:
    assert resolved("::ffff:203.0.113.7") == "203.0.113.7"
    assert resolved("2001:DB8:0::1") == "2001:db8::1"
    assert resolved("fe80::1%eth0") == "fe80::1"
    assert resolved("::ffff:10.0.0.1", "192.0.2.1") == "192.0.2.1"


@pytest.mark.parametrize("peer", ["", "unix", "/run/x.sock"])
def test_a_peer_without_an_address_is_in_no_network_and_trusted_by_nobody(peer: str) -> None:
    assert resolved(peer, "192.0.2.1") == UNKNOWN_PEER


def test_a_trusted_network_may_be_written_as_mapped_addresses() -> None:
    assert resolved(PROXY, "192.0.2.1", trusted=("::ffff:10.0.0.0/120",)) == "192.0.2.1"


def test_a_network_that_is_none_is_refused_at_the_start() -> None:
    with pytest.raises(ValueError, match="does not appear"):
        ForwardedSource(["corp"])


def test_facts_of_the_connection_are_those_of_the_caller_only_where_it_is_the_peer(tmp_path: Path) -> None:
    own = Authority(tmp_path, "ca").issue("own").der
    tls = TlsFacts(version="TLSv1.3", peer_certificate=own)
    resolver = ForwardedSource(TRUSTED)
    direct = resolver.resolve(head("203.0.113.7", tls=tls))
    assert (direct.tls, direct.client_cert, direct.certificate) == ("TLSv1.3", True, own)
    assert repr(own) not in repr(direct)
    proxied = resolver.resolve(head(PROXY, "192.0.2.1", tls=tls))
    assert (proxied.ip, proxied.tls, proxied.client_cert) == ("192.0.2.1", "TLSv1.3", False)
    assert proxied.certificate is None
    plain = resolver.resolve(head(PROXY))
    assert (plain.tls, plain.client_cert) == (None, False)


@given(st.binary(max_size=80), st.lists(st.binary(max_size=80), max_size=5))
def test_it_never_raises_and_always_names_an_address(peer: bytes, forwarded: list[bytes]) -> None:
    values = [value.decode("latin-1") for value in forwarded]
    for first in (peer.decode("latin-1"), PROXY):
        assert parse_hop(resolved(first, *values)) is not None
