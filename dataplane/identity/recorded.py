"""Changes to keys and tokens, each with its `key` record.

A key whose creation cannot be recorded is revoked before anybody has seen it. A revocation stands even where
its record cannot be written: `NotRecorded` says so.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Final

from dataplane.domain import AdminRole
from dataplane.errors import Refused, RegoGateError
from dataplane.identity.admin_tokens import AdminToken, AdminTokens
from dataplane.identity.models import KeyRow
from dataplane.identity.store import KeyStore, NewKey, Rotation

KIND: Final = "key"
UNRECORDED: Final = "its creation was not recorded"

Note = Callable[[str, Mapping[str, object]], Awaitable[None]]
"""Writes one record of a kind and returns when it is durable; raises `Refused` where it is not."""


class NotRecorded(RegoGateError):
    """It was done, and its record could not be written. `rows` are what was revoked."""

    def __init__(self, rows: list[KeyRow]) -> None:
        self.rows = rows
        super().__init__("revoked, but the record of it could not be written: the audit log is unavailable")


class RecordedKeys:
    """What a person or a token (`by`) does with keys. `extra` joins every record."""

    def __init__(
        self, store: KeyStore, note: Note, *, by: str, extra: Mapping[str, object] | None = None
    ) -> None:
        self._store = store
        self._note = note
        self._about = {"by": by, **(extra or {})}

    async def create(self, client_id: str, **options: Any) -> NewKey:
        """See `KeyStore.create`. Raises `Refused` where it cannot be recorded; then there is no key."""
        made = await self._store.create(client_id, **options)
        await self._record_made([made], "create")
        return made

    async def rotate(
        self,
        *,
        key_id: str | None = None,
        client_id: str | None = None,
        overlap_us: int,
        lifetime_us: int | None = None,
    ) -> list[Rotation]:
        """Rotate one key, or all of a client; see `KeyStore.rotate` and `rotate_client`."""
        if key_id is not None:
            one = await self._store.rotate(key_id, overlap_us=overlap_us, lifetime_us=lifetime_us)
            rotations = [one]
        else:
            assert client_id is not None
            rotations = await self._store.rotate_client(
                client_id, overlap_us=overlap_us, lifetime_us=lifetime_us
            )
        ends = {one.new.row.id: one.old.expires_us for one in rotations}
        await self._record_made([one.new for one in rotations], "rotate", ends)
        return rotations

    async def revoke(
        self, *, key_id: str | None = None, client_id: str | None = None, reason: str | None = None
    ) -> list[KeyRow]:
        """Revoke one key, or all of a client; the keys that were not revoked before.

        Raises `UnknownKey`, and `NotRecorded` where the keys are revoked and the record is not there.
        """
        if key_id is not None:
            row, changed = await self._store.revoke(key_id, reason=reason)
            rows = [row] if changed else []
        else:
            assert client_id is not None
            rows = await self._store.revoke_client(client_id, reason=reason)
        try:
            for row in rows:
                await self._note(KIND, self._fields("revoke", row))
        except Refused:
            raise NotRecorded(rows) from None
        return rows

    async def _record_made(
        self, made: Iterable[NewKey], action: str, old_ends: Mapping[str, int | None] | None = None
    ) -> None:
        made = list(made)
        try:
            for one in made:
                fields = self._fields(action, one.row)
                if old_ends is not None and (ends_us := old_ends[one.row.id]) is not None:
                    fields["old_ends_us"] = ends_us
                await self._note(KIND, fields)
        except BaseException:
            for one in made:
                await self._store.revoke(one.row.id, reason=UNRECORDED)
            raise

    def _fields(self, action: str, row: KeyRow) -> dict[str, object]:
        fields: dict[str, object] = {
            **self._about,
            "action": action,
            "key_id": row.id,
            "client_id": row.client_id,
        }
        given = {
            "expires_us": row.expires_us,
            "reason": row.revoked_reason,
            "networks": list(row.networks) or None,
            "certificate": row.certificate,
            "rotated_from": row.rotated_from,
        }
        return fields | {name: value for name, value in given.items() if value is not None}


class RecordedTokens:
    """The same for tokens of the admin API."""

    def __init__(
        self, tokens: AdminTokens, note: Note, *, by: str, extra: Mapping[str, object] | None = None
    ) -> None:
        self._tokens = tokens
        self._note = note
        self._by = by
        self._about = {"by": by, **(extra or {})}

    async def create(
        self, name: str, role: AdminRole, *, lifetime_us: int | None = None
    ) -> tuple[str, AdminToken]:
        """See `AdminTokens.create`. Raises `Refused` where the record cannot be written; then there is no
        token."""
        text, token = await self._tokens.create(name, role, created_by=self._by, lifetime_us=lifetime_us)
        try:
            await self._note(KIND, self._fields("token_create", token) | {"expires_us": token.expires_us})
        except BaseException:
            await self._tokens.revoke(token.id, reason=UNRECORDED)
            raise
        return text, token

    async def revoke(self, token_id: str, *, reason: str | None = None) -> tuple[AdminToken, bool]:
        """See `AdminTokens.revoke`. Raises `NotRecorded` as `RecordedKeys.revoke` does."""
        token, changed = await self._tokens.revoke(token_id, reason=reason)
        if changed:
            fields = self._fields("token_revoke", token)
            if token.revoked_reason is not None:
                fields["reason"] = token.revoked_reason
            try:
                await self._note(KIND, fields)
            except Refused:
                raise NotRecorded([]) from None
        return token, changed

    def _fields(self, action: str, token: AdminToken) -> dict[str, object]:
        about = {"action": action, "token_id": token.id, "token_name": token.name, "role": token.role}
        return {**self._about, **about}
