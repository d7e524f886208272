"""A deadline judges the other side, not how busy this process is."""

import asyncio
import socket
import time

import pytest
import uvloop

from dataplane.policy.deadline import patient_timeout

DEADLINE_S = 0.02
BUSY_S = 0.06


def run(loops, work):
    with asyncio.Runner(loop_factory=loops) as runner:
        return runner.run(work())


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def loops(request):
    return request.param


def test_silence_is_a_timeout(loops):
    async def work():
        with pytest.raises(TimeoutError):
            async with patient_timeout(DEADLINE_S):
                await asyncio.get_running_loop().create_future()

    run(loops, work)


def test_an_answer_that_waited_while_the_loop_was_busy_counts(loops):
    async def work():
        ours, theirs = socket.socketpair()
        reader, writer = await asyncio.open_connection(sock=ours)

        def busy():
            theirs.send(b"answer")
            time.sleep(BUSY_S)  # the stimulus: this process does something else past the deadline

        async with patient_timeout(DEADLINE_S):
            asyncio.get_running_loop().call_soon(busy)
            assert await reader.read(100) == b"answer"
        writer.close()
        await writer.wait_closed()
        theirs.close()

    run(loops, work)


def test_being_busy_does_not_excuse_silence(loops):
    async def work():
        asyncio.get_running_loop().call_soon(time.sleep, BUSY_S)
        with pytest.raises(TimeoutError):
            async with patient_timeout(DEADLINE_S):
                await asyncio.get_running_loop().create_future()

    run(loops, work)


def test_what_is_in_time_leaves_nothing_behind(loops):
    async def work():
        async with patient_timeout(DEADLINE_S):
            await asyncio.sleep(0)
        await asyncio.sleep(2 * DEADLINE_S)  # a timer left behind would cancel this

    run(loops, work)


def test_a_cancelled_caller_is_cancelled_and_an_error_passes(loops):
    async def cancelled():
        async with patient_timeout(DEADLINE_S):
            await asyncio.get_running_loop().create_future()

    async def work():
        task = asyncio.ensure_future(cancelled())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(KeyError):
            async with patient_timeout(DEADLINE_S):
                raise KeyError

    run(loops, work)
