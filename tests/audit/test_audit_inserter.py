"""Commits in a process beside: from the first group of some size on, and never at the price of a record."""

import asyncio
import logging
import os
import signal
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from audit_kit import KEY, Scene, beside, call, eventually

from dataplane.audit import inserter
from dataplane.audit.inserter import WORTH_ROWS, InserterEnded, NotInserted, _connected, _Link
from dataplane.audit.log import DurableLog
from dataplane.audit.store import Statement
from dataplane.errors import Refused

MANY = 3 * WORTH_ROWS


def play(url: str, story: Callable[[Scene], Awaitable[None]], *, started: bool = True) -> None:
    """Runs `story` on a log whose process was started, and sees that none is left of it."""

    async def main() -> None:
        async with Scene(url, beside=True, timeout_s=10.0) as scene:
            if started:
                await many(scene, "first")
                await eventually(beside)
                await eventually(lambda: scene.log._inserter and scene.log._inserter._link)
            async with asyncio.timeout(30):
                await story(scene)
        assert beside() == []
        assert scene.unwritten == 0

    asyncio.run(main())


async def many(scene: Scene, name: str, count: int = MANY) -> None:
    await asyncio.gather(*(scene.log.intent(call(f"{name}-{n}")) for n in range(count)))


async def ids(scene: Scene) -> list[str]:
    return [row["request_id"] for row in await scene.told("intent")]


def test_who_calls_one_after_the_other_gets_no_process(sqlite_url: str) -> None:
    async def story(scene: Scene) -> None:
        for n in range(MANY):
            await scene.log.intent(call(f"r-{n}"))
        assert beside() == []
        assert scene.database.transactions >= MANY

    play(sqlite_url, story, started=False)


def test_once_started_it_has_every_group(sqlite_url: str) -> None:
    async def story(scene: Scene) -> None:
        before = scene.database.transactions
        await many(scene, "later", 300)  # more than one statement
        await scene.log.intent(call("last"))
        assert scene.database.transactions == before
        assert len(await ids(scene)) == MANY + 301

    play(sqlite_url, story)


def test_what_a_killed_process_held_is_written_once_and_by_the_thread(
    sqlite_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def story(scene: Scene) -> None:
        (pid,) = beside()
        os.kill(pid, signal.SIGSTOP)
        calls = asyncio.create_task(many(scene, "held"))
        await eventually(lambda: scene.log._writer._in_flight)
        os.kill(pid, signal.SIGKILL)
        await calls
        assert sorted(await ids(scene)) == sorted(
            f"{name}-{n}" for name in ("first", "held") for n in range(MANY)
        )
        await many(scene, "after")  # so soon none is started again
        assert beside() == []
        assert "the process that writes records ended" in caplog.text
        assert "audit database fails" not in caplog.text

    play(sqlite_url, story)


def test_what_landed_before_it_ended_is_not_written_again(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(scene: Scene) -> None:
        insert = _Link.insert

        async def unheard(self: _Link, statements: list[Statement]) -> None:
            await insert(self, statements)
            raise InserterEnded

        monkeypatch.setattr(_Link, "insert", unheard)
        await many(scene, "landed")
        assert len(await ids(scene)) == 2 * MANY

    play(sqlite_url, story)


def test_after_a_while_another_is_started(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inserter, "AGAIN_S", 0.0)

    async def story(scene: Scene) -> None:
        (pid,) = beside()
        os.kill(pid, signal.SIGKILL)
        await many(scene, "thread")
        await many(scene, "again")
        await eventually(lambda: [one for one in beside() if one != pid])

    play(sqlite_url, story)


def test_where_none_can_be_started_the_thread_goes_on(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(inserter.sys, "executable", "/nowhere/python")

    async def story(scene: Scene) -> None:
        await many(scene, "a")
        await eventually(lambda: "records are written by a thread" in caplog.text)
        await many(scene, "b")
        assert len(await ids(scene)) == 2 * MANY
        assert caplog.text.count("records are written by a thread") == 1

    with caplog.at_level(logging.WARNING):
        play(sqlite_url, story, started=False)


def test_a_locked_database_refuses_in_time_says_why_and_recovers(sqlite_url: str) -> None:
    async def main() -> None:
        async with Scene(sqlite_url, beside=True, timeout_s=0.6) as scene:
            await many(scene, "first")
            await eventually(lambda: scene.log._inserter and scene.log._inserter._link)
            holder = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
            holder.execute("BEGIN IMMEDIATE")
            with pytest.raises(Refused, match=r"gateway\.audit_unavailable"):
                await scene.log.intent(call("locked"))
            assert "database is locked" in scene.log.problems()[0]
            holder.close()
            await eventually(lambda: scene.log.problems() == [])
            await scene.log.intent(call("again"))
            assert len(beside()) == 1
            assert "again" in await ids(scene)

    asyncio.run(main())


def test_other_writers_of_the_process_wait_for_their_turn(sqlite_url: str) -> None:
    """They would wait in SQLite otherwise, where who comes later may go first, and for 250 ms at most."""

    async def story(scene: Scene) -> None:
        (pid,) = beside()
        os.kill(pid, signal.SIGSTOP)
        held = asyncio.create_task(scene.log.intent(call("held")))
        await eventually(scene.database.writing.locked)
        other = asyncio.create_task(scene.database.run(lambda connection: None))
        reading = await scene.database.run(lambda connection: 1, reading=True)
        done, _ = await asyncio.wait((other, held), timeout=0.4)
        assert (reading, done) == (1, set())
        os.kill(pid, signal.SIGCONT)
        await asyncio.gather(held, other)

    play(sqlite_url, story)


def test_an_end_does_not_wait_for_a_process_that_hangs(sqlite_url: str) -> None:
    async def main() -> None:
        async with Scene(sqlite_url, beside=True, timeout_s=10.0) as scene:
            await many(scene, "first")
            await eventually(lambda: scene.log._inserter and scene.log._inserter._link)
            (pid,) = beside()
            os.kill(pid, signal.SIGSTOP)
            held = asyncio.create_task(scene.log.intent(call("held")))
            await eventually(lambda: scene.log._writer._in_flight)
            async with asyncio.timeout(5):
                assert await scene.log.close(0.2) >= 1
            held.cancel()
            await asyncio.wait((held,))
            assert beside() == []
            assert "held" not in await ids(scene)
            scene.log = DurableLog(scene.database, key=KEY, instance="gw")  # for the scene to close
            await scene.log.start()

    asyncio.run(main())


def test_statements_land_together_or_not_at_all(short_dir: Path) -> None:
    async def main() -> None:
        path = str(short_dir / "t.db")
        link = await _connected(path)
        await link.insert([("CREATE TABLE t (x INTEGER PRIMARY KEY)", ())])
        one, two = ("INSERT INTO t VALUES (?)", (1,)), ("INSERT INTO t VALUES (?)", (2,))
        await link.insert([one])
        with pytest.raises(NotInserted, match="UNIQUE constraint failed") as failed:
            await link.insert([two, one])
        assert not failed.value.in_doubt
        with pytest.raises(NotInserted) as failed:
            await link.insert([("INSERT INTO t VALUES (?)", (1, 2))])
        assert not failed.value.in_doubt
        await link.insert([two])
        await link.close()
        with sqlite3.connect(path) as reader:
            assert reader.execute("SELECT x FROM t").fetchall() == [(1,), (2,)]

    asyncio.run(main())
    assert beside() == []


def test_it_inherits_no_secret(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-provider")

    async def story(scene: Scene) -> None:
        (pid,) = beside()
        told = [Path(f"/proc/{pid}/{name}") for name in ("environ", "cmdline")]
        shown = "".join([one.read_text() for one in told])
        assert "sk-of" not in shown
        assert "regogate.db" not in shown

    play(sqlite_url, story)
