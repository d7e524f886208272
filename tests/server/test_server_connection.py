"""One HTTP/1 connection over time: keep-alive, pipelining, deadlines, callers who leave or do not read."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from typing import Any

import pytest
from server_kit import (
    LoopFactory,
    Raw,
    Recorder,
    answer,
    eventually,
    on_both_loops,
    run,
    serving,
)

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n"


@on_both_loops
def test_keep_alive_serves_request_after_request(loop_factory: LoopFactory) -> None:
    async def probe() -> None:
        async with serving(recorder := Recorder()) as server:
            client = await Raw.connect(server.port)
            for size in (0, 5, 70_000, 1):
                await client.send(POST % size + b"x" * size)
                status, headers, body = await client.response()
                assert (status, body) == (200, str(size).encode())
                assert b"connection" not in headers
                assert b"server" not in headers
            await client.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
            for _ in range(3):
                await client.send(b"1\r\nx\r\n")
            await client.send(b"0\r\n\r\n")
            assert (await client.response())[2] == b"3"
            await client.send(b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert b"content-length: 1" in (await client.reader.readuntil(b"\r\n\r\n")).lower()
            await client.send(GET)
            assert (await client.response())[0] == 200
            client.close()
        assert len(recorder.calls) == 7
        assert {call.scope["client"][0] for call in recorder.calls} == {"127.0.0.1"}

    run(probe(), loop_factory)


@pytest.mark.parametrize("more", [GET, b"G", b"\r\n", b"GET /\0"])
def test_pipelined_bytes_let_one_request_be_answered_and_then_close(more: bytes) -> None:
    async def probe() -> None:
        async with serving(recorder := Recorder()) as server:
            client = await Raw.connect(server.port)
            await client.send(POST % 3 + b"abc" + more)
            status, headers, body = await client.response()
            assert (status, body) == (200, b"3")
            assert headers[b"connection"] == b"close"
            assert await client.rest() == b""
            client.close()
        assert len(recorder.calls) == 1

    run(probe())


def test_the_next_request_may_come_while_the_application_is_still_ending() -> None:
    """The caller has its whole answer by Content-Length; that it goes on is no pipelining."""

    async def probe() -> None:
        release = asyncio.Event()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            headers = [(b"content-length", b"2")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": b"ok", "more_body": True})
            await release.wait()
            await send({"type": "http.response.body", "body": b"", "more_body": False})

        async with serving(app) as server:
            client = await Raw.connect(server.port)
            await client.send(GET)
            assert (await client.response())[2] == b"ok"
            await client.send(GET)
            await asyncio.sleep(0.05)  # not to wait for anything: to let the server read it too early
            release.set()
            assert (await client.response())[2] == b"ok"
            client.close()

    run(probe())


@pytest.mark.parametrize("sent", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: a\r\n"])
def test_a_head_that_never_completes_is_closed_in_silence(sent: bytes) -> None:
    async def probe() -> None:
        async with serving(recorder := Recorder(), head_timeout_s=0.2) as server:
            client = await Raw.connect(server.port)
            await client.send(sent)
            assert await client.rest() == b""
            client.close()
        assert recorder.calls == []

    run(probe())


def test_a_head_that_trickles_is_closed_at_the_deadline_after_keep_alive_too() -> None:
    async def probe() -> None:
        async with serving(recorder := Recorder(), head_timeout_s=0.3) as server:
            client = await Raw.connect(server.port)
            await client.send(GET)
            await client.response()
            begun, trickled = time.monotonic(), b"GET / HTTP/1.1\r\nHost: a\r\n" + b"A: b\r\n" * 60
            closed = asyncio.create_task(client.rest())
            for byte in trickled:
                client.writer.write(bytes([byte]))
                if (await asyncio.wait({closed}, timeout=0.02))[0]:
                    break
            assert await closed == b""
            assert 0.2 < time.monotonic() - begun < 2
            client.close()
        assert len(recorder.calls) == 1

    run(probe())


def test_an_idle_connection_is_closed_after_the_keep_alive_time_and_not_before() -> None:
    async def probe() -> None:
        async with serving(Recorder(), keep_alive_s=0.3, head_timeout_s=0.05) as server:
            client = await Raw.connect(server.port)
            await client.send(GET)
            await client.response()
            begun = time.monotonic()
            assert await client.rest() == b""
            assert time.monotonic() - begun > 0.25
            client.close()

    run(probe())


class Waiter:
    """Answers nothing and waits for the caller to leave."""

    def __init__(self) -> None:
        self.started = asyncio.Event()
        self.left_at = 0.0
        self.send_raised = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.started.set()
        while (await receive())["type"] != "http.disconnect":
            pass
        assert (await receive())["type"] == "http.disconnect", "and says so again"
        self.left_at = time.monotonic()
        try:
            await answer(send, 200, b"late")
        except OSError:
            self.send_raised = True
            raise


@on_both_loops
@pytest.mark.parametrize("how", ["fin", "reset", "fin with a pipelined byte", "reset with a pipelined byte"])
def test_the_application_sees_a_caller_leave_within_a_second(
    how: str, loop_factory: LoopFactory, caplog: pytest.LogCaptureFixture
) -> None:
    async def probe() -> None:
        app = Waiter()
        async with serving(app) as server:
            client = await Raw.connect(server.port)
            await client.send(POST % 3 + b"abc" + (b"G" if "pipelined" in how else b""))
            await app.started.wait()
            begun = time.monotonic()
            if how.startswith("fin"):
                client.writer.write_eof()
            else:
                sock = client.writer.get_extra_info("socket")
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                client.close()
            await eventually(lambda: app.send_raised)
            assert app.left_at - begun < 1
            client.close()

    run(probe(), loop_factory)
    assert [record for record in caplog.records if record.levelno > logging.INFO] == []


@on_both_loops
def test_a_peer_that_never_reads_is_dropped_at_the_write_deadline(loop_factory: LoopFactory) -> None:
    async def probe() -> None:
        sent, raised = 0, asyncio.Event()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            nonlocal sent
            await send({"type": "http.response.start", "status": 200, "headers": []})
            try:
                while True:
                    await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})
                    sent += 65536
            except OSError:
                raised.set()

        async with serving(app, write_timeout_s=0.3) as server:
            sock = socket.create_connection(("127.0.0.1", server.port))
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.sendall(GET)
            await raised.wait()
            sock.close()
        assert sent < 64 << 20, "what the kernel takes, not what the application has"

    run(probe(), loop_factory)


def test_an_answer_before_the_body_was_read_arrives_and_the_connection_closes() -> None:
    """Stock Hypercorn hangs here once ten pieces of body wait unread."""

    async def probe() -> None:
        ended = asyncio.Event()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await answer(send, 401, b"who?")
            ended.set()

        async with serving(app, max_body_bytes=10 << 20) as server:
            client = await Raw.connect(server.port)
            client.writer.write(POST % (4 << 20) + b"x" * (4 << 20))
            status, headers, body = await client.response()
            assert (status, body, headers[b"connection"]) == (401, b"who?", b"close")
            await ended.wait()
            client.close()

    run(probe())


def test_an_unread_body_waits_in_the_socket_and_not_in_memory() -> None:
    async def probe() -> None:
        release, total = asyncio.Event(), 0

        async def app(scope: Any, receive: Any, send: Any) -> None:
            nonlocal total
            await release.wait()
            more = True
            while more:
                message = await receive()
                total += len(message["body"])
                more = message["more_body"]
            await answer(send, 200, b"")

        size = 64 << 20
        async with serving(app, max_body_bytes=size) as server:
            client = await Raw.connect(server.port)
            client.writer.write(POST % size)
            sending = asyncio.create_task(client.send(b"x" * size))
            done, _ = await asyncio.wait({sending}, timeout=0.2)
            assert not done, "the sender is held back"
            release.set()
            assert (await client.response())[0] == 200
            client.close()
            sending.cancel()
        assert total == size

    run(probe())


def test_an_application_that_fails_gives_500_and_logs_no_content(caplog: pytest.LogCaptureFixture) -> None:
    async def probe() -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            raise ValueError((await receive())["body"].decode())

        async with serving(app) as server:
            client = await Raw.connect(server.port)
            await client.send(POST % 6 + b"secret")
            assert (await client.response())[0] == 500
            client.close()

    run(probe())
    assert "ValueError at" in caplog.text
    assert "secret" not in caplog.text


def test_an_answer_of_known_length_that_never_gets_a_body_is_a_500_and_not_half_an_answer() -> None:
    async def probe() -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            headers = [(b"content-length", b"9")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})

        async with serving(app) as server:
            client = await Raw.connect(server.port)
            await client.send(GET)
            assert (await client.response())[0] == 500
            client.close()

    run(probe())


def test_the_head_of_a_stream_goes_out_before_its_first_piece() -> None:
    async def probe() -> None:
        release = asyncio.Event()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await release.wait()
            await send({"type": "http.response.body", "body": b"piece", "more_body": False})

        async with serving(app) as server:
            client = await Raw.connect(server.port)
            await client.send(GET)
            await client.reader.readuntil(b"\r\n\r\n")
            release.set()
            assert await client.reader.readuntil(b"0\r\n\r\n") == b"5\r\npiece\r\n0\r\n\r\n"
            client.close()

    run(probe())


def test_a_doubt_in_the_body_reaches_an_application_already_answering() -> None:
    """It reads `http.disconnect`, finds the doubt, and what it still sends arrives before the close."""

    async def probe() -> None:
        seen: list[Any] = []

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"begun", "more_body": True})
            while (await receive())["type"] != "http.disconnect":
                pass
            seen.append(scope["extensions"]["edge"]["doubt"])
            await send({"type": "http.response.body", "body": b" and cut", "more_body": False})

        async with serving(app) as server:
            client = await Raw.connect(server.port)
            await client.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n")
            await client.reader.readuntil(b"begun")
            await client.send(b"x?")
            assert b" and cut" in await client.rest()
            client.close()
        assert seen == [(400, "bad_chunk")]

    run(probe())


def test_a_refused_upload_still_gets_its_answer_through() -> None:
    """Closing while the caller is still sending would reset the connection and eat the 413."""

    async def probe() -> None:
        async with serving(Recorder()) as server:
            client = await Raw.connect(server.port)
            sending = asyncio.create_task(client.send(POST % (32 << 20) + b"x" * (32 << 20)))
            await sending
            assert (await client.response())[0] == 413
            client.close()

    run(probe())
