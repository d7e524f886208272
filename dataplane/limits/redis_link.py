"""One connection to one Redis server, shared by all calls.

Whatever waits while an answer is under way goes out together as the next batch: a system call, a wake-up
and a round trip serve many calls, which costs a third of one command at a time on pooled connections.

A link is up or down. While it is down every command fails at once, so that a dead server costs nobody its
deadline, and the link tries to connect again by itself. A connection that was closed under a batch is made
anew once before the link counts as down; what was not answered is then sent again, which the script takes
for what it is.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import Any, Final

from redis.asyncio.connection import AbstractConnection
from redis.exceptions import (
    AskError,
    AuthenticationError,
    ClusterDownError,
    MovedError,
    NoPermissionError,
    NoScriptError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TryAgainError,
)

from dataplane.limits.redis_codec import Script
from dataplane.limits.store import StoreUnavailable

MAX_BATCH: Final = 256
MAX_WAITING: Final = 20_000
"""Commands that wait at most; beyond it a command fails at once."""
CONNECT_S: Final = 1.0
FIRST_PAUSE_S: Final = 0.05
LONGEST_PAUSE_S: Final = 1.0
"""Between two attempts to connect: doubled each time."""
TICKS: Final = 4
"""Parts of the deadline; see `_Patience`."""

MAX_TRIES: Final = 2
"""A command whose connection was closed goes out again once."""

_ELSEWHERE: Final = (MovedError, AskError, TryAgainError, ClusterDownError, ReadOnlyError)
"""Errors by which a server says that it is not, or no longer, the one to ask."""

_log = logging.getLogger("regogate.limits")


class LinkFailed(StoreUnavailable):
    """A command got no answer. `cause` is one of `CAUSES`; `unknown`: it may have been done all the same."""

    def __init__(self, cause: str, *, unknown: bool = False) -> None:
        self.cause = cause
        self.unknown = unknown
        super().__init__(f"limit store: {cause}")


CAUSES: Final = ("down", "closed", "timeout", "unfit", "error", "full")
"""`down`: not connected; `closed`: the connection ended; `timeout`: no answer within the deadline; `unfit`:
the server must not be used (see `Link`); `error`: it answered an error; `full`: too many wait."""


class _Job:
    __slots__ = ("answer", "by_text", "script", "tries")

    def __init__(self, script: Script, answer: asyncio.Future[Any]) -> None:
        self.script = script
        self.answer = answer
        self.tries = 0
        self.by_text = False

    def packed(self) -> bytes:
        return self.script.by_text() if self.by_text else self.script.by_digest()


class _Patience:
    """Ends a wait after `deadline_s` in which this process was there to see an answer.

    The deadline is counted in ticks, and the next begins when the loop has come round: a loop that was busy
    for longer than the deadline has not waited for the server, whose answer may lie in the socket unread.
    """

    def __init__(self, deadline_s: float, over: Callable[[], None]) -> None:
        self._tick_s = deadline_s / TICKS
        self._left = TICKS
        self._over = over
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(self._tick_s, self._tick)

    def _tick(self) -> None:
        self._left -= 1
        if self._left:
            self._timer = self._loop.call_later(self._tick_s, self._tick)
        else:
            self._over()

    def end(self) -> None:
        self._timer.cancel()


class Link:
    """`connect` makes a connection. `check` looks at the server's INFO and says
    why it must not be used, or None. `changed` is called whenever the link went up or down."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[AbstractConnection]],
        *,
        deadline_s: float,
        check: Callable[[dict[str, str]], str | None],
        changed: Callable[[], None],
    ) -> None:
        self._connect = connect
        self._deadline_s = deadline_s
        self._check = check
        self._changed = changed
        self._waiting: deque[_Job] = deque()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.up = False
        self.run_id = b""
        self.why = "not connected yet"
        self.failures = dict.fromkeys(CAUSES, 0)

    def start(self) -> None:
        """Connect, and stay connected, from here to `close`."""
        self._task = asyncio.create_task(self._live(), name="limit store link")

    async def close(self) -> None:
        """Fail what waits and end the connection."""
        if self._task is not None:
            self.up = False
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    def send(self, script: Script) -> asyncio.Future[Any]:
        """The answer to one run of the script; the future fails with `LinkFailed`. Raises it where the link
        is down or overfull."""
        if not self.up or len(self._waiting) >= MAX_WAITING:
            cause = "full" if self.up else "down"
            self.failures[cause] += 1
            raise LinkFailed(cause)
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Job(script, answer))
        self._wake.set()
        return answer

    async def _live(self) -> None:
        pause_s, sent = FIRST_PAUSE_S, deque[_Job]()
        try:
            while True:
                before = self.run_id
                connection = await self._open()
                if connection is None or self.run_id != before:
                    self._down(sent, "closed")  # whoever answers now does not know what was sent
                if connection is None:
                    await asyncio.sleep(pause_s)
                    pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
                    continue
                pause_s = FIRST_PAUSE_S
                try:
                    self._went_up()
                    await self._serve(connection, sent)
                except TimeoutError:
                    self._say("timeout")
                    self._down(sent, "timeout")
                except (RedisError, OSError, ValueError) as error:
                    self._say("closed", type(error).__name__)
                    again = [job for job in sent if job.tries < MAX_TRIES]
                    self._fail([job for job in sent if job.tries >= MAX_TRIES], "closed")
                    sent = deque(again)
                finally:
                    await _end(connection)
        finally:
            self._down(sent, "down")

    async def _open(self) -> AbstractConnection | None:
        """A connection to a server that may be used, or None."""
        connection: AbstractConnection | None = None
        usable = False
        try:
            # While calls wait for a connection to be made anew, it may take no longer than an answer.
            async with asyncio.timeout(self._deadline_s if self.up else CONNECT_S):
                connection = await self._connect()
                await connection.send_command("INFO", "everything")
                info = _fields(await connection.read_response())
            why = self._check(info)
            usable = why is None
            self.run_id = info.get("run_id", "").encode()
            if why is not None:
                self._say("unfit", why)
        except (RedisError, OSError, TimeoutError, ValueError) as error:
            # On a unix socket the client wraps what the server said; what it quotes is not repeated.
            said = error.__cause__ or error
            refused = isinstance(said, AuthenticationError | NoPermissionError)
            self._say("unfit" if refused else "down", type(said).__name__)
        finally:
            if connection is not None and not usable:
                await _end(connection)
        return connection if usable else None

    async def _serve(self, connection: AbstractConnection, sent: deque[_Job]) -> None:
        """Send what waits and hand out answers, until something is wrong. `sent` has what is unanswered."""
        clock = asyncio.get_running_loop().time
        while True:
            while self._waiting and len(sent) < MAX_BATCH:
                job = self._waiting.popleft()
                if not job.answer.done():
                    sent.append(job)
            if not sent:
                self._wake.clear()
                await self._wake.wait()
                continue
            for job in sent:
                job.tries += 1
            async with asyncio.timeout(None) as deadline:
                patience = _Patience(self._deadline_s, lambda: deadline.reschedule(clock()))
                try:
                    await connection.send_packed_command([job.packed() for job in sent], check_health=False)
                    while sent:
                        self._answered(sent, await _read(connection))
                finally:
                    patience.end()

    def _answered(self, sent: deque[_Job], answer: Any) -> None:
        """Give an answer to its job. Raises where the server says that it is not the one to ask."""
        job = sent.popleft()
        if isinstance(answer, NoScriptError):
            job.by_text = True
            self._waiting.appendleft(job)
            return
        if not isinstance(answer, ResponseError):
            if not job.answer.done():
                job.answer.set_result(answer)
            return
        self._fail([job], "error")
        if isinstance(answer, _ELSEWHERE):
            raise ConnectionResetError(type(answer).__name__)
        self._say("error", type(answer).__name__)

    def _went_up(self) -> None:
        if not self.up:
            self.up, self.why = True, ""
            _log.info("limit store connected")
            self._changed()

    def _down(self, sent: deque[_Job], cause: str) -> None:
        """Fail everything at once; from here on nothing waits."""
        was_up, self.up = self.up, False
        self._fail(sent, cause)
        self._fail(self._waiting, cause)
        sent.clear()
        self._waiting.clear()
        if was_up:
            _log.warning("limit store lost", extra={"cause": cause, "detail": self.why})
            self._changed()

    def _fail(self, jobs: Iterable[_Job], cause: str) -> None:
        for job in jobs:
            if not job.answer.done():
                self.failures[cause] += 1
                job.answer.set_exception(LinkFailed(cause, unknown=job.tries > 0))

    def _say(self, cause: str, detail: str = "") -> None:
        """Remember why, and tell the log when it is news."""
        why = f"{cause} ({detail})" if detail else cause
        if why != self.why:
            self.why = why
            _log.warning("limit store", extra={"cause": cause, "detail": detail})


async def _read(connection: AbstractConnection) -> Any:
    """The next answer; an error that the server answers is returned, not raised."""
    try:
        return await connection.read_response(disconnect_on_error=False)
    except ResponseError as error:
        return error


async def _end(connection: AbstractConnection) -> None:
    with suppress(RedisError, OSError, TimeoutError):
        await connection.disconnect(nowait=True)


def _fields(info: Any) -> dict[str, str]:
    """INFO's text as its fields."""
    lines = info.decode("utf-8", "replace").splitlines() if isinstance(info, bytes) else []
    return dict(line.split(":", 1) for line in lines if ":" in line and not line.startswith("#"))
