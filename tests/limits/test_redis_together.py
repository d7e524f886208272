"""Decisions that wait together are one run of the script, and each is still taken all or nothing."""

from __future__ import annotations

import asyncio
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis_kit import RedisServer, back, remaining, started, until

from dataplane.limits import redis_codec as codec
from dataplane.limits.redis_link import LinkFailed
from dataplane.limits.redis_script import MAX_JOINED, answers
from dataplane.limits.redis_store import RedisStore
from dataplane.limits.store import Budget, Granted, Lease, Rejected

HOUR_US = 3_600_000_000
MONEY = Budget(cell="money", amount=100, period_us=HOUR_US, per="hour", calendar=False)
OTHER = Budget(cell="other", amount=100, period_us=HOUR_US, per="hour", calendar=False)
ONE = Lease(cell="one", amount=1)


def runs(server: RedisServer) -> int:
    """How often the script has run."""
    told = server.ask("INFO", "commandstats")
    return int(told.get("cmdstat_evalsha", {"calls": 0})["calls"])


@pytest.mark.parametrize("broken", [b"", b"\0" * 7, struct.pack("<2d", 2, 1), struct.pack("<d", -1)])
def test_what_is_no_answer_to_decisions_is_refused(broken: bytes) -> None:
    with pytest.raises(ValueError, match="not an answer"):
        answers(broken, 1)
    with pytest.raises(ValueError, match="not an answer"):
        answers([1, 2], 1)  # type: ignore[arg-type]  # what a server may say all the same


@given(st.lists(st.lists(st.integers(-(2**53), 2**53), max_size=9), max_size=9))
def test_answers_are_told_apart_by_their_lengths(told: list[list[int]]) -> None:
    numbers = [number for one in told for number in (len(one), *one)]
    assert answers(struct.pack(f"<{len(numbers)}d", *numbers), len(told)) == told


def test_calls_of_one_moment_are_one_run_and_admitted_to_the_amount(redis_server: RedisServer) -> None:
    async def main() -> None:
        async with started(redis_server.url) as one:
            before = runs(redis_server)
            calls = [one.reserve(f"r{number}", "t", [MONEY], [10]) for number in range(2 * MAX_JOINED)]
            told = await asyncio.gather(*calls)
            assert [isinstance(answer, Granted) for answer in told[:11]] == [True] * 10 + [False]
            assert sum(isinstance(answer, Granted) for answer in told) == 10
            assert runs(redis_server) - before < 10  # and a beat now and then

    asyncio.run(main())


def test_one_that_cannot_be_done_fails_alone(redis_server: RedisServer) -> None:
    async def main() -> None:
        async with started(redis_server.url) as one:
            redis_server.ask("SET", codec.cell_key(0, OTHER), "no budget")
            wanted = (MONEY, OTHER, MONEY, OTHER, MONEY)
            calls = [one.reserve(f"r{number}", "t", [claim], [10]) for number, claim in enumerate(wanted)]
            told = await asyncio.gather(*calls, return_exceptions=True)
            assert [type(answer) for answer in told] == [
                Granted if claim is MONEY else LinkFailed for claim in wanted
            ]
            assert await remaining(one, MONEY) == 70, "what was done before the failure is not done again"
            assert one.up

    asyncio.run(main())


def test_a_place_that_is_free_again_is_so_for_the_next_call(redis_server: RedisServer) -> None:
    """A settlement may wait for company, but never longer than the next reservation of its process."""

    async def main() -> None:
        async with started(redis_server.url) as one:
            for number in range(20):
                answer = await one.reserve(f"r{number}", "t", [ONE], [1])
                assert isinstance(answer, Granted)
                one.settle(answer, "t", [ONE], [1], [1])
            await until(lambda: not one.waiting)
            assert not redis_server.names("rg:*:lease:*"), "it goes out by itself, too"

    asyncio.run(main())


def test_calls_in_flight_when_the_script_is_forgotten_are_answered(redis_server: RedisServer) -> None:
    async def main() -> None:
        async with started(redis_server.url) as one:
            await back(one)
            redis_server.ask("SCRIPT", "FLUSH")
            told = await asyncio.gather(*(one.reserve(f"r{n}", "t", [MONEY], [30]) for n in range(5)))
            assert [isinstance(answer, Rejected) for answer in told] == [False] * 3 + [True] * 2
            assert await remaining(one, MONEY) == 10
            await _settled(one, told)
            assert await remaining(one, MONEY) == 100

    asyncio.run(main())


async def _settled(one: RedisStore, told: list[Granted | Rejected]) -> None:
    for answer in told:
        if isinstance(answer, Granted):
            one.settle(answer, "t", [MONEY], [30], [0])
    await until(lambda: not one.waiting)
