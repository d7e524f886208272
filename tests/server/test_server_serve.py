"""Binding, starting, draining and stopping."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from typing import Any

import pytest
from server_kit import LoopFactory, Raw, Recorder, answer, eventually, on_both_loops, run, serving

from dataplane.server.serve import Listen, ListenError, serve

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def listen(*binds: str, **more: Any) -> Listen:
    return Listen(name="public", binds=binds, max_body_bytes=1000, **more)


async def never_started(settings: Listen) -> None:
    await serve(Recorder(), settings, stop=asyncio.Event(), started=lambda _: pytest.fail("started"))


def test_an_address_in_use_is_named_with_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ListenError, match=rf"public: 127.0.0.1:{port} is already in use; stop"):
            run(never_started(listen("127.0.0.1:0", f"127.0.0.1:{port}")))


def test_two_listeners_cannot_share_an_address() -> None:
    async def probe() -> None:
        async with serving(Recorder()) as server:
            with pytest.raises(ListenError, match="already in use"):
                await never_started(listen(f"127.0.0.1:{server.port}"))

    run(probe())


@pytest.mark.parametrize("bind", ["127.0.0.1", "8080", ":8080", "127.0.0.1:x", "127.0.0.1:65536", "a:-1", ""])
def test_what_is_no_address_is_refused(bind: str) -> None:
    with pytest.raises(ListenError, match="write HOST:PORT"):
        run(never_started(listen(bind)))


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(ListenError, match="not an address of this machine"):
        run(never_started(listen("192.0.2.1:0")))


@on_both_loops
def test_several_addresses_are_served_and_reported_in_order(loop_factory: LoopFactory) -> None:
    async def probe() -> None:
        stop, found = asyncio.Event(), asyncio.get_running_loop().create_future()
        binds = ["127.0.0.1:0", "localhost:0", "127.0.0.1:0"]
        if socket.has_ipv6:
            binds.append("[::1]:0")
        recorder = Recorder()
        task = asyncio.create_task(serve(recorder, listen(*binds), stop=stop, started=found.set_result))
        addresses = await found
        assert [host for host, _ in addresses[:3]] == ["127.0.0.1"] * 3
        for host, port in addresses:
            client = Raw(*await asyncio.open_connection(host, port))
            await client.send(GET)
            assert (await client.response())[0] == 200
            client.close()
        stop.set()
        await task
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(*addresses[0])
        assert [call.scope["server"] for call in recorder.calls] == addresses

    run(probe(), loop_factory)


def test_two_listeners_with_their_own_applications_stop_apart() -> None:
    async def probe() -> None:
        async with serving(public := Recorder()) as one, serving(admin := Recorder()) as two:
            for server in (one, two):
                client = await Raw.connect(server.port)
                await client.send(GET)
                await client.response()
                client.close()
            one.stop.set()
            await one.task
            client = await Raw.connect(two.port)
            await client.send(GET)
            assert (await client.response())[0] == 200
            client.close()
        assert (len(public.calls), len(admin.calls)) == (1, 2)
        assert all(call.scope["type"] == "http" for call in admin.calls), "no lifespan here"

    run(probe())


@on_both_loops
def test_draining_finishes_busy_requests_closes_idle_connections_and_refuses_new_ones(
    loop_factory: LoopFactory,
) -> None:
    async def probe() -> None:
        started, release = asyncio.Event(), asyncio.Event()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            if scope["raw_path"] == b"/slow":
                started.set()
                await release.wait()
            await answer(send, 200, b"done")

        async with serving(app, graceful_s=5) as server:
            idle, half, busy = [await Raw.connect(server.port) for _ in range(3)]
            await idle.send(GET)
            await idle.response()
            await half.send(b"GET / HT")
            await busy.send(GET.replace(b"/ ", b"/slow ", 1))
            await started.wait()
            server.stop.set()
            assert await idle.rest() == b""
            assert await half.rest() == b""
            with pytest.raises(ConnectionRefusedError):
                await Raw.connect(server.port)
            assert not server.task.done()
            release.set()
            status, headers, body = await busy.response()
            assert (status, headers[b"connection"], body) == (200, b"close", b"done")
            assert await busy.rest() == b""
            await asyncio.wait_for(server.task, 1)
            for client in (idle, half, busy):
                client.close()

    run(probe(), loop_factory)


@on_both_loops
def test_what_outlasts_the_grace_period_is_cancelled_and_serve_returns(
    loop_factory: LoopFactory, caplog: pytest.LogCaptureFixture
) -> None:
    async def probe() -> None:
        seen: list[str] = []

        async def app(scope: Any, receive: Any, send: Any) -> None:
            seen.append("started")
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                seen.append("cancelled")
                raise

        async with serving(app, graceful_s=0.2) as server:
            client = await Raw.connect(server.port)
            await client.send(GET)
            await eventually(lambda: seen == ["started"])
            begun = time.monotonic()
            server.stop.set()
            await server.task
            assert time.monotonic() - begun < 1
            assert seen == ["started", "cancelled"]
            assert await client.rest() == b"", "no answer rather than a false one"
            client.close()

    run(probe(), loop_factory)
    levels = [record.levelno for record in caplog.records if record.name == "regogate.server"]
    assert levels == [logging.WARNING]


def test_an_application_that_ignores_its_cancelling_does_not_hold_serve() -> None:
    async def probe() -> None:
        release, started = asyncio.Event(), asyncio.Event()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            started.set()
            while not release.is_set():
                try:
                    await release.wait()
                except asyncio.CancelledError:
                    continue

        async with serving(app, graceful_s=0.1) as server:
            client = await Raw.connect(server.port)
            await client.send(GET)
            await started.wait()
            begun = time.monotonic()
            server.stop.set()
            await server.task
            assert time.monotonic() - begun < 2, "1.1 and what a busy machine adds"
            release.set()
            client.close()

    run(probe())


def test_cancelling_serve_drops_everything() -> None:
    async def probe() -> None:
        cancelled, started = asyncio.Event(), asyncio.Event()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            started.set()
            try:
                await asyncio.Event().wait()
            finally:
                cancelled.set()

        ports = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(
            serve(app, listen("127.0.0.1:0"), stop=asyncio.Event(), started=ports.set_result)
        )
        client = await Raw.connect((await ports)[0][1])
        await client.send(GET)
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await cancelled.wait()
        assert await client.rest() == b""
        client.close()

    run(probe())
