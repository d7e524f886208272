"""The channel server: what OPA's bundle plugin long-polls, as plain ASGI.

`GET /bundles/{channel}` with a bearer token. OPA keeps long-polling only after an answer of the media
type below (v1/download/download.go, isLongPollSupported); it then sends `Prefer: modes=...;wait=N`, and
gets its answer the moment something is published, or 304 after N seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import re
from collections.abc import Iterable
from typing import Final

from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from dataplane.bundle.store import ChannelStore, Published

MEDIA_TYPE: Final = b"application/vnd.openpolicyagent.bundles"

MAX_WAIT_S: Final = 120
"""The longest poll, whatever the client prefers; OPA is configured with 30."""

MAX_WAITERS: Final = 1_000
"""Polls held at once; more are answered without waiting, which OPA takes for ordinary polling."""

_WAIT: Final = re.compile(rb"(?:^|[;,])\s*wait=([0-9]{1,6})\s*(?=$|[;,])")
_ETAG: Final = re.compile(rb'(?:W/)?("[^"]*")')

Headers = tuple[tuple[bytes, bytes], ...]


class ChannelServer:
    """Serves the bundles of a store to whoever holds the token. Raises `ValueError` for a short token."""

    def __init__(self, store: ChannelStore, token: str) -> None:
        if len(token) < 16:
            raise ValueError("the channel server's token has fewer than 16 characters")
        self._store = store
        # compared as digests: in constant time whatever the lengths
        self._token = hashlib.sha256(token.encode()).digest()
        self._waiters = 0

    def routes(self) -> list[Route]:
        """The routes to mount on the admin listener."""
        return [Route("/bundles/{channel}", endpoint=self, methods=["GET"])]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request whose channel is the path parameter `channel`."""
        assert scope["type"] == "http"
        headers = scope["headers"]
        if scope["method"] not in ("GET", "HEAD"):
            await _answer(send, 405, ((b"allow", b"GET"),))
            return
        if not self._may(_values(headers, b"authorization")):
            await _answer(send, 401, ((b"www-authenticate", b"Bearer"),))
            return
        channel = str(scope["path_params"]["channel"])
        known = _etags(_values(headers, b"if-none-match"))
        published = await self._store.current(channel)
        if (published is None or published.etag.encode() in known) and self._waiters < MAX_WAITERS:
            wait_s = _wait_s(_values(headers, b"prefer"))
            published = await self._poll(channel, published, wait_s, receive) if wait_s else published
        if published is None:
            await _answer(send, 404)
        elif published.etag.encode() in known or b"*" in known:
            await _answer(send, 304, ((b"etag", published.etag.encode()),))
        else:
            content = published.bundle.content
            about = ((b"etag", published.etag.encode()), (b"content-type", MEDIA_TYPE))
            length = ((b"content-length", str(len(content)).encode()),)
            await _answer(send, 200, about + length, content if scope["method"] == "GET" else b"")

    def _may(self, credentials: list[bytes]) -> bool:
        if len(credentials) != 1:
            return False
        scheme, _, token = credentials[0].partition(b" ")
        digest = hashlib.sha256(token.strip()).digest()
        return hmac.compare_digest(digest, self._token) and scheme.lower() == b"bearer"

    async def _poll(
        self, channel: str, published: Published | None, wait_s: int, receive: Receive
    ) -> Published | None:
        etag = published.etag if published else None
        waiting = asyncio.ensure_future(self._store.wait(channel, etag, wait_s))
        leaving = asyncio.ensure_future(_disconnected(receive))
        self._waiters += 1
        try:
            await asyncio.wait({waiting, leaving}, return_when=asyncio.FIRST_COMPLETED)
            return waiting.result() if waiting.done() else published
        finally:
            self._waiters -= 1
            for task in (waiting, leaving):
                task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.gather(waiting, leaving, return_exceptions=True)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _answer(send: Send, status: int, headers: Headers = (), body: bytes = b"") -> None:
    if status not in (200, 304):
        headers = (*headers, (b"content-length", b"0"))
    head = [*headers, (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": status, "headers": head})
    await send({"type": "http.response.body", "body": body})


def _values(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> list[bytes]:
    return [value for key, value in headers if key.lower() == name]


def _etags(values: list[bytes]) -> set[bytes]:
    found = {match[1] for value in values for match in _ETAG.finditer(value)}
    return found | ({b"*"} if any(value.strip() == b"*" for value in values) else set())


def _wait_s(values: list[bytes]) -> int:
    waits = [int(match[1]) for value in values for match in _WAIT.finditer(value)]
    return min(max(waits, default=0), MAX_WAIT_S)
