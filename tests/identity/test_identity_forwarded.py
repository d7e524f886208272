"""The caller's address by `Forwarded` (RFC 7239), from trusted proxies only."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from identity_certs import PROXY, TRUSTED, head_with

from dataplane.identity.field_lists import MAX_QUOTES, from_the_right
from dataplane.identity.forwarded import NO_ADDRESS, hop_of
from dataplane.identity.networks import MAX_HOPS, ForwardedSource, parse_hop


def resolved(*forwarded: str, peer: str = PROXY, trusted: tuple[str, ...] = TRUSTED) -> str:
    resolver = ForwardedSource(trusted, address="forwarded")
    headers = [("forwarded", value) for value in forwarded]
    return resolver.resolve(head_with(("x-forwarded-for", "6.6.6.6"), *headers, peer=peer)).ip


def test_a_stranger_cannot_choose_its_address() -> None:
    assert resolved("for=192.0.2.1", peer="203.0.113.7") == "203.0.113.7"
    assert resolved("for=192.0.2.1", trusted=()) == PROXY


def test_only_the_configured_header_is_believed() -> None:
    both = head_with(("x-forwarded-for", "192.0.2.1"), ("forwarded", "for=192.0.2.2"))
    for header, ip in (("x-forwarded-for", "192.0.2.1"), ("forwarded", "192.0.2.2"), ("none", PROXY)):
        assert ForwardedSource(TRUSTED, address=header).resolve(both).ip == ip  # type: ignore[arg-type]  # one of three


@pytest.mark.parametrize(
    ("forwarded", "ip"),
    [
        ((), PROXY),
        (("for=192.0.2.1",), "192.0.2.1"),
        (("For=192.0.2.1;PROTO=http;by=203.0.113.43",), "192.0.2.1"),
        (("proto=https;for=192.0.2.1",), "192.0.2.1"),
        ((";for=192.0.2.1;",), "192.0.2.1"),
        (('for="192.0.2.1:4711"',), "192.0.2.1"),
        (('for="192.0.2.1:_port"',), "192.0.2.1"),
        (('for="[2001:DB8:cafe::17]:4711"',), "2001:db8:cafe::17"),
        (('for="[2001:db8::1]"',), "2001:db8::1"),
        (('for="[::ffff:192.0.2.1]"',), "192.0.2.1"),
        ((r'for="1\92.0.2.1"',), "192.0.2.1"),
        (("for=6.6.6.6, for=192.0.2.1",), "192.0.2.1"),
        (("for=6.6.6.6", "for=192.0.2.1"), "192.0.2.1"),
        (("for=6.6.6.6, for=192.0.2.1", "for=10.0.0.9"), "192.0.2.1"),
        (("for=6.6.6.6,for=192.0.2.1 ,\tfor=10.0.0.9",), "192.0.2.1"),
        (('for=6.6.6.6, for="[fd00::5]"',), "6.6.6.6"),
        (('for=192.0.2.1;host="a, for=6.6.6.6"',), "192.0.2.1"),
        ((r'for=192.0.2.1;host="a\", for=6.6.6.6;x=\"b"',), "192.0.2.1"),
        ((r'for=192.0.2.1;host="a\\"',), "192.0.2.1"),
        # What the caller wrote before cannot reach into what the proxy wrote after.
        (('for="evil, for=192.0.2.1',), "192.0.2.1"),
        (('for=6.6.6.6;x=", for="192.0.2.1:80"',), "192.0.2.1"),
        ((r'for=6.6.6.6;x="\, for="[2001:db8::1]"',), "2001:db8::1"),
    ],
)
def test_the_right_most_address_that_is_no_trusted_proxy_is_the_caller(
    forwarded: tuple[str, ...], ip: str
) -> None:
    assert resolved(*forwarded) == ip


@pytest.mark.parametrize(
    "garbage",
    [
        "",
        "for",
        "for=",
        "for=unknown",
        'for="unknown"',
        "for=_hidden",
        'for="_hidden:_port"',
        "for=192.0.2.1:80",
        "for=[2001:db8::1]",
        'for="2001:db8::1"',
        'for="[2001:db8::1"',
        'for="192.0.2.1:65536"',
        'for="[fe80::1%eth0]"',
        "for=192.0.2.256",
        "for=192.0.2.1;for=192.0.2.2",
        "for=192.0.2.1;FOR=192.0.2.1",
        "for=192.0.2.1; proto=http",
        "for =192.0.2.1",
        "for=192.0.2.1;host=a b",
        'for=192.0.2.1;host="a',
        'for=192.0.2.1"',
        "by=192.0.2.1",
        "proto=https",
        "for=192.0.2.1\x80",
        'for="192.0.2.1\x01"',
        "192.0.2.1",
    ],
)
def test_what_names_no_address_ends_the_chain_at_the_last_hop_that_was_believed(garbage: str) -> None:
    assert hop_of(garbage.encode("latin-1")) == NO_ADDRESS or parse_hop(hop_of(garbage.encode())) is None
    assert resolved(garbage) == PROXY
    assert resolved(f"for=6.6.6.6, {garbage}, for=10.0.0.9") == "10.0.0.9"
    assert resolved(f"{garbage}, for=192.0.2.1") == "192.0.2.1"


def test_no_more_than_the_bounded_number_of_hops_is_read() -> None:
    chain = ["for=10.0.0.9"] * (MAX_HOPS - 1)
    assert resolved(", ".join(["for=192.0.2.1", *chain])) == "192.0.2.1"
    assert resolved(", ".join(["for=192.0.2.1", *chain, "for=10.0.0.8"])) == "10.0.0.9"
    assert resolved("for=192.0.2.1", *chain, "for=10.0.0.8") == "10.0.0.9"


def test_a_flood_of_quotation_marks_is_not_walked_through() -> None:
    assert resolved('"",' * 10_000 + "for=192.0.2.1") == PROXY
    assert resolved('x="",' * (MAX_QUOTES // 2) + "for=192.0.2.1") == "192.0.2.1"


ELEMENTS = st.lists(
    st.one_of(
        st.from_regex(r"[a-z]+=[a-z0-9.]+", fullmatch=True),
        st.from_regex(r'[a-z]+="([a-z,; ]|\\["\\])*"', fullmatch=True),
    ),
    min_size=1,
    max_size=6,
)


@given(ELEMENTS)
def test_well_formed_lists_are_split_as_they_were_joined(elements: list[str]) -> None:
    assert [one.decode() for one in from_the_right(", ".join(elements).encode())] == elements[::-1]


@given(st.text(alphabet='for=",;\\ 1.a', max_size=40))
@example('"')
@example('\\"')
def test_a_prefix_never_changes_what_the_proxy_added(prefix: str) -> None:
    for added in ("for=192.0.2.1", 'for="[2001:db8::1]:80";host="a, b"'):
        assert next(from_the_right(f"{prefix}, {added}".encode())).decode() == added


@given(st.binary(max_size=120))
def test_any_bytes_name_an_address_or_none(data: bytes) -> None:
    hop = hop_of(data)
    assert hop == NO_ADDRESS or len(hop) <= 120
    assert len([*from_the_right(data)]) <= 1 + data.count(b",")
    assert parse_hop(resolved(data.decode("latin-1"))) is not None
