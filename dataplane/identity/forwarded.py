"""The hops of a `Forwarded` header (RFC 7239), last first."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from dataplane.domain import Head
from dataplane.identity.field_lists import from_the_right, values_of

NO_ADDRESS: Final = "unknown"
"""For a hop that names no address: `unknown`, obfuscated, without `for`, or not well-formed."""

_TOKEN: Final = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_QUOTED: Final = rb'"(?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t \x21-\x7e\x80-\xff])*"'
_PAIR: Final = re.compile(rb"(?:(%b)=(%b|%b))?" % (_TOKEN, _TOKEN, _QUOTED))
"""RFC 7239 section 4: no white space within; between two semicolons there may be nothing."""
_ESCAPE: Final = re.compile(rb"\\(.)", re.DOTALL)
_NODE: Final = re.compile(rb"(\[[0-9A-Fa-f:.]+\]|[0-9.]+)(?::(?:([0-9]{1,5})|_[A-Za-z0-9._-]+))?")
"""Section 6: an IPv4 address or a bracketed IPv6 address, with a port or an obfuscated one."""


def hops(head: Head) -> Iterator[str]:
    """Addresses as `networks.parse_hop` takes them, or `NO_ADDRESS`, one for each element of the list."""
    for value in reversed(values_of(head, b"forwarded")):
        for element in from_the_right(value):
            yield hop_of(element)


def hop_of(element: bytes) -> str:
    """The address that one element is `for`, or `NO_ADDRESS`. A parameter that stands twice makes it none."""
    pairs = _pairs(element)
    node = None if pairs is None else _NODE.fullmatch(pairs.get(b"for", b""))
    if node is None:
        return NO_ADDRESS
    return (node[1] if node[2] is None else node[1] + b":" + node[2]).decode("ascii")


def _pairs(element: bytes) -> dict[bytes, bytes] | None:
    found: dict[bytes, bytes] = {}
    at = 0
    while True:
        match = _PAIR.match(element, at)
        assert match is not None  # it matches nothing at all, too
        if match[1] is not None:
            name, value = match[1].lower(), match[2]
            if name in found:
                return None
            found[name] = _ESCAPE.sub(rb"\1", value[1:-1]) if value[:1] == b'"' else value
        if match.end() == len(element):
            return found
        if element[match.end()] != ord(";"):
            return None
        at = match.end() + 1
