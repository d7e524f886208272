"""Settings -> the store of limits of one process, and its metrics."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from dataplane.config import LimitSettings
from dataplane.errors import ConfigError
from dataplane.limits.memory import MemoryStore
from dataplane.limits.share import PPM, ShareOf
from dataplane.limits.store import LimitStore

if TYPE_CHECKING:
    from dataplane.limits.fallback import LocalWhenAway
    from dataplane.limits.redis_place import Place
    from dataplane.limits.redis_shard import Recount
    from dataplane.limits.redis_store import RedisStore

AFTER_COMMIT_S = 0.5
"""Beyond `audit.commit_timeout_ms` before limits are counted anew: by then whatever was reserved before is
recorded, or was refused."""


def limit_store(
    settings: LimitSettings,
    *,
    instance: str,
    commit_timeout_s: float,
    recount: Recount,
    registry: CollectorRegistry,
) -> LimitStore:
    """A store that is not yet started. `recount` is asked when a shared store lost its state."""
    if settings.store == "memory":
        store: LimitStore = MemoryStore()
    else:
        # Here: the client of Redis takes a tenth of a second, which only those who have one should wait for.
        from dataplane.limits.fallback import LocalWhenAway
        from dataplane.limits.redis_shard import Timing
        from dataplane.limits.redis_store import RedisStore

        shared = RedisStore(
            _place(settings),
            process=f"{instance}-{os.getpid()}-{secrets.token_hex(4)}",
            recount=recount,
            timing=Timing(deadline_s=settings.timeout_ms / 1000, quiet_s=commit_timeout_s + AFTER_COMMIT_S),
        )
        store = LocalWhenAway(shared, MemoryStore(), processes=settings.processes)
        registry.register(StoreMetrics(shared, store))
    ppm = int(settings.share * PPM)
    return store if ppm == PPM else ShareOf(store, ppm)


def _place(settings: LimitSettings) -> Place:
    from dataplane.limits.redis_place import Place

    def password() -> str | None:
        try:
            return None if settings.password is None else settings.password.read()
        except ConfigError as error:
            raise ValueError(str(error)) from None

    ca_file = None if settings.ca_file is None else str(settings.ca_file)
    return Place(url=settings.store, password=password, ca_file=ca_file, cluster=settings.cluster)


class StoreMetrics(Collector):
    """What an operator watches of a shared store."""

    def __init__(self, shared: RedisStore, store: LocalWhenAway) -> None:
        self._shared = shared
        self._store = store

    def collect(self) -> Iterable[Metric]:
        """The families."""
        yield self._counter(
            "regogate_limit_decisions",
            "Decisions with limits: counted in the shared store, locally, or refused uncounted.",
            "mode",
            self._store.counts(),
        )
        yield self._counter(
            "regogate_limit_store_failures",
            "What the shared store did not answer, by cause; states lost; settlements dropped.",
            "cause",
            self._shared.failures(),
        )
        up = GaugeMetricFamily("regogate_limit_store_up", "1 while limits are counted in the shared store.")
        up.add_metric((), float(self._shared.up))
        yield up

    def _counter(self, name: str, about: str, label: str, counts: Mapping[str, int]) -> Metric:
        family = CounterMetricFamily(name, about, labels=(label,))
        for value, count in counts.items():
            family.add_metric((value,), count)
        return family
