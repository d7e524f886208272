"""What is usual for a client in an hour, from its hours that are over.

A sample is a stretch of three hours, the hour in question and one on each side, told by its busiest hour:
a schedule that moves by an hour (summer time, a late start) stays usual. The baseline is the median of
the samples, so less than half of them may be anything at all without moving it beyond the others.

The samples come from the first of these that has enough of them:

1. the same hour of the week, in the last 8 weeks; at least 4 weeks;
2. the same hour of the day, in the last 28 days; at least 7 days;
3. each hour of the last 7 days in which the client made a call, alone; at least 8 such hours, of a client
   known for a day.

Below that there is no baseline. What follows for somebody who would like a higher one: one hour, or one
day, of any use changes nothing. To be taken as usual a level must be kept up in half of the samples: for
four weeks (of 8), or two weeks (of 28 days), or in the first week of a client for half of its active hours.
And while a rule holds at n times the baseline, whoever stays below it gains a factor of n for each such time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from statistics import median
from typing import Final

from dataplane.frozen import quick_init

HOUR_S: Final = 3600
DAY: Final = 24
WEEK: Final = 7 * DAY
"""In hours. Hours are numbered from 1970 on, UTC."""

WEEKS: Final = 8
WEEKS_MIN: Final = 4
DAYS: Final = 28
DAYS_MIN: Final = 7
ACTIVE_WITHIN: Final = WEEK
ACTIVE_MIN: Final = 8
KNOWN_FOR_MIN: Final = DAY

HISTORY: Final = WEEKS * WEEK + 1
"""Hours that any baseline looks back."""

FLOOR_TOKENS: Final = 10_000
FLOOR_REQUESTS: Final = 60
"""A lower baseline counts as this much: about five middling calls, and a call a minute. Five times a handful
of tokens is no anomaly."""


@quick_init
@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """What a client used in an hour."""

    tokens: int = 0
    requests: int = 0


NOTHING: Final = Used()


class Season(StrEnum):
    """Where a baseline's samples come from."""

    WEEKLY = "hour of the week"
    DAILY = "hour of the day"
    ACTIVE = "active hours"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Which hours make the samples of a baseline."""

    season: Season
    samples: tuple[tuple[int, ...], ...]

    @property
    def hours(self) -> frozenset[int]:
        """Every hour that is looked at."""
        return frozenset(hour for sample in self.samples for hour in sample)


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """What is usual in an hour, before any floor."""

    season: Season
    tokens: float
    requests: float


def plan(hour: int, first: int) -> Plan | None:
    """How a baseline for `hour` is found for a client whose first call was in the hour `first`; None for one
    that is not known for long enough."""
    for season, step, most, least in (
        (Season.WEEKLY, WEEK, WEEKS, WEEKS_MIN),
        (Season.DAILY, DAY, DAYS, DAYS_MIN),
    ):
        middles = [hour - step * ago for ago in range(1, most + 1)]
        samples = tuple((at - 1, at, at + 1) for at in middles if at > first)
        if len(samples) >= least:
            return Plan(season=season, samples=samples)
    if hour - first < KNOWN_FOR_MIN:
        return None
    hours = range(max(first, hour - ACTIVE_WITHIN), hour)
    return Plan(season=Season.ACTIVE, samples=tuple((at,) for at in hours))


def baseline(found: Plan, used: Mapping[int, Used]) -> Baseline | None:
    """The baseline of a plan; `used` has the hours in which there was a call. None where too few had."""
    samples = [
        [used.get(hour, NOTHING) for hour in hours]
        for hours in found.samples
        if found.season is not Season.ACTIVE or hours[0] in used
    ]
    if len(samples) < ACTIVE_MIN and found.season is Season.ACTIVE:
        return None
    return Baseline(
        season=found.season,
        tokens=median(max(one.tokens for one in sample) for sample in samples),
        requests=median(max(one.requests for one in sample) for sample in samples),
    )
