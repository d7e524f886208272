"""Which of a caller's headers go upstream: an allow-list, since what is not judged does not pass."""

from __future__ import annotations

import re
from typing import Final

from dataplane import __version__
from dataplane.domain import Head
from dataplane.findings import Origin, Text

_PRINTABLE: Final = re.compile(r"[ -~]{1,512}")
"""OpenAI takes up to 512 ASCII characters in `X-Client-Request-Id` (API reference, "Debugging requests")."""

_CALLERS: Final = (b"x-client-request-id", b"idempotency-key")
_USER_AGENT: Final = ("user-agent", f"regogate/{__version__}")
_CONTENT_TYPE: Final = ("content-type", "application/json")
_ACCEPT: Final = {True: ("accept", "text/event-stream"), False: ("accept", "application/json")}


def upstream_headers(head: Head, *, stream: bool) -> tuple[tuple[str, str], ...]:
    """The headers of a JSON call. The caller's `x-client-request-id` and `idempotency-key` pass if
    they are printable ASCII of at most 512 characters; our request id stands in for the former."""
    request_id = _well_formed(head, b"x-client-request-id") or head.request_id
    headers = (_CONTENT_TYPE, _ACCEPT[stream], _USER_AGENT, ("x-client-request-id", request_id))
    key = _well_formed(head, b"idempotency-key")
    return headers if key is None else (*headers, ("idempotency-key", key))


def header_texts(head: Head) -> list[Text]:
    """What the caller says in headers that pass; nothing else can be written there."""
    return [
        Text(text=value.decode("latin-1"), origin=Origin.METADATA)
        for name, value in head.headers
        if name in _CALLERS and value
    ]


def _well_formed(head: Head, name: bytes) -> str | None:
    value = head.header(name)
    return value if value is not None and _PRINTABLE.fullmatch(value) else None
