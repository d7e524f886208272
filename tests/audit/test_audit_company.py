"""Which records share a commit: those of calls that the event loop holds ready, and not for long."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from dataplane.audit import writer as writing
from dataplane.audit.attempt import Attempt
from dataplane.audit.draft import Draft, draft
from dataplane.audit.store import place
from dataplane.audit.writer import Writer


def beat() -> Draft:
    return draft("beat", "w", {})


class Slow:
    """A database that begins a commit at once and ends it when it is told to; `groups` are their sizes."""

    def __init__(self) -> None:
        self.groups: list[int] = []
        self.begun = asyncio.Event()
        self.over = asyncio.Event()

    async def run(self, work: Any, *, alone: bool) -> Any:
        assert isinstance(work, Attempt)
        work._group = place(work._drafts, work._start)
        self.groups.append(len(work._drafts))
        self.begun.set()
        await self.over.wait()


async def after(turns: int, writer: Writer) -> None:
    for _ in range(turns):
        await asyncio.sleep(0)
    await writer.write(beat())


def play(story: Callable[[Writer, Slow], Any]) -> None:
    async def main() -> None:
        database = Slow()
        writer = Writer(database, "w", timeout_s=5, queue_limit=1000, probe=beat)
        writer.start()
        async with asyncio.timeout(10):
            await story(writer, database)
        database.over.set()
        assert await writer.close(1) == 0

    asyncio.run(main())


async def first_on_its_way(writer: Writer, database: Slow) -> asyncio.Task[None]:
    first = asyncio.create_task(writer.write(beat()))
    await database.begun.wait()
    return first


async def one_on_its_way_and_one_waiting(writer: Writer, database: Slow) -> list[asyncio.Task[None]]:
    both = [await first_on_its_way(writer, database), asyncio.create_task(writer.write(beat()))]
    await asyncio.sleep(0)
    return both


def test_who_is_alone_waits_for_nobody() -> None:
    async def story(writer: Writer, database: Slow) -> None:
        database.over.set()
        turns = 0
        done = asyncio.create_task(writer.write(beat()))
        while not done.done():
            await asyncio.sleep(0)
            turns += 1
        assert turns < 8
        assert database.groups == [1]

    play(story)


def test_calls_that_are_ready_when_a_group_lands_share_the_next() -> None:
    async def story(writer: Writer, database: Slow) -> None:
        both = await one_on_its_way_and_one_waiting(writer, database)
        ready = [asyncio.create_task(after(turns, writer)) for turns in (2, 4, 8, 16)]
        database.over.set()
        await asyncio.gather(*both, *ready)
        assert database.groups == [1, 5]

    play(story)


def test_who_comes_when_nobody_waits_has_a_group_at_once() -> None:
    async def story(writer: Writer, database: Slow) -> None:
        first = await first_on_its_way(writer, database)
        database.over.set()
        await asyncio.gather(first, after(6, writer), after(12, writer))
        assert database.groups == [1, 1, 1]

    play(story)


@pytest.mark.parametrize(
    ("bound", "least"), [("COMPANY_TURNS", 4), ("COMPANY_ROWS", 4), ("COMPANY_S", 0.0)], ids=str
)
def test_who_waits_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch, bound: str, least: float) -> None:
    """Somebody else is ready in every turn, for longer than any of the bounds."""
    monkeypatch.setattr(writing, bound, least)

    async def story(writer: Writer, database: Slow) -> None:
        first = await first_on_its_way(writer, database)
        many = [asyncio.create_task(after(turns, writer)) for turns in range(60)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        database.over.set()
        await asyncio.gather(first, *many)
        assert database.groups[1] < 10

    play(story)


def test_who_closes_waits_for_nobody() -> None:
    async def story(writer: Writer, database: Slow) -> None:
        both = await one_on_its_way_and_one_waiting(writer, database)
        closing = asyncio.create_task(writer.close(5))
        late = asyncio.create_task(after(20, writer))
        await asyncio.sleep(0)
        database.over.set()
        await asyncio.gather(*both, closing)
        with pytest.raises(writing.NotDurable):
            await late
        assert database.groups == [1, 1]

    play(story)
