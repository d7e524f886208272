"""The tables of this room, and what it reads of the records."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, Table, Text, column, table

from dataplane.database import metadata

usage_hours = Table(
    "usage_hours",
    metadata,
    Column("client_id", Text, primary_key=True),
    Column("hour", BigInteger, primary_key=True, autoincrement=False),
    Column("writer", Text, primary_key=True),
    Column("tokens", BigInteger, nullable=False),
    Column("requests", BigInteger, nullable=False),
    Index("ix_usage_hours_hour", "hour"),
)
"""What each process served of a client in an hour (counted from 1970, UTC), added up from `records`."""

usage_mark = Table(
    "usage_mark",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, nullable=False),
)
"""One row: every record up to this `seq` is in `usage_hours`, or older than any baseline looks back."""

MARK_ID: Final = 1

records = table(
    "records",
    column("seq", BigInteger),
    column("id", Text),
    column("kind", Text),
    column("writer", Text),
    column("time_us", BigInteger),
    column("request_id", Text),
    column("client_id", Text),
    column("tenant", Text),
    column("model", Text),
    column("tokens_in", BigInteger),
    column("tokens_out", BigInteger),
    column("canonical", LargeBinary),
    column("sealed", LargeBinary),
)
"""The columns of the audit room's table that are read here; nothing here writes to it."""
