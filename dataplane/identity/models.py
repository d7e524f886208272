"""The tables of this room, and a row of API keys as the rest of the room sees it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, Row, Table, Text

from dataplane.database import metadata

State = Literal["active", "expired", "too_old", "revoked"]
STATES: Final[tuple[State, ...]] = ("active", "expired", "too_old", "revoked")

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
    Column("networks", Text, nullable=True),
    Column("certificate", Text, nullable=True),
    Column("rotated_from", Text, nullable=True),
    Column("last_used_us", BigInteger, nullable=True),
    Column("version", BigInteger, nullable=False, server_default="0"),
    Index("ix_api_keys_client_id", "client_id"),
    Index("ix_api_keys_version", "version"),
)
"""One row a key, never deleted. Times are Unix microseconds; `digest` is `keys.digest`; `networks` is a JSON
list of `bindings`; `certificate` is the SHA-256 of a certificate in hexadecimal; `version` is the value of
`api_keys_version` when the row changed last (uses do not count)."""

api_keys_version = Table(
    "api_keys_version",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("version", BigInteger, nullable=False),
)
"""One row (id 1). Every transaction that changes keys raises it first and so waits for the one before: a
reader that has seen a version misses no change up to it."""

admin_tokens = Table(
    "admin_tokens",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("expires_us", BigInteger, nullable=False),
    Column("revoked_us", BigInteger, nullable=True),
    Column("revoked_reason", Text, nullable=True),
)
"""Who may use the admin API. One row a token, never deleted; `digest` is `admin_tokens.token_digest`."""


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
    networks: tuple[str, ...] = ()
    certificate: str | None = None
    rotated_from: str | None = None
    last_used_us: int | None = None
    version: int = 0

    def ends_us(self, max_age_us: int = 0) -> int | None:
        """When the key ends by itself: its expiry or its maximum age (0: none), whichever is first."""
        if not max_age_us:
            return self.expires_us
        oldest = self.created_us + max_age_us
        return oldest if self.expires_us is None else min(oldest, self.expires_us)

    def state(self, now_us: int, max_age_us: int = 0) -> State:
        """Whether the key opens anything at `now_us`; it is expired, or too old, from that moment on."""
        if self.revoked_us is not None:
            return "revoked"
        if self.expires_us is not None and now_us >= self.expires_us:
            return "expired"
        if max_age_us and now_us >= self.created_us + max_age_us:
            return "too_old"
        return "active"


def key_row(row: Row[Any]) -> KeyRow:
    """A `KeyRow` from a row that has all columns of `api_keys`, in order."""
    values = dict(zip(api_keys.columns.keys(), row, strict=True))
    values["networks"] = tuple(json.loads(values["networks"])) if values["networks"] else ()
    return KeyRow(**values)
