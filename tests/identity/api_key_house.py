"""A database with keys that can be taken away, and an authenticator on it."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from dataplane.database import Database
from dataplane.domain import Head, Source
from dataplane.errors import Refused
from dataplane.identity.api_keys import ApiKeyAuthenticator
from dataplane.identity.models import admin_tokens, api_keys, api_keys_version
from dataplane.identity.store import KeyStore
from dataplane.ports import Authenticator

T = TypeVar("T")
INSTALLATION = bytes(range(32))
TABLES = [api_keys, api_keys_version, admin_tokens]
SOURCE = Source(ip="203.0.113.7")
NOW_US = 1_790_000_000_000_000
NEVER_S = 3600.0


class CountedDatabase(Database):
    """A database that counts what is asked of it, and can be taken away or made to hang."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.runs = 0
        self.down = False
        self.hanging: asyncio.Event | None = None
        self.asked = asyncio.Event()

    async def run(self, work: Callable[[Connection], T], *, reading: bool = False, alone: bool = False) -> T:
        self.runs += 1
        self.asked.set()
        if self.hanging is not None:
            await self.hanging.wait()
        if self.down:
            raise OperationalError("SELECT", {}, OSError("unable to open database file"))
        return await super().run(work, reading=reading, alone=alone)


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


def head(*headers: tuple[str, str]) -> Head:
    return Head(
        request_id="r",
        method="POST",
        path="/",
        query="",
        headers=tuple((name.encode(), value.encode("latin-1")) for name, value in headers),
        http_version="1.1",
        peer_ip="203.0.113.7",
    )


REFUSED = str(Refused("gateway.unauthenticated"))
UNAVAILABLE = str(Refused("gateway.keys_unavailable"))
