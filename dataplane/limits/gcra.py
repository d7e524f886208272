"""The generic cell rate algorithm, exactly.

ITU-T I.371, annex A, in its virtual scheduling form: a bucket is one number, the theoretical arrival
time (TAT) at which it will be empty again. With `amount` per period and a burst of B, any window of
length t admits at most B + amount * t / period calls, and a caller who keeps to the rate is never
refused.

Time is scaled so that nothing is rounded: a TAT counts ticks of 1/amount nanosecond, in which the
time one call takes is exactly `period_ns`, whatever the amount.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """`amount` calls per `period_ns`, of which `burst` at most at once. All at least 1."""

    amount: int
    period_ns: int
    burst: int


def tat_after(rate: Rate, tat: int, now_ns: int) -> int:
    """The TAT (ticks) once a call is admitted at `now_ns`."""
    return max(tat, now_ns * rate.amount) + rate.period_ns


def wait_ns(rate: Rate, tat: int, now_ns: int) -> int:
    """Nanoseconds until one call is admitted: 0 when it is now, else the exact wait, rounded up.

    At `now_ns` plus the wait the call is admitted if none else was meanwhile; a nanosecond earlier
    it is not.
    """
    early = tat_after(rate, tat, now_ns) - rate.burst * rate.period_ns - now_ns * rate.amount
    return max(0, _divided_up(early, rate.amount))


def empty_ns(rate: Rate, tat: int) -> int:
    """The nanosecond from which the bucket is as if it had never been used."""
    return _divided_up(tat, rate.amount)


def changed(tat: int, old: Rate, new: Rate) -> int:
    """The TAT under another rate: the same moment, rounded up, so what was used is not forgotten."""
    return tat if old.amount == new.amount else empty_ns(old, tat) * new.amount


def _divided_up(ticks: int, amount: int) -> int:
    return -(-ticks // amount)
