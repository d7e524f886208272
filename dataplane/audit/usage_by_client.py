"""What clients were allowed to do and did, from the records: for what they are granted and do not use."""

from __future__ import annotations

from functools import partial
from typing import Final

from sqlalchemy import Connection, func, select

from dataplane.audit.export import CLOCK_SKEW_US
from dataplane.audit.models import records
from dataplane.database import Database

STEP: Final = 20_000
"""Records in one transaction: about 20 ms, so that the commits of calls do not wait for a long history."""

Uses = dict[str, set[tuple[str, str | None]]]


async def used_by_client(database: Database, since_us: int) -> Uses:
    """Operations and models of the calls that went ahead since `since_us` (Unix microseconds), by client.

    Raises what SQLAlchemy raises.
    """
    first, last = await database.run(partial(_bounds, since_us), reading=True)
    found: Uses = {}
    for at in range(first, last + 1, STEP):
        for client, operation, model in await database.run(partial(_step, since_us, at), reading=True):
            found.setdefault(client, set()).add((operation, model))
    return found


def _bounds(since_us: int, connection: Connection) -> tuple[int, int]:
    last = connection.execute(select(func.coalesce(func.max(records.c.seq), 0))).scalar_one()
    by_time = select(records.c.seq).where(records.c.time_us >= since_us - CLOCK_SKEW_US)
    first = connection.execute(by_time.order_by(records.c.time_us).limit(1)).scalar()
    return (int(last) + 1 if first is None else int(first)), int(last)


def _step(since_us: int, at: int, connection: Connection) -> list[tuple[str, str, str | None]]:
    query = (
        select(records.c.client_id, records.c.operation, records.c.model)
        .where(records.c.seq >= at, records.c.seq < at + STEP)
        .where(records.c.kind == "intent", records.c.time_us >= since_us, records.c.client_id.is_not(None))
        .distinct()
    )
    return [tuple(row) for row in connection.execute(query)]
