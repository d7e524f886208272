"""What arrives at the application for each malformed request, over a real socket."""

from __future__ import annotations

import pytest
from server_kit import MAX_BODY, Raw, Recorder, run, serving

HEAD = b"POST /v1/x HTTP/1.1\r\nHost: a\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
GET = b"GET /v1/x HTTP/1.1\r\nHost: a\r\n"

# Refused in the head: a stand-in with method and path where they were legible, never the body.
HEAD_DOUBTS: dict[str, tuple[bytes, str]] = {
    "content_length_and_te": (
        HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /evil HTTP/1.1\r\n\r\n",
        "content_length_and_transfer_encoding",
    ),
    "two_equal_lengths": (
        HEAD + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
        "duplicate_header",
    ),
    "length_list": (HEAD + b"Content-Length: 3, 3\r\n\r\nabc", "bad_content_length"),
    "differing_lengths": (
        HEAD + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
        "duplicate_header",
    ),
    "length_plus": (HEAD + b"Content-Length: +3\r\n\r\nabc", "bad_content_length"),
    "nul": (HEAD + b"A: b\0\r\n\r\n", "nul"),
    "bare_cr": (HEAD + b"A: b\rc\r\n\r\n", "bare_cr"),
    "space_before_colon": (HEAD + b"A : b\r\n\r\n", "bad_header"),
    "te_xchunked": (HEAD + b"Transfer-Encoding: xchunked\r\n\r\n", "bad_transfer_encoding"),
    "te_gzip_chunked": (HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n", "bad_transfer_encoding"),
    "obs_fold": (HEAD + b"A: b\r\n c\r\n\r\n", "obs_fold"),
    "bare_lf_once": (HEAD + b"A: b\n\r\n", "bare_lf"),
    "bare_lf_everywhere": (b"POST /v1/x HTTP/1.1\nHost: a\n\n", "bare_lf"),
    "control_byte": (HEAD + b"A: \x01\r\n\r\n", "bad_header"),
    "two_authorizations": (
        HEAD + b"Authorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n",
        "duplicate_header",
    ),
    "no_host": (b"POST /v1/x HTTP/1.1\r\n\r\n", "missing_host"),
    "two_hosts": (HEAD + b"Host: b\r\n\r\n", "duplicate_header"),
    "http_9_9": (b"POST /v1/x HTTP/9.9\r\nHost: a\r\n\r\n", "unsupported_http_version"),
    "http_1_2": (b"POST /v1/x HTTP/1.2\r\nHost: a\r\n\r\n", "unsupported_http_version"),
    "600_headers": (HEAD + b"A: b\r\n" * 600 + b"\r\n", "too_many_headers"),
    "70_kB_header": (HEAD + b"A: " + b"x" * 70_000 + b"\r\n\r\n", "head_too_large"),
    "over_limit": (HEAD + b"Content-Length: %d\r\n\r\n" % (MAX_BODY + 1), "body_too_large"),
    "over_limit_expecting": (
        HEAD + b"Content-Length: %d\r\nExpect: 100-continue\r\n\r\n" % (MAX_BODY + 1),
        "body_too_large",
    ),
}
ILLEGIBLE: dict[str, tuple[bytes, str]] = {
    "absolute_form": (b"POST http://a/v1/x HTTP/1.1\r\nHost: a\r\n\r\n", "bad_request_line"),
    "lower_case_method": (b"post /v1/x HTTP/1.1\r\nHost: a\r\n\r\n", "bad_request_line"),
    "connect": (b"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", "bad_request_line"),
    "connect_with_a_path": (b"CONNECT /x HTTP/1.1\r\nHost: a\r\n\r\n", "unsupported_method"),
    "http_0_9": (b"GET /v1/x\r\n\r\n", "bad_request_line"),
    "h2_prior_knowledge": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", "bad_request_line"),
    "tls_hello": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "nul"),
}
BODY_DOUBTS: dict[str, tuple[bytes, str]] = {
    "17_hex_digits": (CHUNKED + b"0" * 16 + b"1\r\nx\r\n0\r\n\r\n", "bad_chunk"),
    "bare_lf_chunk_lines": (CHUNKED + b"1\nx\n0\n\n", "bare_lf"),
    "extension_1_MB": (CHUNKED + b"1;" + b"e" * 1_000_000 + b"\r\nx\r\n", "chunk_extension_too_large"),
    "extensions_10_kB": (
        CHUNKED + (b"1;" + b"e" * 10_000 + b"\r\nx\r\n") * 100,
        "chunk_extension_too_large",
    ),
    "trailers": (CHUNKED + b"1\r\nx\r\n0\r\nAuthorization: b\r\n\r\n", "trailers"),
    "over_limit_chunked": (CHUNKED + (b"4000\r\n" + b"x" * 0x4000 + b"\r\n") * 8, "body_too_large"),
}
STATUS = {"body_too_large": 413, "too_many_headers": 431, "head_too_large": 431}


@pytest.mark.parametrize("name", [*HEAD_DOUBTS, *ILLEGIBLE, *BODY_DOUBTS])
def test_a_doubt_is_answered_by_the_application_and_the_connection_closed(name: str) -> None:
    data, reason = (HEAD_DOUBTS | ILLEGIBLE | BODY_DOUBTS)[name]

    async def probe() -> None:
        async with serving(recorder := Recorder()) as server:
            client = await Raw.connect(server.port)
            await client.send(data)
            status, headers, body = await client.response()
            assert (status, body) == (STATUS.get(reason, 400), reason.encode())
            assert headers[b"connection"] == b"close"
            assert await client.rest() == b"", "closed, and nothing after it was served"
            client.close()
            [call] = recorder.calls
            assert call.doubt == (status, reason)
            legible = name not in ILLEGIBLE
            assert call.scope["extensions"]["edge"]["legible"] is legible
            assert call.scope["method"] == ("POST" if legible else "GET")
            assert call.scope["raw_path"] == (b"/v1/x" if legible else b"/")
            if name not in BODY_DOUBTS:
                assert call.headers == {b"host": b"refused.invalid", b"connection": b"close"}
                assert call.body == b""

    run(probe())


# What the application itself judges: it arrives untouched, and the connection serves on.
PASSED: dict[str, tuple[bytes, dict[bytes, bytes], bytes]] = {
    "empty_host": (b"GET /v1/x HTTP/1.1\r\nHost:\r\n", {b"host": b""}, b"/v1/x"),
    "bad_host": (b"GET /v1/x HTTP/1.1\r\nHost: a/b@c\r\n", {b"host": b"a/b@c"}, b"/v1/x"),
    "underscore": (GET + b"X_R: 1\r\nX-R: 2\r\n", {b"x_r": b"1", b"x-r": b"2"}, b"/v1/x"),
    "content_encoding": (GET + b"Content-Encoding: gzip\r\n", {b"content-encoding": b"gzip"}, b"/v1/x"),
    "obs_text": (GET + b"A: \xff\r\n", {b"a": b"\xff"}, b"/v1/x"),
    "h2c_upgrade": (
        GET + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n",
        {b"host": b"a", b"connection": b"Upgrade, HTTP2-Settings"},
        b"/v1/x",
    ),
    "websocket": (
        GET + b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: eA==\r\n",
        {b"connection": b"Upgrade"},
        b"/v1/x",
    ),
    "encoded_path": (
        b"GET /a%2Fb/%2e%2E/%00%ff/../c//d?q=%2F HTTP/1.1\r\nHost: a\r\n",
        {b"host": b"a"},
        b"/a%2Fb/%2e%2E/%00%ff/../c//d",
    ),
}


@pytest.mark.parametrize("name", PASSED)
def test_what_is_not_framing_reaches_the_application_as_sent(name: str) -> None:
    data, headers, raw_path = PASSED[name]

    async def probe() -> None:
        async with serving(recorder := Recorder()) as server:
            client = await Raw.connect(server.port)
            for _ in range(2):
                await client.send(data + b"\r\n")
                assert (await client.response())[0] == 200
            client.close()
        call = recorder.calls[1]
        assert call.scope["extensions"] == {"edge": {"doubt": None, "legible": True}, "tls": None}
        assert call.scope["type"] == "http"
        assert call.scope["http_version"] == "1.1"
        assert call.scope["raw_path"] == raw_path
        assert headers.items() <= call.headers.items()
        assert b"upgrade" not in call.headers

    run(probe())


def test_100_continue_is_sent_and_the_body_read() -> None:
    async def probe() -> None:
        async with serving(recorder := Recorder()) as server:
            client = await Raw.connect(server.port)
            await client.send(HEAD + b"Content-Length: 3\r\nExpect: 100-continue\r\n\r\n")
            assert (await client.response())[0] == 100
            await client.send(b"abc")
            status, _, body = await client.response()
            assert (status, body) == (200, b"3")
            client.close()
            assert recorder.calls[0].body == b"abc"

    run(probe())


def test_a_body_cut_short_is_seen_as_leaving() -> None:
    async def probe() -> None:
        async with serving(recorder := Recorder()) as server:
            client = await Raw.connect(server.port)
            await client.send(HEAD + b"Content-Length: 10\r\n\r\nabc")
            client.writer.write_eof()
            assert await client.rest() == b""
            client.close()
        assert recorder.calls[0].left
        assert recorder.calls[0].body == b"abc"

    run(probe())


def test_http_1_0_is_answered_and_closed() -> None:
    async def probe() -> None:
        async with serving(recorder := Recorder()) as server:
            client = await Raw.connect(server.port)
            await client.send(b"GET /a HTTP/1.0\r\n\r\n")
            assert (await client.response())[0] == 200
            assert await client.rest() == b""
            client.close()
        assert recorder.calls[0].scope["http_version"] == "1.0"

    run(probe())
