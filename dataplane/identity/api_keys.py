"""Callers with an API key of this gateway, told without a database round trip."""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Callable
from typing import Final, Literal

from dataplane.config import KeySettings
from dataplane.database import Database
from dataplane.domain import Head, Identity, Source
from dataplane.errors import Refused
from dataplane.identity.bindings import NamedNetworks, NetworksUnknown, certificate_fits, network_fits
from dataplane.identity.keys import DIGEST_BYTES, SCHEME, check_installation_key, digest, parse
from dataplane.identity.models import KeyRow, State
from dataplane.identity.snapshot import REFRESH_S, SHARED_REFRESH_S, WAIT_S, KeySnapshot, NotFresh
from dataplane.identity.store import now_us
from dataplane.identity.uses import LastUses

DAY_US: Final = 86_400_000_000
_BEARER: Final = "bearer"

Why = State | Literal["certificate", "network"]
"""Why a key that is one of ours was refused: its state, or what it is bound to."""

RefusedUse = Callable[[KeyRow, Why, str], None]
"""Is told of each use of a key that was refused although its secret was right, and of the request's id."""


class ApiKeyAuthenticator:
    """An `Authenticator` for `Authorization: Bearer rgk_...` and `x-api-key: rgk_...`.

    Created and revoked keys take effect within 2 s of the commit, created ones at their first use.
    While the database is down known keys go on working for `settings.max_stale_s`; whether an unknown one is
    a key cannot be told then, so it is refused with 503 and not with 401.
    """

    def __init__(
        self,
        database: Database,
        installation_key: bytes,
        *,
        settings: KeySettings | None = None,
        named: NamedNetworks = lambda: None,
        refused: RefusedUse = lambda row, why, request_id: None,
        clock_us: Callable[[], int] = now_us,
        clock_s: Callable[[], float] = time.monotonic,
        refresh_s: float = REFRESH_S,
        shared_refresh_s: float = SHARED_REFRESH_S,
        wait_s: float = WAIT_S,
    ) -> None:
        settings = settings or KeySettings()
        self._installation_key = check_installation_key(installation_key)
        self._max_age_us = settings.max_age_days * DAY_US
        self._named = named
        self._refused = refused
        self._clock_us = clock_us
        self.snapshot = KeySnapshot(
            database,
            refresh_s=refresh_s,
            shared_refresh_s=shared_refresh_s,
            wait_s=wait_s,
            max_stale_s=settings.max_stale_s,
            clock_s=clock_s,
        )
        self._uses = LastUses(database)
        self._nobody = secrets.token_bytes(DIGEST_BYTES)

    async def start(self) -> None:
        """Load the keys and keep them fresh; never raises, see `problems`."""
        await self.snapshot.start()
        self._uses.start()

    async def close(self) -> None:
        """Stop refreshing, and write down which keys were used; the database is not closed."""
        await self.snapshot.close()
        await self._uses.close()

    def problems(self) -> list[str]:
        """One line while keys were never loaded, or not for too long; empty when ready."""
        return self.snapshot.problems()

    async def authenticate(self, head: Head, source: Source) -> Identity | None:
        """The key's client; None without a key of ours; `Refused` in all other cases: 503 where the database
        would have to be asked and does not answer, else 401, always the same.

        1. Find the one credential that begins like ours; two that differ are refused.
        2. Parse it strictly, its length first.
        3. Digest it, before anything depends on whether its id is known.
        4. Find the row by the public id, after one shared refresh where it is unknown.
        5. Compare digests in constant time, against a random one where there is no row.
        6. Only then look at revocation, expiry, age, certificate and network. A use that is refused here is
           told to `refused`.
        """
        text = _credential(head)
        if text is None:
            return None
        key = parse(text)
        if key is None:
            raise Refused("gateway.unauthenticated")
        presented = digest(self._installation_key, key)
        row = self.snapshot.get(key.id)
        if row is None:
            try:
                row = await self.snapshot.get_fresh(key.id)
            except NotFresh:
                raise Refused("gateway.keys_unavailable") from None
        matches = hmac.compare_digest(presented, self._nobody if row is None else row.digest)
        if row is None or not matches:
            raise Refused("gateway.unauthenticated")
        if self.snapshot.stale():
            raise Refused("gateway.keys_unavailable")
        now = self._clock_us()
        why = self._why_not(row, source, now)
        if why is not None:
            self._refused(row, why, head.request_id)
            raise Refused("gateway.unauthenticated")
        self._uses.used(row.id, now)
        return Identity(
            client_id=row.client_id,
            method="api_key",
            key_id=row.id,
            cert_bound=row.certificate is not None,
        )

    def _why_not(self, row: KeyRow, source: Source, now: int) -> Why | None:
        state = row.state(now, self._max_age_us)
        if state != "active":
            return state
        if row.certificate is not None and not certificate_fits(row.certificate, source):
            return "certificate"
        try:
            if row.networks and not network_fits(row.networks, source, self._named):
                return "network"
        except NetworksUnknown:
            raise Refused("gateway.policy_unavailable") from None
        return None


def _credential(head: Head) -> str | None:
    """What begins like a key of ours, or None; raises `Refused` where another credential is beside it.

    An `Authorization` of any other scheme counts as another: which of two callers is meant is not
    for the gateway to guess.
    """
    found: set[str] = set()
    for name, value in head.headers:
        if name == b"authorization":
            text = value.decode("latin-1")
            scheme, _, token = text.partition(" ")
            found.add(token.strip(" ") if scheme.lower() == _BEARER else text)
        elif name == b"x-api-key":
            found.add(value.decode("latin-1"))
    for text in found:
        if text.startswith(SCHEME):
            if len(found) > 1:
                raise Refused("gateway.unauthenticated")
            return text
    return None
