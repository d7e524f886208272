"""The caller's address and certificate, through trusted proxies only.

The one address header that is configured is read from the right, where the nearest proxy wrote: each
address is believed as long as the hop that reported it is trusted, and the first that is no trusted proxy
is the caller. What stands left of it was written by the caller and is never looked at. Garbage ends the
chain at the last hop that was believed. Headers that are not configured have no effect, and from a peer
that is not trusted none has.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from itertools import islice
from typing import Final, Literal

from dataplane.config import ServerSettings
from dataplane.domain import Head, Source
from dataplane.identity import forwarded
from dataplane.identity.certificate import read_certificate
from dataplane.identity.field_lists import from_the_right, values_of
from dataplane.identity.forwarded_certificate import READERS, BadCertificateHeader
from dataplane.identity.forwarded_certificate import Header as CertificateHeader

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
AddressHeader = Literal["x-forwarded-for", "forwarded", "none"]


class ForwardedSource:
    """Resolves sources; `trusted_proxies` are CIDR blocks. Raises `ValueError` for one that is none.

    `address` and `certificate` name the headers that trusted proxies write. `clock_s` is Unix time.
    """

    def __init__(
        self,
        trusted_proxies: Iterable[str] = (),
        *,
        address: AddressHeader = "x-forwarded-for",
        certificate: CertificateHeader = "none",
        clock_s: Callable[[], float] = time.time,
    ) -> None:
        self._trusted = tuple(read_network(text) for text in trusted_proxies)
        self._hops = _HOPS[address]
        self._certificate_of = READERS.get(certificate)
        self._clock_s = clock_s

    def resolve(self, head: Head) -> Source:
        """The nearest address that is not a trusted proxy's, in canonical text, and the caller's certificate.

        The connection's certificate is its peer's: a caller behind a proxy has the one that the proxy
        reports, or none. One that cannot be read, or not valid at this moment, is a fault and no certificate.
        """
        tls = head.tls.version if head.tls is not None else None
        shown = head.tls.peer_certificate if head.tls is not None else None
        peer = parse_address(head.peer_ip)
        if peer is None:
            return Source(ip=UNKNOWN_PEER, tls=tls)
        if not self._is_trusted(peer):
            return self._source(_canonical(head.peer_ip), tls, shown)
        caller, depth = self._caller(peer, head)
        if self._certificate_of is not None:
            try:
                shown = self._certificate_of(head, depth)
            except BadCertificateHeader:
                return Source(ip=str(caller), tls=tls, certificate_fault="gateway.certificate_invalid")
        return self._source(str(caller), tls, shown if self._certificate_of or not depth else None)

    def _source(self, address: str, tls: str | None, der: bytes | None) -> Source:
        if der is None:
            return Source(ip=address, tls=tls)
        certificate, fault = read_certificate(der), None
        if certificate is None:
            fault = "gateway.certificate_invalid"
        elif not certificate.valid_at(self._clock_s()):
            fault = "gateway.certificate_expired"
        if fault is not None:
            return Source(ip=address, tls=tls, certificate_fault=fault)
        return Source(ip=address, tls=tls, client_cert=True, certificate=der)

    def _caller(self, peer: Address, head: Head) -> tuple[Address, int]:
        """The caller, and how many hops were looked at for it, the last one also where it was garbage."""
        believed, depth = peer, 0
        for hop in islice(self._hops(head), MAX_HOPS):
            depth += 1
            address = parse_hop(hop)
            if address is None:
                break
            believed = address
            if not self._is_trusted(address):
                break
        return believed, depth

    def _is_trusted(self, address: Address) -> bool:
        return bool(self._trusted) and any(address in network for network in self._trusted)


def forwarded_source(server: ServerSettings) -> ForwardedSource:
    """As the settings ask for it."""
    believed = server.forwarded
    return ForwardedSource(server.trusted_proxies, address=believed.address, certificate=believed.certificate)


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


@lru_cache(REMEMBERED)
def _canonical(text: str) -> str:
    """The canonical text of an address that can be read; to write it takes longer than to read it."""
    return str(_read(text))


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


def _x_forwarded_for(head: Head) -> Iterator[str]:
    """The elements of all `X-Forwarded-For` fields as one list (RFC 9110, 5.3), last first."""
    for value in reversed(values_of(head, b"x-forwarded-for")):
        for part in from_the_right(value, quotes=False):
            yield part.decode("latin-1")


def _no_hops(head: Head) -> Iterator[str]:
    return iter(())


_HOPS: Final[dict[AddressHeader, Callable[[Head], Iterator[str]]]] = {
    "x-forwarded-for": _x_forwarded_for,
    "forwarded": forwarded.hops,
    "none": _no_hops,
}


def read_network(text: str) -> Network:
    """A CIDR block or a bare address, IPv4-mapped IPv6 as IPv4. Raises `ValueError`, for host bits too."""
    network = ip_network(text)
    if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):
        address = network.network_address.packed[-4:]
        return IPv4Network((address, network.prefixlen - _MAPPED.prefixlen))
    return network
