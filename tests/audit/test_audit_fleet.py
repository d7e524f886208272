"""What is known of the gateways that share a database."""

import asyncio

from dataplane.audit.fleet import GatewayState, fleet
from dataplane.audit.floors import Floors
from dataplane.audit.log import DurableLog
from dataplane.audit.migrate import migrate
from dataplane.audit.notes import write_note
from dataplane.database import Database

KEY = bytes(32)
OLD, NEW = "5-g0000000-0123456789ab", "6-g0000000-0123456789ab"


def test_each_gateway_has_its_newest_bundle_and_when_it_was_last_heard_of(url: str) -> None:
    async def main() -> list[GatewayState]:
        database = Database(url)
        await migrate(database)
        assert await fleet(database) == []
        first, second = (DurableLog(database, key=KEY, instance=name) for name in ("gw-1", "gw-2"))
        for log in (first, second):
            await log.start()
            await log.note("bundle", {"event": "activated"})
        for name, revisions in (("gw-1", (OLD, NEW)), ("gw-2", (OLD,)), ("gone", (OLD,))):
            for revision in revisions:
                floors = Floors(database, instance=name)
                await floors.raise_floor("prod", int(revision[0]), revision)
        await Floors(database, instance="gw-2").raise_floor("canary", 5, OLD)
        await second.close()
        await write_note(database, "key", {"event": "created"}, installation_key=KEY)
        try:
            return await fleet(database)
        finally:
            await first.close()
            await database.close()

    found = asyncio.run(main())
    assert [(one.channel, one.instance, one.revision, one.stopped) for one in found] == [
        ("canary", "gw-2", OLD, True),
        ("prod", "gone", OLD, False),
        ("prod", "gw-1", NEW, False),
        ("prod", "gw-2", OLD, True),
    ]
    assert [one.instance for one in found if one.seen_us is None] == ["gone"]
