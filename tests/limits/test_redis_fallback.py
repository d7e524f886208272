"""While the shared store is away: budgets are closed, and rates and places counted here at their part."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from redis_kit import QUICK, RedisServer, back, remaining, store, until

from dataplane.limits.fallback import LocalWhenAway
from dataplane.limits.memory import MemoryStore
from dataplane.limits.store import Budget, Granted, Lease, Rate, Rejected, StoreUnavailable

HOUR_US = 3_600_000_000
RATE = Rate(cell="rate", amount=80, period_us=60_000_000, burst=80)
MONEY = Budget(cell="money", amount=100, period_us=HOUR_US, per="hour", calendar=False)
PLACES = Lease(cell="places", amount=8)
IMPATIENT = replace(QUICK, deadline_s=0.1)


def test_away_budgets_are_closed_and_rates_and_places_are_counted_here_at_their_part(
    own_redis: RedisServer,
) -> None:
    rate = replace(RATE, period_us=24 * HOUR_US)

    async def main() -> None:
        one = store(own_redis.url)
        both = LocalWhenAway(one, MemoryStore(), processes=4)
        await both.start()
        shared = [await both.reserve(f"s{n}", "t", [rate, PLACES], [1, 1]) for n in range(1)]
        assert [answer.mode for answer in shared] == [""]
        own_redis.kill()
        await until(lambda: not one.up)
        with pytest.raises(StoreUnavailable):
            await both.reserve("money", "t", [rate, MONEY], [1, 1])
        with pytest.raises(StoreUnavailable):
            await both.reserve("few", "t", [replace(rate, cell="few", amount=3, burst=3)], [1])
        # 8 places over 4 processes, of which this one has had 1 since before.
        first = await both.reserve("l1", "t", [rate, PLACES], [1, 1])
        assert isinstance(first, Granted)
        assert (first.mode, list(first.remaining)) == ("local", [18, 0])
        full = await both.reserve("l2", "t", [rate, PLACES], [1, 1])
        assert isinstance(full, Rejected)
        assert (full.mode, full.index) == ("local", 1)
        rates = [await both.reserve(f"r{n}", "t", [rate], [1]) for n in range(30)]
        assert [isinstance(answer, Granted) for answer in rates] == [True] * 18 + [False] * 12
        assert {answer.mode for answer in rates} == {"local"}
        assert dict(both.counts()) == {"shared": 1, "local": 32, "closed": 2}
        own_redis.start()
        await back(one)
        # The store has learned of the call that was admitted here, and forgets it with its end.
        assert await remaining(one, PLACES) == 6
        both.settle(first, "t", [rate, PLACES], [1, 1], [1, 1])
        assert await remaining(one, PLACES) == 7
        await both.close()

    asyncio.run(main())


def test_a_rate_that_was_used_up_in_the_store_is_used_up_locally(own_redis: RedisServer) -> None:
    daily = Rate(cell="daily", amount=40, period_us=24 * HOUR_US, burst=40)

    async def main() -> None:
        one = store(own_redis.url)
        both = LocalWhenAway(one, MemoryStore(), processes=2)
        await both.start()
        for number in range(30):
            assert isinstance(await both.reserve(str(number), "t", [daily], [1]), Granted)
        own_redis.kill()
        await until(lambda: not one.up)
        answers = [await both.reserve(f"l{number}", "t", [daily], [1]) for number in range(40)]
        # Ten are left, of which this process has half.
        assert [answer.mode for answer in answers] == ["local"] * 40
        assert sum(isinstance(answer, Granted) for answer in answers) == 5
        await both.close()

    asyncio.run(main())
