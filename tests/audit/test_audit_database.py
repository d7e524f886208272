"""`Database` on both kinds: one transaction a run, readers wait for no writer, failures leave it usable."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError, OperationalError

from dataplane.database import SQLITE_BUSY_MS, Database, parse_url
from dataplane.errors import ConfigError


def with_database(url: str, story: Callable[[Database], Awaitable[None]]) -> None:
    async def main() -> None:
        database = Database(url)
        try:
            await story(database)
        finally:
            await database.close()

    asyncio.run(main())


def make(connection: Connection) -> None:
    connection.execute(text("CREATE TABLE t (n INTEGER PRIMARY KEY)"))


def insert(n: int) -> Callable[[Connection], None]:
    return lambda connection: connection.execute(text(f"INSERT INTO t VALUES ({n})")).close()


def count(connection: Connection) -> int:
    return int(connection.execute(text("SELECT count(*) FROM t")).scalar_one())


@pytest.mark.parametrize(
    "url",
    [
        "",
        "x",
        "://",
        "postgresql",
        "mysql://u:hunter2@h/d",
        "oracle+x://u:hunter2@h",
        "postgresql://u:hunter2@h:port/d",
        "postgresql://u:hunter2@[::1/d",
        "sqlite://",
        "sqlite:///:memory:",
    ],
)
def test_a_database_we_cannot_use_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_url(url)
    assert str(caught.value).startswith("audit.database: ")
    assert "hunter2" not in str(caught.value)


def test_the_driver_is_ours_whatever_the_url_says() -> None:
    assert parse_url("postgresql+psycopg2://h/d").drivername == "postgresql+asyncpg"
    assert parse_url("sqlite+aiosqlite:////x").drivername == "sqlite"


@pytest.mark.parametrize("url", ["postgresql://u:hunter2@h/d", "postgresql://u@h/d?password=hunter2"])
def test_a_password_is_not_shown(url: str) -> None:
    assert "hunter2" not in repr(Database(url))


def test_what_returns_is_committed_and_what_raises_is_not(url: str) -> None:
    def half(connection: Connection) -> None:
        insert(2)(connection)
        raise LookupError

    async def story(database: Database) -> None:
        await database.run(make)
        await database.run(insert(1))
        with pytest.raises(LookupError):
            await database.run(half)
        assert await database.run(count, reading=True) == 1

    with_database(url, story)


def test_a_statement_alone_is_committed_when_it_returns_and_nothing_of_it_stays_when_it_fails(
    url: str,
) -> None:
    def two(connection: Connection) -> None:
        connection.exec_driver_sql("INSERT INTO t VALUES (2), (1)")

    async def story(database: Database) -> None:
        await database.run(make)
        await database.run(insert(1), alone=True)
        other = Database(url)
        assert await other.run(count, reading=True) == 1
        with pytest.raises(DBAPIError):
            await database.run(two, alone=True)
        assert await other.run(count, reading=True) == 1
        await other.close()
        await database.run(insert(2))
        assert await database.run(count) == 2

    with_database(url, story)


def test_a_statement_that_fails_leaves_the_connection_usable(url: str) -> None:
    async def story(database: Database) -> None:
        await database.run(make)
        await database.run(insert(1))
        for _ in range(6):  # more than the pool has
            with pytest.raises(DBAPIError):
                await database.run(insert(1))
        await database.run(insert(2))
        assert await database.run(count) == 2

    with_database(url, story)


def test_a_reader_waits_for_no_writer(url: str) -> None:
    async def story(database: Database) -> None:
        other = Database(url)
        await database.run(make)
        await other.run(count, reading=True)  # connected: what is measured is the waiting
        writing, read = threading.Event(), threading.Event()

        def write(connection: Connection) -> bool:
            insert(1)(connection)
            writing.set()
            return read.wait(5)

        def hold() -> bool:
            """A writer of its own loop, since PostgreSQL's work runs on the loop."""

            async def main() -> bool:
                writer = Database(url)
                try:
                    return await writer.run(write)
                finally:
                    await writer.close()

            return asyncio.run(main())

        held = asyncio.create_task(asyncio.to_thread(hold))
        try:
            assert await asyncio.to_thread(writing.wait, 5)
            async with asyncio.timeout(5):
                assert await other.run(count, reading=True) == 0
        finally:
            read.set()
        assert await held, "the reader waited for the writer"
        assert await other.run(count, reading=True) == 1
        await other.close()

    with_database(url, story)


def test_a_locked_sqlite_fails_soon_and_works_again_when_it_is_free(sqlite_url: str) -> None:
    async def story(database: Database) -> None:
        await database.run(make)
        with sqlite3.connect(parse_url(sqlite_url).database or "", isolation_level=None) as holder:
            holder.execute("BEGIN IMMEDIATE")
            began = asyncio.get_running_loop().time()
            with pytest.raises(OperationalError, match="locked"):
                await database.run(insert(1))
            assert asyncio.get_running_loop().time() - began >= SQLITE_BUSY_MS / 1000 * 0.8
            assert await database.run(count, reading=True) == 0
            holder.execute("ROLLBACK")
        holder.close()
        await database.run(insert(1))

    with_database(sqlite_url, story)


def test_a_sqlite_file_locked_at_the_first_look_can_be_opened_later(sqlite_url: str) -> None:
    async def story(database: Database) -> None:
        path = parse_url(sqlite_url).database or ""
        with sqlite3.connect(path, isolation_level=None) as holder:
            holder.execute("BEGIN EXCLUSIVE")
            with pytest.raises(OperationalError, match="locked"):
                await database.run(make)
            holder.execute("ROLLBACK")
        holder.close()
        await database.run(make)
        mode = await database.run(lambda c: c.exec_driver_sql("PRAGMA journal_mode").scalar_one())
        full = await database.run(lambda c: c.exec_driver_sql("PRAGMA synchronous").scalar_one())
        assert (mode, full) == ("wal", 2)

    with_database(sqlite_url, story)


def test_a_sqlite_file_is_made_for_its_owner_alone_with_its_folder(short_dir: Path) -> None:
    async def story(database: Database) -> None:
        await database.run(make)

    with_database(f"sqlite:///{short_dir}/new/folder/r.db", story)
    assert stat.S_IMODE((short_dir / "new/folder/r.db").stat().st_mode) == 0o600


def test_a_cancelled_caller_does_not_stop_sqlite_work_that_began(sqlite_url: str) -> None:
    async def story(database: Database) -> None:
        await database.run(make)
        began, go_on = threading.Event(), threading.Event()

        def slow(connection: Connection) -> None:
            began.set()
            go_on.wait(5)
            insert(1)(connection)

        task = asyncio.create_task(database.run(slow))
        assert await asyncio.to_thread(began.wait, 5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        go_on.set()
        assert await database.run(count, reading=True) == 1

    with_database(sqlite_url, story)


def test_closing_waits_for_work_and_may_be_done_twice(url: str) -> None:
    async def story(database: Database) -> None:
        await database.run(make)
        work = asyncio.create_task(database.run(insert(1)))
        await asyncio.sleep(0)
        await asyncio.gather(database.close(), work)
        await database.close()

    with_database(url, story)
