"""Records added up by client and hour: each once, whoever does it, however often it is interrupted."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy.exc import SQLAlchemyError
from usage_kit import HOUR, NOW_S, Books, Clock, completion, with_books

from dataplane.usage.baseline import HISTORY, HOUR_S
from dataplane.usage.models import usage_mark
from dataplane.usage.tally import SETTLE_S, Tally


class Steps:
    """A monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


async def add_up(tally: Tally, until: int) -> None:
    while await tally.page(until):
        pass


async def newest(books: Books) -> int:
    return len(await books.canonical())


def test_completions_are_added_up_by_client_and_hour(url: str) -> None:
    async def story(books: Books) -> None:
        at_s = HOUR * HOUR_S
        await books.write(
            completion("app", at_s, 10),
            completion("app", at_s + 3599.9, 20),
            completion("app", at_s + 3600, 40),
            completion("app", at_s),  # the provider did not say
            completion("other", at_s, 1),
            {"kind": "intent", "at_s": at_s, "client_id": "app"},
            {"kind": "deny", "at_s": at_s, "client_id": "app", "status": 403},
            completion(None, at_s, 100),
        )
        tally = Tally(books.database, clock_s=Clock())
        await tally.begin()
        await add_up(tally, 8)
        wanted = {("app", HOUR): (30, 3), ("app", HOUR + 1): (40, 1), ("other", HOUR): (1, 1)}
        assert await books.hours() == wanted
        await add_up(tally, 8)
        assert await books.hours() == wanted
        await books.used("app", HOUR, 5, writer="w2")
        await add_up(tally, 9)
        assert (await books.hours())["app", HOUR] == (35, 4)

    with_books(url, story)


def test_many_at_once_count_every_record_once(url: str) -> None:
    async def story(books: Books) -> None:
        rows = [completion(f"c{n % 7}", NOW_S + n, n) for n in range(400)]
        await books.write(*rows)
        many = [Tally(books.database, clock_s=Clock()) for _ in range(3)]
        await asyncio.gather(*(one.begin() for one in many))
        # Each page by another: as processes do that take turns, and fall over each other.
        for until in range(25, 426, 25):
            await asyncio.gather(*(one.page(min(until, 400)) for one in many))
        await add_up(many[0], 400)
        hours = await books.hours()
        assert sum(tokens for tokens, _ in hours.values()) == sum(range(400))
        assert sum(requests for _, requests in hours.values()) == 400

    with_books(url, story)


def test_what_was_not_committed_is_not_counted_and_not_passed(url: str) -> None:
    async def story(books: Books) -> None:
        await books.used("app", HOUR, 5)
        tally = Tally(books.database, clock_s=Clock())
        await tally.begin()
        await books.database.run(lambda connection: connection.exec_driver_sql("DROP TABLE usage_hours"))
        with pytest.raises(SQLAlchemyError, match="usage_hours"):
            await tally.page(1)
        rows = await books.database.run(lambda connection: connection.execute(usage_mark.select()).all())
        assert [row.seq for row in rows] == [0]

    with_books(url, story)


def test_a_first_start_passes_over_what_no_baseline_looks_at(url: str) -> None:
    async def story(books: Books) -> None:
        await books.used("app", HOUR - HISTORY - 10, 5)
        await books.used("app", HOUR - HISTORY + 10, 7)
        tally = Tally(books.database, clock_s=Clock())
        await tally.begin()
        await tally.begin()
        await add_up(tally, 2)
        assert await books.hours() == {("app", HOUR - HISTORY + 10): (7, 1)}

    with_books(url, story)


def test_hours_that_no_baseline_looks_at_any_more_are_deleted(url: str) -> None:
    async def story(books: Books) -> None:
        await books.used("app", HOUR - HISTORY + 1, 5)
        await books.used("app", HOUR, 7)
        clock = Clock()
        tally = Tally(books.database, clock_s=clock)
        await tally.begin()
        await add_up(tally, 2)
        await tally.prune()
        assert len(await books.hours()) == 2
        clock.now_s += 2 * HOUR_S
        await tally.prune()
        assert await books.hours() == {("app", HOUR): (7, 1)}

    with_books(url, story)


def test_postgresql_waits_for_records_that_are_numbered_and_not_there_yet(postgres_url: str) -> None:
    async def story(books: Books) -> None:
        steps = Steps()
        tally = Tally(books.database, clock_s=Clock(), monotonic_s=steps)
        await books.used("app", HOUR, 5)
        assert await tally.settled() is None
        steps.now_s = SETTLE_S - 1
        await books.used("app", HOUR, 5)
        assert await tally.settled() is None
        steps.now_s = SETTLE_S
        assert await tally.settled() == 1
        steps.now_s = 2 * SETTLE_S
        assert await tally.settled() == 2

    with_books(postgres_url, story)


def test_sqlite_has_one_writer_and_waits_for_nothing(sqlite_url: str) -> None:
    async def story(books: Books) -> None:
        tally = Tally(books.database, clock_s=Clock(), monotonic_s=Steps())
        await books.used("app", HOUR, 5)
        assert await tally.settled() == 1

    with_books(sqlite_url, story)
