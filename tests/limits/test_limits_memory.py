"""The limiter of one process: what it refuses, what it takes, what it forgets."""

import asyncio
from dataclasses import replace

import pytest
from limits_kit import RPM, Clock, S, refusal, reserved

from dataplane.errors import Refused
from dataplane.limits.limiter import PolicyLimiter
from dataplane.limits.memory import MemoryStore
from dataplane.quantities import Limit


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(clock: Clock) -> MemoryStore:
    return MemoryStore(clock_us=clock)


@pytest.fixture
def limiter(store: MemoryStore) -> PolicyLimiter:
    return PolicyLimiter(store)


@pytest.mark.parametrize(
    "bad",
    [
        replace(RPM, unit="tokens", burst=2),
        replace(RPM, unit="Requests"),
        replace(RPM, per="second"),
        replace(RPM, per="instant"),
        replace(RPM, window="sliding"),
        replace(RPM, window="calendar", burst=1),
        replace(RPM, unit="concurrent"),
        replace(RPM, id="Two words"),
        replace(RPM, overrun="never"),
        replace(RPM, amount=2**53),
        replace(RPM, amount=-1),
        replace(RPM, burst=0),
        replace(RPM, burst=-5),
    ],
)
def test_a_limit_it_cannot_hold_closes_the_gate_and_takes_nothing(
    limiter: PolicyLimiter, store: MemoryStore, bad: Limit
) -> None:
    refused = refusal(limiter, replace(RPM, id="other"), bad)
    assert refused is not None
    assert refused.reasons == ("gateway.unenforceable",)
    assert refused.status == 503
    assert len(store) == 0


def test_two_limits_with_one_id_are_unenforceable(limiter: PolicyLimiter) -> None:
    refused = refusal(limiter, RPM, replace(RPM, key="client/b"))
    assert refused is not None
    assert refused.reasons == ("gateway.unenforceable",)


def test_amount_zero_admits_nothing_and_is_a_limit_like_any_other(limiter: PolicyLimiter) -> None:
    refused = refusal(limiter, replace(RPM, amount=0, per="hour"))
    assert refused is not None
    assert (refused.status, refused.reasons, refused.retry_after_s) == (429, ("limit.client.rpm",), None)


def test_an_unenforceable_limit_outranks_one_that_is_used_up(limiter: PolicyLimiter) -> None:
    refused = refusal(limiter, replace(RPM, amount=0), replace(RPM, id="x", unit="euro"))
    assert refused is not None
    assert refused.reasons == ("gateway.unenforceable",)


def test_the_call_over_the_limit_is_told_exactly_how_long_to_wait(
    limiter: PolicyLimiter, clock: Clock
) -> None:
    assert [refusal(limiter, RPM) for _ in range(3)] == [None] * 3
    clock.us += 5 * S
    refused = refusal(limiter, RPM)
    assert refused is not None
    assert (refused.status, refused.code, refused.retry_after_s) == (429, "rate_limit_exceeded", 15)
    clock.us += 15 * S - 1
    assert refusal(limiter, RPM) is not None
    clock.us += 1
    assert refusal(limiter, RPM) is None


@pytest.mark.parametrize(("per", "seconds"), [("minute", 60), ("hour", 3600), ("day", 86_400)])
def test_each_period_refills_in_its_own_time(
    limiter: PolicyLimiter, clock: Clock, per: str, seconds: int
) -> None:
    one = replace(RPM, amount=1, per=per)
    assert refusal(limiter, one) is None
    refused = refusal(limiter, one)
    assert refused is not None
    assert refused.retry_after_s == seconds
    clock.us += seconds * S
    assert refusal(limiter, one) is None


def test_a_burst_lowers_what_passes_at_once_and_never_raises_it(limiter: PolicyLimiter) -> None:
    low, high = replace(RPM, id="low", burst=2), replace(RPM, id="high", burst=50)
    assert [refusal(limiter, low) is None for _ in range(4)] == [True, True, False, False]
    assert [refusal(limiter, high) is None for _ in range(4)] == [True, True, True, False]


def test_keys_and_ids_have_buckets_of_their_own(limiter: PolicyLimiter) -> None:
    one = replace(RPM, amount=1)
    assert refusal(limiter, one) is None
    assert refusal(limiter, replace(one, key="client/b")) is None
    assert refusal(limiter, replace(one, id="tenant.rpm")) is None
    assert refusal(limiter, one) is not None


def test_a_call_refused_by_one_limit_takes_from_none(limiter: PolicyLimiter) -> None:
    tight, wide = replace(RPM, id="tight", amount=1), replace(RPM, id="wide", amount=2)
    assert refusal(limiter, tight, wide) is None
    for _ in range(5):
        refused = refusal(limiter, wide, tight)
        assert refused is not None
        assert refused.reasons == ("limit.tight",)
    assert refusal(limiter, wide) is None
    assert refusal(limiter, wide) is not None


def test_of_two_limits_used_up_the_longer_wait_is_named(limiter: PolicyLimiter) -> None:
    minute, day = replace(RPM, id="m", amount=1), replace(RPM, id="d", amount=1, per="day")
    assert refusal(limiter, minute, day) is None
    refused = refusal(limiter, day, minute)
    assert refused is not None
    assert (refused.reasons, refused.retry_after_s) == (("limit.d",), 86_400)


def test_what_was_used_stays_used_when_policy_changes_the_amount(
    limiter: PolicyLimiter, clock: Clock
) -> None:
    for _ in range(3):
        assert refusal(limiter, RPM) is None
    assert refusal(limiter, replace(RPM, amount=6)) is not None
    assert refusal(limiter, replace(RPM, amount=2)) is not None
    clock.us += 10 * S
    assert refusal(limiter, replace(RPM, amount=6)) is None


def test_no_limits_is_no_refusal(limiter: PolicyLimiter) -> None:
    assert refusal(limiter) is None


def test_parallel_calls_are_admitted_exactly_up_to_the_amount(limiter: PolicyLimiter) -> None:
    async def main() -> int:
        calls = (reserved(limiter, replace(RPM, amount=10)) for _ in range(200))
        results = await asyncio.gather(*calls, return_exceptions=True)
        return len(results) - sum(isinstance(result, Refused) for result in results)

    assert asyncio.run(main()) == 10


def test_ended_buckets_are_forgotten_as_others_come(
    limiter: PolicyLimiter, store: MemoryStore, clock: Clock
) -> None:
    for n in range(500):
        assert refusal(limiter, replace(RPM, amount=60, key=f"client/{n}")) is None
        clock.us += S // 10
    assert len(store) < 20


def test_a_bucket_in_use_is_kept_although_its_first_end_has_passed(
    limiter: PolicyLimiter, clock: Clock
) -> None:
    for n in range(100):
        assert refusal(limiter, replace(RPM, id="used", amount=6)) is None
        assert refusal(limiter, replace(RPM, id="other", amount=600, key=str(n))) is None
        clock.us += 10 * S
    for _ in range(6):
        assert refusal(limiter, replace(RPM, id="used", amount=6)) is None
    for n in range(20):
        assert refusal(limiter, replace(RPM, id="other", amount=600, key=str(n))) is None
    clock.us += 9 * S
    assert refusal(limiter, replace(RPM, id="used", amount=6)) is not None


def test_a_full_table_refuses_new_keys_and_goes_on_limiting_known_ones(clock: Clock) -> None:
    store = MemoryStore(clock_us=clock, max_cells=10)
    limiter = PolicyLimiter(store)
    for n in range(10):
        assert refusal(limiter, replace(RPM, key=str(n))) is None
    refused = refusal(limiter, replace(RPM, key="new"))
    assert refused is not None
    assert refused.reasons == ("gateway.unenforceable",)
    assert refusal(limiter, replace(RPM, key="3")) is None
    assert len(store) == 10
    clock.us += 60 * S
    assert refusal(limiter, replace(RPM, key="new")) is None
    assert len(store) <= 10
