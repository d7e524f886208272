"""All keys in memory, kept fresh from the database.

The database is asked in the background only: what changed is found by one cheap question (how many
keys, how many of them revoked, the newest of each), and the table is read in pages when the answer
differs. Revocations are counted, not only dated, so that a clock that lags cannot hide one.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final

from sqlalchemy import Connection, Row, func, select

from dataplane.database import Database
from dataplane.identity.models import KeyRow, api_keys, key_row

REFRESH_S: Final = 1.0
"""Between refreshes. A revocation must take effect within 2 s."""

SHARED_REFRESH_S: Final = 0.2
"""Between refreshes that unknown ids may cause, however many ask: no flood reaches the database."""

WAIT_S: Final = 1.0
"""How long one caller waits for such a refresh; a database that hangs costs it a 401, no more."""

RELOAD_S: Final = 60.0
"""The table is read anew at least this often, for edits that the cheap question cannot see."""

PAGE_ROWS: Final = 1000
"""Rows a transaction: short enough that commits of records do not queue behind a large table."""

_STAMP = select(
    func.count(),
    func.count(api_keys.c.revoked_us),
    func.max(api_keys.c.created_us),
    func.max(api_keys.c.revoked_us),
).select_from(api_keys)


class KeySnapshot:
    """Rows by id. `start` loads and keeps loading; a failed refresh leaves the last rows in force."""

    def __init__(
        self,
        database: Database,
        *,
        refresh_s: float = REFRESH_S,
        shared_refresh_s: float = SHARED_REFRESH_S,
        wait_s: float = WAIT_S,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._refresh_s = refresh_s
        self._shared_refresh_s = shared_refresh_s
        self._wait_s = wait_s
        self._clock_s = clock_s
        self._rows: Mapping[str, KeyRow] = {}
        self._stamp: Row[Any] | None = None
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

    async def get_fresh(self, key_id: str) -> KeyRow | None:
        """The row after a refresh that began later than this call, or as known when that takes too long.

        Callers share refreshes, of which this causes one per `shared_refresh_s` at most.
        """
        if self._next is None:
            self._next = self._spawn(self._shared_refresh())
        # wait() leaves the task running when this caller is cancelled: others wait for it too.
        await asyncio.wait({self._next}, timeout=self._wait_s)
        return self._rows.get(key_id)

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
        """Why keys cannot be told from forgeries: they were never read. Stale keys are no problem here."""
        if self._fresh_at is not None:
            return []
        return [f"identity: API keys are not loaded ({self._failure or 'not started'})"]

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
        # The stamp comes first: a change while pages are read differs from it and is read next time.
        stamp = await self._database.run(lambda connection: connection.execute(_STAMP).one(), reading=True)
        if stamp == self._stamp and begun - self._read_at < RELOAD_S:
            return
        rows: dict[str, KeyRow] = {}
        after = ""
        while True:
            page = await self._database.run(_page(after), reading=True)
            rows.update((row.id, row) for row in page)
            if len(page) < PAGE_ROWS:
                break
            after = page[-1].id
        self._rows, self._stamp, self._read_at = rows, stamp, begun


def _page(after: str) -> Callable[[Connection], list[KeyRow]]:
    query = select(api_keys).where(api_keys.c.id > after).order_by(api_keys.c.id).limit(PAGE_ROWS)
    return lambda connection: [key_row(row) for row in connection.execute(query)]
