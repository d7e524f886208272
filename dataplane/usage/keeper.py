"""What policy hears of a client's use, kept current beside the calls.

Every `REFRESH_S`, and sooner for a client that turns up, one task adds up the records written since
(`tally`), reads what other processes served, and finds the baselines of the hour for clients that have
none. Each step is bounded, so that a long history or many clients take more rounds, not longer ones. A
database that fails leaves things as they were; the next round goes on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
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
        pages: int = PAGES,
    ) -> None:
        self._clients = clients
        self._tally = tally
        self._history = history
        self._writer = writer
        self._refresh_s = refresh_s
        self._pages = pages
        self._pruned_at = -1
        self._begun = False
        self._whole = False
        self._failing = False
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def wake(self) -> None:
        """A client turned up: do not wait for the end of `REFRESH_S`."""
        self._wake.set()

    async def start(self) -> None:
        """Read what is known of the clients of this hour, then go on in the background, where the records
        since the last round of an earlier process are added up, too."""
        await self._try(self._begin)
        self._task = asyncio.create_task(self._run(), name="usage keeper")

    async def close(self) -> None:
        """Stop."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait((self._task,))

    async def _run(self) -> None:
        clock = asyncio.get_running_loop().time
        soon_s = min(SOON_S, self._refresh_s)
        due_s = clock() + (self._refresh_s if self._whole else soon_s)
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), max(0.0, due_s - clock()))
            if clock() >= due_s:
                await self._try(self.refresh)
                due_s = clock() + (self._refresh_s if self._whole else soon_s)
            else:
                await asyncio.sleep(soon_s)
                self._wake.clear()
                await self._try(self._find_all)

    async def _try(self, step: Callable[[], Awaitable[None]]) -> None:
        try:
            await step()
        except Exception as error:  # noqa: BLE001  whatever a database raises; calls go on without news
            if not self._failing:
                _log.warning("usage is not read", extra={"error_type": type(error).__name__})
            self._failing = True
        else:
            self._failing = False

    async def _begin(self) -> None:
        await self._tally.begin()
        self._begun = True
        self._whole = await self._nearly_whole()
        await self._look()

    async def refresh(self) -> None:
        """One round. Raises what the database raises."""
        if not self._begun:
            await self._begin()
        self._whole = await self._add_up()
        await self._look()
        if self._pruned_at != (hour := self._clients.hour()):
            await self._tally.prune()
            self._pruned_at = hour

    async def _add_up(self) -> bool:
        """Whether every record that may be counted by now is; else another round is due soon."""
        until = await self._tally.settled()
        if until is None:
            return await self._nearly_whole()
        for _ in range(self._pages):
            if not await self._tally.page(until):
                break
            await asyncio.sleep(PAUSE_S)
        return await self._tally.mark() >= until

    async def _nearly_whole(self) -> bool:
        """Whether what is not added up is no more than an earlier process left when it ended."""
        return await self._tally.behind() <= self._pages * self._tally.page_size

    async def _look(self) -> None:
        hour = self._clients.hour()
        self._clients.served_elsewhere(hour, await self._history.elsewhere(hour, self._writer))
        await self._find_all()

    async def _find_all(self) -> None:
        """Baselines for those that have none, but never of half a history: they would stand for an hour."""
        hour = self._clients.hour()
        wanted = self._clients.without_baseline(hour, BASELINES) if self._whole else []
        for start in range(0, len(wanted), CLIENTS_AT_ONCE):
            await self._find(wanted[start : start + CLIENTS_AT_ONCE], hour)

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
