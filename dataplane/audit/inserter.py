"""Where SQLite groups are committed: on the database's thread, or beside it in a process.

A thread and the event loop take Python's interpreter from each other several times a commit, each time with a
wait: with many calls at once that costs a tenth of them. So the first group of some size starts a process
that does nothing but insert; from then on groups go there. The thread does it until then, where that process
cannot be started, and for a group of which nobody knows whether it landed.
"""

from __future__ import annotations

import asyncio
import logging
import marshal
import os
import socket
import sqlite3
import sys
import time
from asyncio.subprocess import DEVNULL, Process
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from dataplane.audit import store
from dataplane.audit.attempt import Attempt
from dataplane.audit.inserter_program import LENGTH, framed
from dataplane.database import SQLITE_BUSY_MS, SQLITE_PRAGMAS, Database
from dataplane.errors import RegoGateError

WORTH_ROWS: Final = 8
"""A group of so many rows tells of several calls at once; before that a process would only take memory."""

AGAIN_S: Final = 30.0
"""Between two starts of the process, one of which failed or ended."""

CLOSE_S: Final = 2.0

_INHERITED: Final = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
"""Where SQLite's library may be; the rest of the environment holds secrets."""

_PROGRAM: Final = Path(__file__).with_name("inserter_program.py")
_log = logging.getLogger("regogate.audit")


class InserterEnded(RegoGateError):
    """The process is gone; whether what it was given landed is not known."""


class NotInserted(sqlite3.Error):
    """An error of the database, with its own message; `in_doubt` where it came with COMMIT."""

    def __init__(self, message: str, *, in_doubt: bool) -> None:
        super().__init__(message)
        self.in_doubt = in_doubt


class Inserter:
    """Commits of one audit log on SQLite, one at a time. Implements `writer.Runs`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._link: _Link | None = None
        self._starting: asyncio.Task[None] | None = None
        self._not_before_s = 0.0

    async def run(self, work: Attempt, *, alone: bool) -> None:
        """As `Database.run`. Where the process ends meanwhile, the thread goes on with what is in doubt."""
        link = self._link
        if link is None and len(work) >= WORTH_ROWS:
            self._begin()
        if link is None or work.in_doubt or not await self._beside(link, work):
            await self._database.run(work, alone=alone and not work.in_doubt)

    async def _beside(self, link: _Link, work: Attempt) -> bool:
        """False where the process ended before it said what became of `work`."""
        statements = store.statements(work.placed())
        async with self._database.writing:
            try:
                await link.insert(statements)
            except NotInserted as error:
                work.in_doubt = error.in_doubt
                raise
            except BaseException as error:  # cancelled, too: its answer would meet the next question
                work.in_doubt = True
                await self._drop(link)
                if not isinstance(error, InserterEnded):
                    raise
                return False
        return True

    async def close(self) -> None:
        """End the process, which finishes what it does."""
        if self._starting is not None:
            # Not cancelled: asyncio may leave a process behind whose creation is cancelled midway.
            await asyncio.wait((self._starting,))
        link, self._link = self._link, None
        if link is not None:
            await link.close()

    def _begin(self) -> None:
        if self._starting is None and time.monotonic() >= self._not_before_s:
            self._starting = asyncio.create_task(self._start(), name="audit inserter")

    async def _start(self) -> None:
        try:
            self._link = await _connected(str(self._database.url.database))
        except Exception as error:  # noqa: BLE001  whatever it is, records are written all the same
            self._not_before_s = time.monotonic() + AGAIN_S
            why = (isinstance(error, OSError) and error.strerror) or type(error).__name__
            _log.warning("records are written by a thread", extra={"problem": why})
        finally:
            self._starting = None

    async def _drop(self, link: _Link) -> None:
        """Nothing of what it was given lands once this returns."""
        self._link = None
        self._not_before_s = time.monotonic() + AGAIN_S
        code = await link.kill()
        _log.warning("the process that writes records ended", extra={"exit_code": code})


class _Link:
    """A process and the socket to it."""

    def __init__(self, process: Process, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._process = process
        self._reader = reader
        self._writer = writer

    def tell(self, value: list[store.Statement] | tuple[str, float, list[str]]) -> None:
        """Send one frame."""
        self._writer.writelines(framed(value))

    async def insert(self, statements: list[store.Statement]) -> None:
        """Raises `NotInserted`, or `InserterEnded`."""
        try:
            self.tell(statements)
            (size,) = LENGTH.unpack(await self._reader.readexactly(LENGTH.size))
            answer: Any = marshal.loads(await self._reader.readexactly(size))  # noqa: S302  our own program
        except (OSError, EOFError):  # an IncompleteReadError is an EOFError
            raise InserterEnded from None
        if answer is not None:
            kind, message, in_doubt = answer
            raise NotInserted(message or kind, in_doubt=in_doubt)

    async def close(self) -> None:
        """Let it end by itself, for `CLOSE_S`."""
        self._writer.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                await self._process.wait()
                return
        await self.kill()

    async def kill(self) -> int:
        """Its exit code, once it is gone."""
        self._writer.close()
        with suppress(ProcessLookupError):
            self._process.kill()
        return await self._process.wait()


async def _connected(database: str) -> _Link:
    ours, theirs = socket.socketpair()
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-I",
            "-S",
            str(_PROGRAM),
            str(theirs.fileno()),
            stdin=DEVNULL,
            stdout=DEVNULL,
            pass_fds=(theirs.fileno(),),
            env={name: os.environ[name] for name in _INHERITED if name in os.environ},
            # Its own session: a Ctrl-C in the terminal is ours to answer, after calls have drained.
            start_new_session=True,
        )
        reader, writer = await asyncio.open_unix_connection(sock=ours)
    except BaseException:
        ours.close()  # so a process that there is ends
        raise
    finally:
        theirs.close()
    link = _Link(process, reader, writer)
    link.tell((database, SQLITE_BUSY_MS / 1000, SQLITE_PRAGMAS))
    return link
