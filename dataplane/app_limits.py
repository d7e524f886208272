"""Settings -> the limiter of one process."""

from __future__ import annotations

import time
from contextlib import AsyncExitStack

from prometheus_client import CollectorRegistry
from sqlalchemy.exc import SQLAlchemyError

from dataplane.audit.ledger import past_calls
from dataplane.config import Settings
from dataplane.database import Database
from dataplane.limits.ledger import all_past, rebuild
from dataplane.limits.limiter import PolicyLimiter
from dataplane.limits.store import Past, StoreUnavailable
from dataplane.limits.stores import limit_store


def limiter_of(settings: Settings, database: Database, registry: CollectorRegistry) -> PolicyLimiter:
    """A limiter on the store of the settings, not yet started."""

    async def recount() -> list[Past]:
        try:
            return await all_past(past_calls(database, time.time_ns() // 1000))
        except (SQLAlchemyError, OSError) as error:
            raise StoreUnavailable("records cannot be read") from error

    store = limit_store(
        settings.limits,
        instance=settings.instance,
        commit_timeout_s=settings.audit.commit_timeout_ms / 1000,
        recount=recount,
        registry=registry,
    )
    return PolicyLimiter(store)


async def start_limits(
    stack: AsyncExitStack, settings: Settings, limiter: PolicyLimiter, database: Database
) -> None:
    """Make the store ready; one that forgets with its process learns from the records what calls before
    this start took. `stack` closes it."""
    await limiter.store.start()
    stack.push_async_callback(limiter.store.close)
    if settings.limits.store == "memory":
        await rebuild(limiter.store, past_calls(database, time.time_ns() // 1000))
