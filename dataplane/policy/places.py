"""So many at once; the rest wait in order."""

from __future__ import annotations

import asyncio
from collections import deque


class Places:
    """A semaphore that is fair, costs nothing while places are free, and survives cancelled waiters."""

    def __init__(self, free: int) -> None:
        self._free = free
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def take(self) -> None:
        """Return once a place is the caller's, who owes a `give`. Cancelled, it has none."""
        if self._free > 0:
            self._free -= 1
            return
        waiter = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():
                self.give()
            raise

    async def take_within(self, seconds: float) -> None:
        """As `take`, but raises `TimeoutError` after so long a wait."""
        if self._free > 0:
            self._free -= 1
            return
        async with asyncio.timeout(seconds):
            await self.take()

    def give(self) -> None:
        """Give a place back; who waited longest gets it."""
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return
        self._free += 1
