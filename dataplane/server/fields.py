"""Rules for one request head that hold for HTTP/1 and HTTP/2 alike."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from dataplane.server.doubts import Doubt

MAX_HEAD_BYTES: Final = 32 * 1024
"""Request line and headers together; common servers allow 8 to 64 KiB."""

MAX_FIELDS: Final = 100
"""Header lines of one request; more has no use in an API call."""

ONCE_ONLY: Final = frozenset(
    {
        b"host",
        b"authorization",
        b"x-api-key",
        b"api-key",
        b"content-length",
        b"transfer-encoding",
        b"content-type",
        b"content-encoding",
        b"expect",
    }
)
"""Fields of which two readers may pick different ones: framing, credentials, and what the body is."""

METHOD: Final = rb"[A-Z-]{1,20}"
TARGET: Final = rb"/[!-~]*"
_PSEUDO = frozenset({b":method", b":scheme", b":authority", b":path"})
_HOP_BY_HOP = frozenset({b"connection", b"proxy-connection", b"keep-alive", b"upgrade", b"http2-settings"})
_METHOD = re.compile(METHOD)
_TARGET = re.compile(TARGET)
_TOKEN = re.compile(
    rb"[!#$%&'*+.^_`|~0-9a-z-]+"
)  # RFC 9110 section 5.6.2, lower case by RFC 9113 section 8.2
_VALUE = re.compile(rb"[\t -~\x80-\xff]*")  # RFC 9110 section 5.5 without any other control character
_LENGTH = re.compile(rb"[0-9]{1,15}")  # 15 digits stay exact in every JSON number and in int64

Fields = Sequence[tuple[bytes, bytes]]


def check_once(names: Iterable[bytes]) -> None:
    """Raises `Doubt` duplicate_header where a field of `ONCE_ONLY` (names in lower case) is repeated."""
    seen: set[bytes] = set()
    for name in names:
        if name in ONCE_ONLY:
            if name in seen:
                raise Doubt.of("duplicate_header")
            seen.add(name)


def body_length(value: bytes, max_body_bytes: int) -> int:
    """The value of a Content-Length field, in bytes. Raises `Doubt` where malformed or over the limit."""
    if not _LENGTH.fullmatch(value):
        raise Doubt.of("bad_content_length")
    if (length := int(value)) > max_body_bytes:
        raise Doubt.of("body_too_large")
    return length


def legible(method: bytes, target: bytes) -> bool:
    """Whether method and target can be shown to the application as they are."""
    return bool(method != b"CONNECT" and _METHOD.fullmatch(method) and _TARGET.fullmatch(target))


def judge_http2(headers: Fields, max_body_bytes: int) -> None:
    """Raise `Doubt` where the head of an HTTP/2 request is malformed, or would be a doubt on HTTP/1.

    `headers` are as decoded, nothing checked: this holds the rules of RFC 9113 sections 8.2 and 8.3. A
    request without :authority and Host, or with two that differ, is refused, because Hypercorn would pick
    one in silence.
    """
    pseudo = {name: value for name, value in headers if name.startswith(b":")}
    plain = headers[len(pseudo) :]
    if sum(len(name) + len(value) + 4 for name, value in headers) > MAX_HEAD_BYTES:
        raise Doubt.of("head_too_large")
    if len(plain) > MAX_FIELDS:
        raise Doubt.of("too_many_headers")
    if pseudo.get(b":method") == b"CONNECT":
        raise Doubt.of("unsupported_method")
    if not legible(pseudo.get(b":method", b""), pseudo.get(b":path", b"")):
        raise Doubt.of("bad_request_line")
    if pseudo.keys() - _PSEUDO or b":scheme" not in pseudo:
        raise Doubt.of("bad_header")
    # A pseudo-header repeated, or behind a plain one, is left over among these, and no token.
    if not all(_TOKEN.fullmatch(name) and _VALUE.fullmatch(value) for name, value in plain):
        raise Doubt.of("bad_header")
    only = dict(plain)
    if b"transfer-encoding" in only:
        raise Doubt.of("bad_transfer_encoding")
    if only.keys() & _HOP_BY_HOP or only.get(b"te", b"trailers").lower() != b"trailers":
        raise Doubt.of("bad_header")
    check_once(name for name, _ in plain)
    hosts = {value for value in (pseudo.get(b":authority"), only.get(b"host")) if value is not None}
    if len(hosts) != 1:
        raise Doubt.of("host_mismatch" if hosts else "missing_host")
    if (length := only.get(b"content-length")) is not None:
        body_length(length, max_body_bytes)
