"""What passes between a caller and a provider that answers: all that may, and nothing else."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json

import pytest
from mock_provider import KEY, answered, answering, chat, mock_provider, provider, response, whole

from dataplane.upstream.secret import Secret


def test_an_error_passes_with_its_status_and_our_key_masked_in_body_and_headers():
    wide = base64.b64encode(f"Bearer {KEY}".encode()).decode()
    body = json.dumps(
        {"error": {"message": f"slow down {KEY} {wide}", "code": "rate_limit_exceeded"}}
    ).encode()
    headers = (
        "content-type: application/json\r\nretry-after: 7\r\n"
        f"x-ratelimit-remaining-requests: {KEY}\r\nx-request-id: req-{KEY}\r\n"
    )
    reply, got, _ = answered(response(body, status="429 Slow", headers=headers))
    assert (reply.status, reply.provider) == (429, "main")
    assert json.loads(got)["error"]["message"].startswith("slow down [masked] ")
    assert wide.encode()[12:-4] not in got
    assert reply.header("retry-after") == "7"
    assert reply.header("x-ratelimit-remaining-requests") == "[masked]"
    assert reply.request_id == "req-[masked]"


def test_an_error_without_a_body_passes():
    reply, got, _ = answered(response(b"", status="503 Busy"))
    assert (reply.status, got) == (503, b"")


def test_only_listed_headers_pass():
    headers = (
        "Content-Type: application/json\r\nOpenAI-Processing-Ms: 12\r\nopenai-version: 2020-10-01\r\n"
        "X-RateLimit-Limit-Tokens: 9\r\nx-ratelimit-reset-tokens: 1\xff\r\nretry-after-ms: 5\r\nserver: x\r\n"
        "set-cookie: a=b\r\nopenai-organization: secret-org\r\nx-request-id: req_1\r\nx-other: 1\r\n"
    )
    reply, got, _ = answered(response(b'{"ok":true}', headers=headers))
    assert reply.headers == (
        ("content-type", "application/json"),
        ("openai-processing-ms", "12"),
        ("openai-version", "2020-10-01"),
        ("x-ratelimit-limit-tokens", "9"),
        ("retry-after-ms", "5"),
    )
    assert (reply.request_id, got) == ("req_1", b'{"ok":true}')


@pytest.mark.parametrize("coding", ["gzip", "identity"])
def test_an_answer_compressed_against_our_wish_is_undone(coding: str):
    body = gzip.compress(b'{"ok":1}') if coding == "gzip" else b'{"ok":1}'
    reply, got, _ = answered(response(body, headers=f"content-encoding: {coding}\r\n"))
    assert got == b'{"ok":1}'
    assert reply.header("content-encoding") is None


def test_interim_answers_are_skipped():
    _, got, _ = answered(b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" + response(b"{}"))
    assert got == b"{}"


def test_what_is_sent_is_ours_and_the_callers_body_unchanged():
    body = '{"a":1.0,"b":"é"}'.encode()
    sneaky = (
        ("Authorization", "Bearer caller"),
        ("api-key", "caller"),
        ("Cookie", "a=b"),
        ("Host", "evil.example"),
        ("Content-Length", "1"),
        ("Transfer-Encoding", "chunked"),
        ("accept-encoding", "gzip"),
        ("content-encoding", "gzip"),
        ("x-client-request-id", "abc"),
        ("User-Agent", "mine/1"),
    )
    _, _, [seen] = answered(response(b"{}"), body=body, headers=sneaky)
    assert seen.line == "POST /chat/completions HTTP/1.1"
    assert seen.body == body
    assert dict(seen.headers) == {
        "host": seen.header("host"),
        "accept": "*/*",
        "accept-encoding": "identity",
        "authorization": f"Bearer {KEY}",
        "content-type": "application/json",
        "content-length": str(len(body)),
        "user-agent": "mine/1",
        "x-client-request-id": "abc",
    }
    assert (seen.header("host") or "").startswith("127.0.0.1:")


@pytest.mark.parametrize("base", ["", "/", "/v1", "/v1/", "/a/b%20c/"])
def test_the_path_is_appended_to_the_base(base: str):
    async def run() -> None:
        async with mock_provider(answering(response(b"{}"))) as mock, provider(mock.url + base) as upstream:
            await whole(await upstream.send(chat()))
            assert mock.seen[0].line == f"POST {base.rstrip('/')}/chat/completions HTTP/1.1"

    asyncio.run(run())


def test_no_key_means_no_authorization_and_a_changed_key_is_used_at_once():
    async def run() -> None:
        keys = iter(["one", "two"])
        async with mock_provider(answering(response(b"{}"))) as mock:
            async with provider(mock.url, key=None) as upstream:
                await whole(await upstream.send(chat()))
            async with provider(mock.url, key=Secret(lambda: next(keys), max_age_s=0)) as upstream:
                await whole(await upstream.send(chat()))
                await whole(await upstream.send(chat()))
            assert [seen.header("authorization") for seen in mock.seen] == [None, "Bearer one", "Bearer two"]

    asyncio.run(run())


def test_cookies_of_a_provider_are_not_kept_and_connections_are():
    async def run() -> None:
        data = response(b"{}", headers="set-cookie: session=1; Path=/\r\n")
        async with mock_provider(answering(data)) as mock, provider(mock.url) as upstream:
            for _ in range(3):
                await whole(await upstream.send(chat()))
            assert [seen.header("cookie") for seen in mock.seen] == [None] * 3
            assert mock.connections == 1

    asyncio.run(run())


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    _, got, _ = answered(response(b"{}"))
    assert got == b"{}"
