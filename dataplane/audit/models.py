"""The tables of this room."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, Table, Text, UniqueConstraint, text

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
    Column("tokens_in", BigInteger, nullable=True),
    Column("tokens_out", BigInteger, nullable=True),
    Column("cost_microusd", BigInteger, nullable=True),
    Column("held_us", BigInteger, nullable=True),
    Column("correlation_id", Text, nullable=True),
    Column("canonical", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("sealed", LargeBinary, nullable=True),
    UniqueConstraint("id", name="uq_records_id"),
    UniqueConstraint("writer", "wseq", name="uq_records_writer_wseq"),
    Index("ix_records_request_id", "request_id"),
    Index("ix_records_time_us", "time_us"),
    Index(
        "ix_records_held_us",
        "held_us",
        "seq",
        sqlite_where=text("held_us IS NOT NULL"),
        postgresql_where=text("held_us IS NOT NULL"),
    ),
    Index(
        "ix_records_correlation_id",
        "correlation_id",
        "seq",
        sqlite_where=text("correlation_id IS NOT NULL"),
        postgresql_where=text("correlation_id IS NOT NULL"),
    ),
    sqlite_autoincrement=True,
)
"""One row a record, never changed but for `sealed`, which may be erased.

`seq` is the order of writing within a database. `canonical` are the record's bytes, `hash` their
SHA-256; the other columns repeat fields of it for queries, but for `held_us`: until when (Unix
microseconds) what the call took of its limits counts. `sealed` is JSON text: `nonce` in hexadecimal
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

trials = Table(
    "trials",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("revision", Text, nullable=False),
    Column("signed_for", Text, nullable=False),
    Column("share_ppm", BigInteger, nullable=False),
    Column("content", LargeBinary, nullable=True),
    Column("started_us", BigInteger, nullable=False),
    Column("begun_us", BigInteger, nullable=True),
    Column("ended_us", BigInteger, nullable=True),
    Column("ended_as", Text, nullable=True),
    Index(
        "uq_trials_running",
        "kind",
        "channel",
        unique=True,
        sqlite_where=text("ended_us IS NULL"),
        postgresql_where=text("ended_us IS NULL"),
    ),
)
"""Candidates beside the active policy of a channel: what every gateway of it is to run (`ended_us` is null),
and what it was to run. `content` is the signed bundle, gone when it ended."""

trial_reports = Table(
    "trial_reports",
    metadata,
    Column("trial", Text, primary_key=True),
    Column("instance", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("why", Text, nullable=True),
    Column("counts", Text, nullable=False),
    Column("updated_us", BigInteger, nullable=False),
)
"""What each gateway says of a trial; `counts` is a JSON object of integers."""
