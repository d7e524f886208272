"""The metrics of several processes as one text.

Labelled rather than added up: a worker that is started again counts from 0, which a reader of its own series
takes for what it is, and of a sum for a loss. There are as many values of the label as workers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from prometheus_client import Metric, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector, CollectorRegistry

LABEL: Final = "worker"


class _Given(Collector):
    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        yield from self._families


def merged(texts: Mapping[int, str], own: Iterable[Metric] = ()) -> bytes:
    """Every series of `texts` (by worker, in Prometheus' text format) with the label `worker`, and `own`."""
    families: dict[str, Metric] = {}
    for number, text in sorted(texts.items()):
        for family in text_string_to_metric_families(text):
            one = families.setdefault(family.name, Metric(family.name, family.documentation, family.type))
            for sample in family.samples:
                one.samples.append(sample._replace(labels={**sample.labels, LABEL: str(number)}))
    registry = CollectorRegistry()
    registry.register(_Given([*families.values(), *own]))
    return generate_latest(registry)
