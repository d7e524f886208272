"""The few statements on `records`. Each takes a plain connection and runs inside its transaction."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain
from typing import Any, Final, cast

from sqlalchemy import Connection, select

from dataplane.audit.draft import QUERY_COLUMNS, Draft
from dataplane.audit.models import records

_INSERTED: Final = (
    "id",
    "kind",
    "time_us",
    *QUERY_COLUMNS,
    "held_us",
    "sealed",
    "writer",
    "wseq",
    "canonical",
    "hash",
)


ROWS_AT_ONCE: Final = 64
"""Rows in one SQLite statement. Python's thread gives up the interpreter, and waits for it again, several
times a statement; a row each made a commit beside a busy loop wait for every one of them."""


# Written out: a Core insert takes 20 us a row.
def _insert(values: str) -> str:
    return f"INSERT INTO records ({', '.join(_INSERTED)}) VALUES {values}"  # noqa: S608  constants


@lru_cache(maxsize=ROWS_AT_ONCE)
def _insert_sqlite(rows: int) -> str:
    return _insert(", ".join([f"({', '.join('?' * len(_INSERTED))})"] * rows))


_INSERT_POSTGRESQL: Final = _insert(f"({', '.join(f'${n}' for n in range(1, len(_INSERTED) + 1))})")

_POSITION: Final = (records.c.writer, records.c.wseq, records.c.hash)
_STORED: Final = select(
    records.c.seq,
    records.c.id,
    records.c.kind,
    records.c.writer,
    records.c.wseq,
    records.c.canonical,
    records.c.hash,
    records.c.sealed,
)


Statement = tuple[str, tuple[Any, ...]]
"""SQL and its parameters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A row of `records` without its query columns."""

    seq: int
    id: str
    kind: str
    writer: str
    wseq: int
    canonical: bytes = field(repr=False)
    hash: bytes
    sealed: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Where a chain stands: its writer, its last `wseq`, and the hash (hexadecimal) of that record."""

    writer: str
    wseq: int
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Records placed behind a position: the rows to insert, and the position after them."""

    rows: list[tuple[Any, ...]] = field(repr=False)
    end: Position


def place(drafts: Sequence[Draft], start: Position) -> Group:
    """Place drafts, in order, behind `start`."""
    wseq, prev, rows = start.wseq, start.hash, []
    for draft in drafts:
        wseq += 1
        canonical = draft.placed(wseq, prev)
        digest = hashlib.sha256(canonical)
        head = (draft.id, draft.kind, draft.time_us, *draft.columns, draft.held_us, draft.sealed)
        rows.append((*head, start.writer, wseq, canonical, digest.digest()))
        prev = digest.hexdigest()
    return Group(rows=rows, end=Position(writer=start.writer, wseq=wseq, hash=prev))


def insert(connection: Connection, group: Group) -> None:
    """Insert the rows of a group; on SQLite in one statement for each `ROWS_AT_ONCE`, by its driver: what
    SQLAlchemy does around a statement takes as long as the statement, of an interpreter that calls share."""
    if connection.dialect.name != "sqlite":
        connection.exec_driver_sql(_INSERT_POSTGRESQL, group.rows)
        return
    driver = cast(sqlite3.Connection, connection.connection.driver_connection)
    for statement in statements(group):
        driver.execute(*statement)


def statements(group: Group) -> list[Statement]:
    """What inserts the rows of a group into SQLite, as the driver takes it."""
    parts = [group.rows[start : start + ROWS_AT_ONCE] for start in range(0, len(group.rows), ROWS_AT_ONCE)]
    return [(_insert_sqlite(len(rows)), tuple(chain.from_iterable(rows))) for rows in parts]


def chain_end(connection: Connection, writer: str) -> Position | None:
    """Where a writer's chain stands; None where it has no record."""
    query = select(*_POSITION).where(records.c.writer == writer).order_by(records.c.wseq.desc()).limit(1)
    return _position(connection.execute(query).first())


def newest(connection: Connection) -> Position | None:
    """The position of the record written last, whoever wrote it; None in an empty table."""
    return _position(connection.execute(select(*_POSITION).order_by(records.c.seq.desc()).limit(1)).first())


def last(connection: Connection, limit: int) -> list[Stored]:
    """The `limit` records written last, oldest first."""
    found = connection.execute(_STORED.order_by(records.c.seq.desc()).limit(limit)).all()
    return [_stored(row) for row in reversed(found)]


def after(connection: Connection, seq: int, limit: int) -> list[Stored]:
    """At most `limit` records behind `seq`, in order of writing."""
    query = _STORED.where(records.c.seq > seq).order_by(records.c.seq).limit(limit)
    return [_stored(row) for row in connection.execute(query)]


def about(connection: Connection, wanted: str) -> list[Stored]:
    """The record with this id, or every record of the call with this request id, in order of writing."""
    found = connection.execute(_STORED.where(records.c.id == wanted)).all()
    if not found:
        found = connection.execute(
            _STORED.where(records.c.request_id == wanted).order_by(records.c.seq)
        ).all()
    return [_stored(row) for row in found]


def tied(connection: Connection, correlation_id: str) -> list[Stored]:
    """Every record of the calls of which one record has this correlation id, in order of writing."""
    told = records.c.correlation_id == correlation_id
    calls = select(records.c.request_id).where(told)
    found = connection.execute(_STORED.where(told | records.c.request_id.in_(calls)).order_by(records.c.seq))
    return [_stored(row) for row in found]


def _stored(row: Any) -> Stored:
    return Stored(**row._mapping)


def _position(row: Any) -> Position | None:
    return None if row is None else Position(writer=row.writer, wseq=row.wseq, hash=bytes(row.hash).hex())
