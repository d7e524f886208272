"""What a key may be bound to: networks it is used from, and the certificate it is used with.

A network is a CIDR block, or the name of one in the policy's table `networks`. A block is judged here alone;
a name means what the active policy says now, and a name that the policy does not have admits nobody.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Final

from dataplane.domain import Source
from dataplane.errors import RegoGateError
from dataplane.identity.networks import Network, parse_address, read_network

MAX_NETWORKS: Final = 32
"""Of one key: each is compared at each of its calls."""

REMEMBERED: Final = 4096
"""Blocks read before; keys share theirs."""

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""What the policy's table takes for a network's name and no address has, `/` or `:` above all."""

_FINGERPRINT: Final = re.compile(r"[0-9a-f]{64}")

NamedNetworks = Callable[[], Mapping[str, tuple[Network, ...]] | None]
"""The active policy's networks by name; None while they are not known."""


class BadBinding(RegoGateError):
    """A network or fingerprint that a key cannot be bound to; the text says what can."""


class NetworksUnknown(RegoGateError):
    """A key is bound to a name, and what the policy says of names is not known yet."""


def read_networks(texts: Iterable[str]) -> tuple[str, ...]:
    """Blocks in canonical form, names as they are, without repetitions. Raises `BadBinding`."""
    found: dict[str, None] = {}
    for text in texts:
        found[_network(text)] = None
    if len(found) > MAX_NETWORKS:
        raise BadBinding(f"a key is bound to {MAX_NETWORKS} networks at most")
    return tuple(found)


def is_name(network: str) -> bool:
    """Whether a network that `read_networks` returned is a name, not a block."""
    return "/" not in network


def _network(text: str) -> str:
    try:
        return str(read_network(text))
    except ValueError:
        pass
    if "/" not in text and ":" not in text and not _looks_like_address(text) and NAME.fullmatch(text):
        return text
    raise BadBinding(
        f"{text!r:.60} is neither a block such as 10.0.0.0/8 or 2001:db8::/32 (no bits behind the prefix) "
        "nor the name of a network"
    )


def _looks_like_address(text: str) -> bool:
    # 10.1.2.300 is a slip of the pen, not a name.
    return re.fullmatch(r"[0-9.]+", text) is not None


def read_fingerprint(text: str) -> str:
    """The SHA-256 of a certificate (its DER form), as `openssl x509 -fingerprint -sha256` prints it or in
    plain hexadecimal. Raises `BadBinding`."""
    plain = text.strip().lower()
    for prefix in ("sha256 fingerprint=", "sha-256:", "sha256:", "sha256="):
        plain = plain.removeprefix(prefix)
    plain = plain.replace(":", "")
    if _FINGERPRINT.fullmatch(plain) is None:
        raise BadBinding(
            "a certificate is named by its SHA-256 fingerprint, 64 hexadecimal digits with or without "
            "colons: openssl x509 -in FILE -noout -fingerprint -sha256"
        )
    return plain


def certificate_fits(fingerprint: str, source: Source) -> bool:
    """Whether the caller showed the certificate with this SHA-256. Compared in constant time."""
    if source.certificate is None:
        return False
    shown = hashlib.sha256(source.certificate).digest()
    return hmac.compare_digest(shown, bytes.fromhex(fingerprint))


def network_fits(networks: Iterable[str], source: Source, named: NamedNetworks) -> bool:
    """Whether the caller's address is in one of the networks. Raises `NetworksUnknown` where only a name
    could say so and names are not known."""
    address = parse_address(source.ip)
    if address is None:
        return False
    names = []
    for one in networks:
        if is_name(one):
            names.append(one)
        elif address in _read(one):
            return True
    if not names:
        return False
    table = named()
    if table is None:
        raise NetworksUnknown("the policy's networks are not known yet")
    return any(address in block for name in names for block in table.get(name, ()))


@lru_cache(REMEMBERED)
def _read(text: str) -> Network:
    return read_network(text)
