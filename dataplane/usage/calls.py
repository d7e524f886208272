"""Records read as calls: made, refused, or cut off by a crash. Each call is told once, from its own bytes.

A call that was made counts when its completion was written, so that periods that adjoin add up. Records are
read in order of that time, a page at a time; only intents whose completion has not come by are kept. Those
left at the end are looked up: some ended after the period, some were committed late and are told now. What
has no completion at all is open: under way, or cut off by a crash.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

import orjson
from sqlalchemy import or_, select

from dataplane.database import Database
from dataplane.errors import RegoGateError
from dataplane.usage.models import records

PAGE: Final = 2_000
"""Records in memory at once, about 4 MB."""

LOOKED_UP: Final = 500
"""Open calls in one question."""

_KINDS: Final = ("intent", "completion", "deny")


class Ended(StrEnum):
    """How far a call came."""

    MADE = "made"
    REFUSED = "refused"
    OPEN = "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What sums need of a call, or of `count` refusals that were only counted.

    `time_us` is when its completion, refusal or (open) intent was written. Tokens and micro-USD are what was
    used, of an open call what was reserved for it; `cost` is None where the model has no price.
    """

    ended: Ended
    time_us: int
    client: str | None
    tenant: str | None
    model: str | None
    operation: str | None
    tokens_in: int = 0
    tokens_out: int = 0
    cost: int | None = None
    count: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some calls, and how much of the way they lead: from 0 to 1."""

    calls: list[Call] = field(repr=False)
    share: float


async def pages(
    database: Database, since_us: int, until_us: int, *, page: int = PAGE
) -> AsyncGenerator[Page, None]:
    """The calls of the period from `since_us` to before `until_us` (Unix microseconds), a page at a time.
    Raises `RegoGateError` for a record that is none, and what SQLAlchemy raises."""
    pending: dict[str, str] = {}
    at: tuple[int, int] | None = (since_us, -1)
    while at is not None:
        found = await database.run(_reading(at, until_us, page), reading=True)
        rows = [_fields(row) for row in found]
        at = (found[-1].time_us, found[-1].seq) if len(found) == page else None
        reached = until_us if at is None else at[0]
        share = (reached - since_us) / max(until_us - since_us, 1)
        yield Page(calls=[call for row in rows if (call := _call(row, pending)) is not None], share=share)
    waiting = list(pending.items())
    for start in range(0, len(waiting), LOOKED_UP):
        left = dict(waiting[start : start + LOOKED_UP])
        found = await database.run(_records_of(left), reading=True)
        yield Page(calls=_left_over(found, left, since_us, until_us), share=1.0)


def _fields(row: Any) -> dict[str, Any]:
    """A record's own fields. Raises `RegoGateError` where it is none."""
    try:
        found = orjson.loads(row.canonical)
        if {"id", "kind", "time_us"} <= found.keys():
            return dict(found)
    except (orjson.JSONDecodeError, AttributeError):
        pass
    raise RegoGateError(
        f"record number {row.seq} is none: somebody changed the database; leave it out by --since or --until"
    )


def _reading(at: tuple[int, int], until_us: int, limit: int) -> Any:
    behind = or_(records.c.time_us > at[0], records.c.seq > at[1])
    query = (
        select(records.c.time_us, records.c.seq, records.c.canonical)
        .where(records.c.time_us >= at[0], behind, records.c.time_us < until_us, records.c.kind.in_(_KINDS))
        .order_by(records.c.time_us, records.c.seq)
        .limit(limit)
    )
    return lambda connection: connection.execute(query).all()


def _call(row: Mapping[str, Any], pending: dict[str, str]) -> Call | None:
    """The call that a record tells of, if it is the one to tell it."""
    match row["kind"]:
        case "intent":
            pending[row["id"]] = row["request_id"]
            return None
        case "completion":
            pending.pop(row.get("intent_id", ""), None)
            return _told(
                Ended.MADE,
                row,
                tokens_in=row.get("tokens_in", 0),
                tokens_out=row.get("tokens_out", 0),
                cost=row.get("cost_microusd"),
            )
        case _:
            return _told(Ended.REFUSED, row, count=row.get("count", 1))


def _told(ended: Ended, row: Mapping[str, Any], **more: Any) -> Call:
    return Call(
        ended=ended,
        time_us=row["time_us"],
        client=row.get("client_id"),
        tenant=row.get("tenant"),
        model=row.get("model"),
        operation=row.get("operation"),
        **more,
    )


def _records_of(left: Mapping[str, str]) -> Any:
    """Intents and completions of these calls."""
    query = select(records.c.seq, records.c.canonical, records.c.sealed).where(
        records.c.request_id.in_(sorted(set(left.values()))), records.c.kind.in_(("intent", "completion"))
    )
    return lambda connection: connection.execute(query).all()


def _left_over(found: Iterable[Any], left: Mapping[str, str], since_us: int, until_us: int) -> list[Call]:
    intents: dict[str, Mapping[str, Any]] = {}
    ends: dict[str, Mapping[str, Any]] = {}
    for row in found:
        fields = _fields(row)
        if fields["kind"] == "completion":
            ends[fields.get("intent_id", "")] = fields
        elif fields["id"] in left:
            sealed = {} if row.sealed is None else orjson.loads(row.sealed)
            intents[fields["id"]] = {**sealed, **fields}
    calls: list[Call] = []
    for intent_id, intent in intents.items():
        end = ends.get(intent_id)
        if end is None:
            calls.append(_open(intent))
        elif max(since_us, intent["time_us"]) <= end["time_us"] < until_us:
            # Committed behind our back. One whose clock went backwards was read before its intent.
            told = _call(end, {})
            assert told is not None
            calls.append(told)
    return calls


def _open(intent: Mapping[str, Any]) -> Call:
    """A call at what its limits had reserved for it; nothing where no limit counts tokens or money."""
    limits = orjson.loads(intent.get("limits", "[]"))
    amounts = orjson.loads(intent.get("limits_reserved", "[]"))
    reserved: dict[str, int] = {}
    for limit, amount in zip(limits, amounts, strict=False):
        reserved[limit["unit"]] = max(amount, reserved.get(limit["unit"], 0))
    given, made = reserved.get("input_tokens", 0), reserved.get("output_tokens", 0)
    both = max(reserved.get("tokens", 0), given + made)
    return _told(Ended.OPEN, intent, tokens_in=both - made, tokens_out=made, cost=reserved.get("usd"))
