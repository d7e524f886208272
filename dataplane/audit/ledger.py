"""What calls took of limits whose period is not over, told by their records.

1. Only records whose hold reaches beyond now are read, by an index of their own, in pages.
2. An intent and its completion hold until the same moment, and the completion was written later: in this
   order of reading, an intent without a completion is remembered only while its call was under way.
3. A completion says what was settled. An intent that is still alone at the end is of a call that died, or
   of another process: what it had reserved counts.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from functools import lru_cache
from typing import Any, Final

import orjson
from sqlalchemy import Connection, and_, or_, select

from dataplane.audit.models import records
from dataplane.database import Database
from dataplane.quantities import Limit, PastCall

PAGE: Final = 1000
"""Records in memory at once, and in one transaction: about 20 ms of the database."""

_KINDS: Final = ("intent", "completion")


async def past_calls(database: Database, now_us: int) -> AsyncGenerator[list[PastCall], None]:
    """What still counts at `now_us`, a page at a time; the last page are the calls that never ended."""
    open_calls: dict[str, PastCall] = {}
    place = (now_us, 0)
    while rows := await database.run(lambda connection, at=place: _page(connection, at), reading=True):  # type: ignore[misc]  # bound now
        ended: list[PastCall] = []
        for row in rows:
            fields = orjson.loads(row.canonical)
            if row.kind == "intent":
                if (call := _call(fields, row)) is not None:
                    open_calls[row.id] = call
            elif (call := open_calls.pop(fields.get("intent_id", ""), None)) is not None:
                ended.append(_settled(call, fields))
        place = (rows[-1].held_us, rows[-1].seq)
        yield ended
    yield list(open_calls.values())


def _page(connection: Connection, place: tuple[int, int]) -> list[Any]:
    held_us, seq = place
    query = (
        select(
            records.c.seq,
            records.c.id,
            records.c.kind,
            records.c.held_us,
            records.c.time_us,
            records.c.canonical,
            records.c.sealed,
        )
        .where(
            records.c.held_us >= held_us,
            or_(records.c.held_us > held_us, and_(records.c.held_us == held_us, records.c.seq > seq)),
            records.c.kind.in_(_KINDS),
        )
        .order_by(records.c.held_us, records.c.seq)
        .limit(PAGE)
    )
    return list(connection.execute(query))


def _call(fields: Mapping[str, Any], row: Any) -> PastCall | None:
    """The call of an intent at its estimate; None where the record no longer says what it took."""
    told = fields.get("limits")
    if told is None and row.sealed is not None:
        told = orjson.loads(row.sealed).get("limits")
    reserved = fields.get("limits_reserved")
    if told is None or reserved is None:
        return None
    limits, taken = _limits(told), tuple(orjson.loads(reserved))
    if len(limits) != len(taken):
        return None
    slot = fields.get("tenant") or fields.get("principal") or ""
    return PastCall(at_us=row.time_us, slot=slot, limits=limits, taken=taken)


def _settled(call: PastCall, completion: Mapping[str, Any]) -> PastCall:
    told = completion.get("limits_settled")
    taken = call.taken if told is None else tuple(orjson.loads(told))
    if len(taken) != len(call.limits):
        return call
    return PastCall(at_us=call.at_us, slot=call.slot, limits=call.limits, taken=taken)


@lru_cache(1024)
def _limits(text: str) -> tuple[Limit, ...]:
    return tuple(Limit(**one) for one in orjson.loads(text))
