"""A provider over real sockets: what is sent, what is passed on, what each failure is called."""

from __future__ import annotations

import asyncio
import gzip

import pytest
from mock_provider import (
    KEY,
    Script,
    Seen,
    answering,
    chat,
    mock_provider,
    provider,
    response,
    whole,
)

from dataplane.errors import ConfigError, Refused
from dataplane.ports import UpstreamFailed
from dataplane.upstream.secret import Secret
from dataplane.upstream.transport import UpstreamSpec


def failing(script: Script, *, url: str | None = None, **spec: object) -> UpstreamFailed:
    """The failure of one call, its body read."""

    async def run() -> None:
        async with mock_provider(script) as mock, provider(url or mock.url, **spec) as upstream:
            await whole(await upstream.send(chat()))

    with pytest.raises(UpstreamFailed) as caught:
        asyncio.run(asyncio.wait_for(run(), 10))
    assert caught.value.provider == "main"
    assert caught.value.__context__ is None, "aiohttp's errors hold our headers"
    return caught.value


# --- refusals of ours ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"base_url": "http://10.1.2.3/v1"},
        {"base_url": "ftp://a.example"},
        {"base_url": "https://user:pass@a.example"},
        {"base_url": "https://a.example/v1?x=1"},
        {"base_url": "https://a.example/v1#x"},
        {"models": ("gpt*4",)},
        {"models": ("",)},
    ],
)
def test_an_unusable_spec_is_refused(changes: dict[str, object]):
    with pytest.raises(ConfigError, match=r"upstreams\.main\."):
        UpstreamSpec(**{"name": "main", "base_url": "https://a.example", **changes})  # type: ignore[arg-type]


def test_plain_http_is_accepted_on_loopback_and_where_it_is_allowed():
    UpstreamSpec(name="main", base_url="http://127.0.0.1:9/v1")
    UpstreamSpec(name="main", base_url="http://10.1.2.3/v1", allow_plaintext=True)


@pytest.mark.parametrize(
    "path", ["@evil.example/", "", "/a//b", "/a/../b", "/a?x", "/a#x", "/a b", "/a\r\nx: y", "/%zz é"]
)
def test_a_path_that_could_leave_the_base_is_refused_before_anything_is_sent(path: str):
    async def run() -> None:
        async with mock_provider(answering(response(b"{}"))) as mock, provider(mock.url) as upstream:
            with pytest.raises(Refused) as caught:
                await upstream.send(chat(path=path))
            assert caught.value.reasons == ("gateway.bad_path",)
            assert mock.connections == 0

    asyncio.run(run())


@pytest.mark.parametrize("value", ["a\r\nx-evil: 1", "a\0b", "caf\xe9", "\udcff"])
def test_a_header_that_cannot_be_sent_is_refused(value: str):
    async def run() -> None:
        async with mock_provider(answering(response(b"{}"))) as mock, provider(mock.url) as upstream:
            with pytest.raises(Refused) as caught:
                await upstream.send(chat(headers=(("x-title", value),)))
            assert caught.value.reasons == ("gateway.bad_header",)
            assert mock.connections == 0

    asyncio.run(run())


def test_after_close_nothing_is_sent():
    async def run() -> None:
        async with mock_provider(answering(response(b"{}"))) as mock, provider(mock.url) as upstream:
            await upstream.close()
            with pytest.raises(Refused) as caught:
                await upstream.send(chat())
            assert caught.value.reasons == ("gateway.shutting_down",)
            assert mock.connections == 0

    asyncio.run(run())


@pytest.mark.parametrize("key", ["", "a b", "a\nb", "schl\xfcssel"])
def test_a_key_that_is_no_header_value_is_an_auth_failure_that_does_not_show_it(key: str):
    failure = failing(answering(response(b"{}")), key=Secret(key))
    assert failure.refused.reasons == ("gateway.upstream_auth_failed",)
    assert not key or key not in str(failure)


def test_a_key_that_cannot_be_had_is_an_auth_failure():
    def unreadable() -> str:
        raise ConfigError("/secrets/key: no such file")

    failure = failing(answering(response(b"{}")), key=Secret(unreadable))
    assert failure.refused.reasons == ("gateway.upstream_auth_failed",)


# --- failures of the provider -------------------------------------------------------------------

CHUNKED = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"

INVALID = {
    "not http": b"SSH-2.0-OpenSSH_9\r\n\r\n",
    "bad status": b"HTTP/1.1 abc OK\r\n\r\n",
    "status over 599": b"HTTP/1.1 700 X\r\ncontent-length: 0\r\n\r\n",
    "switching protocols": b"HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
    "redirect": response(b"", status="302 Found", headers="location: http://127.0.0.1:1/\r\n"),
    "redirect 307": response(b"", status="307 Temporary", headers="location: /other\r\n"),
    "not modified": b"HTTP/1.1 304 Not Modified\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
    "huge header": b"HTTP/1.1 200 OK\r\nx: " + b"a" * 40_000 + b"\r\ncontent-length: 0\r\n\r\n",
    "many headers": b"HTTP/1.1 200 OK\r\n" + b"x: a\r\n" * 200 + b"content-length: 0\r\n\r\n",
    "unknown coding": response(b"??", headers="content-encoding: br2\r\n"),
    "two codings": response(b"??", headers="content-encoding: gzip, gzip\r\n"),
    "bad chunk size": CHUNKED + b"zz\r\nhello\r\n0\r\n\r\n",
    "bad gzip": response(b"not gzip at all", headers="content-encoding: gzip\r\n"),
}


@pytest.mark.parametrize("case", INVALID)
def test_an_answer_that_is_no_answer_is_invalid(case: str):
    failure = failing(answering(INVALID[case], close=True))
    assert failure.refused.reasons == ("gateway.upstream_invalid",)
    assert failure.refused.status == 502


TORN = {
    "short length": b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhello",
    "no last chunk": CHUNKED + b"5\r\nhello\r\n",
    "inside a chunk": CHUNKED + b"ff\r\nhello",
    "torn error": b"HTTP/1.1 500 X\r\ncontent-length: 100\r\n\r\nhello",
}


@pytest.mark.parametrize("case", TORN)
def test_an_answer_that_breaks_off_fails_in_its_iterator_with_the_status(case: str):
    failure = failing(answering(TORN[case], close=True))
    assert failure.refused.reasons == ("gateway.upstream_invalid",)
    assert failure.status == (500 if case == "torn error" else 200)


def test_a_reset_in_the_middle_of_a_stream_fails_in_the_iterator():
    async def run() -> None:
        read = asyncio.Event()

        async def script(request: Seen, writer: asyncio.StreamWriter) -> None:
            writer.write(CHUNKED + b"5\r\nhello\r\n")
            await read.wait()
            writer.transport.abort()
            raise EOFError

        async with mock_provider(script) as mock, provider(mock.url) as upstream:
            reply = await upstream.send(chat(stream=True))
            assert await anext(reply.body) == b"hello"
            read.set()
            with pytest.raises(UpstreamFailed) as caught:
                await anext(reply.body)
            assert (caught.value.status, caught.value.provider) == (200, "main")
            with pytest.raises(StopAsyncIteration):
                await anext(reply.body)

    asyncio.run(run())


def test_nobody_listening_is_unreachable():
    async def run() -> int:
        async with mock_provider(answering(b"")) as mock:
            return mock.port

    port = asyncio.run(run())
    failure = failing(answering(b""), url=f"http://127.0.0.1:{port}")
    assert failure.refused.reasons == ("gateway.upstream_unreachable",)
    assert failure.status is None


def test_a_connection_closed_without_an_answer_is_unreachable_and_not_tried_again():
    async def run() -> None:
        async def script(request: Seen, writer: asyncio.StreamWriter) -> None:
            raise EOFError

        async with mock_provider(script) as mock, provider(mock.url) as upstream:
            with pytest.raises(UpstreamFailed) as caught:
                await upstream.send(chat())
            assert caught.value.refused.reasons == ("gateway.upstream_unreachable",)
            assert len(mock.seen) == 1

    asyncio.run(run())


@pytest.mark.parametrize("dripping", [False, True])
def test_a_head_that_does_not_come_in_time_is_a_timeout_also_when_it_drips(dripping: bool):
    async def script(request: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nx: ")
        while True:
            if dripping:
                writer.write(b"a")
            await asyncio.sleep(0.01)

    failure = failing(script, head_timeout_s=0.15)
    assert failure.refused.reasons == ("gateway.upstream_timeout",)
    assert failure.refused.status == 504


def test_silence_in_a_body_is_a_timeout():
    failure = failing(answering(CHUNKED + b"5\r\nhello\r\n"), idle_timeout_s=0.1)
    assert failure.refused.reasons == ("gateway.upstream_timeout",)
    assert failure.status == 200


def test_a_slow_but_steady_body_is_no_timeout_and_an_idle_connection_stays_usable():
    async def run() -> None:
        async def script(request: Seen, writer: asyncio.StreamWriter) -> None:
            writer.write(CHUNKED)
            for _ in range(8):
                writer.write(b"1\r\na\r\n")
                await asyncio.sleep(0.03)
            writer.write(b"0\r\n\r\n")

        async with mock_provider(script) as mock, provider(mock.url, idle_timeout_s=0.15) as upstream:
            for _ in range(2):
                assert await whole(await upstream.send(chat(stream=True))) == b"a" * 8
                await asyncio.sleep(
                    0.16
                )  # longer than the idle time: it must not run on a resting connection
            assert mock.connections == 1

    asyncio.run(run())


@pytest.mark.parametrize("status", [401, 403])
def test_our_key_refused_is_an_auth_failure_with_the_status_and_nothing_of_the_body(status: int):
    failure = failing(answering(response(f"bad key {KEY}".encode(), status=f"{status} No")))
    assert failure.refused.reasons == ("gateway.upstream_auth_failed",)
    assert failure.status == status
    assert KEY not in str(failure)


def test_an_error_body_over_a_mebibyte_is_invalid():
    failure = failing(answering(response(b"a" * 1_100_000, status="500 X")))
    assert failure.refused.reasons == ("gateway.upstream_invalid",)
    assert failure.status == 500


def test_a_compressed_error_cannot_grow_beyond_a_mebibyte():
    bomb = gzip.compress(b"a" * 50_000_000)
    failure = failing(answering(response(bomb, status="500 X", headers="content-encoding: gzip\r\n")))
    assert failure.refused.reasons == ("gateway.upstream_invalid",)


@pytest.mark.parametrize("stream", [False, True])
def test_a_whole_answer_over_64_mebibytes_is_invalid_even_where_a_stream_was_asked_for(stream: bool):
    async def run() -> None:
        bomb = gzip.compress(b"a" * (65 * 1_048_576), 1)
        data = response(bomb, headers="content-type: application/json\r\ncontent-encoding: gzip\r\n")
        async with mock_provider(answering(data)) as mock, provider(mock.url) as upstream:
            reply = await upstream.send(chat(stream=stream))
            with pytest.raises(UpstreamFailed) as caught:
                async for _ in reply.body:
                    pass
            assert caught.value.refused.reasons == ("gateway.upstream_invalid",)

    asyncio.run(run())
