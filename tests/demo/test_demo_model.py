"""The embedded model: what it answers, how it streams, how it fails on demand."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from dataplane.demo.model import DemoModel
from dataplane.domain import Forward, UpstreamReply
from dataplane.ports import UpstreamFailed

PROMPT = "Say hello to my xyzzy, please now"


def forward(*, path: str = "/chat/completions", raw: bytes | None = None, **request: Any) -> Forward:
    request = {"model": "demo", "messages": [{"role": "user", "content": PROMPT}], **request}
    return Forward(
        method="POST",
        path=path,
        headers=(),
        body=json.dumps(request).encode() if raw is None else raw,
        model=request["model"],
        stream=bool(request.get("stream")),
    )


def called(**request: Any) -> tuple[UpstreamReply, bytes]:
    async def run() -> tuple[UpstreamReply, bytes]:
        model = DemoModel()
        await model.start()
        reply = await model.send(forward(**request))
        body = b"".join([piece async for piece in reply.body])
        await model.close()
        return reply, body

    return asyncio.run(run())


def chat(**request: Any) -> Any:
    reply, body = called(**request)
    assert reply.status == 200
    assert reply.header("content-type") == "application/json"
    return json.loads(body)


def events(**request: Any) -> list[Any]:
    reply, body = called(stream=True, **request)
    assert reply.status == 200
    assert (reply.header("content-type") or "").startswith("text/event-stream")
    *parts, last, rest = body.decode().split("\n\n")
    assert (last, rest) == ("data: [DONE]", "")
    return [json.loads(part.removeprefix("data: ")) for part in parts]


def refused(**request: Any) -> tuple[int, Any]:
    reply, body = called(**request)
    assert reply.header("content-type") == "application/json"
    error = json.loads(body)["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return reply.status, error


# --- refusals -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "model", ["gpt-4o-mini", "demos", "demo-", "demo-error", "demo-error-200", "demo-error-x", "Demo"]
)
def test_other_models_are_not_found(model: str):
    status, error = refused(model=model)
    assert (status, error["code"], error["param"]) == (404, "model_not_found", "model")


def test_other_paths_are_not_found():
    status, error = refused(path="/embeddings")
    assert (status, error["code"]) == (404, "unknown_url")


@pytest.mark.parametrize(
    ("request_", "param"),
    [
        ({"raw": b"{"}, None),
        ({"raw": b"[]"}, "model"),
        ({"messages": []}, "messages"),
        ({"messages": ["x"]}, "messages"),
        ({"n": 0}, "n"),
        ({"n": 129}, "n"),
        ({"n": True}, "n"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_completion_tokens": 1.5}, "max_completion_tokens"),
        (
            {
                "tool_choice": {"type": "function", "function": {"name": "b"}},
                "tools": [{"type": "function", "function": {"name": "a"}}],
            },
            "tool_choice",
        ),
    ],
)
def test_a_bad_request_is_400(request_: dict[str, Any], param: str | None):
    status, error = refused(**request_)
    assert (status, error["type"], error["param"]) == (400, "invalid_request_error", param)


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, "invalid_request_error"), (429, "rate_limit_error"), (500, "server_error"), (503, "server_error")],
)
def test_an_error_model_answers_its_status(status: int, kind: str):
    got, error = refused(model=f"demo-error-{status}", stream=True)
    assert (got, error["type"]) == (status, kind)


def test_a_rate_limit_says_when_to_retry():
    reply, _ = called(model="demo-error-429")
    assert reply.header("retry-after") == "1"


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_credential_fails_as_a_real_provider_would(status: int):
    with pytest.raises(UpstreamFailed) as caught:
        called(model=f"demo-error-{status}")
    assert caught.value.refused.reasons == ("gateway.upstream_auth_failed",)
    assert (caught.value.provider, caught.value.status) == ("demo", status)


@pytest.mark.parametrize("stream", [False, True])
def test_a_broken_model_breaks_off_after_it_began(stream: bool):
    async def run() -> list[bytes]:
        reply = await DemoModel().send(forward(model="demo-broken", stream=stream))
        got: list[bytes] = []
        try:
            async for piece in reply.body:
                got.append(piece)
        except UpstreamFailed:
            return got
        pytest.fail("it did not break off")

    body = b"".join(asyncio.run(run()))
    assert body
    assert b"[DONE]" not in body


# --- answers ------------------------------------------------------------------------------------


def test_it_answers_with_what_it_counted_and_repeats_nothing():
    answer = chat(messages=[{"role": "system", "content": "Be brief."}, {"role": "user", "content": PROMPT}])
    [choice] = answer["choices"]
    text = "Hello from RegoGate's demo model. You sent 2 messages; the last one has 7 words."
    assert choice["message"] == {"role": "assistant", "content": text, "refusal": None}
    assert (choice["index"], choice["finish_reason"]) == (0, "stop")
    assert answer["object"] == "chat.completion"
    assert answer["model"] == "demo"
    assert answer["usage"] == {"prompt_tokens": 20, "completion_tokens": 15, "total_tokens": 35}
    assert answer["system_fingerprint"] == "fp_regogate_demo"


def test_one_is_written_in_the_singular_and_parts_are_read():
    answer = chat(
        messages=[{"role": "user", "content": [{"type": "text", "text": "hi"}, {"type": "image_url"}]}]
    )
    assert answer["choices"][0]["message"]["content"].endswith("You sent 1 message; the last one has 1 word.")


@pytest.mark.parametrize("stream", [False, True])
def test_the_same_request_gives_the_same_bytes_and_another_another_id(stream: bool):
    (first, one), (second, two) = called(stream=stream), called(stream=stream)
    assert one == two
    assert first.request_id != second.request_id, "an id that is recorded must not be made from the prompt"
    ids = {
        re.search(rb'"id":"(chatcmpl-demo[^"]+)"', body)[1] for body in (one, called(stream=stream, n=2)[1])
    }  # type: ignore[index]
    assert len(ids) == 2


@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens"])
def test_it_stops_at_the_most_tokens(field: str):
    answer = chat(**{field: 3})
    assert answer["choices"][0]["message"]["content"] == "Hello from RegoGate's"
    assert answer["choices"][0]["finish_reason"] == "length"
    assert answer["usage"]["completion_tokens"] == 3


def test_the_smaller_of_two_caps_counts_and_a_cap_it_does_not_reach_does_not():
    assert chat(max_tokens=2, max_completion_tokens=5)["usage"]["completion_tokens"] == 2
    assert chat(max_tokens=15)["choices"][0]["finish_reason"] == "stop"


def test_it_gives_as_many_choices_as_asked():
    answer = chat(n=3)
    assert [choice["index"] for choice in answer["choices"]] == [0, 1, 2]
    assert answer["usage"]["completion_tokens"] == 45


def test_it_answers_json_where_that_is_asked():
    said = chat(response_format={"type": "json_object"})["choices"][0]["message"]["content"]
    assert "RegoGate" in json.loads(said)["message"]
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
    wish = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    assert chat(response_format=wish)["choices"][0]["message"]["content"] == '{"a":1}'


@pytest.mark.parametrize("tools", [None, [{"type": "function", "function": {"name": "hello"}}]])
def test_the_official_sdks_types_accept_every_object(tools: Any):
    ChatCompletion.model_validate(chat(tools=tools, n=2), strict=True)
    for event in events(tools=tools, n=2, stream_options={"include_usage": True}):
        ChatCompletionChunk.model_validate(event, strict=True)


# --- streams ------------------------------------------------------------------------------------


def test_a_stream_begins_with_the_role_and_says_what_the_whole_answer_says():
    got = events()
    assert got[0]["choices"][0]["delta"] == {"role": "assistant", "content": "", "refusal": None}
    assert all(event["object"] == "chat.completion.chunk" for event in got)
    assert len({event["id"] for event in got}) == 1
    texts = [event["choices"][0]["delta"].get("content", "") for event in got]
    assert "".join(texts) == chat()["choices"][0]["message"]["content"]
    assert len([text for text in texts if text]) == 15
    assert [event["choices"][0]["finish_reason"] for event in got] == [None] * 16 + ["stop"]
    assert all("usage" not in event for event in got)


def test_a_stream_reports_usage_only_where_asked():
    *pieces, last = events(stream_options={"include_usage": True})
    assert all(piece["usage"] is None for piece in pieces)
    assert last["choices"] == []
    assert last["usage"] == chat()["usage"]


def test_a_stream_carries_every_choice_and_its_cap():
    got = events(n=2, max_tokens=2)
    for index in (0, 1):
        mine = [event["choices"][0] for event in got if event["choices"][0]["index"] == index]
        assert "".join(choice["delta"].get("content", "") for choice in mine) == "Hello from"
        assert mine[-1]["finish_reason"] == "length"


def test_a_stream_comes_in_pieces_and_can_be_closed_early():
    async def run() -> None:
        reply = await DemoModel().send(forward(stream=True))
        assert b"assistant" in await anext(reply.body)
        await reply.body.aclose()
        with pytest.raises(StopAsyncIteration):
            await anext(reply.body)

    asyncio.run(run())


def test_the_slow_model_takes_its_time():
    async def run() -> float:
        reply = await DemoModel().send(forward(model="demo-slow", stream=True))
        begun = asyncio.get_running_loop().time()
        for _ in range(2):
            await anext(reply.body)
        await reply.body.aclose()
        return asyncio.get_running_loop().time() - begun

    assert asyncio.run(run()) > 0.15
