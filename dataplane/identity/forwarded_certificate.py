"""The caller's certificate as a trusted proxy reports it: RFC 9440, or Envoy's `X-Forwarded-Client-Cert`.

Both are read strictly, since a proxy that is trusted and yet sends something else is not the one that was
meant. The proxy has verified the certificate; what it says is believed as far as time of validity.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from typing import Final, Literal
from urllib.parse import unquote_to_bytes

from dataplane.domain import Head
from dataplane.identity.field_lists import from_the_right, values_of

Header = Literal["none", "client-cert", "x-forwarded-client-cert"]

MAX_DER_BYTES: Final = 16_384
"""Of one certificate; those of clients have one or two kilobytes, and a whole head 32."""

_BYTES: Final = re.compile(rb":((?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?):")
"""RFC 8941 section 3.3.5, a byte sequence, its padding written out."""
_XFCC_PAIR: Final = re.compile(rb'([A-Za-z]+)=(?:"((?:[^"\\]|\\.)*)"|([^",;]*))(;|$)', re.DOTALL)
_ESCAPE: Final = re.compile(rb"\\(.)", re.DOTALL)
_URL_ENCODED: Final = re.compile(rb"(?:[^%]|%[0-9A-Fa-f]{2})+")
_PEM: Final = re.compile(
    rb"-----BEGIN CERTIFICATE-----\r?\n((?:[A-Za-z0-9+/]{1,76}={0,2}\r?\n)+)-----END CERTIFICATE-----\r?\n?"
)
_ONCE: Final = frozenset((b"hash", b"cert", b"chain", b"subject"))


class BadCertificateHeader(ValueError):
    """The header is repeated or not well-formed. Holds nothing of its value."""


def client_cert(head: Head, depth: int) -> bytes | None:
    """`Client-Cert` of RFC 9440: one byte sequence, in DER, whatever proxies it passed on the way.

    None where it is not sent. Raises `BadCertificateHeader`.
    """
    value = _one(head, b"client-cert")
    if value is None:
        return None
    match = _BYTES.fullmatch(value.strip(b" \t"))
    if match is None:
        raise BadCertificateHeader
    return _bounded(base64.b64decode(match[1], validate=True))


def x_forwarded_client_cert(head: Head, depth: int) -> bytes | None:
    """The last element of Envoy's header: the certificate shown to the peer itself.

    None where it is not sent, and where the call came through more proxies than the peer (`depth` over 1):
    which element would be the caller's depends on what each of them does. An element must hold `Cert`
    and, if it has `Hash` too, the two must agree. Raises `BadCertificateHeader`.
    """
    value = _one(head, b"x-forwarded-client-cert")
    if value is None or depth > 1:
        return None
    pairs = _pairs(next(from_the_right(value)))
    if b"cert" not in pairs or not _URL_ENCODED.fullmatch(pairs[b"cert"]):
        raise BadCertificateHeader
    pem = _PEM.fullmatch(unquote_to_bytes(pairs[b"cert"]))
    if pem is None:
        raise BadCertificateHeader
    try:
        der = _bounded(base64.b64decode(re.sub(rb"\r?\n", b"", pem[1]), validate=True))
    except ValueError:
        raise BadCertificateHeader from None
    if b"hash" in pairs and pairs[b"hash"].lower() != hashlib.sha256(der).hexdigest().encode():
        raise BadCertificateHeader
    return der


READERS: Final[dict[Header, Callable[[Head, int], bytes | None]]] = {
    "client-cert": client_cert,
    "x-forwarded-client-cert": x_forwarded_client_cert,
}
"""By the setting: what is read of a head whose peer is trusted, the call being `depth` hops away."""


def _one(head: Head, name: bytes) -> bytes | None:
    values = values_of(head, name)
    if len(values) > 1:
        raise BadCertificateHeader
    return values[0] if values else None


def _pairs(element: bytes) -> dict[bytes, bytes]:
    """Keys (lower case) and values of one element; `URI` and `DNS` may repeat, and are not read."""
    found: dict[bytes, bytes] = {}
    at = 0
    while True:
        match = _XFCC_PAIR.match(element, at)
        if match is None:
            raise BadCertificateHeader
        key = match[1].lower()
        if key in found and key in _ONCE:
            raise BadCertificateHeader
        found[key] = match[3] if match[2] is None else _ESCAPE.sub(rb"\1", match[2])
        at = match.end()
        if not match[4]:
            return found


def _bounded(der: bytes) -> bytes:
    if not 0 < len(der) <= MAX_DER_BYTES:
        raise BadCertificateHeader
    return der
