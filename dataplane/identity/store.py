"""The life of an API key: made, listed, shown, rotated, revoked. Every method is one transaction.

Each change first raises the version of all keys, by which running gateways see that something changed.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, insert, select, update

from dataplane.database import Database
from dataplane.errors import RegoGateError
from dataplane.identity.bindings import BadBinding, read_fingerprint, read_networks
from dataplane.identity.keys import (
    ApiKey,
    check_installation_key,
    digest,
    is_key_id,
    new_key,
    parse,
    prefix_of,
)
from dataplane.identity.models import KeyRow, api_keys, api_keys_version, key_row

NOTE_MAX_CHARS: Final = 200
"""Of a label or reason: one line on a terminal and in a record."""

OVERLAP_MAX_US: Final = 30 * 86_400_000_000
"""The longest overlap of a rotation: a key that goes on for longer was not rotated."""

_COLUMNS: Final = tuple(column.name for column in api_keys.columns)
_CLIENT_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@-]{0,127}")


class KeyProblem(RegoGateError):
    """A key command that cannot be carried out; the text says what to give instead."""


class UnknownKey(KeyProblem):
    """No key has this id, or no key belongs to this client."""


class Settled(KeyProblem):
    """What is asked does not fit with what was done to the key before."""


class NewKey(NamedTuple):
    """A key that was made just now. Its text exists nowhere else."""

    key: ApiKey
    row: KeyRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """A key, with its end now set, and the one that takes its place."""

    old: KeyRow
    new: NewKey


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
        self,
        client_id: str,
        *,
        lifetime_us: int | None = None,
        label: str | None = None,
        networks: Iterable[str] = (),
        certificate: str | None = None,
    ) -> NewKey:
        """A new key for a client.

        `lifetime_us` counts from now; None never expires. `networks` and `certificate` are what
        `bindings` reads. Raises `KeyProblem` for a value that cannot be used.
        """
        if _CLIENT_ID.fullmatch(client_id) is None:
            raise KeyProblem(
                f"{client_id!r:.80} cannot be a client id: use up to 128 letters, digits and . _ : @ - "
                "and begin with a letter or digit"
            )
        check_lifetime(lifetime_us)
        check_note("label", label)
        try:
            bound = read_networks(networks)
            fingerprint = None if certificate is None else read_fingerprint(certificate)
        except BadBinding as error:
            raise KeyProblem(str(error)) from None
        made = self._made(client_id, lifetime_us, label=label, networks=bound, certificate=fingerprint)
        return await self._database.run(
            lambda connection: _insert(connection, _raise_version(connection), made)
        )

    def _made(self, client_id: str, lifetime_us: int | None, **about: Any) -> NewKey:
        key, now = new_key(), self._clock_us()
        expires_us = None if lifetime_us is None else now + lifetime_us
        row = KeyRow(
            id=key.id,
            client_id=client_id,
            prefix=key.prefix,
            digest=digest(self._installation_key, key),
            created_us=now,
            expires_us=expires_us,
            **about,
        )
        return NewKey(key=key, row=row)

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

    async def rotate(self, key_id: str, *, overlap_us: int, lifetime_us: int | None = None) -> Rotation:
        """A new key with all that the old one was bound to; the old one ends `overlap_us` from now, or
        when it would have ended if that is earlier.

        The new key lives for `lifetime_us`, else as long as the old one was made for. Raises `UnknownKey`,
        `Settled` for a key that was revoked or has a successor, `KeyProblem` for a time that cannot be.
        """
        key_id = read_id(key_id)
        check_overlap(overlap_us)
        check_lifetime(lifetime_us)

        def work(connection: Connection) -> Rotation:
            version, old = _raise_version(connection), _get(connection, key_id)
            _check_rotatable(connection, old)
            return self._rotated(connection, version, old, overlap_us, lifetime_us)

        return await self._database.run(work)

    async def rotate_client(
        self, client_id: str, *, overlap_us: int, lifetime_us: int | None = None
    ) -> list[Rotation]:
        """Rotate every key of a client that is neither revoked nor expired and has no successor, in one
        transaction. Raises `UnknownKey` where there is none, `KeyProblem` as `rotate` does."""
        check_overlap(overlap_us)
        check_lifetime(lifetime_us)

        def work(connection: Connection) -> list[Rotation]:
            version, now = _raise_version(connection), self._clock_us()
            query = select(api_keys).where(api_keys.c.client_id == client_id)
            theirs = [
                key_row(row)
                for row in connection.execute(query.order_by(api_keys.c.created_us, api_keys.c.id))
            ]
            replaced = {row.rotated_from for row in theirs if row.revoked_us is None}
            left = [row for row in theirs if row.state(now) == "active" and row.id not in replaced]
            if not left:
                raise UnknownKey(f"client {client_id!r:.80} has no key that can be rotated; create one")
            return [self._rotated(connection, version, old, overlap_us, lifetime_us) for old in left]

        return await self._database.run(work)

    def _rotated(
        self, connection: Connection, version: int, old: KeyRow, overlap_us: int, lifetime_us: int | None
    ) -> Rotation:
        if lifetime_us is None and old.expires_us is not None:
            lifetime_us = old.expires_us - old.created_us
        about = {"label": old.label, "networks": old.networks, "certificate": old.certificate}
        made = self._made(old.client_id, lifetime_us, rotated_from=old.id, **about)
        new = _insert(connection, version, made)
        ends_us = new.row.created_us + overlap_us
        if old.expires_us is None or old.expires_us > ends_us:
            connection.execute(
                update(api_keys).where(api_keys.c.id == old.id).values(expires_us=ends_us, version=version)
            )
        return Rotation(old=_get(connection, old.id), new=new)

    async def revoke(self, key_id: str, *, reason: str | None = None) -> tuple[KeyRow, bool]:
        """The key, now revoked, and whether this call did it: a second revocation changes nothing.

        Raises `UnknownKey`.
        """
        key_id, now = read_id(key_id), self._clock_us()
        check_note("reason", reason)

        def work(connection: Connection) -> tuple[KeyRow, bool]:
            version = _raise_version(connection)
            changed = connection.execute(
                update(api_keys)
                .where(api_keys.c.id == key_id, api_keys.c.revoked_us.is_(None))
                .values(revoked_us=now, revoked_reason=reason, version=version)
            ).rowcount
            return _get(connection, key_id), changed == 1

        return await self._database.run(work)

    async def revoke_client(self, client_id: str, *, reason: str | None = None) -> list[KeyRow]:
        """The client's keys that this call revoked, all in one transaction; empty when all were already.

        Raises `UnknownKey` where the client never had a key.
        """
        now = self._clock_us()
        check_note("reason", reason)
        theirs = api_keys.c.client_id == client_id

        def work(connection: Connection) -> list[KeyRow]:
            version = _raise_version(connection)
            rows = connection.execute(
                update(api_keys)
                .where(theirs, api_keys.c.revoked_us.is_(None))
                .values(revoked_us=now, revoked_reason=reason, version=version)
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


def _raise_version(connection: Connection) -> int:
    raised = update(api_keys_version).where(api_keys_version.c.id == 1)
    version = connection.execute(
        raised.values(version=api_keys_version.c.version + 1).returning(api_keys_version.c.version)
    ).scalar()
    if version is None:  # a table made anew has no row yet; two that make it at once cannot both succeed
        connection.execute(insert(api_keys_version).values(id=1, version=1))
        return 1
    return int(version)


def _insert(connection: Connection, version: int, made: NewKey) -> NewKey:
    row = replace(made.row, version=version)
    values = {name: getattr(row, name) for name in _COLUMNS}
    values["networks"] = json.dumps(row.networks) if row.networks else None
    connection.execute(insert(api_keys).values(values))
    return NewKey(key=made.key, row=row)


def _check_rotatable(connection: Connection, row: KeyRow) -> None:
    if row.revoked_us is not None:
        raise Settled(f"key {row.id} was revoked; create a new one")
    made_from = select(api_keys.c.id).where(api_keys.c.rotated_from == row.id)
    successor = connection.execute(made_from.where(api_keys.c.revoked_us.is_(None))).scalar()
    if successor is not None:
        raise Settled(f"key {row.id} was rotated before; {successor} takes its place")


def check_lifetime(lifetime_us: int | None) -> None:
    """Raises `KeyProblem` for a life of no length."""
    if lifetime_us is not None and lifetime_us <= 0:
        raise KeyProblem("a key must live for some time; give a positive duration such as 90d")


def check_overlap(overlap_us: int) -> None:
    """Raises `KeyProblem` for an overlap that is negative or longer than `OVERLAP_MAX_US`."""
    if not 0 <= overlap_us <= OVERLAP_MAX_US:
        raise KeyProblem(f"an overlap has 0 to {OVERLAP_MAX_US // 86_400_000_000} days")


def check_note(name: str, text: str | None) -> None:
    """Raises `KeyProblem` for a label or reason that is not one plain line."""
    if text is not None and (not text or len(text) > NOTE_MAX_CHARS or not text.isprintable()):
        raise KeyProblem(f"a {name} has 1 to {NOTE_MAX_CHARS} printable characters on one line")
