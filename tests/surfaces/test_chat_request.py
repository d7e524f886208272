import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from surface_calls import SURFACE, chat, function, head, read_call, read_chat

from dataplane.errors import Refused

MARK = "hunter2"
BIG = 10**30


def message(**fields: Any) -> dict[str, Any]:
    return chat(messages=[{"role": "user", "content": "Hi"}, {"role": "user", "content": "x", **fields}])


def defined(**more: Any) -> dict[str, Any]:
    return chat(tools=[{"type": "function", "function": {"name": "a", **more}}])


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"messages": [{"role": "user", "content": "x"}]}, "model"),
        (chat(model=None), "model"),
        (chat(model=7), "model"),
        (chat(model=""), "model"),
        (chat(model="hunter2 x"), "model"),
        (chat(model="hunter2\n"), "model"),
        (chat(model="hünter2"), "model"),
        (chat(model="a" * 257), "model"),
        ({"model": "m"}, "messages"),
        (chat(messages=None), "messages"),
        (chat(messages=[]), "messages"),
        (chat(messages=MARK), "messages"),
        (chat(messages=[MARK]), "messages[0]"),
        (message(role=None), "messages[1].role"),
        (message(role=5), "messages[1].role"),
        (message(role=""), "messages[1].role"),
        (message(role="r" * 65), "messages[1].role"),
        (message(content=5), "messages[1].content"),
        (message(content={"hunter2": 1}), "messages[1].content"),
        (message(content=[MARK]), "messages[1].content[0]"),
        (message(content=[{"text": MARK}]), "messages[1].content[0].type"),
        (message(content=[{"type": "text", "text": ["hunter2"]}]), "messages[1].content[0].text"),
        (message(content=[{"type": "text"}]), "messages[1].content[0].text"),
        (message(name=5), "messages[1].name"),
        (message(tool_call_id=5), "messages[1].tool_call_id"),
        (message(tool_calls=MARK), "messages[1].tool_calls"),
        (message(tool_calls=[MARK]), "messages[1].tool_calls[0]"),
        (message(audio=MARK), "messages[1].audio"),
        (chat(stream="true"), "stream"),
        (chat(stream=1), "stream"),
        (chat(n=0), "n"),
        (chat(n=129), "n"),
        (chat(n=True), "n"),
        (chat(n=1.0), "n"),
        (chat(max_tokens=0), "max_tokens"),
        (chat(max_tokens="5"), "max_tokens"),
        (chat(max_tokens=True), "max_tokens"),
        (chat(max_tokens=5.5), "max_tokens"),
        (chat(max_tokens=BIG), "max_tokens"),
        (chat(max_completion_tokens=-1), "max_completion_tokens"),
        (chat(temperature="1"), "temperature"),
        (chat(temperature=True), "temperature"),
        (chat(top_p=[]), "top_p"),
        (chat(presence_penalty={}), "presence_penalty"),
        (chat(frequency_penalty=MARK), "frequency_penalty"),
        (chat(stop=5), "stop"),
        (chat(stop=["a", 5]), "stop[1]"),
        (chat(tools=MARK), "tools"),
        (chat(tools={}), "tools"),
        (chat(tools=[MARK]), "tools[0]"),
        (chat(tools=[{"function": {"name": "a"}}]), "tools[0].type"),
        (chat(tools=[{"type": "function"}]), "tools[0].function"),
        (chat(tools=[{"type": "function", "name": "a"}]), "tools[0].function"),
        (chat(tools=[function("hunter2 x")]), "tools[0].function.name"),
        (chat(tools=[function("")]), "tools[0].function.name"),
        (chat(tools=[function("a" * 129)]), "tools[0].function.name"),
        (chat(tools=[{"type": "function", "function": {"name": 5}}]), "tools[0].function.name"),
        (chat(tools=[{"type": "custom", "custom": {}}]), "tools[0].custom.name"),
        (chat(tools=[{"type": "web search"}]), "tools[0].type"),
        (chat(tools=[{"type": "mcp", "name": "a b"}]), "tools[0].name"),
        (chat(tools=[function("a"), function("a")]), "tools[1]"),
        (chat(tools=[function("a"), {"type": "custom", "custom": {"name": "a"}}]), "tools[1]"),
        (chat(tools=[function("a")], functions=[{"name": "a"}]), "functions[0]"),
        (chat(tools=[function("web_search")], web_search_options={}), "web_search_options"),
        (chat(functions=MARK), "functions"),
        (chat(functions=[{"name": "a b"}]), "functions[0].name"),
        (chat(function_call=5), "function_call"),
        (chat(function_call={"name": 5}), "function_call.name"),
        (chat(tool_choice=5), "tool_choice"),
        (chat(tool_choice={"type": "function"}), "tool_choice.function"),
        (chat(tool_choice={"type": "allowed_tools"}), "tool_choice.allowed_tools"),
        (
            chat(tool_choice={"type": "allowed_tools", "allowed_tools": {"tools": MARK}}),
            "tool_choice.allowed_tools.tools",
        ),
        (
            chat(tool_choice={"type": "allowed_tools", "allowed_tools": {"tools": [{"type": "function"}]}}),
            "tool_choice.allowed_tools.tools[0].function",
        ),
        (chat(parallel_tool_calls="no"), "parallel_tool_calls"),
        (chat(stream_options=[]), "stream_options"),
        (chat(stream_options={"include_usage": "yes"}), "stream_options.include_usage"),
        (chat(response_format=MARK), "response_format"),
        (chat(modalities="audio"), "modalities"),
        (chat(user=5), "user"),
        (chat(metadata=[]), "metadata"),
        (chat(metadata={"a": 5}), "metadata.a"),
        (chat(metadata={"a hunter2": 5}), "metadata.*"),
        (chat(seed=1.5), "seed"),
        (chat(seed=True), "seed"),
        (chat(logit_bias=[]), "logit_bias"),
        (chat(logprobs=1), "logprobs"),
        (chat(top_logprobs=-1), "top_logprobs"),
        (chat(web_search_options=True), "web_search_options"),
        (message(tool_calls=[{"id": 5}]), "messages[1].tool_calls[0].id"),
        (message(tool_calls=[{"function": MARK}]), "messages[1].tool_calls[0].function"),
        (message(tool_calls=[{"function": {"name": 5}}]), "messages[1].tool_calls[0].function.name"),
        (
            message(tool_calls=[{"function": {"name": "a", "arguments": {"hunter2": 1}}}]),
            "messages[1].tool_calls[0].function.arguments",
        ),
        (message(tool_calls=[{"custom": {"input": 5}}]), "messages[1].tool_calls[0].custom.input"),
        (message(function_call={"arguments": []}), "messages[1].function_call.arguments"),
        (
            message(content=[{"type": "image_url", "image_url": 5}]),
            "messages[1].content[0].image_url",
        ),
        (
            message(content=[{"type": "image_url", "image_url": {"url": [MARK]}}]),
            "messages[1].content[0].image_url.url",
        ),
        (
            message(content=[{"type": "input_audio", "input_audio": MARK}]),
            "messages[1].content[0].input_audio",
        ),
        (
            message(content=[{"type": "file", "file": {"file_data": 5}}]),
            "messages[1].content[0].file.file_data",
        ),
        (chat(tools=[{"type": "function", "function": MARK}]), "tools[0].function"),
        (defined(description=5), "tools[0].function.description"),
        (defined(parameters=MARK), "tools[0].function.parameters"),
        (defined(strict="yes"), "tools[0].function.strict"),
        (
            chat(tools=[{"type": "custom", "custom": {"name": "a", "format": MARK}}]),
            "tools[0].custom.format",
        ),
        (chat(functions=[{"name": "a", "parameters": []}]), "functions[0].parameters"),
        (chat(response_format={"type": 5}), "response_format.type"),
        (chat(response_format={"json_schema": MARK}), "response_format.json_schema"),
        (chat(response_format={"json_schema": {"schema": MARK}}), "response_format.json_schema.schema"),
        (chat(logit_bias={"50256": "hunter2"}), "logit_bias.*"),
        (chat(store="yes"), "store"),
        (chat(reasoning_effort=5), "reasoning_effort"),
        (chat(verbosity=[]), "verbosity"),
        (chat(service_tier={}), "service_tier"),
        (chat(safety_identifier=5), "safety_identifier"),
        (chat(prompt_cache_key=True), "prompt_cache_key"),
    ],
)
def test_a_field_of_the_wrong_type_or_value_is_refused_by_its_path_without_its_value(
    body: dict[str, Any], param: str
) -> None:
    with pytest.raises(Refused) as caught:
        read_chat(body)
    refused = caught.value
    assert (refused.status, refused.reasons, refused.code) == (
        400,
        ("gateway.invalid_field",),
        "invalid_field",
    )
    assert refused.param == param
    assert refused.message.startswith(f"{param}: ")
    assert MARK not in str(refused)


def test_null_is_absent_and_unknown_fields_pass() -> None:
    optional = (
        "stream",
        "n",
        "max_tokens",
        "temperature",
        "stop",
        "tools",
        "tool_choice",
        "stream_options",
        "user",
    )
    body = chat(**dict.fromkeys(optional), vendor_field={"deep": [1, "x"]}, functions=None)
    unit = read_chat(body)
    sent = unit.forward()
    assert sent is not None
    assert json.loads(sent.body) == body
    assert unit.facts.stream is False
    assert unit.facts.max_tokens is None


def test_inner_fields_may_be_null_and_an_image_may_be_its_address() -> None:
    calls = [{"id": "c", "type": "function", "function": {"name": "a", "arguments": "{}"}, "index": 0}]
    image = {"type": "image_url", "image_url": "https://example.org/a.png"}
    body = defined(description=None, parameters=None, strict=None)
    body["messages"] += [{"role": "assistant", "content": None, "tool_calls": calls}]
    body["messages"] += [{"role": "user", "content": [image, {"type": "vendor", "vendor": [5]}]}]
    body |= {"response_format": {"type": "json_object"}, "logit_bias": {"1": -1.5, "2": 3}, "store": None}
    sent = read_chat(body).forward()
    assert sent is not None
    assert json.loads(sent.body) == body


@pytest.mark.parametrize("stop", ["END", ["a", "b"], []])
def test_a_value_may_have_each_of_its_forms(stop: Any) -> None:
    read_chat(chat(stop=stop, temperature=0, top_p=0.5, seed=-1, tool_choice="auto", function_call="none"))


@pytest.mark.parametrize(
    "value",
    [
        b"application/json",
        b"Application/JSON",
        b"application/json; charset=utf-8",
        b'application/json;charset="UTF-8"',
        b" application/json ",
    ],
)
def test_a_json_content_type_is_accepted(value: bytes) -> None:
    read_chat(chat(), head(headers=((b"content-type", value),)))


@pytest.mark.parametrize(
    "values",
    [
        (),
        (b"",),
        (b"text/plain",),
        (b"application/json; charset=utf-16",),
        (b"application/json; boundary=x",),
        (b"application/json, text/plain",),
        (b"application/jsonx",),
        (b"multipart/form-data; boundary=x",),
        (b"application/json", b"application/json"),
        (b"\xff",),
    ],
)
def test_any_other_content_type_or_none_is_refused(values: tuple[bytes, ...]) -> None:
    with pytest.raises(Refused) as caught:
        read_chat(chat(), head(headers=tuple((b"content-type", value) for value in values)))
    assert (caught.value.status, caught.value.reasons) == (400, ("gateway.content_type",))


@pytest.mark.parametrize(("method", "path"), [("POST", "/v1/chat/completions"), ("GET", "/v1/models")])
def test_a_query_is_refused_since_nobody_judges_it(method: str, path: str) -> None:
    with pytest.raises(Refused) as caught:
        read_call(head(method, path, query="api-version=hunter2"), json.dumps(chat()).encode())
    assert (caught.value.reasons, caught.value.param) == (("gateway.invalid_field",), "query")
    assert MARK not in caught.value.message


def test_a_body_may_arrive_in_pieces_and_its_digest_is_of_the_bytes_as_sent() -> None:
    body = json.dumps(chat(), indent=1).encode()
    call, unit = read_call(head(), body[:7], b"", body[7:])
    assert call.body_sha256 == hashlib.sha256(body).digest()
    assert unit.facts.bytes == len(body)


def test_what_the_body_raises_passes_through() -> None:
    async def too_large() -> AsyncIterator[bytes]:
        yield b"{"
        raise Refused("gateway.body_too_large")

    request = head()
    operation = SURFACE.match(request.method, request.path)
    assert operation is not None
    with pytest.raises(Refused) as caught:
        asyncio.run(SURFACE.read(request, operation, too_large()))
    assert caught.value.status == 413
