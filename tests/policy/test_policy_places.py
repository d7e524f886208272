"""Turns are handed on in order, whoever gives up in between."""

import asyncio

import pytest

from dataplane.policy.places import Places


async def turn():
    for _ in range(3):
        await asyncio.sleep(0)


def test_free_places_are_taken_at_once_and_the_rest_wait_in_order():
    async def work():
        places, order = Places(2), []

        async def caller(name):
            await places.take()
            order.append(name)

        tasks = [asyncio.ensure_future(caller(name)) for name in "abcd"]
        await turn()
        assert order == ["a", "b"]
        places.give()
        await turn()
        assert order == ["a", "b", "c"]
        places.give()
        await asyncio.gather(*tasks)
        assert order == ["a", "b", "c", "d"]

    asyncio.run(work())


def test_a_waiter_cancelled_with_its_turn_in_hand_passes_it_on():
    async def work():
        places = Places(1)
        await places.take()
        first = asyncio.ensure_future(places.take())
        second = asyncio.ensure_future(places.take())
        await turn()
        places.give()
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        await asyncio.wait_for(second, 5)

    asyncio.run(work())


def test_a_wait_that_is_too_long_ends_and_leaves_no_place_taken():
    async def work():
        places = Places(1)
        await places.take()
        with pytest.raises(TimeoutError):
            await places.take_within(0.01)
        places.give()
        await places.take_within(0.01)

    asyncio.run(work())
