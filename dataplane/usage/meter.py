"""The room's one part in a running gateway: facts for policy, an ear for calls that ended, a task between."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from types import TracebackType

from prometheus_client import CollectorRegistry

from dataplane.database import Database
from dataplane.domain import CallState
from dataplane.usage.alert import Alerts
from dataplane.usage.clients import Clients
from dataplane.usage.history import History
from dataplane.usage.keeper import REFRESH_S, Keeper
from dataplane.usage.tally import Tally


class UsageMeter:
    """Implements `ports.UsageFacts`, and is called with every call that ended. `writer` is the id under which
    this process writes records. Enter it inside the running loop, once the database has its tables."""

    def __init__(
        self,
        database: Database,
        writer: str,
        registry: CollectorRegistry,
        *,
        clock_s: Callable[[], float] = time.time,
        refresh_s: float = REFRESH_S,
    ) -> None:
        self._clients = Clients(clock_s=clock_s, unknown=lambda: self._keeper.wake())
        tally, history = Tally(database, clock_s=clock_s), History(database)
        self._keeper = Keeper(self._clients, tally, history, writer=writer, refresh_s=refresh_s)
        self._alerts = Alerts(self._clients, registry)

    async def __aenter__(self) -> UsageMeter:
        await self._keeper.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._keeper.close()

    def facts(self, client_id: str) -> Mapping[str, float]:
        """See `ports.UsageFacts.facts`."""
        return self._clients.facts(client_id)

    def __call__(self, state: CallState) -> None:
        """Count a call that was made, and tell where a rule about use applied."""
        if state.intent_id is not None and state.identity is not None:
            used = state.usage
            self._clients.count(
                state.identity.client_id, (used.input_tokens or 0) + (used.output_tokens or 0)
            )
        self._alerts.look(state)
