"""The store in Redis decides what the store in memory decides, at the same times, with the same numbers."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from limits_kit import Clock
from redis_kit import QUICK, RedisServer, started

from dataplane.limits.memory import MemoryStore
from dataplane.limits.redis_codec import MAX_BUDGET, MAX_RATE
from dataplane.limits.store import Budget, Claim, Granted, Lease, Rate
from dataplane.limits.windows import DAY_US, PERIOD_US

CELLS = ("one", "two", "a|\N{SNOWMAN}{}'" * 2)
PERIODS = tuple(PERIOD_US.items())

rates = st.builds(
    lambda cell, amount, burst, period: Rate(
        cell=f"rate {cell}", amount=amount, period_us=period[1], burst=min(amount, burst)
    ),
    st.sampled_from(CELLS),
    st.sampled_from([1, 2, 3, 7, 60, 1000, 999_983]),
    st.sampled_from([1, 2, 5, 10**7]),
    st.sampled_from(PERIODS),
)
budgets = st.builds(
    lambda cell, amount, period, calendar: Budget(
        cell=f"budget {cell} {period[0]} {calendar}",
        amount=amount,
        period_us=period[1],
        per=period[0],
        calendar=calendar,
    ),
    st.sampled_from(CELLS),
    st.sampled_from([0, 1, 10, 1000, 2**40]),
    st.sampled_from(PERIODS),
    st.booleans(),
)
leases = st.builds(
    lambda cell, amount: Lease(cell=f"lease {cell}", amount=amount), st.sampled_from(CELLS), st.integers(0, 3)
)


@dataclass
class Ask:
    claims: list[Claim]
    budgets_want: int
    spends: int
    settles_after: int
    wants: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self.wants = [self.budgets_want if isinstance(claim, Budget) else 1 for claim in self.claims]


asks = st.builds(
    Ask,
    st.lists(st.one_of(rates, budgets, leases), min_size=1, max_size=4, unique_by=lambda claim: claim.cell),
    st.sampled_from([1, 3, 10, 900, 2**40]),
    st.sampled_from([0, 1, 3, 10, 950, 2**40]),
    st.integers(0, 4),
)
gaps = st.sampled_from([0, 1, 999_999, 1_000_000, 61_000_001, 3_600_000_000, DAY_US, 31 * DAY_US])


@given(st.lists(st.tuples(asks, gaps), min_size=1, max_size=12))
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_both_stores_decide_alike(redis_server: RedisServer, story: list[tuple[Ask, int]]) -> None:
    redis_server.ask("FLUSHALL")

    async def main() -> None:
        clock = Clock()
        memory = MemoryStore(clock_us=clock)
        # In memory a lease ends with its call only, and an answer is never late.
        timing = replace(QUICK, lease_us=10_000 * DAY_US, deadline_s=30.0)
        async with started(redis_server.url, clock_us=clock, timing=timing) as shared:
            due: list[tuple[int, Granted, Granted, Ask]] = []
            for number, (ask, gap) in enumerate(story):
                for late in [one for one in due if one[0] <= number]:
                    due.remove(late)
                    _, here, there, was = late
                    spent = [was.spends if isinstance(claim, Budget) else 1 for claim in was.claims]
                    memory.settle(here, "t", was.claims, was.wants, spent)
                    shared.settle(there, "t", was.claims, was.wants, spent)
                name = f"r{number}"
                expected = await memory.reserve(name, "t", ask.claims, ask.wants)
                found = await shared.reserve(name, "t", ask.claims, ask.wants)
                # Memory goes by the newest slot also where nothing is left in it.
                assert all(
                    there <= here for there, here in zip(found.reset_us, expected.reset_us, strict=True)
                ), (ask, found, expected)
                assert replace(found, reset_us=expected.reset_us) == expected, ask
                if isinstance(expected, Granted):
                    assert isinstance(found, Granted)
                    due.append((number + 1 + ask.settles_after, expected, found, ask))
                clock.us += gap

    asyncio.run(main())


def test_amounts_beyond_what_is_counted_exactly_are_cut_and_admit_no_more(redis_server: RedisServer) -> None:
    async def main() -> None:
        rate = Rate(cell="r", amount=2**53 - 1, period_us=60_000_000, burst=2**53 - 1)
        budget = Budget(cell="b", amount=2**53 - 1, period_us=60_000_000, per="minute", calendar=False)
        async with started(redis_server.url, clock_us=Clock()) as shared:
            first = await shared.reserve("1", "t", [rate, budget], [1, MAX_BUDGET])
            assert isinstance(first, Granted)
            assert first.remaining[0] == MAX_RATE - 1
            second = await shared.reserve("2", "t", [rate, budget], [1, 1])
            assert not isinstance(second, Granted)
            assert second.index == 1
            third = await shared.reserve("3", "t", [rate, budget], [1, 2**53 - 1])
            assert not isinstance(third, Granted)
            shared.settle(first, "t", [rate, budget], [1, MAX_BUDGET], [1, 0])
            assert isinstance(await shared.reserve("4", "t", [rate, budget], [1, MAX_BUDGET]), Granted)

    asyncio.run(main())


def test_what_is_over_in_less_than_a_millisecond_is_over_by_the_clock_alone(
    redis_server: RedisServer,
) -> None:
    async def main() -> None:
        rate = Rate(cell="r", amount=999_983, period_us=60_000_000, burst=10)
        async with started(redis_server.url, clock_us=Clock()) as shared:
            assert (await shared.reserve("1", "t", [rate], [1])).remaining == [9]
            await asyncio.sleep(0.01)  # the time of the server that runs on, which is not what counts here
            assert (await shared.reserve("2", "t", [rate], [1])).remaining == [8]

    asyncio.run(main())
