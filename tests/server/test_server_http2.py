"""HTTP/2 over TLS: the same facts and refusals as HTTP/1, and one stream never harms another."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import h2.config
import h2.connection
import h2.events
import h2.settings
import pytest
from h2.errors import ErrorCodes
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

from dataplane.server.doubts import Doubt
from dataplane.server.fields import judge_http2
from dataplane.server.serve import Tls, TlsFiles

Headers = list[tuple[str, str]]
BASE: Headers = [(":method", "POST"), (":scheme", "https"), (":authority", "a"), (":path", "/v1/x")]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"), "ca")


@pytest.fixture(scope="module")
def tls(authority: Authority) -> Tls:
    pair = authority.issue("server")
    return Tls(TlsFiles(cert=pair.cert, key=pair.key))


class Http2Client:
    """h2 on a socket; whatever comes is kept by stream."""

    def __init__(self, raw: Raw) -> None:
        self.raw = raw
        config = h2.config.H2Configuration(
            header_encoding="utf-8", validate_outbound_headers=False, normalize_outbound_headers=False
        )
        self.h2 = h2.connection.H2Connection(config)
        self.headers: dict[int, dict[str, str]] = {}
        self.bodies: dict[int, bytes] = defaultdict(bytes)
        self.ended: set[int] = set()
        self.resets: dict[int, int] = {}
        self.gone: list[int] = []
        self.acknowledge = True

    @classmethod
    async def connect(cls, port: int, authority: Authority) -> Http2Client:
        client = cls(await Raw.connect(port, ssl=client_context(authority, "h2")))
        client.h2.initiate_connection()
        await client.flush()
        return client

    async def flush(self) -> None:
        await self.raw.send(self.h2.data_to_send())

    async def request(self, headers: Headers, body: bytes | None = None, *, end: bool = True) -> int:
        stream = int(self.h2.get_next_available_stream_id())
        self.h2.send_headers(stream, headers, end_stream=end and body is None)
        if body is not None:
            self.h2.send_data(stream, body, end_stream=end)
        await self.flush()
        return stream

    async def until(self, *streams: int) -> None:
        """Read until these streams are answered or reset."""
        while not all(stream in self.ended or stream in self.resets for stream in streams):
            await self.read()

    async def read(self) -> None:
        data = await self.raw.reader.read(65536)
        assert data, "closed"
        self.take(data)
        await self.flush()

    def take(self, data: bytes) -> None:
        for event in self.h2.receive_data(data):
            match event:
                case h2.events.ResponseReceived():
                    self.headers[event.stream_id] = dict(event.headers)  # type: ignore[arg-type]
                case h2.events.DataReceived():
                    self.bodies[event.stream_id] += event.data or b""
                    if self.acknowledge:
                        size = event.flow_controlled_length or 0
                        self.h2.acknowledge_received_data(size, event.stream_id)
                case h2.events.StreamEnded():
                    self.ended.add(event.stream_id)
                case h2.events.StreamReset():
                    self.resets[event.stream_id] = int(event.error_code or 0)
                case h2.events.ConnectionTerminated():
                    self.gone.append(int(event.error_code or 0))

    def status(self, stream: int) -> tuple[int, bytes]:
        return int(self.headers[stream][":status"]), self.bodies[stream]


@asynccontextmanager
async def talking(
    app: Any, tls: Tls, authority: Authority, **settings: Any
) -> AsyncIterator[tuple[Http2Client, Any]]:
    async with serving(app, tls=tls, **settings) as server:
        client = await Http2Client.connect(server.port, authority)
        try:
            yield client, server
        finally:
            client.raw.close()


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


REFUSED: dict[str, tuple[Headers, str, bool]] = {
    "two_authorizations": ([*BASE, ("authorization", "a"), ("authorization", "b")], "duplicate_header", True),
    "host_and_authority_differ": ([*BASE, ("host", "b")], "host_mismatch", True),
    "no_host": ([pair for pair in BASE if pair[0] != ":authority"], "missing_host", True),
    "over_limit": ([*BASE, ("content-length", str(MAX_BODY + 1))], "body_too_large", True),
    "length_16_digits": ([*BASE, ("content-length", "0" * 16)], "bad_content_length", True),
    "101_headers": ([*BASE, *((f"x-{i}", "b") for i in range(101))], "too_many_headers", True),
    "40_kB_header": ([*BASE, ("x", "b" * 40_000)], "head_too_large", True),
    "control_byte": ([*BASE, ("x", "a\x01b")], "bad_header", True),
    "space_in_the_path": ([*BASE[:3], (":path", "/a b")], "bad_request_line", False),
    "non_ascii_path": ([*BASE[:3], (":path", "/é")], "bad_request_line", False),
    "transfer_encoding": ([*BASE, ("transfer-encoding", "chunked")], "bad_transfer_encoding", True),
    "connection": ([*BASE, ("connection", "close")], "bad_header", True),
    "te": ([*BASE, ("te", "gzip")], "bad_header", True),
    "upper_case_name": ([*BASE, ("X-A", "b")], "bad_header", True),
    "empty_name": ([*BASE, ("", "b")], "bad_header", True),
    "two_paths": ([*BASE, (":path", "/v1/x")], "bad_header", True),
    "late_pseudo_header": ([*BASE[:3], ("a", "b"), BASE[3]], "bad_header", True),
    "unknown_pseudo_header": ([*BASE, (":x", "y")], "bad_header", True),
    "no_scheme": ([BASE[0], *BASE[2:]], "bad_header", True),
    "no_path": (BASE[:3], "bad_request_line", False),
    "no_method": (BASE[1:], "bad_request_line", False),
    "asterisk": ([(":method", "OPTIONS"), *BASE[1:3], (":path", "*")], "bad_request_line", False),
    "lower_case_method": ([(":method", "post"), *BASE[1:]], "bad_request_line", False),
    "connect": ([(":method", "CONNECT"), (":authority", "a:443")], "unsupported_method", False),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_doubtful_head_is_answered_by_the_application_and_the_stream_reset(
    name: str, tls: Tls, authority: Authority
) -> None:
    headers, reason, legible = REFUSED[name]

    async def probe() -> None:
        recorder = Recorder()
        async with talking(recorder, tls, authority) as (client, _):
            stream = await client.request(headers, end=False)
            while stream not in client.resets:
                await client.read()
            [call] = recorder.calls
            assert call.doubt is not None
            assert call.doubt[1] == reason
            assert client.status(stream) == (call.doubt[0], reason.encode())
            assert client.resets == {stream: ErrorCodes.NO_ERROR}
            assert call.headers == {b"host": b"refused.invalid"}
            assert call.scope["extensions"]["edge"]["legible"] is legible
            assert (call.scope["method"], call.scope["raw_path"]) == (
                ("POST", b"/v1/x") if legible else ("GET", b"/")
            )
            fine = await client.request(BASE, b"abc")
            await client.until(fine)
            assert client.status(fine) == (200, b"3")

    run(probe())


@pytest.mark.parametrize("length", ["+3", "3, 3", "2", "4"])
def test_a_length_that_is_no_number_or_not_the_body_s_ends_the_connection(
    length: str, tls: Tls, authority: Authority
) -> None:
    """h2 sees to that itself; where the application was called, it sees the caller gone."""

    async def probe() -> None:
        recorder = Recorder()
        async with talking(recorder, tls, authority) as (client, _):
            await client.request([*BASE, ("content-length", length)], b"abc")
            while not client.gone:
                await client.read()
            assert client.gone == [ErrorCodes.PROTOCOL_ERROR]
        assert all(call.left and call.body == b"" for call in recorder.calls)

    run(probe())


def test_judging_a_head_alone() -> None:
    fine = [(name.encode(), value.encode()) for name, value in [*BASE, ("content-length", "3")]]
    judge_http2(fine, 3)
    with pytest.raises(Doubt) as raised:
        judge_http2(fine, 2)
    assert (raised.value.status, raised.value.reason) == (413, "body_too_large")


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
