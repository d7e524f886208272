"""When keys were used last, written down in groups and off the path of calls."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from functools import partial
from typing import Final

from sqlalchemy import BigInteger, Connection, Text, bindparam, or_, update

from dataplane.database import Database
from dataplane.identity.models import api_keys

EVERY_US: Final = 60_000_000
"""A key's last use is written once in so long at most, whatever the number of calls and of processes."""

FLUSH_S: Final = 5.0
"""Between looks at what was used: a key that rested is seen to be used again after so long."""

GROUP_MAX: Final = 500
"""Keys a transaction: short enough that commits of records do not queue behind it."""

CLOSE_S: Final = 2.0
"""For the last write at the end; what a database that is down has not taken by then is given up."""

_log = logging.getLogger("regogate.identity")

_WRITE: Final = (
    update(api_keys)
    .where(
        api_keys.c.id == bindparam("used_id", type_=Text),
        or_(
            api_keys.c.last_used_us.is_(None),
            api_keys.c.last_used_us <= bindparam("before_us", type_=BigInteger),
        ),
    )
    .values(last_used_us=bindparam("used_us", type_=BigInteger))
)


class LastUses:
    """The last use of each key, known to a minute. `used` costs a dictionary's entry; a task writes."""

    def __init__(self, database: Database, *, flush_s: float = FLUSH_S) -> None:
        self._database = database
        self._flush_s = flush_s
        self._seen: dict[str, int] = {}
        self._written: dict[str, int] = {}
        self._task: asyncio.Task[None] | None = None

    def used(self, key_id: str, us: int) -> None:
        """A key was used at `us` (Unix microseconds)."""
        self._seen[key_id] = us

    def start(self) -> None:
        """Write from now on, inside a running loop."""
        self._task = asyncio.create_task(self._keep_writing(), name="last uses of keys")

    async def close(self) -> None:
        """Write what is left, for `CLOSE_S` at most, and stop."""
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.wait((self._task,))
        self._task = None
        writing = asyncio.ensure_future(self.flush())
        await asyncio.wait((writing,), timeout=CLOSE_S)
        if not writing.done():
            writing.cancel()
            await asyncio.wait((writing,))

    async def flush(self) -> None:
        """Write the uses that are due; what cannot be written is due again next time. Never raises."""
        seen, self._seen = self._seen, {}
        # In one order, so that processes that write the same keys cannot wait for each other.
        due = [
            (key_id, us)
            for key_id, us in sorted(seen.items())
            if us - self._written.get(key_id, us - EVERY_US) >= EVERY_US
        ]
        now = max(seen.values(), default=0)
        self._written = {key_id: us for key_id, us in self._written.items() if now - us < EVERY_US}
        for start in range(0, len(due), GROUP_MAX):
            group = due[start : start + GROUP_MAX]
            try:
                await self._database.run(partial(_write, group))
            except Exception as error:  # noqa: BLE001  whatever a driver raises, the next try may succeed
                _log.warning("last uses of keys not written", extra={"error_type": type(error).__name__})
                self._seen = {**dict(due[start:]), **self._seen}
                return
            self._written.update(group)

    async def _keep_writing(self) -> None:
        while True:
            await asyncio.sleep(self._flush_s)
            if self._seen:
                await self.flush()


def _write(uses: Sequence[tuple[str, int]], connection: Connection) -> None:
    rows = [{"used_id": key_id, "used_us": us, "before_us": us - EVERY_US} for key_id, us in uses]
    connection.execute(_WRITE, rows)
