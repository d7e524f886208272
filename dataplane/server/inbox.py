"""What a caller has sent and the application has not yet read."""

from __future__ import annotations

import asyncio
from typing import Any, Final

HIGH_WATER: Final = 256 * 1024
"""Bytes unread at which the writer waits: more than one HTTP/2 window (64 KiB) and one socket read."""


class Inbox:
    """The queue behind ASGI `receive`: body bytes, their end, and the caller's leaving.

    Unlike Hypercorn's queue it joins pieces (many tiny ones cost no more than their bytes), it never
    blocks on the last message (there, an application that answers without reading a large body waits for
    itself), and `http.disconnect` is answered again each time it is asked for.
    """

    def __init__(self) -> None:
        self._body = bytearray()
        self._complete = False
        self._told_complete = False
        self._disconnected = False
        self._changed = asyncio.Event()
        self._room = asyncio.Event()

    async def put(self, body: bytes, *, more: bool) -> None:
        """Add bytes; `more=False` ends the body. Waits while too much is unread; no-op once disconnected."""
        if self._disconnected:
            return
        self._body += body
        self._complete = not more
        self._changed.set()
        while len(self._body) > HIGH_WATER and not self._disconnected:
            self._room.clear()
            await self._room.wait()

    def disconnect(self) -> None:
        """No more will come. What is already here can still be read first."""
        self._disconnected = True
        self._changed.set()
        self._room.set()

    def at_hand(self) -> dict[str, Any] | None:
        """The next ASGI message, `http.request` or `http.disconnect`, if it is here already."""
        if self._body or (self._complete and not self._told_complete):
            body = bytes(self._body)
            self._body.clear()
            self._told_complete = self._complete
            self._room.set()
            return {"type": "http.request", "body": body, "more_body": not self._complete}
        return {"type": "http.disconnect"} if self._disconnected else None

    async def receive(self) -> dict[str, Any]:
        """The next ASGI message; waits for one."""
        while (message := self.at_hand()) is None:
            self._changed.clear()
            await self._changed.wait()
        return message

    __call__ = receive
