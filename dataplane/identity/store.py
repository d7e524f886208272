"""The life of an API key: made, listed, shown, revoked. Every method is one transaction."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Final

from sqlalchemy import Connection, insert, select, update

from dataplane.database import Database
from dataplane.errors import RegoGateError
from dataplane.identity.keys import (
    ApiKey,
    check_installation_key,
    digest,
    is_key_id,
    new_key,
    parse,
    prefix_of,
)
from dataplane.identity.models import KeyRow, api_keys, key_row

NOTE_MAX_CHARS: Final = 200
"""Of a label or reason: one line on a terminal and in a record."""

_CLIENT_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@-]{0,127}")


class KeyProblem(RegoGateError):
    """A key command that cannot be carried out; the text says what to give instead."""


class UnknownKey(KeyProblem):
    """No key has this id, or no key belongs to this client."""


def now_us() -> int:
    """The time in Unix microseconds."""
    return time.time_ns() // 1000


class KeyStore:
    """Keys in the database. `installation_key` (at least 32 bytes) digests them and is never stored there."""

    def __init__(
        self, database: Database, installation_key: bytes, *, clock_us: Callable[[], int] = now_us
    ) -> None:
        self._database = database
        self._installation_key = check_installation_key(installation_key)
        self._clock_us = clock_us

    async def create(
        self, client_id: str, *, lifetime_us: int | None = None, label: str | None = None
    ) -> tuple[ApiKey, KeyRow]:
        """A new key for a client, and its row. The key's text exists nowhere but in what is returned.

        `lifetime_us` counts from now; None never expires. Raises `KeyProblem` for a client id, label
        or lifetime that cannot be used.
        """
        if _CLIENT_ID.fullmatch(client_id) is None:
            raise KeyProblem(
                f"{client_id!r:.80} cannot be a client id: use up to 128 letters, digits and . _ : @ - "
                "and begin with a letter or digit"
            )
        if lifetime_us is not None and lifetime_us <= 0:
            raise KeyProblem("a key must live for some time; give a positive duration such as 90d")
        _check_note("label", label)
        key, now = new_key(), self._clock_us()
        row = KeyRow(
            id=key.id,
            client_id=client_id,
            prefix=key.prefix,
            digest=digest(self._installation_key, key),
            created_us=now,
            expires_us=None if lifetime_us is None else now + lifetime_us,
            label=label,
        )

        def work(connection: Connection) -> None:
            connection.execute(
                insert(api_keys).values(
                    id=row.id,
                    client_id=row.client_id,
                    prefix=row.prefix,
                    digest=row.digest,
                    created_us=row.created_us,
                    expires_us=row.expires_us,
                    label=row.label,
                )
            )

        await self._database.run(work)
        return key, row

    async def list_keys(self, client_id: str | None = None) -> list[KeyRow]:
        """Every key, or every key of one client, oldest first; revoked and expired ones too."""
        query = select(api_keys).order_by(api_keys.c.created_us, api_keys.c.id)
        if client_id is not None:
            query = query.where(api_keys.c.client_id == client_id)

        def work(connection: Connection) -> list[KeyRow]:
            return [key_row(row) for row in connection.execute(query)]

        return await self._database.run(work, reading=True)

    async def show(self, key_id: str) -> KeyRow:
        """The key with this id (or prefix). Raises `UnknownKey`."""
        key_id = read_id(key_id)
        return await self._database.run(lambda connection: _get(connection, key_id), reading=True)

    async def revoke(self, key_id: str, *, reason: str | None = None) -> tuple[KeyRow, bool]:
        """The key, now revoked, and whether this call did it: a second revocation changes nothing.

        Raises `UnknownKey`.
        """
        key_id, now = read_id(key_id), self._clock_us()
        _check_note("reason", reason)

        def work(connection: Connection) -> tuple[KeyRow, bool]:
            changed = connection.execute(
                update(api_keys)
                .where(api_keys.c.id == key_id, api_keys.c.revoked_us.is_(None))
                .values(revoked_us=now, revoked_reason=reason)
            ).rowcount
            return _get(connection, key_id), changed == 1

        return await self._database.run(work)

    async def revoke_client(self, client_id: str, *, reason: str | None = None) -> list[KeyRow]:
        """The client's keys that this call revoked, all in one transaction; empty when all were already.

        Raises `UnknownKey` where the client never had a key.
        """
        now = self._clock_us()
        _check_note("reason", reason)
        theirs = api_keys.c.client_id == client_id

        def work(connection: Connection) -> list[KeyRow]:
            rows = connection.execute(
                update(api_keys)
                .where(theirs, api_keys.c.revoked_us.is_(None))
                .values(revoked_us=now, revoked_reason=reason)
                .returning(*api_keys.c)
            ).all()
            if not rows and connection.execute(select(api_keys.c.id).where(theirs).limit(1)).first() is None:
                raise UnknownKey(f"client {client_id!r:.80} has no keys")
            return sorted((key_row(row) for row in rows), key=lambda row: (row.created_us, row.id))

        return await self._database.run(work)


def read_id(text: str) -> str:
    """A key's id from `ID` or `rgk_ID`. Raises `KeyProblem`, which never repeats a secret."""
    whole = parse(text)
    if whole is not None:
        # Arguments end in shell histories and process lists, so a whole key is not taken as a habit.
        raise KeyProblem(f"that is a whole key, which is secret; give its id alone: {whole.id}")
    key_id = text.removeprefix(prefix_of(""))
    if not is_key_id(key_id):
        raise UnknownKey("that is not the id of a key: ids have 10 letters a-z and digits 2-7")
    return key_id


def _get(connection: Connection, key_id: str) -> KeyRow:
    row = connection.execute(select(api_keys).where(api_keys.c.id == key_id)).first()
    if row is None:
        raise UnknownKey(f"there is no key {key_id}; 'regogate keys list' shows those there are")
    return key_row(row)


def _check_note(name: str, text: str | None) -> None:
    if text is not None and (not text or len(text) > NOTE_MAX_CHARS or not text.isprintable()):
        raise KeyProblem(f"a {name} has 1 to {NOTE_MAX_CHARS} printable characters on one line")
