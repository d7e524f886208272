"""The caller's side of one call: limits on the body, and what its leaving does at each moment."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from asgi_kit import Caller, run, until

from dataplane.domain import Reply
from dataplane.edge.client import AsgiClient
from dataplane.errors import Refused
from dataplane.ports import ClientLeft


def client(
    caller: Caller,
    *,
    most: int = 100,
    timeout_s: float = 5,
    doubt: list[Refused] | None = None,
    at_hand: bool = False,
) -> AsgiClient:
    doubts = doubt if doubt is not None else []
    return AsgiClient(
        caller.prompt if at_hand else caller.receive,
        caller.send,
        max_body_bytes=most,
        body_timeout_s=timeout_s,
        doubt=lambda: doubts[0] if doubts else None,
    )


async def read(given: AsgiClient) -> bytes:
    return b"".join([piece async for piece in given.body()])


def test_a_body_arrives_piece_by_piece_and_empty_pieces_are_left_out() -> None:
    async def story() -> None:
        caller = Caller(b"a", b"", b"bc", b"")
        given = client(caller)
        assert [piece async for piece in given.body()] == [b"a", b"bc"]
        given.done()

    run(story)


def test_what_is_at_hand_is_read_without_waiting_and_the_deadline_holds_for_the_rest() -> None:
    async def story() -> None:
        caller = Caller(b"a", b"b", more=True)
        pieces = client(caller, timeout_s=0.05, at_hand=True).body()
        assert [await anext(pieces), await anext(pieces)] == [b"a", b"b"]
        assert caller.receiving == 0
        with pytest.raises(Refused) as caught:
            await anext(pieces)
        assert caught.value.reasons == ("gateway.timeout",)
        assert caller.receiving == 1

    run(story)


def test_a_piece_that_is_late_is_waited_for_and_a_whole_body_at_hand_is_watched_afterwards() -> None:
    async def story() -> None:
        caller = Caller(b"a", more=True)
        given = client(caller, at_hand=True)
        reading = asyncio.create_task(read(given))
        await until(lambda: caller.receiving == 1)
        caller.put(b"b", more=False)
        assert await reading == b"ab"
        await until(lambda: caller.receiving == 2)  # it watches
        given.done()

    run(story)


def test_limit_doubt_and_leaving_hold_for_what_is_at_hand() -> None:
    async def story() -> None:
        with pytest.raises(Refused) as caught:
            await read(client(Caller(b"x" * 101), at_hand=True))
        assert caught.value.status == 413
        caller, doubts = Caller(), [Refused("gateway.framing")]
        caller.leave()
        with pytest.raises(Refused) as caught:
            await read(client(caller, doubt=doubts, at_hand=True))
        assert caught.value is doubts[0]
        caller.leave()
        with pytest.raises(ClientLeft):
            await read(client(caller, at_hand=True))
        assert caller.receiving == 0

    run(story)


@pytest.mark.parametrize(("size", "fits"), [(100, True), (101, False)])
def test_a_body_beyond_the_limit_is_refused_at_the_piece_that_crosses_it(size: int, fits: bool) -> None:
    async def story() -> None:
        caller = Caller(b"x" * 60, b"x" * (size - 60), b"")
        given = client(caller, most=100)
        if fits:
            assert len(await read(given)) == size
            given.done()
            return
        with pytest.raises(Refused) as caught:
            await read(given)
        assert caught.value.status == 413
        assert caller.receiving == 2

    run(story)


def test_the_deadline_is_for_the_whole_body_however_it_trickles() -> None:
    async def story() -> None:
        caller = Caller()

        async def trickle() -> None:
            while True:
                caller.put(b"x", more=True)
                await asyncio.sleep(0.01)

        trickling = asyncio.create_task(trickle())
        began = asyncio.get_running_loop().time()
        with pytest.raises(Refused) as caught:
            await read(client(caller, most=10**6, timeout_s=0.1))
        assert caught.value.reasons == ("gateway.timeout",)
        assert 0.09 < asyncio.get_running_loop().time() - began < 5
        trickling.cancel()

    run(story)


def test_time_spent_on_a_piece_does_not_extend_the_deadline() -> None:
    async def story() -> None:
        caller = Caller(b"a", more=True)
        pieces = client(caller, timeout_s=0.05).body()
        await anext(pieces)
        await asyncio.sleep(0.06)
        with pytest.raises(Refused) as caught:
            await anext(pieces)
        assert caught.value.status == 408

    run(story)


def test_a_caller_who_leaves_while_sending_has_left() -> None:
    async def story() -> None:
        caller = Caller(b"a", more=True)
        caller.leave()
        given = client(caller)
        with pytest.raises(ClientLeft):
            await read(given)
        assert given.left

    run(story)


def test_a_doubt_in_the_middle_of_the_body_is_a_refusal_to_a_caller_who_is_there() -> None:
    async def story() -> None:
        caller, doubts = Caller(b"a", more=True), list[Refused]()
        given = client(caller, doubt=doubts)
        pieces = given.body()
        assert await anext(pieces) == b"a"
        doubts.append(Refused("gateway.framing"))
        caller.leave()
        with pytest.raises(Refused) as caught:
            await anext(pieces)
        assert caught.value is doubts[0]
        assert not given.left
        await given.reply(Reply(status=400, headers=(), body=b"no"))
        assert (caller.status, caller.body) == (400, b"no")

    run(story)


def test_a_caller_who_leaves_while_it_waits_cancels_the_work() -> None:
    async def story() -> None:
        caller = Caller(b"a")
        given = client(caller)
        cancelled = asyncio.Event()

        async def work() -> None:
            await read(given)
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                cancelled.set()
                raise

        task = asyncio.create_task(work())
        await until(lambda: caller.receiving == 2)  # it watches
        caller.leave()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        assert cancelled.is_set()
        assert given.left

    run(story)


def test_a_caller_who_left_before_the_watch_began_is_noticed_when_it_does() -> None:
    async def story() -> None:
        caller = Caller(b"a")
        given = client(caller)
        caller.leave()

        async def work() -> None:
            await read(given)
            await asyncio.sleep(60)

        task = asyncio.create_task(work())
        await asyncio.wait({task}, timeout=5)
        assert task.cancelled()
        assert given.left

    run(story)


def test_leaving_after_the_last_byte_is_no_leaving() -> None:
    async def story() -> None:
        caller = Caller(b"a")
        given = client(caller)
        await read(given)
        await until(lambda: caller.receiving == 2)
        await given.reply(Reply(status=200, headers=((b"x-a", b"b"),), body=b"whole"))
        caller.leave()
        await asyncio.sleep(0.01)
        assert not given.left
        start = caller.sent[0]
        assert start["headers"] == [(b"x-a", b"b"), (b"content-length", b"5")]
        assert caller.sent[1] == {"type": "http.response.body", "body": b"whole", "more_body": False}

    run(story)


def test_a_connection_that_breaks_while_streaming_is_a_caller_who_left_and_says_nothing_of_it() -> None:
    async def story() -> None:
        caller = Caller(b"a")
        given = client(caller)
        await read(given)
        await given.start(200, ())
        await given.write(b"one")
        caller.gone = True
        with pytest.raises(ClientLeft) as caught:
            await given.write(b"two")
        assert given.left
        assert "10.0.0.1" not in str(caught.value)
        assert caught.value.__cause__ is None
        given.done()

    run(story)


def test_done_before_the_body_was_read_and_twice_is_harmless() -> None:
    async def story() -> None:
        given = client(Caller(b"a"))
        given.done()
        await read(given)
        given.done()
        given.done()

    run(story)
