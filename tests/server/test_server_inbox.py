"""What a caller sent and the application has not read: joined, bounded, and never lost at the end."""

from __future__ import annotations

import asyncio

from server_kit import run

from dataplane.server.inbox import HIGH_WATER, Inbox


def test_pieces_are_joined_in_order_and_the_end_is_told_once() -> None:
    async def probe() -> None:
        inbox = Inbox()
        await inbox.put(b"a", more=True)
        await inbox.put(b"b", more=True)
        assert await inbox.receive() == {"type": "http.request", "body": b"ab", "more_body": True}
        await inbox.put(b"", more=False)
        assert await inbox.receive() == {"type": "http.request", "body": b"", "more_body": False}
        waiting = asyncio.create_task(inbox.receive())
        assert not (await asyncio.wait({waiting}, timeout=0.02))[0]
        inbox.disconnect()
        assert await waiting == {"type": "http.disconnect"}

    run(probe())


def test_what_is_at_hand_is_told_without_waiting_and_once() -> None:
    async def probe() -> None:
        inbox = Inbox()
        assert inbox.at_hand() is None
        await inbox.put(b"a", more=True)
        assert inbox.at_hand() == {"type": "http.request", "body": b"a", "more_body": True}
        assert inbox.at_hand() is None
        await inbox.put(b"", more=False)
        assert await inbox() == {"type": "http.request", "body": b"", "more_body": False}
        assert inbox.at_hand() is None
        inbox.disconnect()
        assert inbox.at_hand() == await inbox() == {"type": "http.disconnect"}

    run(probe())


def test_a_body_that_came_before_the_caller_left_can_still_be_read() -> None:
    async def probe() -> None:
        inbox = Inbox()
        await inbox.put(b"a", more=False)
        inbox.disconnect()
        await inbox.put(b"ignored", more=False)
        assert (await inbox.receive())["body"] == b"a"
        for _ in range(2):
            assert await inbox.receive() == {"type": "http.disconnect"}

    run(probe())


def test_the_writer_waits_while_too_much_is_unread_and_wakes_by_reading_or_the_end() -> None:
    async def probe() -> None:
        inbox = Inbox()
        for by_reading in (True, False):
            putting = asyncio.create_task(inbox.put(b"x" * (HIGH_WATER + 1), more=True))
            assert not (await asyncio.wait({putting}, timeout=0.02))[0]
            if by_reading:
                await inbox.receive()
            else:
                inbox.disconnect()
            await putting

    run(probe())
