"""What is behind the admin API: keys, tokens, records and the active policy's tables."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, Protocol

from starlette.routing import Route

from dataplane.audit.log import DurableLog
from dataplane.audit.migrate import database_errors
from dataplane.audit.usage_by_client import used_by_client
from dataplane.config import Settings
from dataplane.database import Database
from dataplane.edge import admin_models as m
from dataplane.edge.admin_access import Actor, AdminProblem
from dataplane.edge.admin_api import AdminApi
from dataplane.errors import Refused
from dataplane.identity.admin_tokens import AdminTokens
from dataplane.identity.key_findings import DAY_US, findings
from dataplane.identity.recorded import NotRecorded, RecordedKeys, RecordedTokens
from dataplane.identity.store import KeyProblem, KeyStore, Rotation, Settled, UnknownKey, now_us
from dataplane.identity.told import finding_fields, key_fields, time_text, token_fields
from dataplane.policy.read_tables import PolicyTables, TableUnread
from dataplane.surfaces.strict_json import parse

TABLES: Final = ("clients", "tiers", "networks")
"""What an audit reads of the policy."""

_UNITS_US: Final = {"m": 60_000_000, "h": 3_600_000_000, "d": DAY_US}
_DURATION: Final = re.compile(r"([0-9]{1,6})([mhd])", re.ASCII)


class Running(Protocol):
    """What this needs of the gateway that runs."""

    settings: Settings
    database: Database
    installation_key: bytes
    audit: DurableLog
    tables: PolicyTables

    def problems(self) -> list[str]:
        """Why no call can be made now."""
        ...

    def details(self) -> dict[str, Any]:
        """What `/readyz` tells beside; `policy_revision` is among it."""
        ...


class AdminDesk:
    """`edge.admin_routes.Desk` on a running gateway."""

    def __init__(self, gateway: Running) -> None:
        self._gateway = gateway
        self._settings = gateway.settings.identity.keys
        self._database = gateway.database
        self._note = gateway.audit.note
        self._store = KeyStore(gateway.database, gateway.installation_key)
        self._tokens = AdminTokens(gateway.database, gateway.installation_key)

    def routes(self) -> list[Route]:
        """The API on this desk, to mount on the admin listener."""
        return AdminApi(self, parse_json=lambda data: parse(data).value).routes()

    async def find(self, token: str) -> Actor | None:
        """See `Desk.find`."""
        async with _problems():
            found = await self._tokens.find(token)
        if found is None:
            return None
        expires = time_text(found.expires_us) or ""
        return Actor(token_id=found.id, name=found.name, role=found.role, expires=expires)

    async def broke_glass(self, actor: Actor, request_id: str, what: str) -> None:
        """See `Desk.broke_glass`."""
        about = {"action": "break_glass", "what": what, "request_id": request_id}
        await self._note("key", {**about, **_by(actor)})

    def failed(self, request_id: str) -> None:
        """See `Desk.failed`. While the database is down nobody is let in, and nothing piles up."""
        if not self._gateway.audit.problems():
            self._gateway.audit.put_note("key", {"action": "admin_refused", "request_id": request_id})

    def status(self) -> m.Status:
        """See `Desk.status`."""
        reasons = self._gateway.problems()
        return m.Status(ready=not reasons, reasons=reasons, details=self._gateway.details())

    async def keys(self, client: str | None, state: str | None, after: str | None, limit: int) -> m.Keys:
        """See `Desk.keys`."""
        async with _problems():
            rows = await self._store.list_keys(client)
        shown = [key_fields(row, now_us(), self._settings) for row in rows]
        if after is not None:
            places = [place for place, one in enumerate(shown) if one["id"] == after]
            if not places:
                raise AdminProblem(400, "invalid_query", "after: no such key.", field="after")
            shown = shown[places[0] + 1 :]
        if state is not None:
            shown = [one for one in shown if one["state"] == state]
        page = shown[:limit]
        more = page[-1]["id"] if len(shown) > limit else None
        return m.Keys(keys=[m.Key(**one) for one in page], next=more)

    async def key(self, key_id: str) -> m.Key:
        """See `Desk.key`."""
        async with _problems():
            row = await self._store.show(key_id)
        return m.Key(**key_fields(row, now_us(), self._settings))

    async def create_key(self, actor: Actor, body: m.CreateKey) -> m.NewKey:
        """See `Desk.create_key`."""
        async with _problems():
            key, row = await self._keys(actor, body.reason).create(
                body.client,
                lifetime_us=_duration_us(body.expires),
                label=body.label,
                networks=body.networks,
                certificate=body.certificate,
            )
        return m.NewKey(key=key.text, **key_fields(row, now_us(), self._settings))

    async def rotate_key(self, actor: Actor, key_id: str, body: m.RotateKey) -> m.RotatedKey:
        """See `Desk.rotate_key`."""
        [one] = await self._rotate(actor, body, key_id=key_id)
        return one

    async def rotate_client(self, actor: Actor, client: str, body: m.RotateKey) -> m.RotatedKeys:
        """See `Desk.rotate_client`."""
        return m.RotatedKeys(rotated=await self._rotate(actor, body, client_id=client))

    async def revoke_key(self, actor: Actor, key_id: str, body: m.Revoke) -> m.RevokedKey:
        """See `Desk.revoke_key`."""
        async with _problems():
            changed = await self._keys(actor, None).revoke(key_id=key_id, reason=body.reason)
            row = changed[0] if changed else await self._store.show(key_id)
        return m.RevokedKey(changed=bool(changed), **key_fields(row, now_us(), self._settings))

    async def revoke_client(self, actor: Actor, client: str, body: m.Revoke) -> m.RevokedKeys:
        """See `Desk.revoke_client`."""
        async with _problems():
            rows = await self._keys(actor, None).revoke(client_id=client, reason=body.reason)
        return m.RevokedKeys(revoked=[m.Key(**key_fields(row, now_us(), self._settings)) for row in rows])

    async def audit_keys(self, client: str | None) -> m.Findings:
        """Findings by the active policy and the records of `unused_days`."""
        now, revision = now_us(), self._gateway.details().get("policy_revision")
        async with _problems():
            tables = {name: await self._gateway.tables.table(name) for name in TABLES}
            rows = await self._store.list_keys(client)
            used = await used_by_client(self._database, now - self._settings.unused_days * DAY_US)
        found = findings(rows, now, self._settings, tables=tables, used=used)
        return m.Findings(
            findings=[m.Finding(**finding_fields(one)) for one in found], policy_revision=revision
        )

    async def tokens(self) -> m.Tokens:
        """See `Desk.tokens`."""
        async with _problems():
            found = await self._tokens.list_tokens()
        return m.Tokens(tokens=[m.Token(**token_fields(one, now_us())) for one in found])

    async def create_token(self, actor: Actor, body: m.CreateToken) -> m.NewToken:
        """See `Desk.create_token`."""
        async with _problems():
            text, token = await self._recorded_tokens(actor, body.reason).create(
                body.name, body.role, lifetime_us=_duration_us(body.expires)
            )
        return m.NewToken(token=text, **token_fields(token, now_us()))

    async def revoke_token(self, actor: Actor, token_id: str, body: m.Revoke) -> m.RevokedToken:
        """See `Desk.revoke_token`."""
        async with _problems():
            token, changed = await self._recorded_tokens(actor, None).revoke(token_id, reason=body.reason)
        return m.RevokedToken(changed=changed, **token_fields(token, now_us()))

    def _keys(self, actor: Actor, reason: str | None) -> RecordedKeys:
        by = f"token/{actor.token_id}"
        return RecordedKeys(self._store, self._note, by=by, extra=_extra(actor, reason))

    def _recorded_tokens(self, actor: Actor, reason: str | None) -> RecordedTokens:
        by = f"token/{actor.token_id}"
        return RecordedTokens(self._tokens, self._note, by=by, extra=_extra(actor, reason))

    async def _rotate(self, actor: Actor, body: m.RotateKey, **which: str) -> list[m.RotatedKey]:
        overlap_us = _duration_us(body.overlap)
        assert overlap_us is not None
        async with _problems():
            rotations = await self._keys(actor, body.reason).rotate(
                **which, overlap_us=overlap_us, lifetime_us=_duration_us(body.expires)
            )
        return [self._rotated(one) for one in rotations]

    def _rotated(self, one: Rotation) -> m.RotatedKey:
        fields = key_fields(one.new.row, now_us(), self._settings)
        return m.RotatedKey(key=one.new.key.text, old_ends=time_text(one.old.expires_us) or "", **fields)


def _by(actor: Actor) -> dict[str, object]:
    by: dict[str, object] = {"by": f"token/{actor.token_id}", "token_name": actor.name, "role": actor.role}
    return by if actor.reason is None else {**by, "reason": actor.reason}


def _extra(actor: Actor, reason: str | None) -> Mapping[str, object]:
    extra = {"by_name": actor.name, "by_role": actor.role}
    given = reason if reason is not None else actor.reason
    return extra if given is None else {**extra, "reason": given}


def _duration_us(text: str | None) -> int | None:
    """Microseconds of a duration that its model has matched."""
    match = None if text is None else _DURATION.fullmatch(text)
    return None if match is None else int(match[1]) * _UNITS_US[match[2]]


@asynccontextmanager
async def _problems() -> AsyncIterator[None]:
    """The house's errors as what the caller is told."""
    try:
        yield
    except UnknownKey as error:
        raise AdminProblem(404, "not_found", str(error)) from None
    except Settled as error:
        raise AdminProblem(409, "conflict", str(error)) from None
    except KeyProblem as error:
        raise AdminProblem(400, "invalid_field", str(error)) from None
    except NotRecorded as error:
        raise AdminProblem(503, "audit_unavailable", f"{error}.".capitalize()) from None
    except TableUnread as error:
        raise AdminProblem(503, "policy_unavailable", f"The policy cannot be read: {error}.") from None
    except (Refused, AdminProblem):
        raise
    except database_errors():
        raise AdminProblem(503, "database_unavailable", "The database does not answer. Try again.") from None
