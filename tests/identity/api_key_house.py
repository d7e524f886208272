"""A database with keys that can be taken away, and an authenticator on it."""

from pathlib import Path

from caller_kit import CountedDatabase, head

from dataplane.database import Database
from dataplane.domain import Source
from dataplane.errors import Refused
from dataplane.identity.api_keys import ApiKeyAuthenticator
from dataplane.identity.models import admin_tokens, api_keys, api_keys_version
from dataplane.identity.store import KeyStore
from dataplane.ports import Authenticator

INSTALLATION = bytes(range(32))
TABLES = [api_keys, api_keys_version, admin_tokens]
SOURCE = Source(ip="203.0.113.7")
NOW_US = 1_790_000_000_000_000
NEVER_S = 3600.0


class House:
    """A database with keys, an authenticator on it, and a clock."""

    def __init__(self, path: Path) -> None:
        self.us = NOW_US
        url = f"sqlite:///{path}/keys.db"
        self.database = CountedDatabase(url)
        self.elsewhere = Database(url)
        self.store = KeyStore(self.elsewhere, INSTALLATION, clock_us=lambda: self.us)
        self.authenticator = self.make()

    def make(self, refresh_s: float = NEVER_S, shared_refresh_s: float = 0.0) -> ApiKeyAuthenticator:
        return ApiKeyAuthenticator(
            self.database,
            INSTALLATION,
            clock_us=lambda: self.us,
            refresh_s=refresh_s,
            shared_refresh_s=shared_refresh_s,
        )

    async def outcome(self, *headers: tuple[str, str]) -> str | None:
        """The client, None for "not mine", or the reason of the refusal."""
        return await outcome(self.authenticator, *headers)

    async def bearer(self, text: str) -> str | None:
        return await self.outcome(("authorization", f"Bearer {text}"))


async def outcome(authenticator: Authenticator, *headers: tuple[str, str]) -> str | None:
    try:
        identity = await authenticator.authenticate(head(*headers), SOURCE)
    except Refused as refused:
        return str(refused)
    return None if identity is None else identity.client_id


REFUSED = str(Refused("gateway.unauthenticated"))
UNAVAILABLE = str(Refused("gateway.keys_unavailable"))
