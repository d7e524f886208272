"""One text out of several processes' metrics: every series keeps its value and says whose it is."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.parser import text_string_to_metric_families

from dataplane.workers.metrics import merged


def told(count: int) -> str:
    registry = CollectorRegistry()
    Counter("calls_total", "Calls.", ("status",), registry=registry).labels("200").inc(count)
    Gauge("ready", "Readiness.", registry=registry).set(1)
    Histogram("seconds", "Time.", buckets=(0.1, 1), registry=registry).observe(0.5)
    return generate_latest(registry).decode()


def series(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_each_series_stands_once_a_worker_with_its_own_value() -> None:
    text = merged({1: told(3), 2: told(4)}).decode()
    found = series(text)
    assert found["calls_total", (("status", "200"), ("worker", "1"))] == 3
    assert found["calls_total", (("status", "200"), ("worker", "2"))] == 4
    assert found["seconds_bucket", (("le", "1.0"), ("worker", "2"))] == 1
    assert all(("worker", "1") in labels or ("worker", "2") in labels for _, labels in found)


def test_a_family_is_described_once_however_many_workers_have_it() -> None:
    text = merged({1: told(1), 2: told(1), 3: told(1)}).decode()
    types = [line for line in text.splitlines() if line.startswith("# TYPE")]
    assert len(types) == len(set(types))
    assert "# TYPE calls_total counter" in types
    assert "# TYPE seconds histogram" in types


def test_what_the_parent_itself_knows_stands_beside() -> None:
    own = GaugeMetricFamily("up", "Up.", labels=["worker"])
    own.add_metric(["1"], 0.0)
    assert series(merged({}, [own]).decode()) == {("up", (("worker", "1"),)): 0.0}
    assert merged({}) == b""
