"""When the embedded model calls a tool, and with which arguments."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import jsonschema
import pytest

from dataplane.demo.model import DemoModel
from dataplane.demo.schema_values import placeholder
from dataplane.domain import Forward

WEATHER = {
    "type": "object",
    "properties": {
        "city": {"type": "string"},
        "unit": {"enum": ["celsius", "fahrenheit"]},
        "days": {"type": "integer", "minimum": 3},
        "extra": {"type": "string"},
    },
    "required": ["city", "unit", "days"],
}
ARGUMENTS = {"city": "demo", "unit": "celsius", "days": 3}


def tool(name: str, parameters: Any = None) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "parameters": parameters or {"type": "object"}}}


TOOLS = [tool("search"), tool("get_weather", WEATHER)]


def body(text: str = "hello", **request: Any) -> bytes:
    request = {"model": "demo", "messages": [{"role": "user", "content": text}], "tools": TOOLS, **request}

    async def run() -> bytes:
        data = json.dumps(request).encode()
        sent = Forward(
            method="POST", path="/chat/completions", headers=(), body=data, model="demo", stream=False
        )
        return b"".join([piece async for piece in (await DemoModel().send(sent)).body])

    return asyncio.run(run())


def called(text: str = "hello", **request: Any) -> str | None:
    """The name of the tool that is called, or None."""
    choice = json.loads(body(text, **request))["choices"][0]
    calls = choice["message"].get("tool_calls")
    assert (choice["finish_reason"] == "tool_calls") is bool(calls)
    return calls[0]["function"]["name"] if calls else None


NAMED = {"type": "function", "function": {"name": "get_weather"}}
ALLOWED = {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [tool("get_weather")]}}


@pytest.mark.parametrize(
    ("text", "request_"),
    [
        ("hello", {}),
        ("do my_get_weather and get_weather2 and re-search", {}),
        ("use get_weather", {"tool_choice": "none"}),
        ("use get_weather", {"tools": []}),
        ("use get_weather", {"tools": [{"type": "custom", "custom": {"name": "get_weather"}}]}),
        ("use other", {}),
    ],
)
def test_no_tool_is_called_where_none_is_meant(text: str, request_: dict[str, Any]):
    assert called(text, **request_) is None


@pytest.mark.parametrize(
    ("text", "request_", "name"),
    [
        ("hello", {"tool_choice": NAMED}, "get_weather"),
        ("hello", {"tool_choice": "required"}, "search"),
        ("hello", {"tool_choice": ALLOWED}, "get_weather"),
        ("please use get_weather.", {}, "get_weather"),
        ("Search for it", {"tool_choice": "auto"}, "search"),
    ],
)
def test_a_tool_is_called_where_it_is_forced_or_named(text: str, request_: dict[str, Any], name: str):
    assert called(text, **request_) == name


def test_only_the_last_user_message_names_a_tool():
    def user(text: str) -> dict[str, str]:
        return {"role": "user", "content": text}

    assert called(messages=[user("search"), {"role": "assistant", "content": "x"}, user("thanks")]) is None
    assert called(messages=[user("search"), {"role": "system", "content": "x"}]) == "search"


@pytest.mark.parametrize("choice", ["auto", "required", NAMED])
def test_after_a_tools_result_it_answers_in_text(choice: Any):
    messages = [
        {"role": "user", "content": "use get_weather"},
        {"role": "assistant", "content": None, "tool_calls": []},
        {"role": "tool", "tool_call_id": "call_1", "content": "sunny"},
    ]
    assert called(messages=messages, tool_choice=choice) is None


def test_a_call_fits_the_tools_schema():
    message = json.loads(body("use get_weather"))["choices"][0]["message"]
    [call] = message["tool_calls"]
    assert (message["content"], call["type"]) == (None, "function")
    assert json.loads(call["function"]["arguments"]) == ARGUMENTS


def test_a_streamed_call_comes_in_deltas_that_add_up():
    text = body("use get_weather", stream=True, n=2).decode()
    got = [json.loads(part.removeprefix("data: ")) for part in text.split("\n\n")[:-2]]
    for index in (0, 1):
        mine = [event["choices"][0] for event in got if event["choices"][0]["index"] == index]
        calls = [choice["delta"]["tool_calls"][0] for choice in mine if choice["delta"]]
        assert calls[0]["function"] == {"name": "get_weather", "arguments": ""}
        assert calls[0]["id"].startswith("call_")
        assert all(call["index"] == 0 and "id" not in call for call in calls[1:])
        assert len(calls) > 3
        assert json.loads("".join(call["function"]["arguments"] for call in calls)) == ARGUMENTS
        assert mine[-1]["finish_reason"] == "tool_calls"


SCHEMAS: dict[str, Any] = {
    "string": {"type": "string", "minLength": 6},
    "number": {"type": "number", "exclusiveMinimum": 2},
    "small": {"type": "number", "maximum": 0.5},
    "whole": {"type": "integer", "minimum": 1.5},
    "boolean": {"type": "boolean"},
    "null": {"type": "null"},
    "either": {"type": ["null", "string"]},
    "array": {"type": "array", "items": {"type": "integer"}, "minItems": 2},
    "any of": {"anyOf": [{"type": "string"}, {"type": "null"}]},
    "const": {"const": "x"},
    "default": {"type": "string", "default": "d"},
    "examples": {"type": "string", "examples": ["e"]},
    "nested": {"type": "object", "properties": {"a": WEATHER}, "required": ["a"]},
    "reference": {
        "$defs": {"a/b": {"type": "integer"}},
        "properties": {"x": {"$ref": "#/$defs/a~1b"}},
        "required": ["x"],
    },
}


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_value_fits_its_schema(name: str):
    jsonschema.validate(placeholder(SCHEMAS[name]), SCHEMAS[name])


@pytest.mark.parametrize(
    "schema", [None, 1, [], {"type": 5}, {"required": "x"}, {"$ref": "http://x/y"}, {"$ref": "#/a/b"}]
)
def test_what_is_no_schema_gives_nothing(schema: Any):
    assert placeholder(schema) in (None, {})


def test_a_hostile_schema_gives_a_small_answer_quickly():
    names = [f"{number}" * 50 for number in range(100)]
    recursive = {"type": "object", "properties": {name: {"$ref": "#"} for name in names}, "required": names}
    large = {"type": "object", "properties": {"a": {"default": "x y" * 100_000}}, "required": ["a"]}
    for schema in (recursive, large, {"$ref": "#"}):
        begun = time.process_time()
        got = body("use wild", tools=[tool("wild", schema)], n=128, stream=True)
        assert len(got) < 2_000_000
        assert time.process_time() - begun < 2.0
