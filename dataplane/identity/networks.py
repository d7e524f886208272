"""The caller's address, through trusted proxies only.

`X-Forwarded-For` is read from the right, where the nearest proxy wrote: each address is believed as
long as the hop that reported it is trusted, and the first that is no trusted proxy is the caller.
What stands left of it was written by the caller and is never looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

from dataplane.domain import Head, Source

MAX_HOPS: Final = 32
"""Addresses read of one chain; real chains have a handful, and each costs a parse."""

MAX_HOP_CHARS: Final = 64
"""`[` IPv6 (39) `%` zone (16) `]:65535` and some white space."""

UNKNOWN_PEER: Final = "0.0.0.0"  # noqa: S104 - an address to compare with, nothing binds to it
"""For a peer without an address, such as a unix socket's: in no network anyone would list."""

REMEMBERED: Final = 4096
"""Addresses read before: callers and proxies come again. About 1 MB."""

_WITH_PORT: Final = re.compile(
    r"(?:\[(?P<v6>[^\[\]]*)\]|(?P<v4>[0-9.]+))(?::(?P<port>[0-9]{1,5}))?", re.ASCII
)
_MAPPED: Final = IPv6Network("::ffff:0:0/96")

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


class ForwardedSource:
    """Resolves sources; `trusted_proxies` are CIDR blocks. Raises `ValueError` for one that is none."""

    def __init__(self, trusted_proxies: Iterable[str] = ()) -> None:
        self._trusted = tuple(read_network(text) for text in trusted_proxies)

    def resolve(self, head: Head) -> Source:
        """The nearest address that is not a trusted proxy's, in canonical text.

        Garbage in the chain ends it at the last hop that was believed. A client certificate is that
        of the connection, so it is no fact about a caller whose address a proxy reported.
        """
        tls = head.tls.version if head.tls is not None else None
        peer = parse_address(head.peer_ip)
        if peer is None:
            return Source(ip=UNKNOWN_PEER, tls=tls)
        caller = self._caller(peer, head) if self._is_trusted(peer) else peer
        certificate = head.tls.peer_certificate if head.tls is not None and caller == peer else None
        return Source(ip=str(caller), tls=tls, client_cert=certificate is not None, certificate=certificate)

    def _caller(self, peer: Address, head: Head) -> Address:
        believed = peer
        for hop in _hops_from_the_right(head):
            address = parse_hop(hop)
            if address is None:
                break
            believed = address
            if not self._is_trusted(address):
                break
        return believed

    def _is_trusted(self, address: Address) -> bool:
        return any(address in network for network in self._trusted)


def parse_address(text: str) -> Address | None:
    """A bare address, its zone dropped and IPv4-mapped IPv6 (RFC 4291, 2.5.5.2) as IPv4; or None."""
    return None if len(text) > MAX_HOP_CHARS else _read(text)


@lru_cache(REMEMBERED)
def _read(text: str) -> Address | None:
    bare, percent, zone = text.partition("%")
    if percent and (not zone or ":" not in bare):
        return None
    try:
        address = ip_address(bare)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def parse_hop(text: str) -> Address | None:
    """An address as proxies write it: bare, `IPv4:port`, `[IPv6]` or `[IPv6]:port`; or None."""
    if len(text) > MAX_HOP_CHARS:
        return None
    match = _WITH_PORT.fullmatch(text)
    if match is None:
        return parse_address(text)
    if match["port"] is not None and int(match["port"]) > 65535:
        return None
    if match["v4"] is not None:
        return parse_address(match["v4"])
    return parse_address(match["v6"]) if ":" in match["v6"] else None


def _hops_from_the_right(head: Head) -> Iterator[str]:
    """At most `MAX_HOPS` elements of all `X-Forwarded-For` fields as one list (RFC 9110, 5.3), last first."""
    left = MAX_HOPS
    for name, value in reversed(head.headers):
        if name != b"x-forwarded-for":
            continue
        # One split more than wanted: its first part is the unread rest, never taken for an address.
        parts = value.rsplit(b",", left)
        for part in reversed(parts[-left:]):
            yield part.strip(b" \t").decode("latin-1")
        left -= len(parts)
        if left <= 0:
            return


def read_network(text: str) -> Network:
    """A CIDR block or a bare address, IPv4-mapped IPv6 as IPv4. Raises `ValueError`, for host bits too."""
    network = ip_network(text)
    if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):
        address = network.network_address.packed[-4:]
        return IPv4Network((address, network.prefixlen - _MAPPED.prefixlen))
    return network
