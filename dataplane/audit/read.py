"""Records for people and scripts: read, followed, and put together with their sealed values."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from typing import Any, Final

import orjson

from dataplane.audit import store
from dataplane.audit.store import Stored
from dataplane.database import Database

PAGE: Final = 500
"""Records in memory at once, whatever is asked for."""

POLL_S: Final = 0.5
"""Between looks while following."""

SETTLE_S: Final = 10.0
"""How long a transaction of ours may take (twice PostgreSQL's command timeout): with several writers a
lower `seq` may become visible after a higher one, but not later than this."""

ALWAYS: Final = (
    "id",
    "kind",
    "time",
    "request_id",
    "client_id",
    "operation",
    "model",
    "decision",
    "reasons",
    "findings",
    "policy_revision",
    "status",
)
"""Fields that every record shows, null where it has none."""


def told(row: Stored) -> dict[str, Any]:
    """A record's canonical fields, then its sealed values by name, its `hash` and `seq`."""
    fields: dict[str, Any] = dict.fromkeys(ALWAYS)
    fields |= orjson.loads(row.canonical)
    fields["reasons"] = fields["reasons"] or []
    fields["findings"] = fields["findings"] or []
    if row.sealed is not None:
        sealed = orjson.loads(row.sealed)
        sealed.pop("nonce", None)
        fields |= sealed
    return fields | {"hash": row.hash.hex(), "seq": row.seq}


async def tail(database: Database, limit: int) -> AsyncGenerator[Stored, None]:
    """The `limit` newest records (0: all), oldest first, in order of writing."""
    if limit:
        first = await database.run(lambda connection: store.last(connection, limit), reading=True)
        for row in first:
            yield row
        return
    seq = 0
    while page := await _after(database, seq):
        for row in page:
            yield row
        seq = page[-1].seq


async def follow(database: Database, seq: int, *, poll_s: float = POLL_S) -> AsyncGenerator[Stored, None]:
    """Every record behind `seq`, now and as they are written, each once. Ends when closed."""
    seen: dict[int, float] = {}
    while True:
        found, at = False, seq
        while page := await _after(database, at):
            at = page[-1].seq
            for row in page:
                if row.seq not in seen:
                    seen[row.seq] = time.monotonic()
                    found = True
                    yield row
        settled = [n for n, when in seen.items() if time.monotonic() - when > SETTLE_S]
        if settled:
            seq = max(settled)
            seen = {n: when for n, when in seen.items() if n > seq}
        if not found:
            await asyncio.sleep(poll_s)


async def about(database: Database, wanted: str) -> list[Stored]:
    """The record with this id, or all records of the call with this request id, in order of writing."""
    return await database.run(lambda connection: store.about(connection, wanted), reading=True)


async def tied(database: Database, correlation_id: str) -> list[Stored]:
    """All records of the calls that this id ties together, in order of writing."""
    return await database.run(lambda connection: store.tied(connection, correlation_id), reading=True)


async def _after(database: Database, seq: int) -> list[Stored]:
    return await database.run(lambda connection: store.after(connection, seq, PAGE), reading=True)
