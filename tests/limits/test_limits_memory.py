"""The limiter of one process: what it refuses, what it takes, what it forgets."""

import asyncio
from dataclasses import replace

import pytest

from dataplane.domain import Limit
from dataplane.errors import Refused
from dataplane.limits.memory import MemoryLimiter
from dataplane.ports import Limiter

S = 1_000_000_000
RPM = Limit(id="client.rpm", key="client/a", unit="requests", amount=3, per="minute", window="rolling")


class Clock:
    def __init__(self) -> None:
        self.ns = 1_000 * S

    def __call__(self) -> int:
        return self.ns


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def limiter(clock: Clock) -> MemoryLimiter:
    return MemoryLimiter(clock_ns=clock)


def reserve(limiter: Limiter, *limits: Limit) -> Refused | None:
    """The refusal, or None where the call was admitted."""
    try:
        asyncio.run(limiter.reserve(limits))
    except Refused as refused:
        return refused
    return None


@pytest.mark.parametrize(
    "bad",
    [
        replace(RPM, unit="tokens"),
        replace(RPM, unit="Requests"),
        replace(RPM, per="second"),
        replace(RPM, per="month"),
        replace(RPM, window="calendar"),
        replace(RPM, amount=-1),
        replace(RPM, burst=0),
        replace(RPM, burst=-5),
    ],
)
def test_a_limit_it_cannot_hold_closes_the_gate_and_takes_nothing(limiter: MemoryLimiter, bad: Limit) -> None:
    refused = reserve(limiter, replace(RPM, id="other"), bad)
    assert refused is not None
    assert refused.reasons == ("gateway.unenforceable",)
    assert refused.status == 503
    assert len(limiter) == 0


def test_two_limits_with_one_id_are_unenforceable(limiter: MemoryLimiter) -> None:
    refused = reserve(limiter, RPM, replace(RPM, key="client/b"))
    assert refused is not None
    assert refused.reasons == ("gateway.unenforceable",)


def test_amount_zero_admits_nothing_and_is_a_limit_like_any_other(limiter: MemoryLimiter) -> None:
    refused = reserve(limiter, replace(RPM, amount=0, per="hour"))
    assert refused is not None
    assert (refused.status, refused.reasons, refused.retry_after_s) == (429, ("limit.client.rpm",), 3600)


def test_an_unenforceable_limit_outranks_one_that_is_used_up(limiter: MemoryLimiter) -> None:
    refused = reserve(limiter, replace(RPM, amount=0), replace(RPM, id="x", unit="usd"))
    assert refused is not None
    assert refused.reasons == ("gateway.unenforceable",)


def test_the_call_over_the_limit_is_told_exactly_how_long_to_wait(
    limiter: MemoryLimiter, clock: Clock
) -> None:
    assert [reserve(limiter, RPM) for _ in range(3)] == [None] * 3
    clock.ns += 5 * S
    refused = reserve(limiter, RPM)
    assert refused is not None
    assert (refused.status, refused.code, refused.retry_after_s) == (429, "rate_limit_exceeded", 15)
    clock.ns += 15 * S - 1
    assert reserve(limiter, RPM) is not None
    clock.ns += 1
    assert reserve(limiter, RPM) is None


@pytest.mark.parametrize(("per", "seconds"), [("minute", 60), ("hour", 3600), ("day", 86_400)])
def test_each_period_refills_in_its_own_time(
    limiter: MemoryLimiter, clock: Clock, per: str, seconds: int
) -> None:
    one = replace(RPM, amount=1, per=per)
    assert reserve(limiter, one) is None
    refused = reserve(limiter, one)
    assert refused is not None
    assert refused.retry_after_s == seconds
    clock.ns += seconds * S
    assert reserve(limiter, one) is None


def test_a_burst_lowers_what_passes_at_once_and_never_raises_it(limiter: MemoryLimiter) -> None:
    low, high = replace(RPM, id="low", burst=2), replace(RPM, id="high", burst=50)
    assert [reserve(limiter, low) is None for _ in range(4)] == [True, True, False, False]
    assert [reserve(limiter, high) is None for _ in range(4)] == [True, True, True, False]


def test_keys_and_ids_have_buckets_of_their_own(limiter: MemoryLimiter) -> None:
    one = replace(RPM, amount=1)
    assert reserve(limiter, one) is None
    assert reserve(limiter, replace(one, key="client/b")) is None
    assert reserve(limiter, replace(one, id="tenant.rpm")) is None
    assert reserve(limiter, one) is not None


def test_a_call_refused_by_one_limit_takes_from_none(limiter: MemoryLimiter) -> None:
    tight, wide = replace(RPM, id="tight", amount=1), replace(RPM, id="wide", amount=2)
    assert reserve(limiter, tight, wide) is None
    for _ in range(5):
        refused = reserve(limiter, wide, tight)
        assert refused is not None
        assert refused.reasons == ("limit.tight",)
    assert reserve(limiter, wide) is None
    assert reserve(limiter, wide) is not None


def test_of_two_limits_used_up_the_longer_wait_is_named(limiter: MemoryLimiter) -> None:
    minute, day = replace(RPM, id="m", amount=1), replace(RPM, id="d", amount=1, per="day")
    assert reserve(limiter, minute, day) is None
    refused = reserve(limiter, day, minute)
    assert refused is not None
    assert (refused.reasons, refused.retry_after_s) == (("limit.d",), 86_400)


def test_what_was_used_stays_used_when_policy_changes_the_amount(
    limiter: MemoryLimiter, clock: Clock
) -> None:
    for _ in range(3):
        assert reserve(limiter, RPM) is None
    assert reserve(limiter, replace(RPM, amount=6)) is not None
    assert reserve(limiter, replace(RPM, amount=2)) is not None
    clock.ns += 10 * S
    assert reserve(limiter, replace(RPM, amount=6)) is None


def test_no_limits_is_no_refusal(limiter: MemoryLimiter) -> None:
    assert reserve(limiter) is None


def test_parallel_calls_are_admitted_exactly_up_to_the_amount(limiter: MemoryLimiter) -> None:
    async def main() -> int:
        calls = (limiter.reserve([replace(RPM, amount=10)]) for _ in range(200))
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert all(result is None or isinstance(result, Refused) for result in results)
        return results.count(None)

    assert asyncio.run(main()) == 10


def test_ended_buckets_are_forgotten_as_others_come(limiter: MemoryLimiter, clock: Clock) -> None:
    for n in range(500):
        assert reserve(limiter, replace(RPM, amount=60, key=f"client/{n}")) is None
        clock.ns += S // 10
    assert len(limiter) < 20


def test_a_bucket_in_use_is_kept_although_its_first_end_has_passed(
    limiter: MemoryLimiter, clock: Clock
) -> None:
    for n in range(100):
        assert reserve(limiter, replace(RPM, id="used", amount=6)) is None
        assert reserve(limiter, replace(RPM, id="other", amount=600, key=str(n))) is None
        clock.ns += 10 * S
    for _ in range(6):
        assert reserve(limiter, replace(RPM, id="used", amount=6)) is None
    for n in range(20):
        assert reserve(limiter, replace(RPM, id="other", amount=600, key=str(n))) is None
    clock.ns += 9 * S
    assert reserve(limiter, replace(RPM, id="used", amount=6)) is not None


def test_a_full_table_refuses_new_keys_and_goes_on_limiting_known_ones(clock: Clock) -> None:
    limiter = MemoryLimiter(clock_ns=clock, max_buckets=10)
    for n in range(10):
        assert reserve(limiter, replace(RPM, key=str(n))) is None
    refused = reserve(limiter, replace(RPM, key="new"))
    assert refused is not None
    assert refused.reasons == ("gateway.unenforceable",)
    assert reserve(limiter, replace(RPM, key="3")) is None
    assert len(limiter) == 10
    clock.ns += 60 * S
    assert reserve(limiter, replace(RPM, key="new")) is None
    assert len(limiter) <= 10
