"""Settings -> the limiter of one process."""

from __future__ import annotations

import time
from contextlib import AsyncExitStack

from dataplane.audit.ledger import past_calls
from dataplane.config import Settings
from dataplane.database import Database
from dataplane.limits.ledger import rebuild
from dataplane.limits.limiter import PolicyLimiter
from dataplane.limits.memory import MemoryStore


def limiter_of(settings: Settings) -> PolicyLimiter:
    """A limiter on the store of the settings, not yet started."""
    return PolicyLimiter(MemoryStore())


async def start_limits(stack: AsyncExitStack, limiter: PolicyLimiter, database: Database) -> None:
    """Make the store ready; one that forgets with its process learns from the records what calls before
    this start took. `stack` closes it."""
    await limiter.store.start()
    stack.push_async_callback(limiter.store.close)
    if isinstance(limiter.store, MemoryStore):
        await rebuild(limiter.store, past_calls(database, time.time_ns() // 1000))
