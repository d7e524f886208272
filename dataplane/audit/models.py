"""The tables of this room."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, Table, Text, UniqueConstraint

from dataplane.database import metadata

SEQ_TYPE: Final = BigInteger().with_variant(Integer, "sqlite")
"""SQLite gives out row numbers for INTEGER PRIMARY KEY alone, and those have 64 bits."""

records = Table(
    "records",
    metadata,
    Column("seq", SEQ_TYPE, primary_key=True, autoincrement=True),
    Column("id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("writer", Text, nullable=False),
    Column("wseq", BigInteger, nullable=False),
    Column("time_us", BigInteger, nullable=False),
    Column("request_id", Text, nullable=True),
    Column("client_id", Text, nullable=True),
    Column("tenant", Text, nullable=True),
    Column("operation", Text, nullable=True),
    Column("model", Text, nullable=True),
    Column("decision", Text, nullable=True),
    Column("policy_revision", Text, nullable=True),
    Column("status", Integer, nullable=True),
    Column("canonical", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("sealed", LargeBinary, nullable=True),
    UniqueConstraint("id", name="uq_records_id"),
    UniqueConstraint("writer", "wseq", name="uq_records_writer_wseq"),
    Index("ix_records_request_id", "request_id"),
    Index("ix_records_time_us", "time_us"),
    sqlite_autoincrement=True,
)
"""One row a record, never changed but for `sealed`, which may be erased.

`seq` is the order of writing within a database. `canonical` are the record's bytes, `hash` their
SHA-256; the other columns repeat fields of it for queries. `sealed` is JSON text: `nonce` in hexadecimal
and the personal values whose digests stand in `canonical`.
"""

activations = Table(
    "activations",
    metadata,
    Column("instance", Text, primary_key=True),
    Column("channel", Text, primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("revision", Text, nullable=False),
    Column("activated_us", BigInteger, nullable=False),
)
"""Bundle sequences that were active: for each instance and channel the highest, and those before it
until the highest is old enough to count for other instances."""
