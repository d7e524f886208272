"""Serving in the background: the address while it serves, its errors told, and no listener left behind."""

from __future__ import annotations

import asyncio
import gc
import socket
from typing import Any

import pytest
from server_kit import LoopFactory, Raw, Recorder, answer, on_both_loops, run

from dataplane.server.background import listening
from dataplane.server.listen import Listen, ListenError


def listen(bind: str = "127.0.0.1:0") -> Listen:
    return Listen(name="admin", binds=(bind,), max_body_bytes=1000, graceful_s=1.0)


def port(url: str) -> int:
    return int(url.rpartition(":")[2])


def no_failure(error: BaseException) -> None:
    raise AssertionError(error)


@on_both_loops
def test_it_serves_while_the_block_runs_and_not_afterwards(loop_factory: LoopFactory) -> None:
    async def story() -> None:
        async with listening(Recorder(), listen(), failed=no_failure) as url:
            assert url.startswith("http://127.0.0.1:")
            client = await Raw.connect(port(url))
            await client.send(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            assert (await client.response())[0] == 200
            client.close()
        with pytest.raises(ConnectionRefusedError):
            await Raw.connect(port(url))

    run(story(), loop_factory)


def test_an_ipv6_address_stands_in_brackets() -> None:
    async def story() -> None:
        try:
            async with listening(Recorder(), listen("[::1]:0"), failed=no_failure) as url:
                assert url.startswith("http://[::1]:")
        except ListenError:
            pytest.skip("no IPv6 here")

    run(story())


def test_an_address_in_use_is_raised_on_entering_and_not_told_again() -> None:
    async def story() -> None:
        failures: list[BaseException] = []
        with socket.create_server(("127.0.0.1", 0)) as taken:
            again = listening(
                Recorder(), listen(f"127.0.0.1:{taken.getsockname()[1]}"), failed=failures.append
            )
            with pytest.raises(ListenError, match="already in use"):
                await again.__aenter__()
        assert failures == []

    run(story())


def test_what_the_block_raises_comes_out_and_the_listener_ends() -> None:
    async def story() -> None:
        urls: list[str] = []

        async def fails() -> None:
            async with listening(Recorder(), listen(), failed=no_failure) as url:
                urls.append(url)
                raise LookupError

        with pytest.raises(LookupError):
            await fails()
        with pytest.raises(ConnectionRefusedError):
            await Raw.connect(port(urls[0]))

    run(story())


@on_both_loops
@pytest.mark.parametrize("turns", range(6))
def test_cancelling_while_it_starts_leaves_nothing_and_reports_nothing(
    loop_factory: LoopFactory, turns: int
) -> None:
    async def story() -> None:
        async def starts() -> None:
            async with listening(Recorder(), listen(), failed=no_failure):
                await asyncio.sleep(3600)

        task = asyncio.create_task(starts())
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task})
        assert task.cancelled()
        gc.collect()  # a task whose error nobody took would be reported now, and fail this test
        assert [one for one in asyncio.all_tasks() if "listener" in one.get_name()] == []

    run(story(), loop_factory)


def test_a_listener_that_breaks_later_is_told_once() -> None:
    async def story() -> None:
        failures: list[BaseException] = []
        never: Any = "no number of seconds"
        broken = Listen(name="admin", binds=("127.0.0.1:0",), max_body_bytes=1000, graceful_s=never)
        begun = asyncio.Event()

        async def slow(scope: Any, receive: Any, send: Any) -> None:
            begun.set()
            await asyncio.sleep(3600)

        async with listening(slow, broken, failed=failures.append) as url:
            client = await Raw.connect(port(url))
            await client.send(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            await begun.wait()  # so that stopping needs the grace period
        assert [type(error) for error in failures] == [TypeError]
        client.close()

    run(story())


def test_leaving_the_block_drains_what_is_being_answered() -> None:
    async def story() -> None:
        begun, go_on = asyncio.Event(), asyncio.Event()

        async def slow(scope: Any, receive: Any, send: Any) -> None:
            begun.set()
            await go_on.wait()
            await answer(send, 200, b"whole")

        async with listening(slow, listen(), failed=no_failure) as url:
            client = await Raw.connect(port(url))
            await client.send(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            await begun.wait()
            asyncio.get_running_loop().call_later(0.05, go_on.set)
        assert (await client.response())[2] == b"whole"
        client.close()

    run(story())
