"""From samples to rows: medians over rounds, each round compared within itself."""

import json
import math
from collections import Counter

import pytest

from bench.plan import BARE, DIRECT, GATEWAY, INSPECTED, LIMITED, Run
from bench.results import Sample, aims, document, rows, table


def sample(target, *, turn=0, connections=1, latencies_us=(1000,), requests=1000, **given):
    values = {
        "requests": requests,
        "total": requests,
        "refused": 0,
        "lost": 0,
        "seconds": 1.0,
        "cpu_s": None,
        "opa_cpu_s": None,
        **given,
    }
    run = Run(target=target, connections=connections, round=turn)
    return Sample(run=run, latencies_us=Counter(latencies_us), **values)


def round_of(
    turn=0,
    connections=1,
    *,
    direct=100,
    gateway=2000,
    bare_requests=1000,
    gateway_requests=500,
    limited_requests=450,
    inspected_requests=370,
    **given,
):
    return [
        sample(DIRECT, turn=turn, connections=connections, latencies_us=[direct]),
        sample(BARE, turn=turn, connections=connections, requests=bare_requests),
        sample(
            GATEWAY,
            turn=turn,
            connections=connections,
            latencies_us=[gateway],
            requests=gateway_requests,
            **given,
        ),
        sample(LIMITED, turn=turn, connections=connections, requests=limited_requests),
        sample(INSPECTED, turn=turn, connections=connections, requests=inspected_requests),
    ]


def row(samples, target=GATEWAY):
    return next(one for one in rows(samples) if one.target == target)


def test_a_percentile_is_a_latency_that_was_measured():
    measured = sample(GATEWAY, latencies_us=[5000, 1000, 2000, 3000, 4000])
    assert measured.percentile_ms(0.5) == 3.0
    assert measured.percentile_ms(0.99) == 5.0
    assert measured.percentile_ms(0.0) == 1.0


def test_no_call_has_no_percentile():
    assert math.isnan(sample(GATEWAY, latencies_us=[]).percentile_ms(0.5))


def test_added_latency_is_taken_within_each_round():
    samples = [
        *round_of(0, direct=100, gateway=1100),
        *round_of(1, direct=5000, gateway=6200),
        *round_of(2, direct=100, gateway=1400),
    ]
    assert row(samples).added_p50_ms == pytest.approx(1.2)


def test_the_ratio_is_the_median_of_the_rounds_ratios():
    samples = [
        *round_of(0, bare_requests=1000, gateway_requests=600),
        *round_of(1, bare_requests=100, gateway_requests=50),
        *round_of(2, bare_requests=2000, gateway_requests=1000),
    ]
    assert row(samples).ratio_to_bare == 0.5


def test_cpu_is_per_1000_requests_of_all_rounds_and_opa_apart():
    samples = [
        *round_of(0, gateway_requests=1000, cpu_s=1.0, opa_cpu_s=0.5),
        *round_of(1, gateway_requests=3000, cpu_s=3.0, opa_cpu_s=0.5),
    ]
    measured = row(samples)
    assert measured.cpu_ms_per_1000 == pytest.approx(1000)
    assert measured.opa_cpu_ms_per_1000 == pytest.approx(250)


def test_unknown_cpu_time_is_not_zero():
    assert row(round_of()).cpu_ms_per_1000 is None


def test_refused_and_lost_calls_are_errors():
    assert row(round_of(refused=2, lost=1)).errors == 3


def test_numbers_of_connections_are_not_mixed():
    samples = [*round_of(connections=1, gateway_requests=10), *round_of(connections=64, gateway_requests=20)]
    assert [(one.connections, one.requests_per_s) for one in rows(samples) if one.target == GATEWAY] == [
        (1, 10),
        (64, 20),
    ]


def test_aims_are_judged_at_their_own_number_of_connections():
    samples = [
        *round_of(connections=1, direct=100, gateway=2000),
        *round_of(connections=16),
        *round_of(connections=64, bare_requests=2000, gateway_requests=999),
    ]
    assert [(aim.measured, aim.reached) for aim in aims(rows(samples))] == [
        (pytest.approx(1.9), True),
        (pytest.approx(0.4995), False),
        (999, False),
        (pytest.approx(450 / 999), False),
        (pytest.approx(370 / 999), False),
    ]
    given = {"gateway_requests": 500, "limited_requests": 400, "inspected_requests": 375}
    enough = aims(rows(round_of(connections=64, **given)))
    assert [(one.measured, one.reached) for one in enough[-2:]] == [(0.8, True), (0.75, True)]


def test_the_table_has_a_line_for_each_row_and_lines_up():
    lines = table(rows(round_of(cpu_s=0.5))).splitlines()
    assert len(lines) == 1 + 5
    assert len({len(line) for line in lines}) == 1
    assert GATEWAY in lines[-3]
    assert LIMITED in lines[-2]
    assert INSPECTED in lines[-1]


def test_the_document_is_json_and_holds_every_round():
    samples = [*round_of(0), *round_of(1)]
    loaded = json.loads(json.dumps(document(samples, {"cpus": 2}, 0)))
    assert len(loaded["rounds"]) == 10
    assert len(loaded["rows"]) == 5
    assert loaded["answered_without_record"] == 0
