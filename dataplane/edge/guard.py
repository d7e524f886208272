"""1. Guard: what is judged of a head before anyone asks who sent it.

HTTP/1.1 framing was judged in front of the parser (the `server` room); this is what HTTP/2 and the
application add. Decisions use the raw path, never a URL rebuilt from headers.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final

from dataplane.domain import Head, TlsFacts
from dataplane.errors import Refused

MAX_FIELDS: Final = 100
MAX_HEAD_BYTES: Final = 32_768
"""The same bounds as the framing filter's, for HTTP/2."""
REMEMBERED: Final = 1024
REMEMBERED_MAX: Final = 256
"""Paths and hosts judged before, of at most so many characters: calls mostly have the same few. 0.5 MB."""
_ONCE: Final = frozenset(
    (b"authorization", b"content-length", b"content-type", b"content-encoding", b"host", b"x-api-key")
)
_HOST: Final = re.compile(
    rb"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252}[A-Za-z0-9])?\.?|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?"
)
_PATH: Final = re.compile(r"(?:/[A-Za-z0-9\-._~!$&'()*+,;=:@%]+)+/?|/")
_BAD_ESCAPE: Final = re.compile(
    r"%(?![0-9A-Fa-f]{2})|%(?:2[eEfF]|5[cC]|[01][0-9A-Fa-f]|7[fF]|[89A-Fa-f][0-9A-Fa-f])"
)
"""A broken escape, or an encoded dot, slash, backslash, control or non-ASCII byte."""
_DOT_SEGMENT: Final = re.compile(r"/\.{1,2}(?:/|$)")
_IN_VALUES: Final = bytes([0x09, *range(0x20, 0x7F), *range(0x80, 0x100)])


def read_head(scope: dict[str, Any], request_id: str) -> Head:
    """The head of an ASGI scope as it came; judges nothing, never raises.

    Where the server could not read the request line, method and path are empty: what stands in the
    scope is the server's own.
    """
    tls = scope["extensions"].get("tls")
    legible = scope["extensions"]["edge"]["legible"]
    client = scope.get("client")
    return Head(
        request_id=request_id,
        method=scope["method"] if legible else "",
        path=scope["raw_path"].decode("latin-1") if legible else "",
        query=scope["query_string"].decode("latin-1"),
        headers=tuple(scope["headers"]),
        http_version=scope["http_version"],
        peer_ip=client[0] if client else "",
        tls=None
        if tls is None
        else TlsFacts(version=tls["tls_version"], peer_certificate=tls["client_cert"]),
    )


def judge(head: Head) -> Refused | None:
    """What is wrong with a head, or None. The first fault found is the one named."""
    seen: set[bytes] = set()
    size = 0
    hosts = 0
    for name, value in head.headers:
        size += len(name) + len(value) + 4
        if name in _ONCE:
            if name in seen:
                return Refused("gateway.bad_header", f"Header {name.decode()} stands twice; send it once.")
            seen.add(name)
        if name == b"host":
            hosts += 1
            if not (_is_host(value) if len(value) <= REMEMBERED_MAX else _judge_host(value)):
                return Refused("gateway.bad_host")
        elif name == b"content-encoding" and value.strip().lower() != b"identity":
            return Refused("gateway.content_encoding")
    if b"".join([value for _, value in head.headers]).translate(None, _IN_VALUES):
        return Refused("gateway.bad_header", "A header value holds a control byte.")
    if len(head.headers) > MAX_FIELDS or size > MAX_HEAD_BYTES:
        return Refused("gateway.headers_too_large")
    if hosts != 1:
        return Refused("gateway.bad_host")
    if not (_is_path(head.path) if len(head.path) <= REMEMBERED_MAX else _judge_path(head.path)):
        return Refused("gateway.bad_path")
    return None


def _judge_path(path: str) -> bool:
    return bool(_PATH.fullmatch(path) and not _BAD_ESCAPE.search(path) and not _DOT_SEGMENT.search(path))


def _judge_host(value: bytes) -> bool:
    return bool(_HOST.fullmatch(value))


_is_path = lru_cache(REMEMBERED)(_judge_path)
_is_host = lru_cache(REMEMBERED)(_judge_host)
