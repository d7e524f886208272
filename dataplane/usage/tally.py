"""Records added up by client and hour, each once, however many processes share the work.

Procedure for one page:
1. Take the mark. On PostgreSQL its row is locked until the commit; who finds it locked leaves the work
   to the other. SQLite has one writer.
2. Add the completions behind the mark, a page of records at most, to their hours, in one statement.
3. Move the mark over the page. All three are one transaction: a page counts wholly and once, or not at all.

PostgreSQL numbers records when they are inserted and shows them when they are committed, so a lower number
may turn up after a higher one. Therefore the mark only passes what was numbered `SETTLE_S` ago.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Final

from sqlalchemy import BigInteger, Connection, cast, delete, func, literal_column, select, update
from sqlalchemy.dialects import postgresql, sqlite

from dataplane.database import Database
from dataplane.usage.baseline import HISTORY, HOUR_S
from dataplane.usage.models import MARK_ID, records, usage_hours, usage_mark

PAGE: Final = 1_000
"""Records passed in one transaction: about 10 ms, for which a commit of the audit log may wait."""

SETTLE_S: Final = 10.0
"""Twice PostgreSQL's command timeout: no transaction of ours is older."""

HOUR_US: Final = HOUR_S * 1_000_000


class Tally:
    """The tally of one process. Every method raises what the database raises."""

    def __init__(
        self,
        database: Database,
        *,
        clock_s: Callable[[], float] = time.time,
        monotonic_s: Callable[[], float] = time.monotonic,
        page_size: int = PAGE,
        settle_s: float = SETTLE_S,
    ) -> None:
        self.page_size = page_size
        self._database = database
        self._clock_s = clock_s
        self._monotonic_s = monotonic_s
        self._settle_s = 0.0 if database.is_sqlite else settle_s
        self._seen: deque[tuple[float, int]] = deque()

    async def begin(self) -> None:
        """Make the mark where there is none: in front of the first record that a baseline may look at."""
        oldest_us = int(self._clock_s() * 1_000_000) - HISTORY * HOUR_US
        first = select(records.c.seq).where(records.c.time_us >= oldest_us).order_by(records.c.time_us)

        def work(connection: Connection) -> None:
            if connection.execute(select(usage_mark.c.seq)).first() is None:
                seq = connection.execute(first.limit(1)).scalar() or 1
                dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
                row = dialect.insert(usage_mark).values(id=MARK_ID, seq=seq - 1)
                connection.execute(row.on_conflict_do_nothing())

        await self._database.run(work)

    async def behind(self) -> int:
        """How many records, at most, are not added up."""
        newest = select(func.max(records.c.seq)).scalar_subquery()

        def work(connection: Connection) -> int:
            return int(connection.execute(select(newest - usage_mark.c.seq)).scalar() or 0)

        return await self._database.run(work, reading=True)

    async def mark(self) -> int:
        """The `seq` up to which every record is added up."""
        return await self._database.run(
            lambda connection: int(connection.execute(select(usage_mark.c.seq)).scalar() or 0), reading=True
        )

    async def settled(self) -> int | None:
        """The `seq` up to which every record is there, or will never be; None before that is known."""
        newest = await self._database.run(
            lambda connection: connection.execute(select(func.max(records.c.seq))).scalar() or 0, reading=True
        )
        now_s = self._monotonic_s()
        self._seen.append((now_s, int(newest)))
        while len(self._seen) > 1 and self._seen[1][0] <= now_s - self._settle_s:
            self._seen.popleft()
        seen_s, seq = self._seen[0]
        return seq if seen_s <= now_s - self._settle_s else None

    async def page(self, until: int) -> bool:
        """Add up the next page of records up to `until`; whether there is more to do here now."""

        def work(connection: Connection) -> bool:
            mark = connection.execute(
                select(usage_mark.c.seq).where(usage_mark.c.id == MARK_ID).with_for_update(skip_locked=True)
            ).scalar()
            if mark is None or mark >= until:
                return False
            end = min(int(mark) + self.page_size, until)
            _add(connection, mark, end)
            connection.execute(update(usage_mark).where(usage_mark.c.id == MARK_ID).values(seq=end))
            return end < until

        return await self._database.run(work)

    async def prune(self) -> None:
        """Delete hours that no baseline looks at any more."""
        oldest = int(self._clock_s()) // HOUR_S - HISTORY

        def work(connection: Connection) -> None:
            connection.execute(delete(usage_hours).where(usage_hours.c.hour < oldest))

        await self._database.run(work)


def _add(connection: Connection, mark: int, end: int) -> None:
    # An integer on either database: SQLAlchemy's `//` adds a cast that SQLite takes for a real number.
    hour = records.c.time_us.op("/", return_type=BigInteger())(literal_column(str(HOUR_US), BigInteger()))
    zero = literal_column("0", BigInteger())
    tokens = func.coalesce(records.c.tokens_in, zero) + func.coalesce(records.c.tokens_out, zero)
    found = (
        select(
            records.c.client_id,
            hour.label("hour"),
            records.c.writer,
            cast(func.sum(tokens), BigInteger).label("tokens"),
            func.count().label("requests"),
        )
        .where(
            records.c.seq > mark,
            records.c.seq <= end,
            records.c.kind == "completion",
            records.c.client_id.is_not(None),
        )
        .group_by(records.c.client_id, hour, records.c.writer)
    )
    columns = ("client_id", "hour", "writer", "tokens", "requests")
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    added = dialect.insert(usage_hours).from_select(columns, found)
    connection.execute(
        added.on_conflict_do_update(
            index_elements=columns[:3],
            set_={name: usage_hours.c[name] + added.excluded[name] for name in ("tokens", "requests")},
        )
    )
