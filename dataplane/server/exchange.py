"""One request and its answer, between Hypercorn's stream and the application."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Final, Protocol, Self

from dataplane.server.doubts import Doubt
from dataplane.server.inbox import Inbox
from dataplane.server.stock import App, Message, Scope

logger = logging.getLogger("regogate.server")

_CONTENT_LENGTH_SIZE: Final = len(b"content-length")
_CONNECTION_SIZE: Final = len(b"connection")


class ClientLeft(ConnectionError):
    """`send` was called for a caller who has gone, or who reads nothing. An OSError, as ASGI asks."""


class Link(Protocol):
    """What an exchange needs to know of the connection it is on."""

    @property
    def left(self) -> bool:
        """Whether the socket is closing, so that nothing sent can arrive."""

    @property
    def closing(self) -> bool:
        """Whether the HTTP/1 connection must end with this answer."""

    @property
    def tls(self) -> dict[str, Any] | None:
        """The extension `tls`."""

    @property
    def send_timeout_s(self) -> float | None:
        """How long one `send` may wait for the peer, where the socket's own limit would miss it."""

    def cork(self) -> None:
        """Gather what is written until `uncork`, where one write is cheaper than several."""

    async def uncork(self) -> None:
        """Write what was gathered."""

    async def give_up(self, exchange: Exchange) -> None:
        """The peer took nothing for `send_timeout_s`: end this exchange."""

    def abort(self) -> None:
        """Drop the connection at once."""


def where(error: BaseException) -> str:
    """Type and source line of an error: enough to find it, and nothing of what a caller sent."""
    frames = traceback.extract_tb(error.__traceback__)
    return (
        f"{type(error).__name__} at {frames[-1].filename}:{frames[-1].lineno}"
        if frames
        else repr(type(error))
    )


def _only_os_errors(error: Exception) -> bool:
    if isinstance(error, ExceptionGroup):
        return all(_only_os_errors(inner) for inner in error.exceptions)
    return isinstance(error, OSError)


class Exchange:
    """Gives the application `receive` and `send`, and the facts in `scope["extensions"]`.

    `edge["doubt"]` may be set while the body is being read: the application looks at it at the start and
    whenever `receive` says `http.disconnect`; not None means that the caller is there and owed that status.
    `receive.at_hand()` is what `receive` would return at once, or None where it would have to wait.
    """

    def __init__(self, link: Link, doubt: Doubt | None, *, legible: bool) -> None:
        self.edge: dict[str, Any] = {"doubt": doubt and (doubt.status, doubt.reason), "legible": legible}
        self.stream_id: int | None = None
        self.gone = False
        self.answered = False
        self._owed: int | None = None
        self._held: Message | None = None
        self._head_only = False
        self._inbox = Inbox()
        self._link = link
        self._pass_on: Callable[[Message | None], Awaitable[None]]

    async def put(self, message: Message) -> None:
        """Hypercorn's side: what came from the caller."""
        if message["type"] == "http.request":
            await self._inbox.put(message["body"], more=message["more_body"])
        else:
            self.gone = True
            self._inbox.disconnect()

    def refuse(self, doubt: Doubt) -> None:
        """The body turned out doubtful: the application reads `http.disconnect` and finds the reason."""
        self.edge["doubt"] = (doubt.status, doubt.reason)
        self._inbox.disconnect()

    async def run(self, app: App, scope: Scope, pass_on: Callable[[Message | None], Awaitable[None]]) -> None:
        """Call the application; whatever it raises ends this exchange alone."""
        self._pass_on = pass_on
        self._head_only = scope["method"] == "HEAD"
        scope["extensions"].update(edge=self.edge, tls=self._link.tls)
        try:
            await app(scope, self._inbox, self.send)
        except asyncio.CancelledError:
            self._link.abort()
            raise
        except Exception as error:  # noqa: BLE001 - an application's failure must not end its neighbours
            if not (self.gone or self._link.left) or not _only_os_errors(error):
                logger.error("application failed: %s", where(error))
        await pass_on(None)

    async def send(self, message: Message) -> None:
        """ASGI `send`. Raises `ClientLeft` where the caller is gone or reads nothing."""
        if self.gone or self._link.left:
            raise ClientLeft
        if message["type"] == "http.response.start":
            message = self._start(message)
            if self._owed:
                # ASGI: an answer begins with its first body message. A stream's head goes out at once all the
                # same; that of an answer of known length travels in one packet with the body.
                self._held = message
                return
        elif message["type"] == "http.response.body" and self._owed is not None:
            self._owed -= len(message.get("body", b""))
            self.answered = self._owed <= 0
        if (limit := self._link.send_timeout_s) is None:
            self._link.cork()
            try:
                await self._pass_on_held(message)
            finally:
                await self._link.uncork()
        else:
            try:
                async with asyncio.timeout(limit):
                    await self._pass_on_held(message)
            except TimeoutError:
                await self._link.give_up(self)
                raise ClientLeft from None
        if message.get("more_body") and (self.gone or self._link.left):
            raise ClientLeft

    async def _pass_on_held(self, message: Message) -> None:
        if self._held is not None:
            held, self._held = self._held, None
            await self._pass_on(held)
        await self._pass_on(message)

    def _start(self, message: Message) -> Message:
        headers = list(message.get("headers", ()))
        length = connection = None
        for name, value in headers:  # of some twenty, only names as long as one of these two are read
            if len(name) == _CONTENT_LENGTH_SIZE:
                if bytes(name).lower() == b"content-length":
                    length = bytes(value)
            elif len(name) == _CONNECTION_SIZE and bytes(name).lower() == b"connection":
                connection = value
        if self._head_only or message["status"] in (204, 304):
            self.answered = True
        elif length is not None:
            self._owed = int(length)
            self.answered = self._owed == 0
        if self._link.closing and connection is None:
            headers.append((b"connection", b"close"))
        return {**message, "headers": headers}


class Exchanges:
    """The exchanges of one connection: what Hypercorn's protocols take for their task group."""

    def __init__(self, app: App, link: Link) -> None:
        self._app = app
        self._link = link
        self._tasks = asyncio.TaskGroup()
        self._verdict: tuple[Doubt | None, bool] = (None, True)
        self.latest: Exchange | None = None
        self.running = 0

    def refuse_next(self, doubt: Doubt, *, legible: bool) -> None:
        """The next request opened is a stand-in for one in doubt; `legible`: method and path are its own."""
        self._verdict = (doubt, legible)

    async def spawn_app(
        self, app: object, config: object, scope: Any, send: Callable[[Any], Awaitable[None]]
    ) -> Callable[[Any], Awaitable[None]]:
        """Hypercorn's request to start the application for one request."""
        (doubt, legible), self._verdict = self._verdict, (None, True)
        self.latest = Exchange(self._link, doubt, legible=legible)
        self.running += 1
        task = self._tasks.create_task(self.latest.run(self._app, scope, send))
        task.add_done_callback(self._ended)
        return self.latest.put

    def _ended(self, _: object) -> None:
        self.running -= 1

    def spawn(self, func: Callable[..., Any], *args: Any) -> None:
        """Hypercorn's request to run a task of its own beside."""
        self._tasks.create_task(func(*args))

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._tasks.__aexit__(kind, error, trace)
