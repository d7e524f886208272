"""One database for records and keys: SQLite by default, PostgreSQL by URL.

Rooms declare their tables on `metadata` and hand `Database.run` a function of a plain SQLAlchemy
connection; the same function runs on either database. SQLite work runs on one thread with one
connection (WAL allows one writer), PostgreSQL work on asyncpg without a thread.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import Connection, MetaData, create_engine, event, make_url
from sqlalchemy.engine import URL, Engine
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import StaticPool

from dataplane.config import AuditSettings
from dataplane.errors import ConfigError

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

T = TypeVar("T")

metadata = MetaData()
"""Every table of the project; `migrations/` is compared with it by a test."""

SQLITE_BUSY_MS = 250
"""How long SQLite itself waits for a lock. Short: callers have deadlines and retry above this."""

# FULL: a commit is on disk before it is acknowledged, in WAL too (sqlite.org/pragma.html).
SQLITE_PRAGMAS = ["PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", "PRAGMA foreign_keys=ON"]
"""Of every connection."""

POSTGRES_POOL = 4
POSTGRES_COMMAND_TIMEOUT_S = 5.0


def parse_url(text: str) -> URL:
    """A database URL with the driver this project uses. Raises `ConfigError` for any other database."""
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):  # ValueError: a port that is no number
        raise ConfigError(
            "audit.database: not a database URL; use sqlite:///PATH or postgresql://..."
        ) from None
    match url.get_backend_name():
        case "sqlite":
            if not url.database or url.database == ":memory:":
                raise ConfigError("audit.database: SQLite needs a file, such as sqlite:///regogate.db")
            return url.set(drivername="sqlite")
        case "postgresql":
            return url.set(drivername="postgresql+asyncpg")
        case other:
            raise ConfigError(f"audit.database: {other} is not supported; use sqlite or postgresql")


def database_url(settings: AuditSettings) -> str:
    """`audit.database` with `audit.password` in its place; keep it to yourself. Raises `ConfigError`."""
    if settings.password is None:
        return settings.database
    url = parse_url(settings.database)
    if url.get_backend_name() == "sqlite":
        raise ConfigError("audit.password: SQLite takes none")
    if url.password is not None or "password" in url.query:
        raise ConfigError("audit.password: audit.database holds a password already; give one of them")
    with_password = url.set(drivername="postgresql", password=settings.password.read())
    return with_password.render_as_string(hide_password=False)


def _sqlite_engine(url: URL) -> Engine:
    path = Path(url.database or "")
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        path.touch(mode=0o600)
    engine = create_engine(
        url,
        poolclass=StaticPool,
        # None: transactions are ours alone, begun below; the driver begins none of its own.
        connect_args={"timeout": SQLITE_BUSY_MS / 1000, "check_same_thread": False, "isolation_level": None},
    )

    @event.listens_for(engine, "connect")
    def _pragmas(connection: sqlite3.Connection, _: object) -> None:
        for pragma in SQLITE_PRAGMAS:
            connection.execute(pragma)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        reading = connection.get_execution_options().get("reading")
        # IMMEDIATE takes the write lock at once: no transaction fails halfway for want of it.
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    return engine


class Database:
    """Runs functions of a connection, each in one transaction that is durable when it returns."""

    def __init__(self, url: str) -> None:
        self.url = parse_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self._thread: ThreadPoolExecutor | None = None
        self._sync: Engine | None = None
        self._standing: Connection | None = None
        self._async: AsyncEngine | None = None
        self.writing = asyncio.Lock()
        """Held while something is written to SQLite, which takes one writer at a time: who waits here waits
        in order, and does not run into SQLite's own patience."""
        self._running = 0
        self._idle = asyncio.Event()
        self._idle.set()
        if self.is_sqlite:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="regogate-sqlite")
        else:
            # Here: it brings SQLAlchemy's whole ORM, which no command on SQLite needs.
            from sqlalchemy.ext.asyncio import create_async_engine

            self._async = create_async_engine(
                self.url,
                pool_size=POSTGRES_POOL,
                max_overflow=0,
                pool_pre_ping=True,
                connect_args={
                    "command_timeout": POSTGRES_COMMAND_TIMEOUT_S,
                    "timeout": POSTGRES_COMMAND_TIMEOUT_S,
                },
            )

    def __repr__(self) -> str:
        # A password may stand in the query, too, which SQLAlchemy shows.
        return f"Database({self.url.set(query={}).render_as_string(hide_password=True)})"

    async def run(self, work: Callable[[Connection], T], *, reading: bool = False, alone: bool = False) -> T:
        """`work` in a transaction; committed, on disk, when this returns. Raises what SQLAlchemy raises.

        `reading` promises that `work` writes nothing, so that it waits for no writer; `alone` that it
        runs a single statement, by the driver, which SQLite then begins, makes durable and commits in one
        call.
        Cancelling the caller does not stop work that has begun: a commit may still land.
        """
        if self._async is not None:
            self._running += 1
            self._idle.clear()
            try:
                async with self._async.begin() as connection:
                    return await connection.run_sync(work)
            finally:
                self._running -= 1
                if not self._running:
                    self._idle.set()
        if reading:
            return await self._in_thread(work, reading=True)
        async with self.writing:
            return await self._in_thread(work, alone=alone)

    async def _in_thread(
        self, work: Callable[[Connection], T], *, reading: bool = False, alone: bool = False
    ) -> T:
        if self._thread is None:
            raise RuntimeError("the database is closed")
        return await asyncio.get_running_loop().run_in_executor(
            self._thread, self._run_here, work, reading, alone
        )

    def _run_here(self, work: Callable[[Connection], T], reading: bool, alone: bool) -> T:
        if self._sync is None:
            self._sync = _sqlite_engine(self.url)
        if alone:
            return self._alone(work, self._sync)
        with self._sync.connect() as connection:
            connection.execution_options(reading=reading)
            with connection.begin():
                return work(connection)

    def _alone(self, work: Callable[[Connection], T], engine: Engine) -> T:
        # Outside of a transaction each statement is one (sqlite.org/lang_transaction.html). The connection is
        # kept: to take one and begin costs more than the statement. What SQLAlchemy executes begins a
        # transaction after all, which then ends here.
        if self._standing is None:
            self._standing = engine.connect()
        try:
            result = work(self._standing)
        except BaseException:
            self._standing.rollback()
            raise
        if self._standing.in_transaction():
            self._standing.commit()
        return result

    async def close(self) -> None:
        """Close every connection; running work finishes first. May be called again."""
        if self._async is not None:
            # A connection that is in use while its pool is disposed of would be closed by nobody.
            await self._idle.wait()
            await self._async.dispose()
        thread, self._thread = self._thread, None
        if thread is not None:
            await asyncio.get_running_loop().run_in_executor(thread, self._dispose_here)
            thread.shutdown(wait=True)

    def _dispose_here(self) -> None:
        if self._standing is not None:
            self._standing.close()
        if self._sync is not None:
            self._sync.dispose()
