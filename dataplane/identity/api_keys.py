"""Callers with an API key of this gateway, told without a database round trip."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from typing import Final

from dataplane.database import Database
from dataplane.domain import Head, Identity, Source
from dataplane.errors import Refused
from dataplane.identity.keys import DIGEST_BYTES, SCHEME, check_installation_key, digest, parse
from dataplane.identity.snapshot import REFRESH_S, SHARED_REFRESH_S, WAIT_S, KeySnapshot
from dataplane.identity.store import now_us

_BEARER: Final = "bearer"


class ApiKeyAuthenticator:
    """An `Authenticator` for `Authorization: Bearer rgk_...` and `x-api-key: rgk_...`.

    Created and revoked keys take effect within 2 s of the commit, created ones at their first use.
    While the database is down known keys go on working and unknown ones are refused.
    """

    def __init__(
        self,
        database: Database,
        installation_key: bytes,
        *,
        clock_us: Callable[[], int] = now_us,
        refresh_s: float = REFRESH_S,
        shared_refresh_s: float = SHARED_REFRESH_S,
        wait_s: float = WAIT_S,
    ) -> None:
        self._installation_key = check_installation_key(installation_key)
        self._clock_us = clock_us
        self._snapshot = KeySnapshot(
            database, refresh_s=refresh_s, shared_refresh_s=shared_refresh_s, wait_s=wait_s
        )
        self._nobody = secrets.token_bytes(DIGEST_BYTES)

    async def start(self) -> None:
        """Load the keys and keep them fresh; never raises, see `problems`."""
        await self._snapshot.start()

    async def close(self) -> None:
        """Stop refreshing; the database is not closed."""
        await self._snapshot.close()

    def problems(self) -> list[str]:
        """One line while keys were never loaded; empty when ready."""
        return self._snapshot.problems()

    def age_s(self) -> float | None:
        """Seconds since the keys were last known to be as in the database; None before the first load."""
        return self._snapshot.age_s()

    async def authenticate(self, head: Head, source: Source) -> Identity | None:
        """The key's client; None without a key of ours; `Refused` (401) in all other cases, alike.

        1. Find the one credential that begins like ours; two that differ are refused.
        2. Parse it strictly, its length first.
        3. Digest it, before anything depends on whether its id is known.
        4. Find the row by the public id, after one shared refresh where it is unknown.
        5. Compare digests in constant time, against a random one where there is no row.
        6. Only then look at revocation and expiry.
        """
        text = _credential(head)
        if text is None:
            return None
        key = parse(text)
        if key is None:
            raise Refused("gateway.unauthenticated")
        presented = digest(self._installation_key, key)
        row = self._snapshot.get(key.id)
        if row is None:
            row = await self._snapshot.get_fresh(key.id)
        matches = hmac.compare_digest(presented, self._nobody if row is None else row.digest)
        if row is None or not matches or row.state(self._clock_us()) != "active":
            raise Refused("gateway.unauthenticated")
        return Identity(client_id=row.client_id, method="api_key", key_id=row.id)


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
    ours = next((text for text in found if text.startswith(SCHEME)), None)
    if ours is not None and len(found) > 1:
        raise Refused("gateway.unauthenticated")
    return ours
