"""Redis stopped, slow, flushed, failed over: what is refused, what is counted locally, what is never lost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from redis_kit import QUICK, RedisServer, back, remaining, started, store, until

from dataplane.limits.redis_store import RedisStore
from dataplane.limits.store import Budget, Claim, Granted, Lease, Past, Rate, Rejected, StoreUnavailable

HOUR_US = 3_600_000_000
RATE = Rate(cell="rate", amount=80, period_us=60_000_000, burst=80)
MONEY = Budget(cell="money", amount=100, period_us=HOUR_US, per="hour", calendar=False)
PLACES = Lease(cell="places", amount=8)
IMPATIENT = replace(QUICK, deadline_s=0.1)


def now_us() -> int:
    return time.time_ns() // 1000


async def granted(one: RedisStore, name: str, *claims: Claim, want: int = 1) -> Granted:
    answer = await one.reserve(
        name, "t", claims, [want if isinstance(claim, Budget) else 1 for claim in claims]
    )
    assert isinstance(answer, Granted)
    return answer


def test_while_it_is_stopped_calls_fail_at_once_and_it_is_used_again_once_it_is_back(
    own_redis: RedisServer,
) -> None:
    async def main() -> None:
        async with started(own_redis.url) as one:
            await granted(one, "before", MONEY, want=60)
            own_redis.kill()
            await until(lambda: not one.up)
            begun = time.monotonic()
            for number in range(50):
                with pytest.raises(StoreUnavailable):
                    await one.reserve(str(number), "t", [RATE], [1])
            assert time.monotonic() - begun < 1
            assert one.failures()["down"] + one.failures()["closed"] > 0
            own_redis.start()
            await back(one)
            await granted(one, "after", MONEY)

    asyncio.run(main())


def test_a_server_that_hangs_costs_its_deadline_once_and_leaves_nothing_taken(own_redis: RedisServer) -> None:
    async def main() -> None:
        async with started(own_redis.url, timing=IMPATIENT) as one:
            own_redis.freeze()
            begun = time.monotonic()
            calls = (one.reserve(f"late-{n}", "t", [MONEY, PLACES], [10, 1]) for n in range(5))
            answers = await asyncio.gather(*calls, return_exceptions=True)
            assert all(isinstance(answer, StoreUnavailable) for answer in answers)
            assert 0.09 < time.monotonic() - begun < 2
            took = []
            for number in range(20):
                begun = time.monotonic()
                with pytest.raises(StoreUnavailable):
                    await one.reserve(str(number), "t", [MONEY], [1])
                took.append(time.monotonic() - begun)
            assert sorted(took)[-2] < 0.09, "the machine may hold one of them up, the server none"
            assert one.failures()["timeout"] >= 1
            own_redis.thaw()
            await back(one)
            # What was sent is in its socket and may be done before or after it is given up.
            await until(lambda: not one.waiting)
            assert await remaining(one, MONEY) == 100
            assert await remaining(one, PLACES) == 8

    asyncio.run(main())


@pytest.mark.parametrize("loss", ["flushed", "restarted empty"])
def test_what_was_lost_is_counted_anew_from_records_and_open_calls(own_redis: RedisServer, loss: str) -> None:
    async def main() -> None:
        read = 0

        async def records() -> Sequence[Past]:
            nonlocal read
            read += 1
            old = Past(claim=MONEY, at_us=now_us() - HOUR_US * 2, taken=1000, slot="t")
            rate = Past(claim=RATE, at_us=now_us(), taken=45_000_000, slot="t")
            spent = [Past(claim=MONEY, at_us=now_us(), taken=taken, slot="t") for taken in (30, 40)]
            return [old, rate, *spent] if read > 1 else []

        async with started(own_redis.url, recount=records) as one:
            open_call = await granted(one, "open", MONEY, PLACES, want=40)
            if loss == "flushed":
                own_redis.ask("FLUSHALL")
            else:
                own_redis.kill()
                own_redis.start()
            await until(lambda: read == 2)
            await back(one)
            assert await remaining(one, MONEY) == 30
            assert await remaining(one, PLACES) == 7
            assert 18 <= await remaining(one, RATE) <= 25
            # The records may have counted it as it was spent: nothing of it is given back once more.
            one.settle(open_call, "t", [MONEY, PLACES], [40, 1], [0, 1])
            await until(lambda: not one.waiting)
            assert await remaining(one, MONEY) == 30
            assert await remaining(one, PLACES) == 8
            new_call = await granted(one, "new", MONEY, want=20)
            one.settle(new_call, "t", [MONEY], [20], [5])
            assert await remaining(one, MONEY) == 25
            assert one.failures()["lost"] == 2

    asyncio.run(main())


def test_no_process_counts_on_in_a_state_that_another_one_has_counted_anew(own_redis: RedisServer) -> None:
    async def main() -> None:
        asleep = replace(QUICK, beat_s=3600)
        async with (
            started(own_redis.url) as first,
            started(own_redis.url, process="p2", timing=asleep) as second,
        ):
            await granted(second, "s", PLACES)
            own_redis.ask("FLUSHALL")
            await until(lambda: first.failures()["lost"] == 2)
            await back(first)
            with pytest.raises(StoreUnavailable):
                await second.reserve("x", "t", [PLACES], [1])
            await back(second)
            assert await remaining(first, PLACES) == 7

    asyncio.run(main())


def test_records_that_cannot_be_read_keep_budgets_closed(own_redis: RedisServer) -> None:
    async def main() -> None:
        down = True

        async def records() -> Sequence[Past]:
            if down:
                raise StoreUnavailable("no")
            return ()

        async with started(own_redis.url) as first:
            await granted(first, "x", MONEY)
        own_redis.ask("FLUSHALL")
        one = store(own_redis.url, recount=records)
        starting = asyncio.create_task(one.start())
        await until(lambda: one.failures()["lost"] > 3)
        with pytest.raises(StoreUnavailable):
            await one.reserve("y", "t", [MONEY], [1])
        down = False
        await starting
        await granted(one, "z", MONEY)
        await one.close()

    asyncio.run(main())


def test_after_a_fail_over_to_a_replica_that_lacks_writes_they_are_counted_from_records(
    own_redis: RedisServer, short_dir: Path
) -> None:
    replica = RedisServer(short_dir, name="replica").start()
    name = short_dir / "service.sock"
    name.symlink_to(own_redis.socket)

    async def main() -> None:
        taken = 0

        async def records() -> Sequence[Past]:
            return [Past(claim=MONEY, at_us=now_us(), taken=taken, slot="t")] if taken else []

        async with started(f"unix://{name}", recount=records) as one:
            await granted(one, "copied", MONEY, want=30)
            # A copy as a replica would have it, and then a write that it misses.
            for key in own_redis.names():
                replica.ask("RESTORE", key, 0, own_redis.ask("DUMP", key))
            await granted(one, "missed", MONEY, want=50)
            taken = 80
            name.unlink()
            name.symlink_to(replica.socket)
            own_redis.kill()
            await until(lambda: one.failures()["lost"] == 2)
            await back(one)
            assert await remaining(one, MONEY) == 20

    try:
        asyncio.run(main())
    finally:
        replica.kill()


def test_a_connection_that_is_cut_fails_no_call_and_counts_none_twice(own_redis: RedisServer) -> None:
    async def main() -> None:
        async with started(own_redis.url) as one:
            for number in range(5):
                own_redis.ask("CLIENT", "KILL", "TYPE", "normal")
                await granted(one, str(number), MONEY, want=10)
            own_redis.ask("SCRIPT", "FLUSH")
            again = [await granted(one, "same", MONEY, PLACES, want=10) for _ in range(3)]
            assert len({answer.at_us for answer in again}) == 1
            assert await remaining(one, MONEY) == 40
            assert await remaining(one, PLACES) == 7
            for _ in range(3):
                one.settle(again[0], "t", [MONEY, PLACES], [10, 1], [4, 1])
            assert await remaining(one, MONEY) == 46
            assert await remaining(one, PLACES) == 8

    asyncio.run(main())


def test_a_caller_that_leaves_while_it_asks_takes_nothing(own_redis: RedisServer) -> None:
    async def main() -> None:
        async with started(own_redis.url) as one:
            for number in range(30):
                asking = asyncio.create_task(one.reserve(str(number), "t", [MONEY, PLACES], [5, 1]))
                for _ in range(number % 7):
                    await asyncio.sleep(0)
                asking.cancel()
                answer = (await asyncio.gather(asking, return_exceptions=True))[0]
                if isinstance(answer, Granted):
                    one.settle(answer, "t", [MONEY, PLACES], [5, 1], [0, 1])
            await until(lambda: not one.waiting)
            assert await remaining(one, MONEY) == 100
            assert await remaining(one, PLACES) == 8

    asyncio.run(main())


def test_settlements_made_while_it_is_away_arrive_later(own_redis: RedisServer) -> None:
    async def main() -> None:
        async with started(own_redis.url, timing=IMPATIENT) as one:
            calls = [await granted(one, str(number), MONEY, PLACES, want=20) for number in range(5)]
            own_redis.freeze()
            await until(lambda: not one.up)
            for call in calls:
                one.settle(call, "t", [MONEY, PLACES], [20, 1], [3, 1])
            own_redis.thaw()
            await back(one)
            await until(lambda: not one.waiting)
            assert await remaining(one, MONEY) == 85
            assert await remaining(one, PLACES) == 8

    asyncio.run(main())


def test_leases_of_a_dead_process_end_and_those_of_a_living_one_do_not(own_redis: RedisServer) -> None:
    async def main() -> None:
        short = replace(QUICK, lease_us=400_000, renew_s=0.05)
        async with started(own_redis.url, timing=short) as living:
            dying = store(own_redis.url, process="p2", timing=replace(short, renew_s=3600))
            await dying.start()
            await granted(living, "kept", PLACES)
            for number in range(7):
                await granted(dying, f"d{number}", PLACES)
            assert isinstance(await living.reserve("full", "t", [PLACES], [1]), Rejected)

            async def ended() -> bool:
                return await remaining(living, PLACES) == 7

            await until(ended)
            begun = time.monotonic()
            while time.monotonic() - begun < 0.6:
                assert await remaining(living, PLACES) == 7
                await asyncio.sleep(0.02)
            await dying.close()

    asyncio.run(main())


def test_every_key_ends_by_itself(own_redis: RedisServer) -> None:
    async def main() -> None:
        month = Budget(cell="m", amount=9, period_us=30 * 24 * HOUR_US, per="month", calendar=True)
        async with started(own_redis.url) as one:
            call = await granted(one, "x", RATE, MONEY, month, PLACES)
            one.settle(call, "t", [RATE, MONEY, month, PLACES], [1, 1, 1, 1], [1, 9, 0, 1])
            await granted(one, "y", RATE, MONEY, month, PLACES)
        assert len(own_redis.names()) == 9
        assert all(own_redis.ask("PTTL", key) > 0 for key in own_redis.names())

    asyncio.run(main())


@pytest.mark.parametrize(
    "options",
    [
        ["--requirepass", "open sesame"],
        ["--maxmemory", "100mb", "--maxmemory-policy", "volatile-lru"],
        ["--replicaof", "127.0.0.1", "1"],
    ],
)
def test_a_server_that_must_not_be_used_is_not(
    short_dir: Path, options: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    command = RedisServer(short_dir, *options)
    command.password = options[1] if "--requirepass" in options else None
    command.start()

    async def main() -> None:
        one = store(command.url, password=lambda: "hunter2" if command.password else None)
        starting = asyncio.create_task(one.start())
        await until(lambda: any(record.__dict__.get("cause") == "unfit" for record in caplog.records))
        with pytest.raises(StoreUnavailable):
            await one.reserve("x", "t", [RATE], [1])
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        await one.close()

    try:
        asyncio.run(main())
    finally:
        command.kill()
    assert "hunter2" not in caplog.text


def test_before_it_is_started_and_after_it_is_closed_nothing_is_taken_and_nothing_raised(
    own_redis: RedisServer,
) -> None:
    async def main() -> None:
        one = store(own_redis.url)
        with pytest.raises(StoreUnavailable):
            await one.reserve("early", "t", [MONEY], [1])
        await one.start()
        call = await granted(one, "x", MONEY, PLACES)
        await one.close()
        one.settle(call, "t", [MONEY, PLACES], [1, 1], [0, 1])
        with pytest.raises(StoreUnavailable):
            await one.reserve("late", "t", [MONEY], [1])

    asyncio.run(main())


def test_living_processes_are_counted(own_redis: RedisServer) -> None:
    async def main() -> None:
        async with started(own_redis.url) as one, started(own_redis.url, process="p2"):
            await until(lambda: one.processes() == 2)

    asyncio.run(main())
