"""Heads of HTTP/2 requests that may mean two things, and what becomes of their connection."""

from __future__ import annotations

import pytest
from h2.errors import ErrorCodes
from http2_client import Headers, talking
from server_certs import Authority
from server_kit import (
    MAX_BODY,
    Recorder,
    run,
)

from dataplane.server.doubts import Doubt
from dataplane.server.fields import judge_http2
from dataplane.server.serve import Tls

BASE: Headers = [(":method", "POST"), (":scheme", "https"), (":authority", "a"), (":path", "/v1/x")]


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
