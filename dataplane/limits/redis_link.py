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

from dataplane.limits.redis_script import MAX_JOINED, Decision, Script, answers, joined
from dataplane.limits.store import StoreUnavailable

MAX_BATCH: Final = 256
LINGER_S: Final = 0.002
"""How long what nobody waits for stays for company: a reservation that comes meanwhile takes it along."""
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
    """A command that waits for its answer. `alone`: not in one run with others, one of which failed."""

    __slots__ = ("alone", "answer", "by_text", "command", "tries")

    def __init__(self, command: Script | Decision, answer: asyncio.Future[Any]) -> None:
        self.command = command
        self.answer = answer
        self.tries = 0
        self.alone = False
        self.by_text = False


class _Run:
    """Jobs that go out as one run of the script: one, or decisions that are joined."""

    __slots__ = ("jobs",)

    def __init__(self, jobs: list[_Job]) -> None:
        self.jobs = jobs

    def packed(self) -> bytes:
        first = self.jobs[0].command
        if isinstance(first, Script):
            script = first
        else:
            script = joined([job.command for job in self.jobs if isinstance(job.command, Decision)])
        return script.by_text() if self.jobs[0].by_text else script.by_digest()

    def takes(self, job: _Job) -> bool:
        """Whether a job can go out with these."""
        first, its = self.jobs[0], job.command
        return (
            isinstance(its, Decision)
            and isinstance(first.command, Decision)
            and not (first.alone or job.alone or first.by_text != job.by_text)
            and first.command.now == its.now
            and len(self.jobs) < MAX_JOINED
        )

    def answered(self, answer: Any) -> None:
        """Give each its part of the answer. Raises `ValueError` for what is none."""
        decided = isinstance(self.jobs[0].command, Decision)
        for job, told in zip(
            self.jobs, answers(answer, len(self.jobs)) if decided else [answer], strict=True
        ):
            if not job.answer.done():
                job.answer.set_result(told)


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
        self._lingering: asyncio.TimerHandle | None = None
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

    def send(self, command: Script | Decision, *, linger: bool = False) -> asyncio.Future[Any]:
        """The answer to one command; the future fails with `LinkFailed`. Raises it where the link is down or
        overfull. One that may `linger` goes out with the next that may not, or after `LINGER_S`."""
        if not self.up or len(self._waiting) >= MAX_WAITING:
            cause = "full" if self.up else "down"
            self.failures[cause] += 1
            raise LinkFailed(cause)
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Job(command, answer))
        if not linger:
            self._wake.set()
        elif self._lingering is None and not self._wake.is_set():
            self._lingering = answer.get_loop().call_later(LINGER_S, self._wake.set)
        return answer

    async def _live(self) -> None:
        pause_s, sent = FIRST_PAUSE_S, deque[_Run]()
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
                    self._fail([job for job in _jobs(sent) if job.tries >= MAX_TRIES], "closed")
                    sent = deque(run for run in sent if run.jobs[0].tries < MAX_TRIES)
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

    async def _serve(self, connection: AbstractConnection, sent: deque[_Run]) -> None:
        """Send what waits and hand out answers, until something is wrong. `sent` has what is unanswered."""
        clock = asyncio.get_running_loop().time
        while True:
            self._take_along(sent)
            if not sent:
                self._wake.clear()
                await self._wake.wait()
                continue
            for job in _jobs(sent):
                job.tries += 1
            async with asyncio.timeout(None) as deadline:
                patience = _Patience(self._deadline_s, lambda: deadline.reschedule(clock()))
                try:
                    await connection.send_packed_command([run.packed() for run in sent], check_health=False)
                    while sent:
                        self._answered(sent, await _read(connection))
                finally:
                    patience.end()

    def _take_along(self, sent: deque[_Run]) -> None:
        """Join what waits to runs, in its order."""
        if self._lingering is not None:
            self._lingering.cancel()
            self._lingering = None
        room = MAX_BATCH - sum(len(run.jobs) for run in sent)
        new: _Run | None = None
        while self._waiting and room > 0:
            job = self._waiting.popleft()
            if job.answer.done():
                continue
            room -= 1
            if new is not None and new.takes(job):
                new.jobs.append(job)
            else:
                new = _Run([job])
                sent.append(new)

    def _answered(self, sent: deque[_Run], answer: Any) -> None:
        """Give an answer to its run. Raises where the server says that it is not the one to ask, and
        `ValueError` where it answers something else."""
        jobs = sent[0].jobs
        if not isinstance(answer, ResponseError):
            sent[0].answered(answer)
            sent.popleft()
            return
        sent.popleft()
        if isinstance(answer, NoScriptError):
            for job in jobs:
                job.by_text = True
            self._waiting.extendleft(reversed(jobs))
        elif isinstance(answer, _ELSEWHERE):
            self._fail(jobs[:1], "error")
            if jobs[1:]:
                sent.appendleft(_Run(jobs[1:]))
            raise ConnectionResetError(type(answer).__name__)
        elif len(jobs) > 1:
            # One of them cannot be done: not for the others to suffer. What was done is known by name.
            for job in jobs:
                job.alone = True
            self._waiting.extendleft(reversed(jobs))
        else:
            self._fail(jobs, "error")
            self._say("error", type(answer).__name__)

    def _went_up(self) -> None:
        if not self.up:
            self.up, self.why = True, ""
            _log.info("limit store connected")
            self._changed()

    def _down(self, sent: deque[_Run], cause: str) -> None:
        """Fail everything at once; from here on nothing waits."""
        was_up, self.up = self.up, False
        self._fail(_jobs(sent), cause)
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


def _jobs(runs: Iterable[_Run]) -> list[_Job]:
    return [job for run in runs for job in run.jobs]


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
