"""The caller's side of one call on ASGI: body in under limits, answer out, and noticing that it left."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final

from dataplane.domain import Reply
from dataplane.errors import Refused
from dataplane.ports import ClientLeft

WATCH_AFTER_S: Final = 0.2
"""From the end of the body until a task watches for the caller's leaving. Quick calls are over by then
and never pay for it; a caller who left meanwhile is noticed as soon as the task looks."""

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


def _nothing() -> None:
    """For a server that cannot tell what is at hand without waiting."""


class AsgiClient:
    """One request's `Client`. Once the body is read, a caller that leaves cancels the task at work.

    `doubt` tells what the framing filter found wrong with the body by now, if anything.
    Where `receive` has an `at_hand()` (what it would return at once, or None where it would have to wait),
    the body is taken by it as far as it goes.
    """

    def __init__(
        self,
        receive: Receive,
        send: Send,
        *,
        max_body_bytes: int,
        body_timeout_s: float,
        doubt: Callable[[], Refused | None],
    ) -> None:
        self._receive = receive
        self._send = send
        self._max_body_bytes = max_body_bytes
        self._body_timeout_s = body_timeout_s
        self._doubt = doubt
        self._at_hand: Callable[[], dict[str, Any] | None] = getattr(receive, "at_hand", _nothing)
        self._timer: asyncio.TimerHandle | None = None
        self._watch: asyncio.Task[None] | None = None
        self.left = False
        self.cancelled = False
        """Whether a leaving caller had the task at work cancelled, once."""

    async def body(self) -> AsyncIterator[bytes]:
        """The body within its size and `body_timeout_s` in all; soon afterwards watches the connection."""
        size = 0
        more = True
        loop = asyncio.get_running_loop()
        began = loop.time()
        while more:
            # Most bodies are here whole before they are asked for: a deadline is for waiting only.
            if (message := self._at_hand()) is None:
                try:
                    async with asyncio.timeout_at(began + self._body_timeout_s):
                        message = await self._receive()
                except TimeoutError:
                    raise Refused("gateway.timeout") from None
            if message["type"] == "http.disconnect":
                if (doubt := self._doubt()) is not None:
                    raise doubt
                self.left = True
                raise ClientLeft("the caller left while sending")
            piece = message.get("body", b"")
            size += len(piece)
            if size > self._max_body_bytes:
                raise Refused("gateway.body_too_large")
            more = message.get("more_body", False)
            if not more:
                self._timer = loop.call_later(WATCH_AFTER_S, self._watch_for, asyncio.current_task(loop))
            if piece:
                yield piece

    def _watch_for(self, worker: asyncio.Task[Any] | None) -> None:
        self._watch = asyncio.create_task(self._cancel_when_left(worker))

    async def _cancel_when_left(self, worker: asyncio.Task[Any] | None) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.left = True
        if worker is not None:
            self.cancelled = worker.cancel()

    def done(self) -> None:
        """Stop watching; the answer is complete or the call is over."""
        if self._timer is not None:
            self._timer.cancel()
        if self._watch is not None:
            self._watch.cancel()

    async def reply(self, reply: Reply) -> None:
        await self.start(reply.status, (*reply.headers, (b"content-length", b"%d" % len(reply.body))))
        await self.write(reply.body, more=False)

    async def start(self, status: int, headers: tuple[tuple[bytes, bytes], ...]) -> None:
        await self._out({"type": "http.response.start", "status": status, "headers": list(headers)})

    async def write(self, data: bytes, *, more: bool = True) -> None:
        if not more:
            # From here on a closing caller has its whole answer: that must not look like leaving.
            self.done()
        await self._out({"type": "http.response.body", "body": data, "more_body": more})

    async def _out(self, message: dict[str, Any]) -> None:
        try:
            await self._send(message)
        except OSError:
            self.left = True
            raise ClientLeft("the caller left while reading") from None
