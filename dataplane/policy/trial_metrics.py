"""What is counted beside the active policy, as metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from dataplane.policy.canary import DECIDED, REFUSED
from dataplane.policy.shadow import DROPPED, FAILED, NOT_STORED, SAME, STORED
from dataplane.trial import TrialKind


class TrialMetrics(Collector):
    """`regogate_shadow_inputs_total` and `regogate_canary_calls_total`, by outcome, of the trials that run.

    They begin again with each trial and go on after a restart.
    """

    def __init__(self, registry: CollectorRegistry, counts: Callable[[TrialKind], Mapping[str, int]]) -> None:
        self._counts = counts
        registry.register(self)

    def collect(self) -> Iterable[Metric]:
        """The two families."""
        yield self._family(
            TrialKind.SHADOW,
            "regogate_shadow_inputs",
            "Inputs offered to the shadow: answered alike, differing, dropped, or lost with its OPA.",
            (SAME, STORED, NOT_STORED, DROPPED, FAILED),
        )
        yield self._family(
            TrialKind.CANARY,
            "regogate_canary_calls",
            "Calls of the canary's clients: decided by its candidate, or refused for want of an answer.",
            (DECIDED, REFUSED),
        )

    def _family(self, kind: TrialKind, name: str, about: str, outcomes: tuple[str, ...]) -> Metric:
        family = CounterMetricFamily(name, about, labels=("outcome",))
        counts = self._counts(kind)
        for outcome in outcomes:
            family.add_metric((outcome,), counts.get(outcome, 0))
        return family
