"""A deadline for somebody else's answer, which our own being busy does not count against.

While this process does other work, an answer may wait unread in a socket. A plain timer fires before
the loop looks at its sockets and would throw that answer away: under load one slow turn of the loop
would then refuse every call that is asking. So a deadline that is due lets the loop turn first.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

TURNS: Final = 3
"""Of the loop, once due: to the next look at the sockets, past it, and past the tasks it woke."""


@asynccontextmanager
async def patient_timeout(seconds: float) -> AsyncIterator[None]:
    """Raise `TimeoutError` like `asyncio.timeout`, unless what is awaited is there already."""
    loop = asyncio.get_running_loop()
    over = False

    def due(turns: int) -> None:
        if over:
            return
        if turns:
            loop.call_soon(due, turns - 1)
        else:
            limit.reschedule(loop.time())

    async with asyncio.timeout(None) as limit:
        timer = loop.call_later(seconds, due, TURNS)
        try:
            yield
        finally:
            over = True
            timer.cancel()
