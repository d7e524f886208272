"""What the kits of this room share: the head of a call, and a database that can be taken away."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from dataplane.database import Database
from dataplane.domain import Head

T = TypeVar("T")


def head(*headers: tuple[str, str], request_id: str = "r") -> Head:
    return Head(
        request_id=request_id,
        method="POST",
        path="/",
        query="",
        headers=tuple((name.encode(), value.encode("latin-1")) for name, value in headers),
        http_version="1.1",
        peer_ip="203.0.113.7",
    )


def bearer(text: str, request_id: str = "r") -> Head:
    return head(("authorization", f"Bearer {text}"), request_id=request_id)


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
