"""The table of API keys, and one of its rows as the rest of the room sees it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import BigInteger, Column, Index, LargeBinary, Row, Table, Text

from dataplane.database import metadata

State = Literal["active", "expired", "revoked"]

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("client_id", Text, nullable=False),
    Column("prefix", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("expires_us", BigInteger, nullable=True),
    Column("revoked_us", BigInteger, nullable=True),
    Column("revoked_reason", Text, nullable=True),
    Column("label", Text, nullable=True),
    Index("ix_api_keys_client_id", "client_id"),
)
"""One row a key, never deleted. Times are Unix microseconds; `digest` is `keys.digest`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRow:
    """One row of `api_keys`. Holds no secret: the digest is of no use without the installation key,
    and is kept out of `repr` all the same."""

    id: str
    client_id: str
    prefix: str
    digest: bytes = field(repr=False)
    created_us: int
    expires_us: int | None = None
    revoked_us: int | None = None
    revoked_reason: str | None = None
    label: str | None = None

    def state(self, now_us: int) -> State:
        """Whether the key opens anything at `now_us`; it is expired from `expires_us` on."""
        if self.revoked_us is not None:
            return "revoked"
        if self.expires_us is not None and now_us >= self.expires_us:
            return "expired"
        return "active"


def key_row(row: Row[Any]) -> KeyRow:
    """A `KeyRow` from a row that has all columns of `api_keys`, in order."""
    return KeyRow(**dict(zip(api_keys.columns.keys(), row, strict=True)))
