"""A database with keys, authenticators on it, and clocks that only a test moves."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from caller_kit import CountedDatabase, bearer

from dataplane.config import KeySettings
from dataplane.database import metadata
from dataplane.domain import Source
from dataplane.errors import Refused
from dataplane.identity.api_keys import ApiKeyAuthenticator
from dataplane.identity.models import admin_tokens, api_keys, api_keys_version
from dataplane.identity.store import KeyStore

INSTALLATION = bytes(range(32))
TABLES = [api_keys, api_keys_version, admin_tokens]
SOURCE = Source(ip="203.0.113.7")
NOW_US = 1_790_000_000_000_000
DAY_US = 86_400_000_000
UNAUTHENTICATED = "gateway.unauthenticated"
UNAVAILABLE = "gateway.keys_unavailable"


class House:
    """`us` is the wall clock in microseconds, `refused` what was told of refused uses."""

    def __init__(self, path: Path) -> None:
        self.us = NOW_US
        self.database = CountedDatabase(f"sqlite:///{path}/keys.db")
        self.store = KeyStore(self.database, INSTALLATION, clock_us=lambda: self.us)
        self.refused: list[tuple[str, str, str]] = []
        self._made: list[ApiKeyAuthenticator] = []

    async def authenticator(self, settings: KeySettings | None = None, **options: Any) -> ApiKeyAuthenticator:
        made = ApiKeyAuthenticator(
            self.database,
            INSTALLATION,
            settings=settings,
            refused=lambda row, why, request_id: self.refused.append((row.id, why, request_id)),
            clock_us=lambda: self.us,
            **{"refresh_s": 0.01, "shared_refresh_s": 0.0} | options,
        )
        self._made.append(made)
        await made.start()
        return made

    async def close(self) -> None:
        for made in self._made:
            await made.close()
        await self.database.close()


def lived(path: Path, story: Callable[[House], Awaitable[None]]) -> None:
    """A test's story in a house with its tables made; everything is closed after it."""

    async def main() -> None:
        house = House(path)
        await house.database.run(lambda connection: metadata.create_all(connection, tables=TABLES))
        try:
            async with asyncio.timeout(30):
                await story(house)
        finally:
            house.database.down = False
            await house.close()

    asyncio.run(main())


async def outcome(authenticator: ApiKeyAuthenticator, text: str, source: Source = SOURCE) -> str | None:
    """The client, or the reason of the refusal."""
    try:
        identity = await authenticator.authenticate(bearer(text), source)
    except Refused as refused:
        return refused.reasons[0]
    return None if identity is None else identity.client_id


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Poll; the story's own deadline ends it."""
    while not await condition():
        await asyncio.sleep(0.005)
