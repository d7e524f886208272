"""What an operator watches of a listener's TLS files."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from dataplane.server.tls import Tls


class TlsMetrics(Collector):
    """`regogate_tls_loads_total` by outcome, and `regogate_tls_not_after_seconds` by file."""

    def __init__(self, registry: CollectorRegistry, tls: Tls) -> None:
        self._tls = tls
        registry.register(self)

    def collect(self) -> Iterable[Metric]:
        """The two families."""
        loads = CounterMetricFamily(
            "regogate_tls_loads",
            "Sets of TLS files read: in force since, or unusable.",
            labels=("outcome",),
        )
        for outcome in ("loaded", "unusable"):
            loads.add_metric((outcome,), self._tls.counts[outcome])
        yield loads
        ends = GaugeMetricFamily(
            "regogate_tls_not_after_seconds",
            "When the first certificate or list in a file in force runs out, as a Unix time.",
            labels=("file",),
        )
        for file, moment in self._tls.not_after.items():
            ends.add_metric((file,), moment)
        yield ends
