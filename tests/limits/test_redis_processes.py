"""Eight processes of a hundred clients on one key: never one too many, and nothing left by the dead."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from redis_kit import RedisServer, started, until
from redis_worker import MONEY, PLACES, RATE, Stage, Worker

from dataplane.limits.store import Budget, Claim, Granted, Rejected

PROCESSES = 8


ENOUGH = 3000
"""Refusals after which a limit was tried hard enough, by all of them at once."""


@contextmanager
def workers(url: str, kind: str) -> Iterator[tuple[Stage, list[Worker]]]:
    """So many processes that are all at work."""
    stage = Stage(PROCESSES)
    all_of_them = [Worker(url, kind, seed, stage) for seed in range(PROCESSES)]
    try:
        for one in all_of_them:
            one.wait_ready()
        yield stage, all_of_them
    finally:
        for one in all_of_them:
            one.close()


def wait(holds: Callable[[], bool]) -> None:
    begun = time.monotonic()
    while not holds():
        assert time.monotonic() - begun < 60, "not in time"
        time.sleep(0.005)


async def left(url: str, claim: Claim) -> int:
    async with started(url) as one:
        never = Budget(cell="never", amount=0, period_us=60_000_000, per="minute", calendar=False)
        answer = await one.reserve("look", "t", [claim, never], [1, 1])
        assert isinstance(answer, Rejected)
        return answer.remaining[0]


def test_requests_and_parallel_calls_never_pass_their_limits(redis_server: RedisServer) -> None:
    with workers(redis_server.url, "rate") as (stage, several):
        wait(lambda: stage.refused > ENOUGH and stage.admitted >= RATE.amount)
        stage.end()
        said = [line for one in several for line in one.lines()]
    # In these seconds the bucket lets fewer than one call more through.
    assert 0 < said.count("1") <= RATE.amount
    assert asyncio.run(left(redis_server.url, RATE)) == RATE.amount - said.count("1")
    assert asyncio.run(left(redis_server.url, PLACES)) == PLACES.amount


def test_money_is_never_spent_beyond_its_limit_by_large_calls_at_once(redis_server: RedisServer) -> None:
    with workers(redis_server.url, "money") as (stage, several):
        wait(lambda: stage.refused > ENOUGH)
        stage.end()
        spent = [int(line) for one in several for line in one.lines()]
    assert MONEY.amount * 0.5 < sum(spent) <= MONEY.amount
    assert asyncio.run(left(redis_server.url, MONEY)) == MONEY.amount - sum(spent)
    assert asyncio.run(left(redis_server.url, PLACES)) == PLACES.amount


def test_nothing_is_left_by_processes_that_were_killed_at_random_points(redis_server: RedisServer) -> None:
    chance = random.Random(7)
    with workers(redis_server.url, "places") as (stage, several):
        wait(lambda: stage.admitted > 10 * PLACES.amount)
        for one in several:
            time.sleep(0.05 * chance.random())
            one.kill()
        said = [one.lines() for one in several]
    assert sum(lines.count("+") for lines in said) > PLACES.amount

    async def main() -> None:
        async with started(redis_server.url) as one:
            held = PLACES.amount - await left(redis_server.url, PLACES)
            assert 0 <= held <= PLACES.amount
            for name in redis_server.names("rg:{0}:lease:*"):
                # What the dead had ends when its time is over, here at once.
                for member in redis_server.ask("ZRANGE", name, 0, -1):
                    redis_server.ask("ZADD", name, 1, member)

            async def free() -> bool:
                return await left(redis_server.url, PLACES) == PLACES.amount

            await until(free)
            every = [await one.reserve(f"n{n}", "t", [PLACES], [1]) for n in range(PLACES.amount + 1)]
            assert [isinstance(answer, Granted) for answer in every] == [True] * PLACES.amount + [False]

    asyncio.run(main())


def test_calls_under_way_when_their_process_dies_stay_counted(redis_server: RedisServer) -> None:
    with workers(redis_server.url, "money") as (stage, several):
        wait(lambda: stage.admitted > 50)
        for one in several:
            one.kill()
        spent = sum(int(line) for one in several for line in one.lines())
    remaining = asyncio.run(left(redis_server.url, MONEY))
    assert 0 <= remaining <= MONEY.amount - spent
