"""Slots of time: how a budget forgets, in integers that any language can do.

A rolling period P is divided into `SLOTS` slots of width w = P / SLOTS, counted from the epoch; what is
taken at t belongs to slot t div w. Live at t are the slots from t div w - SLOTS on. A window of length P
that ends at t holds nothing older than t - P, which lies in the oldest live slot or a later one: so what
fits into the live slots fits into every such window. The oldest slot ends to be live at most w after the
window has left it.

A calendar period is one slot, numbered by its start in microseconds; live is the current one.
"""

from __future__ import annotations

from typing import Final

from dataplane.limits.store import Budget

SLOTS: Final = 60
"""Parts of a rolling period: a budget keeps what was taken for at most P/60 longer than P."""

US_PER_S: Final = 1_000_000
DAY_US: Final = 86_400 * US_PER_S
PERIOD_US: Final = {"minute": 60 * US_PER_S, "hour": 3600 * US_PER_S, "day": DAY_US, "month": 30 * DAY_US}
"""A rolling month is 30 days; a calendar month is one of the calendar, UTC. All divide by `SLOTS`."""


def slot_at(budget: Budget, us: int) -> int:
    """The slot of a moment."""
    if not budget.calendar:
        return us // (budget.period_us // SLOTS)
    return _month_start(us) if budget.per == "month" else us - us % budget.period_us


def oldest_live(budget: Budget, us: int) -> int:
    """The oldest slot that counts at a moment."""
    return slot_at(budget, us) if budget.calendar else slot_at(budget, us) - SLOTS


def forgotten_at(budget: Budget, slot: int) -> int:
    """The moment from which a slot no longer counts."""
    if not budget.calendar:
        return (slot + SLOTS + 1) * (budget.period_us // SLOTS)
    return _month_start(slot + 31 * DAY_US) if budget.per == "month" else slot + budget.period_us


def _month_start(us: int) -> int:
    """The first microsecond of the month, UTC. Howard Hinnant, "chrono-Compatible Low-Level Date
    Algorithms" (civil_from_days), for days since 1970: the day of a month counted from 1."""
    days = us // DAY_US
    shifted = days + 719_468
    of_era = shifted % 146_097
    year = (of_era - of_era // 1460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    month = (5 * of_year + 2) // 153
    day = of_year - (153 * month + 2) // 5
    return (days - day) * DAY_US
