"""What policy hears, kept current: history, other processes, restarts, outages, many clients."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest
from usage_kit import HOUR, NOW_S, Books, Clock, with_books

from dataplane.usage.baseline import DAY, HOUR_S, WEEK, Season
from dataplane.usage.clients import Clients
from dataplane.usage.history import CLIENTS_AT_ONCE, History
from dataplane.usage.keeper import PAGES, Keeper
from dataplane.usage.models import usage_hours
from dataplane.usage.tally import PAGE, Tally


async def history(books: Books, client: str, hours: range, tokens: int) -> None:
    """Hours as if they had been added up: a client's use, every hour the same."""
    rows = [
        {"client_id": client, "hour": hour, "writer": "w0", "tokens": tokens, "requests": 100}
        for hour in hours
    ]
    await books.database.run(lambda connection: connection.execute(usage_hours.insert(), rows))


def keeper(
    books: Books, clients: Clients, clock: Clock, *, page_size: int = PAGE, pages: int = PAGES
) -> Keeper:
    tally = Tally(books.database, clock_s=clock, page_size=page_size, settle_s=0)
    return Keeper(clients, tally, History(books.database), writer="w1", refresh_s=0.01, pages=pages)


async def eventually(good: Callable[[], bool], within_s: float = 10) -> None:
    give_up = time.monotonic() + within_s
    while not good():
        assert time.monotonic() < give_up
        await asyncio.sleep(0.005)


def test_a_client_with_a_history_has_facts_and_a_new_one_has_none(url: str) -> None:
    async def story(books: Books) -> None:
        await history(books, "app", range(HOUR - 5 * WEEK, HOUR), 40_000)
        await history(books, "new", range(HOUR - DAY + 1, HOUR), 40_000)
        clock = Clock()
        clients = Clients(clock_s=clock)
        for name in ("app", "new", "nobody"):
            clients.count(name, 100_000)
        await keeper(books, clients, clock).refresh()
        assert clients.facts("app")["tokens_vs_baseline"] == 3.0  # half of the hour before, too
        assert clients.facts("new") == clients.facts("nobody") == {}
        usual = clients.get("app").usual
        assert usual is not None
        assert usual.season is Season.WEEKLY

    with_books(url, story)


def test_clients_of_this_hour_are_known_when_it_starts(sqlite_url: str) -> None:
    """So that a restart gives nobody a fresh start."""

    async def story(books: Books) -> None:
        await history(books, "app", range(HOUR - 5 * WEEK, HOUR - 1), 40_000)
        await history(books, "app", range(HOUR, HOUR + 1), 120_000)
        clock = Clock()
        clients = Clients(clock_s=clock)
        one = keeper(books, clients, clock)
        await one.start()
        assert clients.facts("app")["tokens_vs_baseline"] == 3.0
        await one.close()

    with_books(sqlite_url, story)


def test_a_client_that_turns_up_is_read_soon_not_at_the_next_round(sqlite_url: str) -> None:
    async def story(books: Books) -> None:
        await history(books, "app", range(HOUR - 5 * WEEK, HOUR - 1), 40_000)
        woken: list[Keeper] = []
        clients = Clients(clock_s=Clock(), unknown=lambda: woken[0].wake())
        tally = Tally(books.database, clock_s=Clock())
        woken.append(Keeper(clients, tally, History(books.database), writer="w1", refresh_s=3600))
        await woken[0].start()
        assert clients.facts("app") == {}
        await eventually(lambda: bool(clients.facts("app")))
        await woken[0].close()

    with_books(sqlite_url, story)


def test_what_other_processes_served_counts_and_what_this_one_served_counts_once(url: str) -> None:
    async def story(books: Books) -> None:
        await history(books, "app", range(HOUR - 5 * WEEK, HOUR - 1), 10_000)
        clock = Clock()
        clients = Clients(clock_s=clock)
        one = keeper(books, clients, clock)
        clients.count("app", 7_000)
        await books.used("app", HOUR, 7_000, writer="w1")
        await books.used("app", HOUR, 3_000, writer="w2")
        for _ in range(3):
            await one.refresh()
        assert clients.facts("app")["tokens_vs_baseline"] == 1.0
        await books.used("app", HOUR, 40_000, writer="w2")
        await one.refresh()
        assert clients.facts("app")["tokens_vs_baseline"] == 5.0

    with_books(url, story)


def test_the_baseline_is_the_one_of_the_hour(sqlite_url: str) -> None:
    async def story(books: Books) -> None:
        for ago in range(1, 6):
            await history(books, "app", range(HOUR - ago * WEEK, HOUR - ago * WEEK + 1), 50_000)
        clock = Clock()
        clients = Clients(clock_s=clock)
        clients.get("app")
        one = keeper(books, clients, clock)
        tokens = []
        for _ in range(3):
            await one.refresh()
            found = clients.get("app").usual
            assert found is not None
            tokens.append(found.tokens)
            clock.now_s += HOUR_S
        assert tokens == [50_000, 50_000, 0]

    with_books(sqlite_url, story)


def test_a_long_history_takes_more_rounds_not_longer_ones(
    sqlite_url: str,
) -> None:

    async def story(books: Books) -> None:
        for hour in range(HOUR - 30, HOUR):
            await books.used("app", hour, 20_000, calls=3)
        clock = Clock()
        clients = Clients(clock_s=clock)
        one = keeper(books, clients, clock, page_size=10, pages=2)
        await one.refresh()
        assert sum(requests for _, requests in (await books.hours()).values()) == 20
        clients.get("app")
        await one.start()
        await eventually(lambda: clients.get("app").usual is not None)
        await one.close()
        usual = clients.get("app").usual
        assert usual is not None
        assert (usual.tokens, usual.requests) == (20_000, 3)

    with_books(sqlite_url, story)


def test_many_clients_are_read_some_at_a_time(url: str) -> None:
    async def story(books: Books) -> None:
        clock = Clock()
        clients = Clients(clock_s=clock)
        rows = [
            {"client_id": f"c{n}", "hour": hour, "writer": "w0", "tokens": 1000 * n, "requests": 1}
            for n in range(2 * CLIENTS_AT_ONCE + 1)
            for hour in range(HOUR - 5 * WEEK, HOUR, 24)
        ]
        await books.database.run(lambda connection: connection.execute(usage_hours.insert(), rows))
        for n in range(2 * CLIENTS_AT_ONCE + 1):
            clients.get(f"c{n}")
        await keeper(books, clients, clock).refresh()
        for n in range(2 * CLIENTS_AT_ONCE + 1):
            usual = clients.get(f"c{n}").usual
            assert usual is not None
            assert usual.tokens == (1000 * n if HOUR % 24 == (HOUR - 5 * WEEK) % 24 else 0)

    with_books(url, story)


def test_an_outage_leaves_what_is_known_and_is_said_once(
    sqlite_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def story(books: Books) -> None:
        await history(books, "app", range(HOUR - 5 * WEEK, HOUR), 20_000)
        clock = Clock()
        clients = Clients(clock_s=clock)
        clients.count("app", 10_000)
        one = keeper(books, clients, clock)
        await one.start()
        known = clients.facts("app")
        assert known
        await books.database.run(
            lambda connection: connection.exec_driver_sql("ALTER TABLE usage_hours RENAME TO gone")
        )
        await eventually(lambda: "usage is not read" in caplog.text)
        clients.count("other", 1)
        assert clients.facts("app") == known
        await books.database.run(
            lambda connection: connection.exec_driver_sql("ALTER TABLE gone RENAME TO usage_hours")
        )
        await eventually(lambda: clients.get("other").usual_at == HOUR)
        await one.close()
        assert caplog.text.count("usage is not read") == 1

    with_books(sqlite_url, story)


def test_the_clock_of_the_kit_is_half_past_an_hour() -> None:
    assert NOW_S % HOUR_S == 1800
