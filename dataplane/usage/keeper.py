"""What policy hears of a client's use, kept current beside the calls.

Every `REFRESH_S`, and sooner for a client that turns up, one task adds up the records written since
(`tally`), reads what other processes served, and finds the baselines of the hour for clients that have
none. Each step is bounded, so that a long history or many clients take more rounds, not longer ones. A
database that fails leaves things as they were; the next round goes on.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import Final

from dataplane.usage.baseline import HISTORY, Plan, baseline, plan
from dataplane.usage.clients import Client, Clients
from dataplane.usage.history import CLIENTS_AT_ONCE, History
from dataplane.usage.tally import Tally

REFRESH_S: Final = 10.0
SOON_S: Final = 0.5
"""Between a client's first call and the reading of its history: clients that come together are read
together."""

PAGES: Final = 50
PAUSE_S: Final = 0.02
"""Pages of records added up in a round, and the pause between two, in which calls have the database."""

BASELINES: Final = 1_000
"""Clients whose baseline is found in a round."""

_log = logging.getLogger("regogate.usage")


class Keeper:
    """Keeps `clients` current. `writer` is the id of this process' records, which `clients` counts itself."""

    def __init__(
        self,
        clients: Clients,
        tally: Tally,
        history: History,
        *,
        writer: str,
        refresh_s: float = REFRESH_S,
    ) -> None:
        self._clients = clients
        self._tally = tally
        self._history = history
        self._writer = writer
        self._refresh_s = refresh_s
        self._pruned_at = -1
        self._begun = False
        self._failing = False
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def wake(self) -> None:
        """A client turned up: do not wait for the end of `REFRESH_S`."""
        self._wake.set()

    async def start(self) -> None:
        """Read what is known of the clients of this hour, then go on in the background, where the records
        since the last round of an earlier process are added up, too."""
        await self._round(0)
        self._task = asyncio.create_task(self._run(), name="usage keeper")

    async def close(self) -> None:
        """Stop."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait((self._task,))

    async def _run(self) -> None:
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), self._refresh_s)
            if self._wake.is_set():
                await asyncio.sleep(min(SOON_S, self._refresh_s))
                self._wake.clear()
            await self._round(PAGES)

    async def _round(self, pages: int) -> None:
        try:
            await self.refresh(pages)
        except Exception as error:  # noqa: BLE001  whatever a database raises; calls go on without news
            if not self._failing:
                _log.warning("usage is not read", extra={"error_type": type(error).__name__})
            self._failing = True
        else:
            self._failing = False

    async def refresh(self, pages: int = PAGES) -> None:
        """One round, with at most `pages` pages of records. Raises what the database raises."""
        if not self._begun:
            await self._tally.begin()
            self._begun = True
        whole = await self._add_up(pages) if pages else await self._tally.behind() <= self._tally.page_size
        hour = self._clients.hour()
        self._clients.served_elsewhere(hour, await self._history.elsewhere(hour, self._writer))
        # A baseline of half a history would stand for an hour.
        wanted = self._clients.without_baseline(hour, BASELINES) if whole else []
        for start in range(0, len(wanted), CLIENTS_AT_ONCE):
            await self._find(wanted[start : start + CLIENTS_AT_ONCE], hour)
        if self._pruned_at != hour:
            await self._tally.prune()
            self._pruned_at = hour

    async def _add_up(self, pages: int) -> bool:
        """Whether nothing is left to add up here now; else the next round begins soon."""
        until = await self._tally.settled()
        for _ in range(pages):
            if not await self._tally.page(until):
                return True
            await asyncio.sleep(PAUSE_S)
        self.wake()
        return False

    async def _find(self, wanted: list[str], hour: int) -> None:
        """Put in the baselines of these clients for `hour`."""
        here = {name: client for name in wanted if (client := self._clients.peek(name)) is not None}
        unread = [name for name, client in here.items() if client.first is None]
        for name, first in (await self._history.first_hours(unread, hour) if unread else {}).items():
            here[name].first = first
        plans = {name: _plan(client, hour) for name, client in here.items()}
        for found in set(plans.values()):
            names = [name for name, one in plans.items() if one == found]
            used = {} if found is None else await self._history.hours(names, found.hours)
            for name in names:
                here[name].usual = None if found is None else baseline(found, used[name])
                here[name].usual_at = hour


def _plan(client: Client, hour: int) -> Plan | None:
    return None if client.first is None else plan(hour, max(client.first, hour - HISTORY))
