"""Databases that fail for real, and acknowledgements that are lost."""

import asyncio
import os
import signal
import sqlite3
from collections.abc import Callable
from typing import Any

import asyncpg
import pytest
from audit_kit import Scene, call, ended, eventually, wait_until_stopped

from dataplane.domain import Outcome
from dataplane.errors import Refused

Play = Callable[..., None]


@pytest.mark.parametrize("fault", ["torn before commit", "torn after commit"])
def test_a_lost_acknowledgement_neither_doubles_nor_forks(play: Play, url: str, fault: str) -> None:
    async def story(scene: Scene) -> None:
        await scene.log.note("config", {})
        scene.database.faults = [fault, "refused", fault, ""]
        calls = [call(f"r-{n}") for n in range(20)]
        await asyncio.gather(*(scene.log.intent(state) for state in calls))
        told = await scene.told("intent")
        assert [row["id"] for row in told] == [state.intent_id for state in calls]

    play(url, story)


def test_a_chain_whose_first_group_is_in_doubt_begins_once(play: Play, sqlite_url: str) -> None:
    async def story(scene: Scene) -> None:
        await scene.log.intent(call())
        rows = await scene.rows()
        assert [(row.kind, row.wseq) for row in rows] == [("hello", 1), ("intent", 2)]

    class Torn(Scene):
        async def __aenter__(self) -> Scene:
            scene = await super().__aenter__()
            self.database.faults = ["torn after commit"]
            return scene

    async def main() -> None:
        async with Torn(sqlite_url) as scene:
            await story(scene)

    asyncio.run(main())


def test_a_group_in_doubt_whose_callers_gave_up_is_finished_and_followed_up(play: Play, url: str) -> None:
    async def story(scene: Scene) -> None:
        await scene.log.note("config", {})
        scene.database.faults = ["torn before commit"] + ["refused"] * 2
        with pytest.raises(Refused):
            await scene.log.intent(call())
        intent, completion = await scene.until("intent", "completion", count=2)
        assert (completion["outcome"], completion["intent_id"]) == ("not_forwarded", intent["id"])

    play(url, story, timeout_s=0.1)


def test_a_commit_that_lands_after_its_connection_died_is_found_by_the_unique_place(
    play: Play, postgres_url: str
) -> None:
    """The server may still be committing when the client already tries again."""

    async def story(scene: Scene) -> None:
        await scene.log.note("config", {})
        # Another session writes the very rows that the writer will retry, and commits while it waits.
        scene.database.faults = ["torn before commit"]
        state = call()
        held: dict[str, Any] = {}
        original = scene.database.run

        async def run(work: Any, *, reading: bool = False, alone: bool = False) -> Any:
            if not reading and getattr(work, "in_doubt", False) and not held:
                held["group"] = work._group
                async with scene.database._async.connect() as late:  # type: ignore[union-attr]
                    await late.run_sync(lambda connection: _insert(connection, work._group))
                    racing = asyncio.create_task(original(work))
                    done, _ = await asyncio.wait((racing,), timeout=0.1)
                    assert not done  # the unique place makes it wait
                    await late.commit()
                    return await racing
            return await original(work, reading=reading, alone=alone)

        scene.log._writer._database = _Port(run)
        await scene.log.intent(state)
        assert [row["id"] for row in await scene.told("intent")] == [state.intent_id]

    play(postgres_url, story)


class _Port:
    def __init__(self, run: Any) -> None:
        self.run = run


def _insert(connection: Any, group: Any) -> None:
    from dataplane.audit import store

    store.insert(connection, group)


def test_somebody_elses_record_in_our_chain_stops_the_writer(sqlite_url: str) -> None:
    async def main() -> None:
        scene = Scene(sqlite_url, timeout_s=0.3)
        async with scene:
            await scene.log.note("config", {})
            with sqlite3.connect(sqlite_url.removeprefix("sqlite:///")) as other:
                other.execute(
                    "INSERT INTO records (id, kind, writer, wseq, time_us, canonical, hash) "
                    "VALUES ('x', 'beat', ?, 3, 0, x'7b7d', x'00')",
                    (scene.log.writer_id,),
                )
            other.close()
            scene.database.faults = ["torn before commit"]
            with pytest.raises(Refused):
                await scene.log.intent(call())
            assert scene.log.problems()
            with sqlite3.connect(sqlite_url.removeprefix("sqlite:///")) as other:
                other.execute("DELETE FROM records WHERE id = 'x'")
            other.close()

    asyncio.run(main())


def test_a_locked_file_refuses_and_recovers(play: Play, sqlite_url: str) -> None:
    async def story(scene: Scene) -> None:
        done = call("before")
        await scene.log.intent(done)
        other = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        scene.log.completion(ended(done), Outcome.OK)
        with pytest.raises(Refused, match="audit_unavailable"):
            await scene.log.intent(call("locked"))
        assert "database is locked" in scene.log.problems()[0]
        await scene.log.deny(call("locked"), Refused("gateway.audit_unavailable"))
        other.execute("ROLLBACK")
        other.close()
        await scene.log.intent(call("after"))
        assert scene.log.problems() == []
        rows = await scene.until("intent", "completion", "deny", count=4)
        told = [(row["kind"], row["request_id"], row.get("outcome")) for row in rows]
        # An attempt that began before its caller gave up may land after the lock is gone.
        late = [row for row in told if row[1] == "locked"]
        assert late in ([], [("intent", "locked", None), ("completion", "locked", "not_forwarded")])
        assert sorted(set(told) - set(late), key=str) == [
            ("completion", "before", "ok"),
            ("deny", None, None),
            ("intent", "after", None),
            ("intent", "before", None),
        ]
        assert sum(row.get("count") or 0 for row in rows) == 1

    play(sqlite_url, story, timeout_s=0.4)


def test_a_full_disk_refuses_and_recovers(play: Play, sqlite_url: str) -> None:
    async def story(scene: Scene) -> None:
        await scene.log.intent(call("before"))

        def pages(count: int) -> Callable[[Any], Any]:
            return lambda connection: connection.exec_driver_sql(f"PRAGMA max_page_count={count}")

        await scene.database.run(pages(1), reading=True)
        refused = 0
        for n in range(40):  # what free pages are left is used first
            try:
                await scene.log.intent(call(f"full-{n}"))
            except Refused:
                refused += 1
                break
        assert refused
        assert "database or disk is full" in scene.log.problems()[0]
        await scene.database.run(pages(1_000_000), reading=True)
        await scene.log.intent(call("after"))
        assert scene.log.problems() == []

    play(sqlite_url, story, timeout_s=0.3)


def test_a_stopped_postgresql_refuses_and_recovers_by_itself(
    play: Play, postgres: Any, postgres_url: str
) -> None:
    async def story(scene: Scene) -> None:
        state = call("before")
        await scene.log.intent(state)
        os.kill(postgres.get_pid(), signal.SIGQUIT)  # immediate shutdown: as a crash
        wait_until_stopped(postgres)
        try:
            scene.log.completion(ended(state), Outcome.OK)
            with pytest.raises(Refused, match="audit_unavailable"):
                await scene.log.intent(call("down"))
            assert scene.log.problems()
            await scene.log.deny(call("down"), Refused("gateway.audit_unavailable"))
        finally:
            await asyncio.to_thread(postgres.ensure_postgres_running)
        await eventually(lambda: not scene.log.problems())
        await scene.log.intent(call("after"))
        rows = await scene.until("intent", "completion", "deny", count=4)
        assert {(row["kind"], row["request_id"]) for row in rows} == {
            ("intent", "before"),
            ("completion", "before"),
            ("intent", "after"),
            ("deny", None),
        }

    play(postgres_url, story, timeout_s=0.3)


def test_a_postgresql_backend_killed_between_groups_costs_nothing(play: Play, postgres_url: str) -> None:
    async def story(scene: Scene) -> None:
        await scene.log.intent(call("one"))
        connection = await asyncpg.connect(postgres_url)
        await connection.fetch(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE pid <> pg_backend_pid() AND usename = current_user"
        )
        await connection.close()
        await scene.log.intent(call("two"))
        assert len(await scene.told("intent")) == 2

    play(postgres_url, story)
