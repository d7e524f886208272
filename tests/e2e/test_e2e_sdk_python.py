"""The official Python SDK with only `base_url` and key changed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import openai
import pytest
from e2e_gateway import Gateway
from e2e_upstream import MockUpstream

MESSAGES: Any = [{"role": "user", "content": "Say hello."}]
CHAT: Any = {"model": "gpt-4o-mini", "messages": MESSAGES}
WEATHER: Any = {
    "type": "function",
    "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {}}},
}


def test_a_sync_call_is_answered(gateway: Gateway) -> None:
    answer = gateway.sdk.chat.completions.create(**CHAT)
    assert answer.choices[0].message.content == "Hello from the mock"
    assert answer.usage is not None
    assert answer.usage.total_tokens == 18


def test_an_async_call_and_stream_are_answered(gateway: Gateway) -> None:
    async def main() -> tuple[str | None, str]:
        async with openai.AsyncOpenAI(
            base_url=gateway.base_url, api_key=gateway.key, max_retries=0
        ) as client:
            whole = await client.chat.completions.create(**CHAT)
            stream = await client.chat.completions.create(**CHAT, stream=True)
            parts = [chunk.choices[0].delta.content or "" async for chunk in stream]
        return whole.choices[0].message.content, "".join(parts)

    assert asyncio.run(main()) == ("Hello from the mock", "Hello from the mock")


def test_a_stream_is_relayed_and_usage_is_seen_only_where_asked(gateway: Gateway) -> None:
    client = gateway.sdk
    plain = list(client.chat.completions.create(**CHAT, stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in plain) == "Hello from the mock"
    assert all(chunk.usage is None and chunk.choices for chunk in plain)
    asked = list(client.chat.completions.create(**CHAT, stream=True, stream_options={"include_usage": True}))
    assert asked[-1].choices == []
    assert asked[-1].usage is not None
    assert asked[-1].usage.completion_tokens == 7


def test_a_tool_the_tier_allows_is_called_and_another_is_stripped(
    gateway: Gateway, upstream: MockUpstream
) -> None:
    shell: Any = {"type": "function", "function": {"name": "shell", "parameters": {"type": "object"}}}
    raw = gateway.sdk.chat.completions.with_raw_response.create(**CHAT, tools=[WEATHER, shell])
    [call] = raw.parse().choices[0].message.tool_calls or []
    assert call.type == "function"
    assert call.function.name == "get_weather"
    assert raw.headers["x-regogate-decision"] == "CONSTRAIN"
    [hit] = upstream.of(raw.headers["x-request-id"])
    assert [tool["function"]["name"] for tool in hit.json["tools"]] == ["get_weather"]


def test_with_raw_response_shows_what_was_decided_and_why(gateway: Gateway) -> None:
    raw = gateway.sdk.chat.completions.with_raw_response.create(**CHAT)
    assert raw.status_code == 200
    assert raw.headers["x-regogate-decision"] == "ALLOW"
    assert raw.headers["x-regogate-policy-revision"] == gateway.revision
    assert raw.headers["x-regogate-reasons"].startswith("request.grant.")
    assert raw.parse()._request_id == raw.headers["x-request-id"]


def test_models_are_those_this_caller_may_use(gateway: Gateway) -> None:
    client = gateway.sdk
    assert "gpt-4o-mini" in [model.id for model in client.models.list()]
    assert "gpt-4o" not in [model.id for model in client.models.list()]
    assert client.models.retrieve("gpt-4o-mini").id == "gpt-4o-mini"
    with pytest.raises(openai.NotFoundError) as caught:
        client.models.retrieve("gpt-4o")
    assert caught.value.code == "model_not_found"


def _too_large(client: openai.OpenAI) -> object:
    messages: Any = [{"role": "user", "content": "x" * 10_000_001}]
    return client.chat.completions.create(model="gpt-4o-mini", messages=messages)


REFUSED: dict[str, tuple[Callable[[openai.OpenAI], object], type[openai.APIStatusError], int, str]] = {
    "400": (
        lambda c: c.chat.completions.create(**CHAT, extra_body={"max_tokens": "many"}),
        openai.BadRequestError,
        400,
        "gateway.invalid_field",
    ),
    "401": (
        lambda c: c.with_options(api_key="rgk_wrong").models.list(),
        openai.AuthenticationError,
        401,
        "gateway.unauthenticated",
    ),
    "403": (
        lambda c: c.chat.completions.create(model="gpt-4o", messages=MESSAGES),
        openai.PermissionDeniedError,
        403,
        "request.default.deny",
    ),
    "404": (
        lambda c: c.embeddings.create(model="gpt-4o-mini", input="x"),
        openai.NotFoundError,
        404,
        "",
    ),
    "413": (_too_large, openai.APIStatusError, 413, "gateway.body_too_large"),
}


@pytest.mark.parametrize("status", REFUSED)
def test_a_refusal_raises_the_typed_error_and_is_recorded(gateway: Gateway, status: str) -> None:
    call, kind, code, reason = REFUSED[status]
    with pytest.raises(kind) as caught:
        call(gateway.sdk)
    error = caught.value
    assert error.status_code == code
    assert isinstance(error.body, dict)
    assert {"message", "type", "code", "param", "request_id", "reasons", "policy_revision"} == set(error.body)
    assert error.body["request_id"] == error.response.headers["x-request-id"] == error.request_id
    assert error.response.headers["x-regogate-decision"] == "BLOCK"
    assert error.response.headers["x-regogate-reasons"] == ",".join(error.body["reasons"])
    if reason:
        assert reason in error.body["reasons"]
    record = gateway.wait_record(request_id=error.request_id)
    assert (record["kind"], record["decision"], record["status"]) == ("deny", "BLOCK", code)
    assert record["reasons"] == error.body["reasons"]
