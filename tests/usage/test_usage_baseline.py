"""What is usual: seasons, and what neither a burst nor patience can do to it."""

from __future__ import annotations

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from dataplane.usage.baseline import (
    ACTIVE_MIN,
    DAY,
    DAYS,
    HISTORY,
    WEEK,
    WEEKS,
    Baseline,
    Season,
    Used,
    baseline,
    plan,
)

NOW = 497_222


def used(tokens: int) -> Used:
    return Used(tokens=tokens, requests=tokens // 100)


def usual(hours: dict[int, Used], now: int = NOW) -> Baseline | None:
    found = plan(now, min(hours, default=now))
    return None if found is None else baseline(found, hours)


def steady(weeks: int, tokens: int = 1000) -> dict[int, Used]:
    return {hour: used(tokens) for hour in range(NOW - weeks * WEEK - 1, NOW)}


def test_a_client_of_less_than_a_day_or_of_few_active_hours_has_none() -> None:
    assert usual({}) is None
    assert usual({hour: used(9) for hour in range(NOW - DAY + 1, NOW)}) is None
    assert usual({hour: used(9) for hour in range(NOW - DAY, NOW - DAY + ACTIVE_MIN - 1)}) is None


def test_the_season_is_the_finest_for_which_the_history_suffices() -> None:
    def season(age: int) -> Season | None:
        found = usual({hour: used(1000) for hour in range(NOW - age, NOW)})
        assert found is None or (found.tokens, found.requests) == (1000, 10)
        return found and found.season

    assert season(DAY) is Season.ACTIVE
    assert season(7 * DAY) is Season.ACTIVE
    assert season(7 * DAY + 1) is Season.DAILY
    assert season(4 * WEEK) is Season.DAILY
    assert season(4 * WEEK + 1) is Season.WEEKLY
    assert season(30 * WEEK) is Season.WEEKLY


def test_the_hour_of_the_week_counts_not_the_mean_of_all_hours() -> None:
    """Office hours are usual, the same hour on Sunday is not, nor is the night."""
    monday = NOW - NOW % WEEK
    hours = {
        week + day * DAY + hour: used(50_000)
        for week in range(monday - 9 * WEEK, monday, WEEK)
        for day in range(5)
        for hour in range(9, 17)
    }
    at = {name: usual(hours, monday + offset) for name, offset in
          {"office": 12, "night": 3, "sunday": 6 * DAY + 12, "eve": 8}.items()}  # fmt: skip
    tokens = {name: found and found.tokens for name, found in at.items()}
    assert tokens == {"office": 50_000, "night": 0, "sunday": 0, "eve": 50_000}


def test_a_schedule_that_moves_by_an_hour_stays_usual() -> None:
    for moved in (-1, 1):
        hours = {NOW + moved - WEEK * ago: used(70_000) for ago in range(1, WEEKS + 1)}
        hours[NOW - WEEK * WEEKS - 2] = used(1)
        found = usual(hours)
        assert found is not None
        assert found.tokens == 70_000


def test_one_burst_changes_nothing_however_large() -> None:
    for weeks in (1, 3, 8):
        hours = steady(weeks)
        before = usual(hours)
        for ago in (1, DAY, WEEK):
            assert usual({**hours, NOW - ago: used(10**12)}) == before
        burst_day = {NOW - DAY - n: used(10**12) for n in range(12)}
        assert usual({**hours, **burst_day}) == before


def test_patience_needs_half_of_the_samples() -> None:
    """The bound that is stated: a new level becomes usual when half of the samples have it, not before."""

    def raised(weeks: int) -> Baseline | None:
        high = {hour: used(4_900) for hour in range(NOW - weeks * WEEK, NOW)}
        return usual({**steady(WEEKS), **high})

    for weeks in range(4):
        found = raised(weeks)
        assert found is not None
        assert found.tokens == 1000, weeks
    assert raised(5) == Baseline(season=Season.WEEKLY, tokens=4_900, requests=49)


def test_no_plan_looks_at_this_hour_later_ones_or_beyond_the_history() -> None:
    for age in (DAY, 8 * DAY, HISTORY, 2 * HISTORY):
        found = plan(NOW, NOW - age)
        assert found is not None
        assert max(found.hours) < NOW
        assert min(found.hours) >= max(NOW - age, NOW - HISTORY)
        assert len(found.hours) <= max(WEEK, 3 * DAYS)


@settings(deadline=None)  # a machine that is shared
@given(
    age=st.integers(DAY, HISTORY),
    level=st.integers(0, 10**6),
    burst=st.integers(1, 10**9),
    share=st.floats(0, 0.45),
    seed=st.randoms(use_true_random=False),
)
def test_less_than_half_of_the_samples_may_be_anything(
    age: int, level: int, burst: int, share: float, seed: Random
) -> None:
    hours = {hour: used(level) for hour in range(NOW - age, NOW)}
    found = plan(NOW, NOW - age)
    assert found is not None
    for sample in seed.sample(found.samples, int(len(found.samples) * share)):
        hours |= {hour: used(level + burst) for hour in sample}
    after = baseline(found, hours)
    assert after is not None
    assert after.tokens == level
