"""All keys in memory, kept fresh from the database.

The database is asked in the background only: one row says which version the keys have, and only rows that
changed since the version seen last are read. No clock takes part, so none that lags can hide a revocation.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Collection, Coroutine
from typing import Any, Final

from sqlalchemy import Connection, select

from dataplane.database import Database
from dataplane.errors import RegoGateError
from dataplane.identity.models import KeyRow, api_keys, api_keys_version, key_row

REFRESH_S: Final = 0.5
"""Between refreshes, each one row by its primary key. A revocation must take effect within 2 s, also on a
machine that is busy."""

SHARED_REFRESH_S: Final = 0.2
"""Between refreshes that unknown ids may cause, however many ask: no flood reaches the database."""

WAIT_S: Final = 1.0
"""How long one caller waits for such a refresh; a database that hangs costs it a 503, no more."""

RELOAD_S: Final = 60.0
"""The table is read anew at least this often, for edits by hand, which raise no version."""

PAGE_ROWS: Final = 1000
"""Rows a transaction: short enough that commits of records do not queue behind a large table."""

_VERSION: Final = select(api_keys_version.c.version).where(api_keys_version.c.id == 1)


class NotFresh(RegoGateError):
    """Whether there is such a key cannot be told now."""


class KeySnapshot:
    """Rows by id. `start` loads and keeps loading; a failed refresh leaves the last rows in force."""

    def __init__(
        self,
        database: Database,
        *,
        refresh_s: float = REFRESH_S,
        shared_refresh_s: float = SHARED_REFRESH_S,
        wait_s: float = WAIT_S,
        max_stale_s: float = math.inf,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._refresh_s = refresh_s
        self._shared_refresh_s = shared_refresh_s
        self._wait_s = wait_s
        self._max_stale_s = max_stale_s
        self._clock_s = clock_s
        self._rows: dict[str, KeyRow] = {}
        self._version = -1
        self._failure: str | None = None
        self._fresh_at: float | None = None
        self._read_at = float("-inf")
        self._asked_at = float("-inf")
        self._lock = asyncio.Lock()
        self._next: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def get(self, key_id: str) -> KeyRow | None:
        """The row of a key as of the last refresh; no I/O."""
        return self._rows.get(key_id)

    def rows(self) -> Collection[KeyRow]:
        """Every row as of the last refresh; a view that changes with the next."""
        return self._rows.values()

    async def get_fresh(self, key_id: str) -> KeyRow | None:
        """The row after a refresh that began later than this call. Raises `NotFresh` where there is none
        by then and the refresh failed or takes too long: the key may have been made a moment ago.

        Callers share refreshes, of which this causes one per `shared_refresh_s` at most.
        """
        asked = self._clock_s()
        if self._next is None:
            self._next = self._spawn(self._shared_refresh())
        # wait() leaves the task running when this caller is cancelled: others wait for it too.
        await asyncio.wait({self._next}, timeout=self._wait_s)
        row = self._rows.get(key_id)
        if row is None and (self._fresh_at is None or self._fresh_at < asked):
            raise NotFresh(f"the keys cannot be read ({self._failure or 'no answer in time'})")
        return row

    async def start(self) -> None:
        """Load once and keep refreshing; a load that fails is tried again and shows in `problems`."""
        await self._refresh()
        self._spawn(self._keep_refreshing())

    async def close(self) -> None:
        """Stop refreshing."""
        self._next = None
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def problems(self) -> list[str]:
        """Why keys cannot be told from forgeries or from revoked ones: they were never read, or not for
        longer than `max_stale_s`."""
        if self._fresh_at is None:
            return [f"identity: API keys are not loaded ({self._failure or 'not started'})"]
        if self.stale():
            return [f"identity: API keys are {self.age_s():.0f} s old ({self._failure or 'no answer'})"]
        return []

    def stale(self) -> bool:
        """Whether the rows are too old to go by; only ever while the database does not answer."""
        return self._fresh_at is not None and self._clock_s() - self._fresh_at > self._max_stale_s

    def age_s(self) -> float | None:
        """Seconds since the keys were last known to be as in the database; None before the first load."""
        return None if self._fresh_at is None else self._clock_s() - self._fresh_at

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _keep_refreshing(self) -> None:
        while True:
            await asyncio.sleep(self._refresh_s)
            await self._refresh()

    async def _shared_refresh(self) -> None:
        await asyncio.sleep(max(0.0, self._asked_at + self._shared_refresh_s - self._clock_s()))
        await self._refresh(shared=True)

    async def _refresh(self, *, shared: bool = False) -> None:
        async with self._lock:
            begun = self._asked_at = self._clock_s()
            if shared:
                # Whoever asks from here on may have seen a key that this refresh will not see.
                self._next = None
            try:
                await self._load(begun)
            except Exception as error:  # noqa: BLE001 - drivers raise what they like; the old rows stay
                self._failure = type(error).__name__
            else:
                self._failure, self._fresh_at = None, begun

    async def _load(self, begun: float) -> None:
        # The version comes first: a change while rows are read has a higher one and is read next time.
        version = await self._database.run(
            lambda connection: connection.execute(_VERSION).scalar() or 0, reading=True
        )
        whole = begun - self._read_at >= RELOAD_S or version < self._version
        if version == self._version and not whole:
            return
        rows: dict[str, KeyRow] = {}
        after = ""
        while True:
            page = await self._database.run(_page(after, -1 if whole else self._version), reading=True)
            rows.update((row.id, row) for row in page)
            if len(page) < PAGE_ROWS:
                break
            after = page[-1].id
        if whole:
            self._rows, self._read_at = rows, begun
        else:
            self._rows.update(rows)
        self._version = version


def _page(after: str, version: int) -> Callable[[Connection], list[KeyRow]]:
    """Rows behind the id `after` that changed after `version`."""
    query = select(api_keys).where(api_keys.c.version > version, api_keys.c.id > after)
    query = query.order_by(api_keys.c.id).limit(PAGE_ROWS)
    return lambda connection: [key_row(row) for row in connection.execute(query)]
