"""The few statements on `records`. Each takes a plain connection and runs inside its transaction."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, select

from dataplane.audit.draft import QUERY_COLUMNS, Draft
from dataplane.audit.models import records

_INSERTED: Final = (
    "id",
    "kind",
    "time_us",
    *QUERY_COLUMNS,
    "sealed",
    "writer",
    "wseq",
    "canonical",
    "hash",
)


def _insert(marks: Sequence[str]) -> str:
    return f"INSERT INTO records ({', '.join(_INSERTED)}) VALUES ({', '.join(marks)})"  # noqa: S608  constants


# Written out: the driver's own executemany takes 11 us a row, a Core insert 20.
_INSERT_SQLITE: Final = _insert(["?" for _ in _INSERTED])
_INSERT_POSTGRESQL: Final = _insert([f"${n}" for n in range(1, len(_INSERTED) + 1)])

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
        head = (draft.id, draft.kind, draft.time_us, *draft.columns, draft.sealed)
        rows.append((*head, start.writer, wseq, canonical, digest.digest()))
        prev = digest.hexdigest()
    return Group(rows=rows, end=Position(writer=start.writer, wseq=wseq, hash=prev))


def insert(connection: Connection, group: Group) -> None:
    """Insert the rows of a group."""
    sqlite = connection.dialect.name == "sqlite"
    connection.exec_driver_sql(_INSERT_SQLITE if sqlite else _INSERT_POSTGRESQL, group.rows)


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


def _stored(row: Any) -> Stored:
    return Stored(**row._mapping)


def _position(row: Any) -> Position | None:
    return None if row is None else Position(writer=row.writer, wseq=row.wseq, hash=bytes(row.hash).hex())
