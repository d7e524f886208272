"""Bundle sequences that were seen."""

import asyncio

from dataplane.audit.floors import SHARED_AFTER_US, Floors
from dataplane.audit.migrate import migrate
from dataplane.audit.models import activations
from dataplane.database import Database

START_US = 1_790_000_000_000_000
SECOND_US = 1_000_000


def test_what_an_instance_saw_counts_at_once_and_for_others_a_minute_later(url: str) -> None:
    now = [START_US]

    async def main() -> None:
        database = Database(url)
        await migrate(database)
        one, two = (Floors(database, instance=name, clock_us=lambda: now[0]) for name in ("one", "two"))
        assert await one.highest("prod") == 0

        await one.raise_floor("prod", 5, "5-g0000000-0123456789ab")
        assert (await one.highest("prod"), await two.highest("prod")) == (5, 0)
        assert await one.highest("dev") == 0

        # A newer one every 40 s: the older still counts for others when its minute is over.
        now[0] += 40 * SECOND_US
        await one.raise_floor("prod", 6, "6-g0000000-0123456789ab")
        assert (await one.highest("prod"), await two.highest("prod")) == (6, 0)
        now[0] += 20 * SECOND_US
        assert (await one.highest("prod"), await two.highest("prod")) == (6, 5)
        now[0] += 40 * SECOND_US
        assert await two.highest("prod") == 6

        # Never lowers, and seeing one again does not make it young.
        await one.raise_floor("prod", 4, "4-g0000000-0123456789ab")
        await one.raise_floor("prod", 6, "6-g0000000-0123456789ab")
        assert (await one.highest("prod"), await two.highest("prod")) == (6, 6)
        await database.close()

    asyncio.run(main())


def test_the_table_does_not_grow_with_activations(sqlite_url: str) -> None:
    now = [START_US]

    async def main() -> None:
        database = Database(sqlite_url)
        await migrate(database)
        floors = Floors(database, instance="one", clock_us=lambda: now[0])
        for seq in range(1, 30):
            now[0] += SHARED_AFTER_US + 1
            await floors.raise_floor("dev", seq, f"{seq}-g0000000-0123456789ab")
        rows = await database.run(lambda connection: connection.execute(activations.select()).all())
        assert [row.seq for row in rows] == [28, 29]
        await database.close()

    asyncio.run(main())


def test_floors_outlive_their_process(sqlite_url: str) -> None:
    async def once(seq: int | None) -> int:
        database = Database(sqlite_url)
        await migrate(database)
        floors = Floors(database, instance="one")
        if seq is not None:
            await floors.raise_floor("prod", seq, "r")
        highest = await floors.highest("prod")
        await database.close()
        return highest

    assert asyncio.run(once(9)) == 9
    assert asyncio.run(once(None)) == 9
