"""What the gateways that share a database run: which bundle each has active, and when it was last heard of.

A gateway is known by its `instance`. Its floor (`floors`) is what it activated last, because nothing lower
ever counts; its records say when it lived.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import orjson
from sqlalchemy import Connection, func, select

from dataplane.audit.models import activations, records
from dataplane.database import Database

MAX_STARTS: Final = 1_000
"""Processes that are looked at, those that began last first; commands that write records count, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayState:
    """One gateway on one channel. Times are microseconds since 1970; `stopped` says that it took leave.

    `seen_us` is None where no record of it is left.
    """

    instance: str
    channel: str
    revision: str
    seq: int
    activated_us: int
    seen_us: int | None
    stopped: bool


async def fleet(database: Database) -> list[GatewayState]:
    """Every gateway by channel and instance. Raises what SQLAlchemy raises."""
    return await database.run(_read, reading=True)


def _read(connection: Connection) -> list[GatewayState]:
    latest: dict[tuple[str, str], Any] = {}
    channels = activations.c.channel.not_like("%:%")  # a canary's floor is no gateway's policy
    for row in connection.execute(select(activations).where(channels).order_by(activations.c.seq)):
        latest[row.channel, row.instance] = row
    seen = _last_seen(connection, {instance for _, instance in latest})
    found = []
    for (channel, instance), row in sorted(latest.items()):
        when, stopped = seen.get(instance, (None, False))
        found.append(
            GatewayState(
                instance=instance,
                channel=channel,
                revision=row.revision,
                seq=row.seq,
                activated_us=row.activated_us,
                seen_us=when,
                stopped=stopped,
            )
        )
    return found


def _last_seen(connection: Connection, wanted: set[str]) -> dict[str, tuple[int, bool]]:
    """By instance: the newest record of its process that began last, and whether that is a `bye`.

    A writer's id is a UUID version 7, so they sort by when the process began; each step is one seek in
    the index over writers, however many records there are.
    """
    found: dict[str, tuple[int, bool]] = {}
    column = records.c.writer
    writer = connection.execute(select(func.max(column))).scalar_one()
    for _ in range(MAX_STARTS):
        if writer is None or wanted <= found.keys():
            break
        first, last = (_record(connection, writer, newest=newest) for newest in (False, True))
        instance = str(orjson.loads(first.canonical).get("instance", ""))
        if instance in wanted and instance not in found:
            found[instance] = (int(last.time_us), last.kind == "bye")
        writer = connection.execute(select(func.max(column)).where(column < writer)).scalar_one()
    return found


def _record(connection: Connection, writer: str, *, newest: bool) -> Any:
    order = records.c.wseq.desc() if newest else records.c.wseq
    query = select(records).where(records.c.writer == writer).order_by(order).limit(1)
    return connection.execute(query).one()
