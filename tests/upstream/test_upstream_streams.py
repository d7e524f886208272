"""Streams: pieces as they come, a slow reader holds the provider back, leaving drops the connection."""

from __future__ import annotations

import asyncio
import os
from contextlib import aclosing

import pytest
from mock_provider import Seen, answering, chat, listening, mock_provider, provider, response, until

from dataplane.ports import UpstreamFailed

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
AT_ONCE_S = 0.5
"""Half of the second within which a provider must notice."""


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


async def endless(request: Seen, writer: asyncio.StreamWriter) -> None:
    """A stream that begins and then only waits."""
    writer.write(HEAD + chunk(b"data: 1\n\n"))
    await asyncio.Event().wait()


async def silent(request: Seen, writer: asyncio.StreamWriter) -> None:
    """No answer at all."""
    await asyncio.Event().wait()


def test_pieces_come_as_they_are_sent():
    async def run() -> None:
        go = asyncio.Semaphore(0)

        async def script(request: Seen, writer: asyncio.StreamWriter) -> None:
            writer.write(HEAD)
            for number in range(3):
                writer.write(chunk(b"data: %d\n\n" % number))
                await go.acquire()
            writer.write(b"0\r\n\r\n")

        async with mock_provider(script) as mock, provider(mock.url) as upstream:
            reply = await upstream.send(chat(stream=True))
            for number in range(3):
                assert await anext(reply.body) == b"data: %d\n\n" % number
                go.release()
            with pytest.raises(StopAsyncIteration):
                await anext(reply.body)
            await reply.body.aclose()
            assert not mock.gone.is_set(), "a stream read to its end leaves its connection for the next call"
            reply = await upstream.send(chat(stream=True))
            assert mock.connections == 1

    asyncio.run(run())


@pytest.mark.parametrize("begun", [True, False])
def test_closing_drops_the_connection_at_once_even_where_nothing_was_read(begun: bool):
    async def run() -> None:
        async with mock_provider(endless) as mock, provider(mock.url) as upstream:
            reply = await upstream.send(chat(stream=True))
            async with aclosing(reply.body):
                if begun:
                    await anext(reply.body)
            assert await until(mock.gone.is_set) < AT_ONCE_S
            with pytest.raises(StopAsyncIteration):
                await anext(reply.body)

    asyncio.run(run())


def test_throwing_into_a_body_drops_the_connection():
    async def run() -> None:
        async with mock_provider(endless) as mock, provider(mock.url) as upstream:
            reply = await upstream.send(chat(stream=True))
            with pytest.raises(KeyError):
                await reply.body.athrow(KeyError("x"))
            await until(mock.gone.is_set)

    asyncio.run(run())


def test_cancelling_a_read_drops_the_connection_at_once():
    async def run() -> None:
        async with mock_provider(endless) as mock, provider(mock.url) as upstream:
            reply = await upstream.send(chat(stream=True))
            await anext(reply.body)
            read = asyncio.ensure_future(anext(reply.body))
            await asyncio.sleep(0)
            read.cancel()
            with pytest.raises(asyncio.CancelledError):
                await read
            assert await until(mock.gone.is_set) < AT_ONCE_S

    asyncio.run(run())


def test_cancelling_before_the_head_drops_the_connection_at_once():
    async def run() -> None:
        async with mock_provider(silent) as mock, provider(mock.url) as upstream:
            call = asyncio.create_task(upstream.send(chat()))
            await until(lambda: len(mock.seen) == 1)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            assert await until(mock.gone.is_set) < AT_ONCE_S

    asyncio.run(run())


def test_cancelling_in_an_error_body_drops_the_connection_at_once():
    async def run() -> None:
        async def script(request: Seen, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 500 X\r\ncontent-length: 9\r\n\r\n")
            await asyncio.Event().wait()

        async with mock_provider(script) as mock, provider(mock.url) as upstream:
            call = asyncio.create_task(upstream.send(chat()))
            await until(lambda: len(mock.seen) == 1)
            await asyncio.sleep(0.02)  # the head may be read or not: both ways it must be dropped
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            assert await until(mock.gone.is_set) < AT_ONCE_S

    asyncio.run(run())


def test_cancelling_while_the_provider_does_not_read_our_body_frees_the_socket_at_once():
    """An orderly close would first flush the body, which never ends."""

    async def run() -> None:
        async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.transport.pause_reading()  # type: ignore[attr-defined]
            accepted.set()
            await asyncio.Event().wait()

        def sockets() -> int:
            return len(os.listdir("/dev/fd"))

        accepted = asyncio.Event()
        async with listening(deaf) as port, provider(f"http://127.0.0.1:{port}") as upstream:
            call = asyncio.create_task(upstream.send(chat(body=b"a" * 30_000_000)))
            await accepted.wait()
            await asyncio.sleep(0.05)  # until the sockets' buffers are full
            before = sockets()
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            assert await until(lambda: sockets() < before) < AT_ONCE_S

    asyncio.run(run())


def test_a_reader_that_pauses_holds_the_provider_back():
    async def run() -> None:
        sent = 0

        async def script(request: Seen, writer: asyncio.StreamWriter) -> None:
            nonlocal sent
            writer.write(HEAD)
            for _ in range(2000):
                writer.write(chunk(b"a" * 65_536))
                await writer.drain()
                sent += 65_536
            writer.write(b"0\r\n\r\n")

        async with mock_provider(script) as mock, provider(mock.url) as upstream:
            reply = await upstream.send(chat(stream=True))
            before = -1
            while sent != before:  # until it is stuck
                before = sent
                await asyncio.sleep(0.1)
            assert sent < 30_000_000, "only what the sockets' buffers hold"
            got = sum([len(piece) async for piece in reply.body])
            assert got == 2000 * 65_536

    asyncio.run(run())


def test_a_reader_that_pauses_for_long_is_not_taken_for_a_silent_provider():
    async def run() -> None:
        async def script(request: Seen, writer: asyncio.StreamWriter) -> None:
            writer.write(HEAD)
            for _ in range(400):
                writer.write(chunk(b"a" * 65_536))
                await writer.drain()
            writer.write(b"0\r\n\r\n")

        async with mock_provider(script) as mock, provider(mock.url, idle_timeout_s=0.3) as upstream:
            reply = await upstream.send(chat(stream=True))
            await anext(reply.body)
            await asyncio.sleep(0.9)
            async for _ in reply.body:
                pass

    asyncio.run(run())


def test_an_answer_that_comes_before_our_body_is_sent_is_passed_on():
    async def run() -> None:
        async def early(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(response(b"{}", status="413 Too Large"))
            await reader.read()

        async with listening(early) as port, provider(f"http://127.0.0.1:{port}") as upstream:
            for _ in range(2):
                reply = await upstream.send(chat(body=b"a" * 20_000_000))
                assert reply.status == 413

    asyncio.run(run())


def test_closing_the_upstream_ends_the_calls_under_way():
    async def run() -> None:
        async with (
            mock_provider(endless) as streaming,
            mock_provider(silent) as waiting,
            provider(streaming.url) as one,
            provider(waiting.url) as other,
        ):
            reply = await one.send(chat(stream=True))
            await anext(reply.body)
            read = asyncio.ensure_future(anext(reply.body))
            call = asyncio.create_task(other.send(chat()))
            await until(lambda: len(waiting.seen) == 1)
            begun = asyncio.get_running_loop().time()
            await one.close()
            await other.close()
            for task in (read, call):
                with pytest.raises(UpstreamFailed):
                    await asyncio.wait_for(task, 5)
            assert asyncio.get_running_loop().time() - begun < 1.0

    asyncio.run(run())


def test_many_calls_at_once_each_get_their_own_answer():
    async def run() -> None:
        async def echo(request: Seen, writer: asyncio.StreamWriter) -> None:
            writer.write(response(request.body))

        async with mock_provider(echo) as mock, provider(mock.url, connections=8) as upstream:

            async def one(number: int) -> None:
                body = b"%d" % number
                reply = await upstream.send(chat(body=body))
                assert b"".join([piece async for piece in reply.body]) == body

            await asyncio.gather(*[one(number) for number in range(100)])
            assert mock.connections <= 8

    asyncio.run(run())


def test_a_full_pool_is_a_timeout():
    async def run() -> None:
        async with (
            mock_provider(endless) as mock,
            provider(mock.url, connections=1, connect_timeout_s=0.1) as upstream,
        ):
            reply = await upstream.send(chat(stream=True))
            with pytest.raises(UpstreamFailed) as caught:
                await upstream.send(chat())
            assert caught.value.refused.reasons == ("gateway.upstream_timeout",)
            await reply.body.aclose()
            again = await upstream.send(chat(stream=True))
            await again.body.aclose()

    asyncio.run(run())


def test_a_body_without_framing_ends_with_the_connection():
    async def run() -> None:
        data = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: 1\n\n"
        async with mock_provider(answering(data, close=True)) as mock, provider(mock.url) as upstream:
            reply = await upstream.send(chat(stream=True))
            assert b"".join([piece async for piece in reply.body]) == b"data: 1\n\n"

    asyncio.run(run())
