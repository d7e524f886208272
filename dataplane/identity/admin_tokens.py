"""Tokens of the admin API: who may look at keys, change them, or make further tokens.

`rga_<id>_<secret>`, made and digested as API keys are; a token opens nothing on the public address and an
API key nothing here. Every look-up asks the database, so that a revoked token is refused at once.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, get_args

from sqlalchemy import Connection, Row, insert, select, update

from dataplane.database import Database
from dataplane.domain import AdminRole
from dataplane.identity.keys import (
    DIGEST_BYTES,
    ApiKey,
    check_installation_key,
    digest,
    is_key_id,
    new_secret,
)
from dataplane.identity.models import admin_tokens
from dataplane.identity.store import KeyProblem, UnknownKey, check_note, now_us

SCHEME: Final = "rga_"
ROLES: Final[tuple[AdminRole, ...]] = get_args(AdminRole)

DAY_US: Final = 86_400_000_000
HOUR_US: Final = 3_600_000_000
LIFETIME_US: Final = 90 * DAY_US
"""Of a token where none is given: as long as an API key may live."""

LIFETIME_MAX_US: Final = 366 * DAY_US
BREAK_GLASS_US: Final = HOUR_US
"""Of a break-glass token where none is given: one emergency."""

BREAK_GLASS_MAX_US: Final = 24 * HOUR_US

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_TOKEN: Final = re.compile(r"rga_([a-z2-7]{10})_[A-Za-z0-9_-]{43}")
_TOKEN_LENGTH: Final = len(SCHEME) + 10 + 1 + 43


class UnknownToken(UnknownKey):
    """No token has this id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminToken:
    """One row of `admin_tokens`. Times are Unix microseconds. `created_by` is `cli` or a token's id."""

    id: str
    name: str
    role: AdminRole
    digest: bytes = field(repr=False)
    created_us: int
    created_by: str
    expires_us: int
    revoked_us: int | None = None
    revoked_reason: str | None = None

    def state(self, now: int) -> str:
        """`active`, `expired` or `revoked`."""
        if self.revoked_us is not None:
            return "revoked"
        return "expired" if now >= self.expires_us else "active"


class AdminTokens:
    """Tokens in the database. `installation_key` (at least 32 bytes) digests them."""

    def __init__(
        self, database: Database, installation_key: bytes, *, clock_us: Callable[[], int] = now_us
    ) -> None:
        self._database = database
        self._installation_key = check_installation_key(installation_key)
        self._clock_us = clock_us
        self._nobody = secrets.token_bytes(DIGEST_BYTES)

    async def create(
        self, name: str, role: AdminRole, *, created_by: str, lifetime_us: int | None = None
    ) -> tuple[str, AdminToken]:
        """The text of a new token, which exists nowhere else, and its row.

        Raises `KeyProblem` for a name or lifetime that cannot be used.
        """
        if _NAME.fullmatch(name) is None:
            raise KeyProblem(f"{name!r:.80} is no name: use up to 64 letters, digits and . _ @ -")
        emergency = role == "break-glass"
        if lifetime_us is None:
            lifetime_us = BREAK_GLASS_US if emergency else LIFETIME_US
        if not 0 < lifetime_us <= (BREAK_GLASS_MAX_US if emergency else LIFETIME_MAX_US):
            raise KeyProblem(
                "a break-glass token lives for 24 hours at most"
                if emergency
                else "a token lives for 366 days at most"
            )
        token_id, text = new_secret(SCHEME)
        now = self._clock_us()
        row = AdminToken(
            id=token_id,
            name=name,
            role=role,
            digest=self._digest(token_id, text),
            created_us=now,
            created_by=created_by,
            expires_us=now + lifetime_us,
        )
        values = {column.name: getattr(row, column.name) for column in admin_tokens.columns}
        await self._database.run(lambda connection: connection.execute(insert(admin_tokens).values(values)))
        return text, row

    async def list_tokens(self) -> list[AdminToken]:
        """Every token, oldest first; revoked and expired ones too."""
        query = select(admin_tokens).order_by(admin_tokens.c.created_us, admin_tokens.c.id)
        return await self._database.run(
            lambda connection: [_token(row) for row in connection.execute(query)], reading=True
        )

    async def revoke(self, token_id: str, *, reason: str | None = None) -> tuple[AdminToken, bool]:
        """The token, now revoked, and whether this call did it. Raises `UnknownToken`."""
        token_id = token_id.removeprefix(SCHEME)
        if not is_key_id(token_id):
            raise UnknownToken("that is not the id of a token: ids have 10 letters a-z and digits 2-7")
        check_note("reason", reason)
        now = self._clock_us()
        change = update(admin_tokens).where(
            admin_tokens.c.id == token_id, admin_tokens.c.revoked_us.is_(None)
        )

        def work(connection: Connection) -> tuple[AdminToken, bool]:
            changed = connection.execute(change.values(revoked_us=now, revoked_reason=reason)).rowcount
            row = connection.execute(select(admin_tokens).where(admin_tokens.c.id == token_id)).first()
            if row is None:
                raise UnknownToken(f"there is no token {token_id}")
            return _token(row), changed == 1

        return await self._database.run(work)

    async def find(self, text: str) -> AdminToken | None:
        """The token that a text is, if it is valid now. Raises what the database raises.

        As for API keys: strict form first, the digest before the look-up, compared in constant time and
        against a random one where there is no row, its state last.
        """
        match = _TOKEN.fullmatch(text) if len(text) == _TOKEN_LENGTH else None
        if match is None:
            return None
        presented = self._digest(match[1], text)
        query = select(admin_tokens).where(admin_tokens.c.id == match[1])
        row = await self._database.run(lambda connection: connection.execute(query).first(), reading=True)
        token = None if row is None else _token(row)
        matches = hmac.compare_digest(presented, self._nobody if token is None else token.digest)
        if token is None or not matches or token.state(self._clock_us()) != "active":
            return None
        return token

    def _digest(self, token_id: str, text: str) -> bytes:
        return digest(self._installation_key, ApiKey(id=token_id, text=text))


def _token(row: Row[Any]) -> AdminToken:
    return AdminToken(**row._mapping)
