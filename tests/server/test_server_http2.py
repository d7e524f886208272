"""HTTP/2 over TLS: the same facts and refusals as HTTP/1, and one stream never harms another."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from h2.errors import ErrorCodes
from http2_client import Headers, Http2Client, talking
from server_certs import Authority, client_context
from server_kit import (
    MAX_BODY,
    LoopFactory,
    Raw,
    Recorder,
    answer,
    eventually,
    on_both_loops,
    run,
    serving,
)

from dataplane.server.serve import Tls

BASE: Headers = [(":method", "POST"), (":scheme", "https"), (":authority", "a"), (":path", "/v1/x")]


@on_both_loops
def test_requests_side_by_side(tls: Tls, authority: Authority, loop_factory: LoopFactory) -> None:
    async def probe() -> None:
        recorder = Recorder()
        async with talking(recorder, tls, authority) as (client, _):
            streams = [await client.request(BASE, b"x" * size) for size in (0, 10, 16_000)]
            await client.until(*streams)
            assert [client.status(stream) for stream in streams] == [
                (200, b"0"),
                (200, b"10"),
                (200, b"16000"),
            ]
        call = recorder.calls[0]
        assert call.scope["http_version"] == "2"
        assert call.scope["extensions"]["edge"] == {"doubt": None, "legible": True}
        assert call.scope["extensions"]["tls"] == {"tls_version": "TLSv1.3", "client_cert": None}

    run(probe(), loop_factory)


async def upload(client: Http2Client, stream: int, size: int) -> None:
    """Send up to `size` bytes as the windows allow, until the stream is reset."""
    while size > 0 and stream not in client.resets:
        room = min(client.h2.local_flow_control_window(stream), 16_384, size)
        if room == 0:
            await client.read()
            continue
        client.h2.send_data(stream, b"x" * room)
        size -= room
        await client.flush()


def test_a_body_over_the_limit_becomes_a_doubt_and_a_reset_stream(tls: Tls, authority: Authority) -> None:
    async def probe() -> None:
        recorder = Recorder()
        async with talking(recorder, tls, authority) as (client, _):
            stream = await client.request(BASE, end=False)
            await upload(client, stream, 10 * MAX_BODY)
            while stream not in client.resets:
                await client.read()
            assert client.status(stream) == (413, b"body_too_large")
            assert client.resets == {stream: ErrorCodes.NO_ERROR}
        assert recorder.calls[0].doubt == (413, "body_too_large")

    run(probe())


def test_trailers_become_a_doubt(tls: Tls, authority: Authority) -> None:
    async def probe() -> None:
        async with talking(Recorder(), tls, authority) as (client, _):
            stream = await client.request(BASE, b"abc", end=False)
            client.h2.send_headers(stream, [("authorization", "late")], end_stream=True)
            await client.flush()
            await client.until(stream)
            assert client.status(stream) == (400, b"trailers")

    run(probe())


def test_data_for_an_answered_stream_harms_no_other(tls: Tls, authority: Authority) -> None:
    """Stock Hypercorn raises KeyError, every other stream gets a 500, and the socket hangs."""

    async def probe() -> None:
        release = asyncio.Event()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            if scope["raw_path"] == b"/slow":
                await release.wait()
            await answer(send, 401, b"who?")

        async with talking(app, tls, authority) as (client, _):
            slow = await client.request([*BASE[:3], (":path", "/slow")])
            refused = await client.request(BASE, end=False)
            # Sent before the reset can be known, as on a long line.
            for _ in range(4):
                client.h2.send_data(refused, b"x" * 10_000)
            await client.flush()
            while refused not in client.resets:
                await client.read()
            assert client.status(refused) == (401, b"who?")
            release.set()
            await client.until(slow)
            assert client.status(slow) == (401, b"who?")
            # The connection's window was handed back: more than 64 KiB in all still fits.
            for _ in range(3):
                await upload(client, await client.request(BASE, end=False), 40_000)

    run(probe())


def test_the_application_sees_a_reset_stream_as_leaving(tls: Tls, authority: Authority) -> None:
    async def probe() -> None:
        seen: list[str] = []

        async def app(scope: Any, receive: Any, send: Any) -> None:
            seen.append("started")
            while (await receive())["type"] != "http.disconnect":
                pass
            seen.append("left")
            try:
                await answer(send, 200, b"late")
            except OSError:
                seen.append("raised")
                raise

        async with talking(app, tls, authority) as (client, _):
            stream = await client.request(BASE, b"abc", end=False)
            await eventually(lambda: seen == ["started"])
            client.h2.reset_stream(stream)
            await client.flush()
            await eventually(lambda: seen == ["started", "left", "raised"])

    run(probe())


def test_a_peer_that_opens_no_window_holds_send_back_and_loses_its_stream(
    tls: Tls, authority: Authority
) -> None:
    """Stock Hypercorn lets an application write without limit once the window is used up."""

    async def probe() -> None:
        sent, raised = 0, asyncio.Event()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            nonlocal sent
            if scope["raw_path"] != b"/big":
                await answer(send, 200, b"fine")
                return
            await send({"type": "http.response.start", "status": 200, "headers": []})
            try:
                for _ in range(1000):
                    await send({"type": "http.response.body", "body": b"x" * 10_000, "more_body": True})
                    sent += 10_000
            except OSError:
                raised.set()

        async with talking(app, tls, authority, write_timeout_s=0.3) as (client, _):
            client.acknowledge = False
            big = await client.request([*BASE[:3], (":path", "/big")])
            while big not in client.resets:
                await client.read()
            await raised.wait()
            assert sent < 300_000
            assert client.resets == {big: ErrorCodes.CANCEL}
            client.h2.increment_flow_control_window(100_000)
            fine = await client.request(BASE, b"")
            await client.until(fine)
            assert client.status(fine) == (200, b"fine")

    run(probe())


def test_an_answer_broken_off_is_reset(tls: Tls, authority: Authority) -> None:
    async def probe() -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"begun", "more_body": True})

        async with talking(app, tls, authority) as (client, _):
            stream = await client.request(BASE)
            while stream not in client.resets:
                await client.read()
            assert client.resets == {stream: ErrorCodes.INTERNAL_ERROR}
            assert stream not in client.ended

    run(probe())


def test_a_lost_connection_wakes_every_sender(tls: Tls, authority: Authority) -> None:
    async def probe() -> None:
        started, ended = 0, 0

        async def app(scope: Any, receive: Any, send: Any) -> None:
            nonlocal started, ended
            started += 1
            await send({"type": "http.response.start", "status": 200, "headers": []})
            try:
                while True:
                    await send({"type": "http.response.body", "body": b"x" * 50_000, "more_body": True})
            except OSError:
                ended += 1

        async with talking(app, tls, authority) as (client, _):
            client.acknowledge = False
            for _ in range(3):
                await client.request(BASE)
            await eventually(lambda: started == 3)
            client.raw.close()
            await eventually(lambda: ended == 3)

    run(probe())


def test_a_flood_of_resets_does_not_start_applications_without_end(tls: Tls, authority: Authority) -> None:
    async def probe() -> None:
        running = most = 0
        release = asyncio.Event()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            nonlocal running, most
            running += 1
            most = max(most, running)
            await release.wait()
            running -= 1

        async with talking(app, tls, authority) as (client, _):
            for _ in range(600):
                stream = client.h2.get_next_available_stream_id()
                client.h2.send_headers(stream, BASE, end_stream=True)
                client.h2.reset_stream(stream)
            await client.flush()
            await eventually(lambda: most >= 200)
            release.set()
            await eventually(lambda: running == 0)
            assert most <= 200
            last = await client.request(BASE)
            await client.until(last)
            assert int(client.headers[last][":status"]) == 500

    run(probe())


def test_priority_frames_are_ignored(tls: Tls, authority: Authority) -> None:
    async def probe() -> None:
        async with talking(Recorder(), tls, authority) as (client, _):
            for stream in range(1001, 5001, 2):
                client.h2.prioritize(stream, weight=7)
            await client.flush()
            stream = await client.request(BASE, b"abc")
            await client.until(stream)
            assert client.status(stream) == (200, b"3")

    run(probe())


def test_a_draining_connection_finishes_what_it_has_and_says_goodbye(tls: Tls, authority: Authority) -> None:
    async def probe() -> None:
        started, release = asyncio.Event(), asyncio.Event()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            started.set()
            await release.wait()
            await answer(send, 200, b"x" * 100_000)

        async with talking(app, tls, authority, graceful_s=4) as (client, server):
            stream = await client.request(BASE)
            await started.wait()
            server.stop.set()
            await asyncio.sleep(0.05)  # not to wait for anything: to let the server stop first
            refused = await client.request(BASE)
            while refused not in client.resets:
                await client.read()
            assert client.resets == {refused: ErrorCodes.REFUSED_STREAM}
            release.set()
            await client.until(stream)
            assert client.status(stream) == (200, b"x" * 100_000)
            while not client.gone:
                await client.read()
            await asyncio.wait_for(server.task, 2)

    run(probe())


def test_without_h2_a_listener_offers_http_1_only(tls: Tls, authority: Authority) -> None:
    async def probe() -> None:
        async with serving(Recorder(), tls=tls, h2=False) as server:
            client = await Raw.connect(server.port, ssl=client_context(authority, "h2"))
            assert client.writer.get_extra_info("ssl_object").selected_alpn_protocol() is None
            await client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert (await client.response())[0] == 200
            client.close()

    run(probe())


def test_garbage_ends_the_connection_without_a_word_in_the_log(
    tls: Tls, authority: Authority, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    async def probe() -> None:
        async with serving(recorder := Recorder(), tls=tls) as server:
            for data in (
                b"\0" * 100,
                b"GET / HTTP/1.1\r\n\r\n",
                b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 50,
            ):
                client = await Raw.connect(server.port, ssl=client_context(authority, "h2"))
                await client.send(data)
                await client.rest()
                client.close()
            assert recorder.calls == []

    run(probe())
    assert [record for record in caplog.records if record.name.startswith(("regogate", "asyncio"))] == []
