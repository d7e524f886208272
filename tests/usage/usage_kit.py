"""A migrated database, and records written into it as a gateway writes them, at any time."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any

import orjson

from dataplane.audit import store
from dataplane.audit.draft import GENESIS, Draft, draft
from dataplane.audit.migrate import migrate
from dataplane.audit.store import Position
from dataplane.database import Database
from dataplane.usage.baseline import HOUR_S
from dataplane.usage.models import records, usage_hours

HOUR = 497_222
"""Monday 2026-09-21, 14:00 UTC."""
NOW_S = HOUR * HOUR_S + 1800


class Clock:
    """Unix seconds that stand still until they are set."""

    def __init__(self, now_s: float = NOW_S) -> None:
        self.now_s = now_s

    def __call__(self) -> float:
        return self.now_s


class Books:
    """Records of some writers, each with a chain of its own."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._ends: dict[str, Position] = {}
        self._numbers = 0

    async def write(self, *rows: dict[str, Any], writer: str = "w1") -> list[str]:
        """Write records in one transaction and return their ids. A row is a record's fields with `kind` and
        `at_s` (Unix time)."""
        drafts = [self._draft(writer, **row) for row in rows]
        group = store.place(drafts, self._ends.get(writer, Position(writer=writer, wseq=0, hash=GENESIS)))
        await self.database.run(lambda connection: store.insert(connection, group))
        self._ends[writer] = group.end
        return [one.id for one in drafts]

    def _draft(self, writer: str, *, kind: str, at_s: float, **fields: Any) -> Draft:
        self._numbers += 1
        made = draft(kind, writer, {"request_id": f"r-{self._numbers}", **fields})
        made.time_us = int(at_s * 1_000_000)
        made.between = re.sub(rb'"time_us":[0-9]+', b'"time_us":%d' % made.time_us, made.between)
        return made

    async def used(self, client: str, hour: int, tokens: int, *, calls: int = 1, writer: str = "w1") -> None:
        """Completions of a client in an hour that used `tokens` together."""
        rest = tokens - tokens // calls * (calls - 1)
        rows = [
            completion(client, hour * HOUR_S + 60 + n, tokens // calls if n else rest) for n in range(calls)
        ]
        await self.write(*rows, writer=writer)

    async def hours(self) -> dict[tuple[str, int], tuple[int, int]]:
        """What `usage_hours` holds, over all writers."""
        found: dict[tuple[str, int], tuple[int, int]] = {}
        rows = await self.database.run(lambda connection: connection.execute(usage_hours.select()).all())
        for row in rows:
            tokens, requests = found.get((row.client_id, row.hour), (0, 0))
            found[row.client_id, row.hour] = (tokens + row.tokens, requests + row.requests)
        return found

    async def canonical(self) -> list[dict[str, Any]]:
        """Every record's own fields."""
        rows = await self.database.run(lambda connection: connection.execute(records.select()).all())
        return [orjson.loads(row.canonical) for row in rows]


def completion(client: str | None, at_s: float, tokens: int | None = None, **fields: Any) -> dict[str, Any]:
    """A call that was made; a third of its tokens is the prompt."""
    row: dict[str, Any] = {"kind": "completion", "at_s": at_s, "decision": "ALLOW", **fields}
    if client is not None:
        row["client_id"] = client
    if tokens is not None:
        row |= {"tokens_in": tokens // 3, "tokens_out": tokens - tokens // 3}
    return row


def with_books(url: str, story: Callable[[Books], Awaitable[None]]) -> None:
    """Run `story` on a migrated database."""

    async def main() -> None:
        database = Database(url)
        try:
            await migrate(database)
            await story(Books(database))
        finally:
            await database.close()

    asyncio.run(main())
