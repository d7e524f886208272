"""The generic cell rate algorithm, exactly.

ITU-T I.371, annex A, in its virtual scheduling form: a bucket is one number, the theoretical arrival
time (TAT) at which it will be empty again. With `amount` per period and a burst of B, any window of
length t admits at most B + amount * t / period calls, and a caller who keeps to the rate is never
refused.

Time is scaled so that nothing is rounded: a TAT counts ticks of 1/amount microsecond, in which the
time one call takes is exactly `period_us`, whatever the amount.
"""

from __future__ import annotations

from dataplane.limits.store import Rate


def tat_after(rate: Rate, tat: int, now_us: int) -> int:
    """The TAT (ticks) once a call is admitted at `now_us`."""
    return max(tat, now_us * rate.amount) + rate.period_us


def wait_us(rate: Rate, tat: int, now_us: int) -> int:
    """Microseconds until one call is admitted: 0 when it is now, else the exact wait, rounded up.

    At `now_us` plus the wait the call is admitted if none else was meanwhile; a microsecond earlier
    it is not.
    """
    early = tat_after(rate, tat, now_us) - rate.burst * rate.period_us - now_us * rate.amount
    return max(0, _divided_up(early, rate.amount))


def left(rate: Rate, tat: int, now_us: int) -> int:
    """How many calls are admitted at `now_us`."""
    return (rate.burst * rate.period_us - max(0, tat - now_us * rate.amount)) // rate.period_us


def empty_us(rate: Rate, tat: int) -> int:
    """The microsecond from which the bucket is as if it had never been used."""
    return _divided_up(tat, rate.amount)


def changed(tat: int, old: Rate, new: Rate) -> int:
    """The TAT under another rate: the same moment, rounded up, so what was used is not forgotten."""
    return tat if old.amount == new.amount else empty_us(old, tat) * new.amount


def _divided_up(ticks: int, amount: int) -> int:
    return -(-ticks // amount)
