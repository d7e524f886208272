"""Getting a body off the wire: one JSON body, or the proof that there is none.

Whatever of a request is not part of what policy judges (a query, a body on a GET) is refused rather
than ignored.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Final

from dataplane.domain import Head
from dataplane.errors import Refused

_JSON_TYPE: Final = re.compile(
    r'application/json[ \t]*(;[ \t]*charset[ \t]*=[ \t]*("utf-8"|utf-8)[ \t]*)?', re.IGNORECASE
)


async def read_json_body(head: Head, body: AsyncIterator[bytes]) -> bytes:
    """The bytes of a JSON body, as sent.

    Raises `Refused` with `gateway.content_type` unless exactly one Content-Type says application/json
    (in UTF-8), with `gateway.invalid_field` (param `query`) where the path has a query, and whatever
    `body` raises.
    """
    refuse_query(head)
    types = [value for name, value in head.headers if name == b"content-type"]
    if not types:
        raise Refused("gateway.content_type", "Content-Type is missing; send application/json.")
    if types != [b"application/json"] and (
        len(types) != 1 or not _JSON_TYPE.fullmatch(types[0].decode("latin-1").strip(" \t"))
    ):
        raise Refused("gateway.content_type", "Content-Type must be application/json, in UTF-8.")
    pieces = [piece async for piece in body]
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


async def read_nothing(head: Head, body: AsyncIterator[bytes]) -> None:
    """Prove that a request has neither query nor body; raises `Refused` where it has."""
    refuse_query(head)
    async for piece in body:
        if piece:
            raise Refused("gateway.invalid_field", "This operation takes no body; send none.", param="body")


def refuse_query(head: Head) -> None:
    """Raise `Refused` where the path has a query: it would go unjudged."""
    if head.query:
        raise Refused(
            "gateway.invalid_field", "query: this operation takes no query parameters.", param="query"
        )
