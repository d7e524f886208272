"""Callers that stall, leave, send too much or read too slowly."""

from __future__ import annotations

import socket
import time
from typing import Any

import openai
import pytest
from e2e_gateway import EDGE_BODY_BYTES, Gateway, rss_kb
from e2e_raw import chat, read, send
from e2e_upstream import MockUpstream, until

CHAT: Any = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}
HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
BODY_S = HEAD_S = 1.0
"""What the fixture `edge` allows."""


def authorized(gateway: Gateway) -> bytes:
    return HEAD + f"Authorization: Bearer {gateway.key}\r\n".encode()


@pytest.mark.parametrize(
    "framing", [b"Content-Length: 90\r\n\r\n{", b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n"]
)
def test_a_body_that_stalls_is_a_408_with_its_record_and_a_closed_connection(
    edge: Gateway, framing: bytes
) -> None:
    answer = send(edge.port, authorized(edge) + framing)
    assert (answer.status, answer.error["code"], answer.closed) == (408, "request_timeout", True)
    assert answer.took_s >= BODY_S * 0.9
    record = edge.wait_record(request_id=answer.headers["x-request-id"])
    assert (record["kind"], record["status"], record["reasons"]) == ("deny", 408, ["gateway.timeout"])


def test_a_body_that_drips_is_a_408_too(edge: Gateway) -> None:
    with socket.create_connection(("127.0.0.1", edge.port), 5) as connection:
        connection.sendall(authorized(edge) + b"Content-Length: 500\r\n\r\n")
        connection.setblocking(False)
        begun = time.monotonic()
        while time.monotonic() - begun < BODY_S * 2:
            try:
                connection.send(b" ")
                if connection.recv(4096):
                    break
            except BlockingIOError:
                time.sleep(0.05)
            except OSError:
                break
        assert time.monotonic() - begun < BODY_S * 2
    until(lambda: edge.records(kind="deny", status=408))


def test_a_head_that_never_completes_is_closed_in_silence_and_not_recorded(edge: Gateway) -> None:
    before = len(edge.records(kind="deny"))
    for start in (b"", b"POST /v1/chat", HEAD):
        answer = send(edge.port, start)
        assert (answer.status, answer.body, answer.closed) == (0, b"", True)
        assert answer.took_s >= HEAD_S * 0.8 or not start
    assert len(edge.records(kind="deny")) == before


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_over_the_limit_is_a_413_with_or_without_a_length(edge: Gateway, chunked: bool) -> None:
    text = b"x" * (EDGE_BODY_BYTES + 1)
    sized = b"Content-Length: %d\r\n\r\n" % len(text) + text
    pieces = b"".join(b"400\r\n" + b"x" * 0x400 + b"\r\n" for _ in range(24)) + b"0\r\n\r\n"
    answer = send(
        edge.port, authorized(edge) + (b"Transfer-Encoding: chunked\r\n\r\n" + pieces if chunked else sized)
    )
    assert (answer.status, answer.error["code"], answer.closed) == (413, "body_too_large", True)
    edge.wait_record(request_id=answer.headers["x-request-id"], status=413)


def test_a_body_at_the_limit_passes(edge: Gateway) -> None:
    start = b'{"model":"m","messages":[{"role":"user","content":"'
    body = start + b"x" * (EDGE_BODY_BYTES - len(start) - 4) + b'"}]}'
    assert len(body) == EDGE_BODY_BYTES
    assert send(edge.port, chat(edge.key, body)).status == 200


def test_of_pipelined_calls_the_first_is_answered_and_none_other_is_made(
    edge: Gateway, upstream: MockUpstream
) -> None:
    """RFC 9112 (9.3.2) lets a server close after any answer; waiting requests could hide a leaving caller."""
    calls = [
        chat(edge.key, b'{"model":"%b","messages":[{"role":"user","content":"piped"}]}' % model)
        for model in (b"first", b"second", b"third")
    ]
    answer = send(edge.port, b"".join(calls))
    assert (answer.status, answer.closed) == (200, True)
    assert b'"first"' in answer.body
    assert [hit.json["model"] for hit in upstream.with_text("piped")] == ["first"]


def test_a_caller_that_leaves_mid_stream_has_its_call_upstream_cancelled_within_a_second(
    edge: Gateway, upstream: MockUpstream
) -> None:
    stream = edge.sdk.chat.completions.create(**CHAT, stream=True, extra_body={"mock": "stall"})
    request_id = stream.response.headers["x-request-id"]
    next(iter(stream))
    [hit] = upstream.of(request_id)
    left = time.monotonic()
    stream.close()
    until(lambda: hit.left_at, 5)
    assert hit.left_at is not None
    assert hit.left_at - left < 1
    assert edge.wait_record(request_id=request_id, kind="completion")["outcome"] == "client_closed"


def test_a_caller_that_leaves_before_an_answer_has_its_call_cancelled_too(
    edge: Gateway, upstream: MockUpstream
) -> None:
    body = b'{"model":"m","messages":[{"role":"user","content":"impatient"}],"mock":"hang"}'
    with socket.create_connection(("127.0.0.1", edge.port), 10) as connection:
        connection.sendall(chat(edge.key, body))
        until(lambda: upstream.with_text("impatient"))
        left = time.monotonic()
    [hit] = upstream.with_text("impatient")
    until(lambda: hit.left_at, 5)
    assert hit.left_at is not None
    assert hit.left_at - left < 1
    request_id = hit.headers["x-client-request-id"]
    assert edge.wait_record(request_id=request_id, kind="completion")["outcome"] == "client_closed"


def test_a_caller_that_leaves_while_sending_is_recorded_and_forwards_nothing(
    edge: Gateway, upstream: MockUpstream
) -> None:
    hits = len(upstream.hits)
    answer = send(edge.port, authorized(edge) + b'Content-Length: 90\r\n\r\n{"model"', end=True)
    assert (answer.status, answer.closed) == (0, True)
    until(lambda: edge.records(kind="deny", status=499))
    assert len(upstream.hits) == hits


def test_a_slow_reader_slows_the_provider_down_instead_of_filling_memory(
    edge: Gateway, upstream: MockUpstream
) -> None:
    body = b'{"model":"m","stream":true,"messages":[{"role":"user","content":"drink"}],"mock":"flood"}'
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        connection.settimeout(10)
        connection.connect(("127.0.0.1", edge.port))
        before = rss_kb(edge.process.pid)
        connection.sendall(chat(edge.key, body))
        until(lambda: upstream.with_text("drink"))
        [hit] = upstream.with_text("drink")
        written, since = -1, time.monotonic()
        # It must come to a standstill: nothing written for half a second.
        while time.monotonic() - since < 0.5:
            if hit.written != written:
                written, since = hit.written, time.monotonic()
            assert written < 60_000_000, "the provider is never held back"
            time.sleep(0.02)
        assert rss_kb(edge.process.pid) - before < 20_000
        assert connection.recv(100)
    until(lambda: hit.left_at, 5)


def test_a_stream_is_relayed_as_it_comes(edge: Gateway) -> None:
    begun = time.monotonic()
    stream = edge.sdk.chat.completions.create(**CHAT, stream=True, extra_body={"mock": "slow:0.15"})
    at = [time.monotonic() - begun for _ in stream]
    assert at[0] < 0.45 < at[-1]


def test_expect_100_continue_is_answered_before_the_body(edge: Gateway) -> None:
    body = b'{"model":"m","messages":[{"role":"user","content":"x"}]}'
    with socket.create_connection(("127.0.0.1", edge.port), 5) as connection:
        whole = chat(edge.key, body, "Expect: 100-continue")
        connection.sendall(whole[: -len(body)])
        assert connection.recv(4096).startswith(b"HTTP/1.1 100 ")
        connection.sendall(body)
        assert read(connection).status == 200


def test_health_is_told_without_a_key_and_its_reasons_on_the_admin_address_only(edge: Gateway) -> None:
    assert send(edge.port, b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n").body == b"ok\n"
    ready = send(edge.port, b"GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n")
    assert (ready.status, ready.body) == (200, b'{"ready":true}')
    told = edge.readyz()
    assert (told["ready"], told["reasons"], told["policy_revision"]) == (True, [], edge.revision)


def test_a_connection_serves_on_after_a_refusal_that_left_its_framing_whole(edge: Gateway) -> None:
    with socket.create_connection(("127.0.0.1", edge.port), 5) as connection:
        connection.sendall(chat(edge.key, b"[]"))
        assert read(connection).status == 400
        connection.sendall(chat("rgk_x", b"[]"))
        assert read(connection).status == 401
        connection.sendall(chat(edge.key, b'{"model":"m","messages":[{"role":"user","content":"x"}]}'))
        assert read(connection).status == 200


def test_a_path_upstream_does_not_get_a_call_it_may_not_have(edge: Gateway) -> None:
    with pytest.raises(openai.NotFoundError):
        edge.sdk.embeddings.create(model="m", input="x")
