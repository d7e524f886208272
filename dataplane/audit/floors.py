"""Bundle sequences that were active, so that an older bundle never counts again: `ports.SequenceFloors`.

What this instance saw counts at once. What another instance saw counts when it is old enough for a
bundle to have reached everybody: until then a replica that is a little late is not a rollback.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from sqlalchemy import Connection, delete, func, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from dataplane.audit.models import activations
from dataplane.database import Database

SHARED_AFTER_US: Final = 60_000_000
"""When an activation seen by another instance counts here (design, section 6)."""

_THEIRS: Final = activations.c


def _now_us() -> int:
    return time.time_ns() // 1000


class Floors:
    """The floors of one instance. Replicas share the database; their clocks may differ by seconds."""

    def __init__(self, database: Database, *, instance: str, clock_us: Callable[[], int] = _now_us) -> None:
        self._database = database
        self._instance = instance
        self._clock_us = clock_us

    async def highest(self, channel: str) -> int:
        """The highest sequence that counts for a channel; 0 where none was seen. Raises what SQLAlchemy
        raises."""
        settled_us = self._clock_us() - SHARED_AFTER_US
        query = select(func.coalesce(func.max(_THEIRS.seq), 0)).where(
            _THEIRS.channel == channel,
            or_(_THEIRS.instance == self._instance, _THEIRS.activated_us <= settled_us),
        )

        def work(connection: Connection) -> int:
            return int(connection.execute(query).scalar_one())

        return await self._database.run(work, reading=True)

    async def raise_floor(self, channel: str, seq: int, revision: str) -> None:
        """Remember an activation; durable on return. Never lowers; a known one keeps its time."""
        now_us = self._clock_us()
        row = {
            "instance": self._instance,
            "channel": channel,
            "seq": seq,
            "revision": revision,
            "activated_us": now_us,
        }
        mine = (_THEIRS.instance == self._instance, _THEIRS.channel == channel)
        settled = (
            select(func.max(_THEIRS.seq))
            .where(*mine, _THEIRS.activated_us <= now_us - SHARED_AFTER_US)
            .scalar_subquery()
        )

        def work(connection: Connection) -> None:
            dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
            connection.execute(dialect.insert(activations).values(row).on_conflict_do_nothing())
            # What the settled highest covers is of no use to anybody.
            connection.execute(delete(activations).where(*mine, _THEIRS.seq < settled))

        await self._database.run(work)
