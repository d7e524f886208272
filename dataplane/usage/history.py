"""Hours read back: what others serve now, and what makes a client's baseline."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from sqlalchemy import Connection, func, select

from dataplane.database import Database
from dataplane.usage.baseline import HISTORY, Used
from dataplane.usage.clients import CLIENTS_MAX
from dataplane.usage.models import usage_hours

CLIENTS_AT_ONCE: Final = 50
"""In one question: at most 8,400 rows (an active hour each) for every process that served them."""

_at = usage_hours.c.hour
_client = usage_hours.c.client_id
_SUMS = (
    func.sum(usage_hours.c.tokens).label("tokens"),
    func.sum(usage_hours.c.requests).label("requests"),
)


class History:
    """Reads `usage_hours`. Every method raises what the database raises."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def elsewhere(self, hour: int, writer: str) -> list[tuple[str, int, Used]]:
        """Client, hour and use of what other writers served in `hour` and the hour before it, the largest
        users first; at most what `Clients` keeps."""
        query = (
            select(_client, _at, *_SUMS)
            .where(_at.in_((hour, hour - 1)), usage_hours.c.writer != writer)
            .group_by(_client, _at)
            .order_by(_SUMS[0].desc())
            .limit(2 * CLIENTS_MAX)
        )

        def work(connection: Connection) -> list[tuple[str, int, Used]]:
            return [(row.client_id, row.hour, _used(row)) for row in connection.execute(query)]

        return await self._database.run(work, reading=True)

    async def first_hours(self, clients: Sequence[str], hour: int) -> dict[str, int]:
        """The first hour in which each client made a call, as far as baselines look back. A client without
        any is not in it. At most `CLIENTS_AT_ONCE` clients."""
        query = (
            select(_client, func.min(_at).label("first"))
            .where(_client.in_(clients), _at >= hour - HISTORY)
            .group_by(_client)
        )

        def work(connection: Connection) -> dict[str, int]:
            return {row.client_id: row.first for row in connection.execute(query)}

        return await self._database.run(work, reading=True)

    async def hours(self, clients: Sequence[str], hours: Iterable[int]) -> dict[str, dict[int, Used]]:
        """What each client used in these hours. At most `CLIENTS_AT_ONCE` clients."""
        query = (
            select(_client, _at, *_SUMS)
            .where(_client.in_(clients), _at.in_(sorted(hours)))
            .group_by(_client, _at)
        )

        def work(connection: Connection) -> dict[str, dict[int, Used]]:
            found: dict[str, dict[int, Used]] = {client: {} for client in clients}
            for row in connection.execute(query):
                found[row.client_id][row.hour] = _used(row)
            return found

        return await self._database.run(work, reading=True)


def _used(row: object) -> Used:
    # PostgreSQL adds up bigint as numeric.
    return Used(tokens=int(row.tokens), requests=int(row.requests))  # type: ignore[attr-defined]
