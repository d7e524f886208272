"""What passes between caller and provider, and what does not."""

from __future__ import annotations

import json
import socket
from typing import Any

import openai
import pytest
from e2e_gateway import PROVIDER_KEY, Gateway
from e2e_upstream import MockUpstream

CHAT: Any = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hello"}]}


def post(gateway: Gateway, body: bytes, *headers: str) -> tuple[int, dict[str, str], bytes]:
    """One exact body on a connection of its own."""
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {gateway.key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close\r\n"
    )
    with socket.create_connection(("127.0.0.1", gateway.port), 20) as connection:
        connection.sendall("".join([head, *(f"{each}\r\n" for each in headers), "\r\n"]).encode() + body)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    start, _, content = answer.partition(b"\r\n\r\n")
    line, *fields = start.decode("latin-1").split("\r\n")
    pairs = (field.partition(": ") for field in fields)
    return int(line.split()[1]), {name.lower(): value for name, _, value in pairs}, content


def test_unknown_fields_and_numbers_reach_the_provider_exactly(
    gateway: Gateway, upstream: MockUpstream
) -> None:
    body = (
        b'{"model":"gpt-4o-mini","messages":[{"role":"user","content":"hi","x":null}],"temperature":0.10,'
        b'"new_field":{"a":[1,2.50,1e2,0.1000000000000000055511151231257827],"b":18446744073709551615}}'
    )
    status, headers, _ = post(gateway, body)
    assert status == 200
    [hit] = upstream.of(headers["x-request-id"])
    assert json.loads(hit.body, parse_float=str) == json.loads(body, parse_float=str)


def test_an_integer_beyond_64_bits_passes_as_the_original_bytes_or_not_at_all(
    gateway: Gateway, upstream: MockUpstream
) -> None:
    body = (
        b'{"model": "gpt-4o-mini", "messages": [{"role":"user","content":"hi"}], '
        b'"x": 123456789012345678901234567890}'
    )
    status, headers, _ = post(gateway, body)
    assert status == 200
    [hit] = upstream.of(headers["x-request-id"])
    assert hit.body == body

    tools = b'"tools":[{"type":"function","function":{"name":"shell"}}],'
    status, headers, _ = post(gateway, body.replace(b'"messages"', tools + b'"messages"'))
    assert status == 400, "a tool must be stripped, so the body cannot stay as it was"
    assert upstream.of(headers["x-request-id"]) == []


def test_our_request_id_goes_upstream_unless_the_caller_sent_one(
    gateway: Gateway, upstream: MockUpstream
) -> None:
    raw = gateway.sdk.chat.completions.with_raw_response.create(**CHAT)
    assert len(upstream.of(raw.headers["x-request-id"])) == 1
    raw = gateway.sdk.chat.completions.with_raw_response.create(
        **CHAT, extra_headers={"X-Client-Request-Id": "mine-7"}
    )
    assert upstream.of(raw.headers["x-request-id"]) == []
    assert len(upstream.of("mine-7")) == 1


def test_the_provider_gets_its_own_credential_and_nothing_of_the_callers(
    gateway: Gateway, upstream: MockUpstream
) -> None:
    raw = gateway.sdk.chat.completions.with_raw_response.create(
        **CHAT, extra_headers={"Cookie": "a=b", "X-Api-Key": gateway.key, "X-Custom": "c"}
    )
    [hit] = upstream.of(raw.headers["x-request-id"])
    assert hit.headers["authorization"] == f"Bearer {PROVIDER_KEY}"
    assert gateway.key not in repr(hit)
    assert not {"cookie", "x-api-key", "x-custom"} & set(hit.headers)


@pytest.mark.parametrize("status", [400, 404, 429, 500, 503])
def test_the_providers_status_and_error_pass_with_our_key_masked(gateway: Gateway, status: int) -> None:
    with pytest.raises(openai.APIStatusError) as caught:
        gateway.sdk.chat.completions.create(**CHAT, extra_body={"mock": f"error:{status}"})
    error = caught.value
    assert (error.status_code, error.code) == (status, "mock")
    assert "refused by the mock" in error.message
    assert PROVIDER_KEY not in error.response.text
    assert error.response.headers["x-regogate-decision"] == "ALLOW"
    completion = gateway.wait_record(request_id=error.request_id, kind="completion")
    assert (completion["outcome"], completion["upstream_status"]) == ("upstream_error", status)


def test_an_error_within_a_stream_passes_with_our_key_masked(gateway: Gateway) -> None:
    stream = gateway.sdk.chat.completions.create(**CHAT, stream=True, extra_body={"mock": "late-error"})
    with pytest.raises(openai.APIError, match="refused by the mock") as caught:
        list(stream)
    assert PROVIDER_KEY not in repr((caught.value.message, caught.value.body))
    assert "[masked]" in caught.value.message


@pytest.mark.parametrize("status", [401, 403])
def test_a_provider_that_refuses_our_key_is_a_502(gateway: Gateway, status: int) -> None:
    with pytest.raises(openai.InternalServerError) as caught:
        gateway.sdk.chat.completions.create(**CHAT, extra_body={"mock": f"error:{status}"})
    assert (caught.value.status_code, caught.value.code) == (502, "upstream_auth_failed")
    completion = gateway.wait_record(request_id=caught.value.request_id, kind="completion")
    assert completion["upstream_status"] == status


@pytest.mark.parametrize("mode", ["drop", "break", "garbage"])
def test_a_provider_that_fails_is_a_502_with_a_completion(gateway: Gateway, mode: str) -> None:
    with pytest.raises(openai.InternalServerError) as caught:
        gateway.sdk.chat.completions.create(**CHAT, extra_body={"mock": mode})
    assert caught.value.status_code == 502
    completion = gateway.wait_record(request_id=caught.value.request_id, kind="completion")
    assert (completion["outcome"], completion["status"]) == ("upstream_error", 502)


def test_a_stream_that_breaks_off_ends_in_an_error_the_sdk_raises(gateway: Gateway) -> None:
    stream = gateway.sdk.chat.completions.create(**CHAT, stream=True, extra_body={"mock": "break"})
    request_id = stream.response.headers["x-request-id"]
    with pytest.raises(openai.APIError, match="could not be"):
        list(stream)
    completion = gateway.wait_record(request_id=request_id, kind="completion")
    assert completion["outcome"] == "upstream_cut"
