"""The gateway's own look at its keys: how many, how fresh, which end soon or rest. Counted and logged."""

from __future__ import annotations

import asyncio
import logging
import math
from collections import Counter
from collections.abc import Callable
from typing import Final

from prometheus_client import CollectorRegistry, Gauge
from prometheus_client import Counter as CounterMetric

from dataplane.config import KeySettings
from dataplane.identity.key_findings import DAY_US, Finding, Kind, findings
from dataplane.identity.models import STATES
from dataplane.identity.snapshot import KeySnapshot
from dataplane.identity.store import now_us

LOOK_S: Final = 60.0
"""Between looks, which a thread takes: 10,000 keys cost it some 20 ms."""

FIRST_S: Final = 1.0
"""Before the first look, so that starting is not held up."""

AGAIN_US: Final = DAY_US
"""A finding that stays is logged once a day."""

MAX_LINES: Final = 20
"""Of one look; how many more there are is said."""

SEEN_HERE: Final[tuple[Kind, ...]] = ("old", "ending", "unused")
"""Findings that need neither policy nor records; `regogate keys audit` has the others, too."""

_log = logging.getLogger("regogate.keys")


class KeyWatch:
    """Metrics of keys in a registry, and a log line for each key that needs attention."""

    def __init__(
        self,
        snapshot: KeySnapshot,
        settings: KeySettings,
        registry: CollectorRegistry,
        *,
        first_s: float = FIRST_S,
        look_s: float = LOOK_S,
        clock_us: Callable[[], int] = now_us,
    ) -> None:
        self._snapshot = snapshot
        self._settings = settings
        self._first_s = first_s
        self._look_s = look_s
        self._clock_us = clock_us
        self._logged: dict[tuple[str, str], int] = {}
        self._task: asyncio.Task[None] | None = None
        self._states = Gauge("regogate_api_keys", "API keys by state.", ("state",), registry=registry)
        self._findings = Gauge(
            "regogate_api_key_findings", "Keys that somebody should look at.", ("finding",), registry=registry
        )
        self._refusals = CounterMetric(
            "regogate_api_key_refusals",
            "Refused uses of keys whose secret was right.",
            ("why",),
            registry=registry,
        )
        Gauge(
            "regogate_api_keys_age_seconds",
            "Since the keys were last known to be as in the database; a revocation is seen when it is small.",
            registry=registry,
        ).set_function(self._age_s)

    def refused(self, why: str) -> None:
        """Count a refused use."""
        self._refusals.labels(why).inc()

    def start(self) -> None:
        """Look now and then, inside a running loop."""
        self._task = asyncio.create_task(self._keep_looking(), name="key watch")

    async def close(self) -> None:
        """Stop looking."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait((self._task,))

    async def look(self) -> None:
        """Count once, off the loop, and log what is new or was logged a day ago."""
        rows, now = list(self._snapshot.rows()), self._clock_us()
        max_age_us = self._settings.max_age_days * DAY_US

        def count() -> tuple[Counter[str], list[Finding]]:
            states = Counter[str](row.state(now, max_age_us) for row in rows)
            return states, findings(rows, now, self._settings)

        states, found = await asyncio.to_thread(count)
        for state in STATES:
            self._states.labels(state).set(states[state])
        kinds = Counter(one.kind for one in found)
        for kind in SEEN_HERE:
            self._findings.labels(kind).set(kinds[kind])
        self._tell(found, now)

    def _tell(self, found: list[Finding], now: int) -> None:
        before = self._logged
        self._logged = {
            (one.key_id, one.kind): before[one.key_id, one.kind]
            for one in found
            if now - before.get((one.key_id, one.kind), now - AGAIN_US) < AGAIN_US
        }
        fresh = [one for one in found if (one.key_id, one.kind) not in self._logged]
        for one in fresh:
            self._logged[one.key_id, one.kind] = now
        for one in fresh[:MAX_LINES]:
            about = {"key_id": one.key_id, "client": one.client_id, "finding": one.kind, "detail": one.detail}
            _log.warning("API key needs attention", extra=about)
        if len(fresh) > MAX_LINES:
            _log.warning("more API keys need attention", extra={"count": len(fresh) - MAX_LINES})

    async def _keep_looking(self) -> None:
        await asyncio.sleep(self._first_s)
        while True:
            await self.look()
            await asyncio.sleep(self._look_s)

    def _age_s(self) -> float:
        age_s = self._snapshot.age_s()
        return math.inf if age_s is None else age_s
