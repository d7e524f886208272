"""The OPA client on a real unix socket: every answer belongs to its question."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from dataplane.policy.client import OpaClient, OpaUnreachable

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def read_request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next((int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"Content-Length:")), 0)
    return await reader.readexactly(length)


def answer(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


def chunked(body: bytes) -> bytes:
    half = len(body) // 2
    pieces = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in (body[:half], body[half:]) if piece)
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + pieces + b"0\r\n\r\n"


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        body = await read_request(reader)
        writer.write(chunked(body) if len(body) % 2 else answer(body))


async def with_server(
    path: Path, handler: Handler, work: Callable[[OpaClient], Awaitable[None]], connections: int = 4
) -> None:
    """Run `work` against `handler`, then wait until every connection has ended."""
    serving: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        serving.add(task)
        try:
            await handler(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client closed
        finally:
            writer.close()
            serving.discard(task)

    server = await asyncio.start_unix_server(serve, path)
    client = OpaClient(path, connections=connections)
    try:
        await work(client)
    finally:
        client.close()
        server.close()
        async with asyncio.timeout(5):
            while serving:
                await asyncio.sleep(0.005)
            await asyncio.sleep(0.005)


def test_no_socket_is_unreachable(short_dir: Path) -> None:
    async def main() -> None:
        with pytest.raises(OpaUnreachable, match="OPA's socket"):
            await OpaClient(short_dir / "none.sock", connections=1).post("/", b"{}")

    asyncio.run(main())


def test_many_questions_over_few_connections_get_their_own_answers(short_dir: Path) -> None:
    async def work(client: OpaClient) -> None:
        bodies = [b"x" * size for size in range(200)]
        answers = await asyncio.gather(*(client.post("/v1", body) for body in bodies))
        assert [body for _, body in answers] == bodies

    asyncio.run(with_server(short_dir / "s", echo, work))


def test_an_answer_after_the_deadline_never_meets_the_next_question(short_dir: Path) -> None:
    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            body = await read_request(reader)
            if body == b"slow":
                await asyncio.sleep(0.1)
            writer.write(answer(body))

    async def work(client: OpaClient) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await client.post("/", b"slow")
        assert await client.post("/", b"quick") == (200, b"quick")
        await asyncio.sleep(0.12)
        assert await client.post("/", b"again") == (200, b"again")

    asyncio.run(with_server(short_dir / "s", slow, work, connections=1))


def test_a_kept_connection_that_opa_closed_is_replaced(short_dir: Path) -> None:
    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(await read_request(reader)))

    async def work(client: OpaClient) -> None:
        for _ in range(5):
            assert await client.post("/", b"q") == (200, b"q")

    asyncio.run(with_server(short_dir / "s", once, work))


@pytest.mark.parametrize(
    "garbage", [b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", b""]
)
def test_what_is_not_a_whole_http_answer_is_unreachable(short_dir: Path, garbage: bytes) -> None:
    async def broken(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(garbage)

    async def work(client: OpaClient) -> None:
        with pytest.raises(OpaUnreachable):
            await client.post("/", b"q")

    asyncio.run(with_server(short_dir / "s", broken, work))


def test_a_cancelled_waiter_gives_its_turn_back(short_dir: Path) -> None:
    async def work(client: OpaClient) -> None:
        tasks = [asyncio.create_task(client.post("/", b"%d" % n)) for n in range(50)]
        await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        answers = await asyncio.gather(*(client.post("/", b"%d" % n) for n in range(20)))
        assert [body for _, body in answers] == [b"%d" % n for n in range(20)]

    asyncio.run(with_server(short_dir / "s", echo, work, connections=2))


def test_many_answers_on_one_connection_keep_their_bounds_however_they_are_framed_and_cut(
    short_dir: Path,
) -> None:
    connected = 0

    async def in_pieces(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connected
        connected += 1
        for turn in range(1000):
            body = await read_request(reader)
            whole = (answer, chunked)[turn % 2](body)
            cut = turn % len(whole)
            writer.write(whole[:cut])
            await asyncio.sleep(0)
            writer.write(whole[cut:])

    async def work(client: OpaClient) -> None:
        for turn in range(300):
            body = b"%d " % turn * (turn % 7)
            assert await client.post("/", body) == (200, body)
        assert connected == 1

    asyncio.run(with_server(short_dir / "s", in_pieces, work, connections=1))


@pytest.mark.parametrize("frame", [answer, chunked])
@pytest.mark.parametrize(
    "broken",
    [b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b"HTTP/1.1 200 OK"],
)
def test_a_broken_answer_between_good_ones_ends_its_connection_alone(
    short_dir: Path, broken: bytes, frame: Callable[[bytes], bytes]
) -> None:
    connected = 0

    async def breaks_now_and_then(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connected
        connected += 1
        while True:
            body = await read_request(reader)
            writer.write(broken if body == b"break" else frame(body))
            if body == b"break":
                return

    async def work(client: OpaClient) -> None:
        for round_ in range(5):
            for body in (b"one", b"two", b"%d" % round_):
                assert await client.post("/", body) == (200, body)
            with pytest.raises(OpaUnreachable):
                await client.post("/", b"break")
        assert connected == 5

    asyncio.run(with_server(short_dir / "s", breaks_now_and_then, work, connections=1))


@pytest.mark.parametrize("size", [1, 12, 30, None])
def test_what_follows_an_answer_unasked_is_never_part_of_the_next(short_dir: Path, size: int | None) -> None:
    connected = 0

    async def says_more(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connected
        connected += 1
        while True:
            writer.write(answer(await read_request(reader)) + answer(b"unasked")[:size])

    async def work(client: OpaClient) -> None:
        for turn in range(4):
            assert await client.post("/", b"%d" % turn) == (200, b"%d" % turn)
        assert connected == 4

    asyncio.run(with_server(short_dir / "s", says_more, work, connections=1))


def test_an_answer_that_ends_the_connection_is_not_followed_by_another_on_it(short_dir: Path) -> None:
    async def closing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        body = await read_request(reader)
        writer.write(
            b"HTTP/1.1 404 X\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
        )

    async def work(client: OpaClient) -> None:
        for turn in range(4):
            assert await client.post("/", b"%d" % turn) == (404, b"%d" % turn)

    asyncio.run(with_server(short_dir / "s", closing, work, connections=1))
