"""A deadline judges the other side, not how busy this process is."""

import asyncio
import socket
import time

import pytest
import uvloop

from dataplane.policy.deadline import PatientTimeout

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
        with pytest.raises(TimeoutError), PatientTimeout(DEADLINE_S):
            await asyncio.get_running_loop().create_future()

    run(loops, work)


def test_an_answer_that_waited_while_the_loop_was_busy_counts(loops):
    async def work():
        ours, theirs = socket.socketpair()
        reader, writer = await asyncio.open_connection(sock=ours)

        def busy():
            theirs.send(b"answer")
            time.sleep(BUSY_S)  # the stimulus: this process does something else past the deadline

        with PatientTimeout(DEADLINE_S):
            asyncio.get_running_loop().call_soon(busy)
            assert await reader.read(100) == b"answer"
        writer.close()
        await writer.wait_closed()
        theirs.close()

    run(loops, work)


def test_being_busy_does_not_excuse_silence(loops):
    async def work():
        asyncio.get_running_loop().call_soon(time.sleep, BUSY_S)
        with pytest.raises(TimeoutError), PatientTimeout(DEADLINE_S):
            await asyncio.get_running_loop().create_future()

    run(loops, work)


def test_what_is_in_time_leaves_nothing_behind(loops):
    async def work():
        with PatientTimeout(DEADLINE_S):
            await asyncio.sleep(0)
        await asyncio.sleep(2 * DEADLINE_S)  # a timer left behind would cancel this

    run(loops, work)


def test_a_cancelled_caller_is_cancelled_and_an_error_passes(loops):
    async def cancelled():
        with PatientTimeout(DEADLINE_S):
            await asyncio.get_running_loop().create_future()

    async def work():
        task = asyncio.ensure_future(cancelled())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(KeyError), PatientTimeout(DEADLINE_S):
            raise KeyError

    run(loops, work)


def test_a_deadline_leaves_no_cancellation_behind_and_swallows_nobody_elses(loops):
    async def late(cancelled_too):
        task = asyncio.current_task()
        try:
            with PatientTimeout(DEADLINE_S):
                try:
                    await asyncio.get_running_loop().create_future()
                except asyncio.CancelledError:
                    if cancelled_too:
                        task.cancel()
                    raise
        except TimeoutError:
            assert not cancelled_too
            assert task.cancelling() == 0

    async def work():
        await late(False)
        with pytest.raises(asyncio.CancelledError):
            await asyncio.ensure_future(late(True))

    run(loops, work)
