"""Records as a command reads them."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

from audit_kit import POLICY_INPUT, POLICY_RESULT, Scene, call, ended

from dataplane.audit import read, store
from dataplane.database import Database
from dataplane.domain import Outcome

Play = Callable[..., None]


def test_the_tail_is_in_order_of_writing(play: Play, url: str) -> None:
    async def story(scene: Scene) -> None:
        for n in range(6):
            await scene.log.note("config", {"n": n})
        newest = [read.told(row)["n"] async for row in read.tail(scene.database, 3)]
        assert newest == [3, 4, 5]
        everything = [row.seq async for row in read.tail(scene.database, 0)]
        assert everything == sorted(everything)
        assert len(everything) == 7

    play(url, story)


def test_all_means_all_over_many_pages(play: Play, sqlite_url: str) -> None:
    async def story(scene: Scene) -> None:
        for n in range(2 * read.PAGE):
            scene.log.put_note("config", {"n": n})
        rows = await scene.until("config", count=2 * read.PAGE)
        assert [row["n"] for row in rows] == list(range(2 * read.PAGE))

    play(sqlite_url, story)


def test_following_gives_each_record_once_as_it_is_written(play: Play, url: str) -> None:
    async def story(scene: Scene) -> None:
        told: list[Any] = []
        async with aclosing(read.follow(scene.database, 0, poll_s=0.01)) as rows:
            async for row in rows:
                told.append(row.kind)
                if len(told) == 1:
                    asyncio.get_running_loop().create_task(scene.log.note("config", {})).add_done_callback(
                        lambda _: scene.log.put_note("bundle", {})
                    )
                if len(told) == 3:
                    break
        assert told == ["hello", "config", "bundle"]

    play(url, story)


def test_following_finds_a_record_that_shows_after_a_later_one(play: Play, postgres_url: str) -> None:
    async def story(scene: Scene) -> None:
        await scene.log.note("config", {"n": 0})
        other = Database(postgres_url)
        late = read.follow(scene.database, 0, poll_s=0.01)
        told = [(await anext(late)).kind for _ in range(2)]
        assert other._async is not None
        async with other._async.connect() as connection:
            # A second writer takes a number first and commits last.
            await connection.run_sync(_insert_late)
            await scene.log.note("key", {"n": 1})
            told.append((await anext(late)).kind)
            await connection.commit()
        told.append((await anext(late)).kind)
        await late.aclose()
        assert told == ["hello", "config", "key", "hello"]
        await other.close()

    play(postgres_url, story)


def _insert_late(connection: Any) -> None:
    from audit_kit import KEY

    from dataplane.audit.draft import GENESIS
    from dataplane.audit.record import Recorder

    draft = Recorder(key=KEY, writer="w-late").note("hello", {})
    store.insert(connection, store.place([draft], store.Position(writer="w-late", wseq=0, hash=GENESIS)))


def test_a_call_is_found_by_its_request_id_and_a_record_by_its_own(play: Play, url: str) -> None:
    async def story(scene: Scene) -> None:
        state = call("r-7")
        await scene.log.intent(state)
        scene.log.completion(ended(state), Outcome.OK)
        await scene.until("completion", count=1)
        found = [read.told(row) for row in await read.about(scene.database, "r-7")]
        assert [row["kind"] for row in found] == ["intent", "completion"]
        assert found[0]["policy_input"].encode() == POLICY_INPUT
        assert found[0]["policy_result"].encode() == POLICY_RESULT
        assert found[0]["subject"] == "u-17"
        (one,) = await read.about(scene.database, found[1]["id"])
        assert one.kind == "completion"
        assert await read.about(scene.database, "nobody") == []
        assert await read.about(scene.database, "x' OR '1'='1") == []

    play(url, story)


def test_every_record_shows_the_promised_fields(play: Play, sqlite_url: str) -> None:
    async def story(scene: Scene) -> None:
        await scene.log.intent(call())
        for row in [read.told(row) for row in await scene.rows()]:
            assert set(read.ALWAYS) <= row.keys()
            assert isinstance(row["reasons"], list)
            assert "nonce" not in row

    play(sqlite_url, story)
