"""The last sixty minutes over what is usual, client by client, in bounded memory."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from usage_kit import HOUR, NOW_S, Clock

from dataplane.usage.baseline import FLOOR_TOKENS, HOUR_S, Baseline, Season, Used
from dataplane.usage.clients import Clients
from dataplane.usage.recent import Recent

USUAL = Baseline(season=Season.WEEKLY, tokens=20_000, requests=100)


def test_the_last_hour_counts_for_the_part_of_it_that_is_not_an_hour_ago() -> None:
    recent = Recent()
    recent.add(HOUR, 900)
    recent.add(HOUR + 1, 50)
    assert recent.within_the_hour((HOUR + 1) * HOUR_S) == (950, 2)
    assert recent.within_the_hour((HOUR + 1) * HOUR_S + 1200) == pytest.approx((650, 1 + 2 / 3))
    assert recent.within_the_hour((HOUR + 2) * HOUR_S) == (50, 1)
    assert recent.within_the_hour((HOUR + 3) * HOUR_S) == (0, 0)


def test_time_that_runs_backwards_loses_nothing() -> None:
    recent = Recent()
    recent.add(HOUR, 900)
    recent.add(HOUR - 1, 50)
    assert recent.within_the_hour((HOUR - 1) * HOUR_S + 1800) == (950, 2)


@settings(deadline=None)  # a machine that is shared
@given(st.lists(st.tuples(st.integers(0, 4 * HOUR_S), st.integers(0, 10**6)), max_size=30))
def test_a_steady_client_is_told_exactly_and_nobody_below_this_hour(calls: list[tuple[int, int]]) -> None:
    recent, now_s = Recent(), HOUR * HOUR_S
    for after_s, tokens in sorted(calls):
        now_s = HOUR * HOUR_S + after_s
        recent.add(now_s // HOUR_S, tokens)
    told = recent.within_the_hour(now_s)[0]
    at_s = [(HOUR * HOUR_S + after_s, tokens) for after_s, tokens in calls]
    assert told >= sum(tokens for when, tokens in at_s if when // HOUR_S == now_s // HOUR_S)
    assert told <= sum(tokens for when, tokens in at_s if when // HOUR_S >= now_s // HOUR_S - 1)


def test_a_client_without_a_baseline_has_no_facts() -> None:
    clients = Clients(clock_s=Clock())
    clients.count("app", 10**9)
    assert clients.facts("app") == {}
    assert clients.facts("nobody") == {}


def test_facts_are_the_last_hour_over_what_is_usual_wherever_it_was_served() -> None:
    clock = Clock()
    clients = Clients(clock_s=clock)
    clients.count("app", 30_000)
    client = clients.get("app")
    client.usual = USUAL
    assert clients.facts("app") == {"tokens_vs_baseline": 1.5, "requests_vs_baseline": 0.01}
    other = [
        ("app", HOUR, Used(tokens=50_000, requests=9)),
        ("app", HOUR - 1, Used(tokens=40_000, requests=180)),
    ]
    clients.served_elsewhere(HOUR, other)
    assert clients.facts("app") == {"tokens_vs_baseline": 5.0, "requests_vs_baseline": 1.0}
    clients.served_elsewhere(HOUR, other)
    assert clients.facts("app")["tokens_vs_baseline"] == 5.0
    clock.now_s += 3 * HOUR_S
    assert clients.facts("app") == {"tokens_vs_baseline": 0, "requests_vs_baseline": 0}


def test_a_tiny_baseline_counts_as_the_floor() -> None:
    clients = Clients(clock_s=Clock())
    clients.get("app").usual = Baseline(season=Season.ACTIVE, tokens=3, requests=1)
    clients.count("app", 300)
    assert clients.facts("app")["tokens_vs_baseline"] == round(300 / FLOOR_TOKENS, 2)
    clients.count("app", 5 * FLOOR_TOKENS - 300)
    assert clients.facts("app")["tokens_vs_baseline"] == 5


def test_memory_is_bounded_and_the_one_idle_for_longest_goes() -> None:
    told: list[str] = []
    clients = Clients(clock_s=Clock(), limit=3, unknown=lambda: told.append("unknown"))
    for name in ("a", "b", "c"):
        clients.count(name, 1)
        clients.get(name).usual = USUAL
    assert clients.facts("a")
    clients.count("d", 1)
    assert len(clients) == 3
    assert clients.peek("b") is None
    assert clients.peek("a") is not None
    assert len(told) == 4
    clients.served_elsewhere(HOUR, [("e", HOUR, Used(tokens=1, requests=1))])
    assert len(clients) == 3
    assert clients.peek("e") is None


def test_those_used_last_get_their_baseline_first() -> None:
    clients = Clients(clock_s=Clock(NOW_S))
    for name in ("a", "b", "c"):
        clients.count(name, 1)
    assert clients.without_baseline(HOUR, 2) == ["c", "b"]
    clients.get("b").usual_at = HOUR
    assert clients.without_baseline(HOUR, 9) == ["c", "a"]
    assert clients.without_baseline(HOUR + 1, 9) == ["b", "c", "a"]
