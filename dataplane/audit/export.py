"""Recorded questions to policy, in order of writing, for a replay here or by another program.

One row is one question with its answer: a call is a row, and later each tool call and each answer that
policy is asked about. A row is a JSON object of form `ROW_VERSION`:

`v`; `request_id`, `time`, `client_id`, `model`, `operation`, `policy_revision`, `stage` (strings, null
where the record has none); `decision`, `reasons`: how the call came out; `policy_input`, `policy_result`:
the exact texts that OPA got and gave, null where there are none, and `stored` says which it is: `whole`;
`never_asked`: the call was refused before policy was asked; `erased`: the sealed values were erased. A row
that stands for calls that were only counted has `count`.

The inputs hold personal values (subject, source address). Prompts are not among them.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
from sqlalchemy import ColumnElement, Connection, func, select

from dataplane.audit.draft import COLUMN_MAX_CHARS
from dataplane.audit.models import records
from dataplane.audit.sealing import sealed_digest
from dataplane.database import Database
from dataplane.errors import RegoGateError

ROW_VERSION: Final = 1
"""Of a row's form, in each row as `v`."""

PAGE: Final = 1000
"""Records in memory at once: about 3 MB."""

CLOCK_SKEW_US: Final = 15 * 60 * 1_000_000
"""How far the clocks of writers may be apart before a row may be missed at the edge of a period: `seq`
follows the order of commits, `time_us` each writer's own clock."""

SEEN_MAX: Final = 20
"""Clients or models named where none was found."""

_KINDS: Final = ("intent", "deny", "tool_call", "response")
_COPIED: Final = (
    "request_id",
    "time",
    "client_id",
    "model",
    "operation",
    "decision",
    "policy_revision",
    "stage",
)
_SEALED: Final = ("policy_input", "policy_result")


class Altered(RegoGateError):
    """A sealed value is not the one that was recorded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which rows: written at `since_us` or later and before `until_us` (Unix microseconds), of one of
    these clients and of one of these models. Empty means any."""

    since_us: int | None = None
    until_us: int | None = None
    clients: tuple[str, ...] = ()
    models: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some rows, and how much of the way they lead: from 0 to 1."""

    rows: list[dict[str, Any]] = field(repr=False)
    share: float


async def pages(
    database: Database, wanted: Wanted, *, page: int = PAGE, check: bool = True
) -> AsyncGenerator[Page, None]:
    """The rows that are there now, a page at a time. What is written meanwhile is not among them.

    With `check` each sealed value is compared with the digest in its record; raises `Altered` where one
    does not fit. Raises what SQLAlchemy raises.
    """
    first, last = await database.run(lambda connection: _bounds(connection, wanted), reading=True)
    at = first - 1
    while at < last:
        found = await database.run(
            lambda connection, at=at: _read(connection, wanted, at, last, page),  # type: ignore[misc]
            reading=True,
        )
        at = found[-1].seq if len(found) == page else last
        share = 1.0 if at >= last else (at - first + 1) / (last - first + 1)
        yield Page(rows=[_row(one.canonical, one.sealed, check=check) for one in found], share=share)


async def seen(database: Database, wanted: Wanted, column: str) -> list[str]:
    """Some clients (`column` is `client_id`) or models (`model`) with rows in the period of `wanted`."""
    period = Wanted(since_us=wanted.since_us, until_us=wanted.until_us)
    named = records.c[column]
    query = select(named).distinct().where(named.is_not(None), *_conditions(period)).limit(SEEN_MAX)

    def work(connection: Connection) -> list[str]:
        return sorted(connection.execute(query).scalars())

    return await database.run(work, reading=True)


def _bounds(connection: Connection, wanted: Wanted) -> tuple[int, int]:
    """The lowest and highest `seq` to look at; found by index, so a long history costs nothing."""
    first = 1
    last = connection.execute(select(func.coalesce(func.max(records.c.seq), 0))).scalar_one()
    by_time = select(records.c.seq).limit(1)
    if wanted.since_us is not None:
        since = by_time.where(records.c.time_us >= wanted.since_us - CLOCK_SKEW_US)
        first = connection.execute(since.order_by(records.c.time_us)).scalar() or last + 1
    if wanted.until_us is not None:
        until = by_time.where(records.c.time_us < wanted.until_us + CLOCK_SKEW_US)
        last = connection.execute(until.order_by(records.c.time_us.desc())).scalar() or 0
    return int(first), int(last)


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [records.c.kind.in_(_KINDS)]
    if wanted.since_us is not None:
        found.append(records.c.time_us >= wanted.since_us)
    if wanted.until_us is not None:
        found.append(records.c.time_us < wanted.until_us)
    for column, names in ((records.c.client_id, wanted.clients), (records.c.model, wanted.models)):
        if names:
            found.append(column.in_([name[:COLUMN_MAX_CHARS] for name in names]))
    return found


def _read(connection: Connection, wanted: Wanted, at: int, last: int, limit: int) -> list[Any]:
    columns = (records.c.seq, records.c.canonical, records.c.sealed)
    between = (records.c.seq > at, records.c.seq <= last)
    query = select(*columns).where(*between, *_conditions(wanted)).order_by(records.c.seq).limit(limit)
    return list(connection.execute(query))


def _row(canonical: bytes, sealed: bytes | None, *, check: bool) -> dict[str, Any]:
    fields = orjson.loads(canonical)
    row: dict[str, Any] = {"v": ROW_VERSION}
    for name in _COPIED:
        row[name] = fields.get(name)
    row["reasons"] = fields.get("reasons") or []
    values = {} if sealed is None else orjson.loads(sealed)
    for name in _SEALED:
        row[name] = values.get(name)
        digest = fields.get(f"{name}_digest")
        if check and row[name] is not None and sealed_digest(_nonce(values), row[name]) != digest:
            raise Altered(
                f"the {name} of record {fields['id']} is not the one that was recorded: somebody changed "
                "the database; find out who, and leave the record out with --since or --until"
            )
    if "policy_input_digest" not in fields:
        row["stored"] = "never_asked"
    else:
        row["stored"] = "erased" if None in (row["policy_input"], row["policy_result"]) else "whole"
    if "count" in fields:
        row["count"] = fields["count"]
    return row


def _nonce(values: dict[str, Any]) -> bytes:
    try:
        return bytes.fromhex(values["nonce"])
    except (KeyError, TypeError, ValueError):
        return b""
