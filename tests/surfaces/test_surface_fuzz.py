"""Whatever the bytes, reading gives a call or a refusal with 400, and nothing else happens."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from surface_calls import JSON_TYPE, chat, function, head, read_call

from dataplane.domain import Constraints
from dataplane.errors import Refused
from dataplane.ports import Unit

FUZZ = settings(derandomize=True, database=None, deadline=None, max_examples=120)

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(min_value=-(10**25), max_value=10**25)
    | st.floats(allow_nan=False)
    | st.text(max_size=5)
    | st.sampled_from(["function", "custom", "text", "allowed_tools", "user", "shell", "m"])
)
NAMES = [
    *("model", "messages", "role", "content", "type", "text", "tools", "tool_choice", "functions"),
    *("function_call", "function", "custom", "name", "allowed_tools", "mode", "stream", "stream_options"),
    *("include_usage", "n", "max_tokens", "max_completion_tokens", "stop", "metadata", "modalities"),
    *("audio", "web_search_options", "tool_calls", "parallel_tool_calls", "response_format"),
]
FIELDS = st.sampled_from(NAMES)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(FIELDS | st.text(max_size=3), inner, max_size=4)
    ),
    max_leaves=12,
)


def outcome(data: bytes, constraints: Constraints) -> Unit | None:
    try:
        _, unit = read_call(head(headers=JSON_TYPE), data)
        assert all(text.text for text in unit.texts())
        unit.constrain(constraints)
    except Refused as refused:
        if refused.status != 400:
            raise
        return None
    sent = unit.forward()
    assert sent is not None
    body = json.loads(sent.body)
    caps = [body.get("max_tokens"), body.get("max_completion_tokens")]
    assert all(cap is None or cap <= 10 for cap in caps)
    assert any(cap is not None for cap in caps)
    _, again = read_call(head(headers=JSON_TYPE), sent.body)
    assert "shell" not in again.facts.tools
    return unit


STRICT = Constraints(max_tokens=10, strip_tools=frozenset({"shell"}))
BASE = chat(
    tools=[function("shell"), function("search")],
    tool_choice=function("shell"),
    functions=[{"name": "old"}],
    stream=True,
    metadata={"a": "b"},
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    if isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            found += places(item, (*path, key))
    return found


PLACES = places(BASE)


@FUZZ
@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    outcome(data, STRICT)


@FUZZ
@given(st.integers(0, 10_000), st.integers(0, 255), st.integers(0, 3))
def test_a_request_with_a_byte_changed_dropped_or_added(at: int, byte: int, kind: int) -> None:
    data = bytearray(json.dumps(BASE).encode())
    at %= len(data)
    data[at : at + min(kind, 2)] = bytes([byte]) if kind != 3 else b""
    outcome(bytes(data), STRICT)


@FUZZ
@given(st.sampled_from(PLACES), VALUES)
def test_a_request_with_a_value_put_anywhere(place: tuple[Any, ...], value: Any) -> None:
    body = json.loads(json.dumps(BASE))
    target = body
    for key in place[:-1]:
        target = target[key]
    target[place[-1]] = value
    outcome(json.dumps(body).encode(), STRICT)


@FUZZ
@given(st.dictionaries(FIELDS, VALUES, max_size=6))
def test_a_request_with_any_fields(fields: dict[str, Any]) -> None:
    outcome(json.dumps({**chat(), **fields}).encode(), STRICT)


def test_the_base_of_the_mutations_is_accepted() -> None:
    assert outcome(json.dumps(BASE).encode(), STRICT) is not None


@FUZZ
@given(st.text(st.characters(max_codepoint=255), max_size=40))
def test_any_content_type_query_and_path(text: str) -> None:
    for request in (
        head(headers=((b"content-type", text.encode("latin-1")),)),
        head(query=text),
        head("GET", f"/v1/models/x{text}x", headers=()),
    ):
        try:
            read_call(request, *([json.dumps(chat()).encode()] if request.method == "POST" else []))
        except Refused as refused:
            if refused.status != 400:
                raise
