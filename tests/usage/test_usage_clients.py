"""The last sixty minutes over what is usual, client by client, in bounded memory."""

from __future__ import annotations

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
    assert recent.last_hour(HOUR + 1, 1.0) == (950, 2)
    assert recent.last_hour(HOUR + 1, 0.5) == (500, 1.5)
    assert recent.last_hour(HOUR + 2, 1.0) == (50, 1)
    assert recent.last_hour(HOUR + 3, 1.0) == (0, 0)


def test_time_that_runs_backwards_loses_nothing() -> None:
    recent = Recent()
    recent.add(HOUR, 900)
    recent.add(HOUR - 1, 50)
    assert recent.last_hour(HOUR - 1, 0.5) == (950, 2)


@settings(deadline=None)  # a machine that is shared
@given(st.lists(st.tuples(st.integers(0, 4 * HOUR_S), st.integers(0, 10**6)), max_size=30))
def test_no_less_is_told_than_this_hour_saw_and_no_more_than_this_and_the_last(
    calls: list[tuple[int, int]],
) -> None:
    clock = Clock(HOUR * HOUR_S)
    clients = Clients(clock_s=clock)
    clients.get("app").usual = USUAL
    for after_s, tokens in sorted(calls):
        clock.now_s = HOUR * HOUR_S + after_s
        clients.count("app", tokens)
    told = clients.facts("app")["tokens_vs_baseline"] * USUAL.tokens
    hours = [((HOUR * HOUR_S + after_s) // HOUR_S, tokens) for after_s, tokens in calls]
    assert told >= sum(tokens for hour, tokens in hours if hour == clients.hour()) - USUAL.tokens / 1000
    assert told <= sum(tokens for hour, tokens in hours if hour >= clients.hour() - 1) + USUAL.tokens / 1000


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
